//! The first thing that a stranger runs: `demo`.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rustix::process::Signal;
use serde_json::Value;
use sickbay_tests::program::{ended, program, send};
use sickbay_tests::server::{Ready, free_port, start_until_ready};
use sickbay_tests::wait::eventually;
use tokio::process::Command;

const DEVICES: usize = 200;
/// The first issue that every demo fleet has.
const PAGE: &str = "/issues/safeguard-hold";

/// A running demo, with what it said.
struct Demo {
    ready: Ready,
    http: reqwest::Client,
}

impl Demo {
    async fn start(folder: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(program("sickbay-server")?);
        command.args(["demo", "--devices", &DEVICES.to_string(), "--seed", "7"]);
        command.args(["--web", &free_port()?.to_string()]);
        command.args(["--collectors", &free_port()?.to_string()]);
        command.arg("--data-dir").arg(folder);
        let wanted = ["Sickbay is ready: ", "Sign in: ", "API token: "];
        let ready = start_until_ready(command, &folder.join("demo.log"), &wanted).await?;
        let http = reqwest::Client::builder()
            .cookie_store(true)
            .redirect(reqwest::redirect::Policy::limited(3))
            .build()?;
        Ok(Self { ready, http })
    }

    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.ready.said[0])
    }

    /// The answer to a stranger.
    async fn stranger(&self, path: &str) -> anyhow::Result<(u16, String)> {
        let answer = reqwest::get(self.address(path)).await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }

    /// The answer to whoever signed in.
    async fn page(&self, path: &str) -> anyhow::Result<String> {
        let answer = self.http.get(self.address(path)).send().await?;
        let status = answer.status();
        ensure!(status.is_success(), "{path} answers {status}");
        Ok(answer.text().await?)
    }

    /// The answer to the printed API token.
    async fn api(&self, path: &str) -> anyhow::Result<String> {
        let request = reqwest::Client::new()
            .get(self.address(path))
            .bearer_auth(&self.ready.said[2]);
        let answer = request.send().await?;
        let status = answer.status();
        ensure!(status.is_success(), "{path} answers {status}");
        Ok(answer.text().await?)
    }

    /// Id and open count of every issue.
    async fn counts(&self) -> anyhow::Result<Vec<(String, u64)>> {
        let issues: Vec<Value> = serde_json::from_str(&self.api("/api/v1/issues").await?)?;
        issues
            .iter()
            .map(|issue| {
                let id = issue["id"].as_str().context("an issue has an id")?;
                let open = issue["open"].as_u64().context("an issue has a count")?;
                Ok((id.to_owned(), open))
            })
            .collect()
    }
}

#[tokio::test]
async fn a_stranger_sees_a_living_fleet_within_a_minute_and_only_after_signing_in()
-> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut demo = Demo::start(folder.path()).await?;

    let devices = demo.api("/api/v1/devices?limit=1").await?;
    let device: Value = serde_json::from_str(&devices)?;
    let id = device["items"][0]["id"].as_str().context("a device")?;
    let name = device["items"][0]["name"].as_str().context("a name")?;
    let device_page = format!("/devices/{id}");
    for path in ["/", PAGE, &device_page, "/api/v1/issues"] {
        let (status, text) = demo.stranger(path).await?;
        ensure!(status == 401, "{path} answers a stranger with {status}");
        ensure!(!text.contains(name), "{path} tells a stranger of {name}");
    }

    demo.http
        .get(&demo.ready.said[1])
        .send()
        .await?
        .error_for_status()?;
    for (path, expected) in [
        ("/", "Safeguard hold"),
        (PAGE, "How to fix it"),
        (&*device_page, name),
    ] {
        let page = demo.page(path).await?;
        ensure!(page.contains(expected), "{path} does not show {expected:?}");
    }
    let again = reqwest::get(&demo.ready.said[1]).await?;
    ensure!(again.status() == 401, "the sign-in link works twice");

    every_export_has_a_row_for_each_open_device(&demo).await?;
    it_changes_while_one_watches(&demo).await?;

    send(&demo.ready.child, Signal::INT)?;
    let status = ended(&mut demo.ready.child, Duration::from_secs(15)).await?;
    ensure!(status.success(), "Ctrl-C ends the demo with {status}");
    Ok(())
}

/// The fleet changes now and then, so an export counts when the counts before and after it agree.
async fn every_export_has_a_row_for_each_open_device(demo: &Demo) -> anyhow::Result<()> {
    let issues = demo.counts().await?;
    ensure!(issues.len() >= 11, "only {} issues", issues.len());
    for (issue, _) in issues {
        let open = eventually(Duration::from_secs(30), async || {
            let count_of = |counts: Vec<(String, u64)>| {
                let found = counts.into_iter().find(|(id, _)| *id == issue);
                found.map(|(_, open)| open).context("the issue is listed")
            };
            let before = count_of(demo.counts().await?)?;
            let csv = demo
                .api(&format!("/api/v1/issues/{issue}/devices.csv"))
                .await?;
            let after = count_of(demo.counts().await?)?;
            ensure!(
                before == after,
                "{issue} changed from {before} to {after} meanwhile"
            );
            let rows = csv::Reader::from_reader(csv.as_bytes())
                .records()
                .collect::<Result<Vec<_>, _>>()?
                .len() as u64;
            ensure!(rows == after, "{issue}: {rows} rows and {after} open");
            Ok(after)
        })
        .await?;
        ensure!(open > 0, "no device of the demo has {issue}");
    }
    Ok(())
}

async fn it_changes_while_one_watches(demo: &Demo) -> anyhow::Result<()> {
    let before = demo.counts().await?;
    eventually(Duration::from_secs(60), async || {
        ensure!(demo.counts().await? != before, "no count has changed");
        Ok(())
    })
    .await
}
