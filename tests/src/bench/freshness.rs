//! How soon a change on a machine is a changed finding on the server.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use sickbay_diagnosis::Time;

use super::{Figures, this_machine};
use crate::api::Visitor;
use crate::server::Server;
use crate::wait::eventually;
use crate::wine::{Build, IDENTITY, Prefix};

const KEY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate";
const VALUE: &str = "PauseQualityUpdatesStartTime";
const ISSUE: &str = "quality-updates-paused";
/// How often the server is asked.
const ASK_EVERY: Duration = Duration::from_millis(10);
/// After this a change counts as lost.
const LOST: Duration = Duration::from_secs(20);
/// The limits of the issue that asked for this, in milliseconds.
const MEDIAN: f64 = 1_000.0;
const WORST: f64 = 2_000.0;

/// Changes a value to and fro, from the start of `reg.exe` to the answer of the server's API.
pub(super) async fn measure(changes: usize) -> anyhow::Result<Figures> {
    ensure!(changes > 0, "nothing is measured by no change");
    let mut server = Server::start().await?;
    let machine = Prefix::with(Build::Dist).await?;
    machine.import_text("identity.reg", IDENTITY).await?;
    machine.set_policy(&server).await?;
    machine.install_service().await?;
    let visitor = Visitor::with_token(&server.url(), &server.api_token().await?)?;
    eventually(LOST, async || {
        let devices = visitor.json("/api/v1/devices").await?;
        ensure!(devices["items"][0]["release"].is_string(), "{devices}");
        Ok(())
    })
    .await
    .context("the machine never reported")?;

    let mut took = Vec::with_capacity(changes);
    for change in 0..changes {
        let pause = change % 2 == 0;
        let now = now()?;
        let arguments: Vec<&str> = if pause {
            vec!["add", KEY, "/v", VALUE, "/d", &now, "/f"]
        } else {
            vec!["delete", KEY, "/v", VALUE, "/f"]
        };
        let since = Instant::now();
        let edited = machine.run("reg", &arguments).await?;
        ensure!(edited.status.success(), "reg {arguments:?}: {edited:?}");
        until_open(&visitor, pause, since).await?;
        took.push(since.elapsed());
        // So that a change begins at any moment of whatever goes round by itself.
        tokio::time::sleep(Duration::from_millis(37 * (change as u64 % 13))).await;
    }
    drop(machine);
    server.stop().await?;

    took.sort();
    let ms = |at: usize| took[at].as_secs_f64() * 1_000.0;
    let mut figures = Figures::new("freshness");
    figures.put("machine", this_machine());
    figures.put("changes", changes);
    figures.put_limited("median_ms", ms(changes / 2), MEDIAN);
    figures.put("p90_ms", super::rounded(ms(changes * 9 / 10)));
    figures.put_limited("worst_ms", ms(changes - 1), WORST);
    Ok(figures)
}

async fn until_open(visitor: &Visitor, open: bool, since: Instant) -> anyhow::Result<()> {
    loop {
        let issues = visitor.json("/api/v1/issues").await?;
        let issue = issues
            .as_array()
            .into_iter()
            .flatten()
            .find(|issue| issue["id"] == ISSUE)
            .with_context(|| format!("{ISSUE} is no issue"))?;
        if issue["open"] == u64::from(open) {
            return Ok(());
        }
        if since.elapsed() > LOST {
            bail!("a change was not seen within {} s: {issue}", LOST.as_secs());
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

fn now() -> anyhow::Result<String> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(Time::from_millis(i64::try_from(since.as_millis())?).to_string())
}
