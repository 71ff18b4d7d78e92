//! `run` on a Windows machine that Wine plays, against a live server.

use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use sickbay_diagnosis::Time;
use sickbay_tests::api::Visitor;
use sickbay_tests::program::tail;
use sickbay_tests::server::Server;
use sickbay_tests::wait::eventually;
use sickbay_tests::wine::{IDENTITY, Prefix};
use tokio::process::Child;

const POLICY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate";
const PAUSE: &str = "PauseQualityUpdatesStartTime";
const ISSUE: &str = "quality-updates-paused";
/// Longest time from a change of the registry to the changed finding on the server, settling included.
const NOTICED: Duration = Duration::from_secs(2);
/// The same for an event; several within a second are waited for.
const EVENT_NOTICED: Duration = Duration::from_secs(5);
const COLLECTOR_POLICY: &str = r"HKLM\SOFTWARE\Policies\Sickbay\Collector";
/// Longest time to start and to enrol.
const ENROLLED: Duration = Duration::from_secs(30);

/// A policy that was never there is the hard case: neither its key nor the keys above it exist when the collector starts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_written_on_a_windows_machine_changes_the_finding_on_the_server_in_moments()
-> anyhow::Result<()> {
    let mut server = Server::start().await?;
    let machine = Prefix::new().await?;
    let folder = tempfile::tempdir()?;
    let identity = folder.path().join("identity.reg");
    std::fs::write(&identity, IDENTITY)?;
    machine.import(&identity).await?;
    let log = folder.path().join("collector.log");
    let collector = reporting(&machine, &server, &log).await?;
    let visitor = Visitor::with_token(&server.url(), &server.api_token().await?)?;

    let noticed = async {
        is_found(&visitor, false, ENROLLED).await?;
        for _ in 0..2 {
            let start = now()?;
            let add = [
                "add", POLICY, "/v", PAUSE, "/t", "REG_SZ", "/d", &start, "/f",
            ];
            edit(&machine, &add).await?;
            is_found(&visitor, true, NOTICED).await?;
            edit(&machine, &["delete", POLICY, "/v", PAUSE, "/f"]).await?;
            is_found(&visitor, false, NOTICED).await?;
        }
        anyhow::Ok(())
    };
    noticed.await.with_context(|| tail(&log))?;
    drop(collector);
    server.stop().await
}

/// An event of the update client, and a tag that someone sets: neither is a change of a key that Windows Update owns.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_and_a_tag_on_a_windows_machine_reach_the_server_in_moments() -> anyhow::Result<()>
{
    let mut server = Server::start().await?;
    let machine = Prefix::new().await?.with_stand_ins().await?;
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("collector.log");
    let collector = reporting(&machine, &server, &log).await?;
    let visitor = Visitor::with_token(&server.url(), &server.api_token().await?)?;
    let noticed = async {
        let channel = "/update_events/channels/System/state";
        has_fact(&visitor, channel, &"read".into(), ENROLLED).await?;
        // Writing the word is what has the stand-in signal a new event; what it then answers is another thing to tell.
        machine.stand_in("EventLog", "denied").await?;
        has_fact(
            &visitor,
            "/update_events/state",
            &"unknown".into(),
            EVENT_NOTICED,
        )
        .await?;
        let add = [
            "add",
            COLLECTOR_POLICY,
            "/v",
            "Tags",
            "/d",
            "kiosk, Hamburg",
            "/f",
        ];
        edit(&machine, &add).await?;
        let tags = serde_json::json!(["kiosk", "Hamburg"]);
        has_fact(&visitor, "/device/tags", &tags, NOTICED).await
    };
    noticed.await.with_context(|| tail(&log))?;
    drop(collector);
    server.stop().await
}

/// Starts the collector on `machine`, which enrols with `server` and reports to it.
async fn reporting(machine: &Prefix, server: &Server, log: &Path) -> anyhow::Result<Child> {
    let (url, token, pin) = (
        server.collectors_url(),
        server.enrolment_token().await?,
        server.ca_pin().await?,
    );
    let arguments = [
        "run",
        "--state-dir",
        r"C:\state",
        "--server",
        &url,
        "--token",
        &token,
        "--ca-pin",
        &pin,
    ];
    machine.start_collector(&arguments, log)
}

/// Waits until a fact of the one device that the server knows is `expected`.
async fn has_fact(
    visitor: &Visitor,
    place: &str,
    expected: &Value,
    within: Duration,
) -> anyhow::Result<()> {
    eventually(within, async || {
        let devices = visitor.json("/api/v1/devices").await?;
        let id = devices["items"][0]["id"].as_str();
        let id = id.with_context(|| format!("the device has not reported: {devices}"))?;
        let device = visitor.json(&format!("/api/v1/devices/{id}")).await?;
        let found = device["facts"].pointer(place);
        ensure!(
            found == Some(expected),
            "{place} is {found:?} and not {expected}"
        );
        Ok(())
    })
    .await
}

/// A pause that a policy begins now lasts for weeks.
fn now() -> anyhow::Result<String> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(Time::from_millis(i64::try_from(since.as_millis())?).to_string())
}

async fn edit(machine: &Prefix, arguments: &[&str]) -> anyhow::Result<()> {
    let output = machine.run("reg", arguments).await?;
    ensure!(output.status.success(), "reg {arguments:?}: {output:?}");
    Ok(())
}

/// Waits until the server knows of its one device that its updates are paused, or that it cannot be told: this machine has no update
/// client, which would keep a status.
async fn is_found(visitor: &Visitor, open: bool, within: Duration) -> anyhow::Result<()> {
    eventually(within, async || {
        let devices = visitor.json("/api/v1/devices").await?;
        let release = &devices["items"][0]["release"];
        ensure!(
            release.is_string(),
            "the device has not reported: {devices}"
        );
        let issues = visitor.json("/api/v1/issues").await?;
        let issue = issues
            .as_array()
            .into_iter()
            .flatten()
            .find(|issue| issue["id"] == ISSUE);
        let issue = issue.with_context(|| format!("{ISSUE} is no issue"))?;
        ensure!(
            issue["open"] == u64::from(open) && issue["unknown"] == u64::from(!open),
            "{ISSUE} is open on {}, unknown on {}",
            issue["open"],
            issue["unknown"]
        );
        Ok(())
    })
    .await
}
