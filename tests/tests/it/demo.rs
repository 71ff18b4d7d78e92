//! `sickbay-server demo`: what a newcomer sees first.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use reqwest::StatusCode;
use rustix::process::Signal;
use sickbay_tests::api::Visitor;
use sickbay_tests::program::{ended, program, send, tail};
use sickbay_tests::server::{Ready, free_port, start_until_ready};
use sickbay_tests::wait::eventually;
use tokio::process::Command;

const DEVICES: usize = 200;
/// How long Ctrl-C may take.
const END_WITHIN: Duration = Duration::from_secs(15);

#[tokio::test]
async fn the_demo_shows_a_living_fleet_to_whoever_signs_in_and_nothing_to_a_stranger()
-> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("make a temporary folder")?;
    let log = folder.path().join("demo.log");
    let mut command = Command::new(program("sickbay-server")?);
    command.args(["demo", "--devices", &DEVICES.to_string()]);
    command.args(["--web", &free_port()?.to_string()]);
    command.args(["--collectors", &free_port()?.to_string()]);
    let wanted = ["Sickbay is ready: ", "Sign in: ", "API token: "];
    let Ready { mut child, said } = start_until_ready(command, &log, &wanted).await?;
    let [url, link, token] = said.as_slice() else {
        anyhow::bail!("the demo said {said:?}");
    };

    let owner = Visitor::with_token(url, token)?;
    everyone_has_arrived(&owner).await?;
    every_issue_is_to_be_seen(&owner).await?;
    exports_hold_what_is_counted(&owner).await?;
    updates_are_explained(&owner).await?;
    let (id, name) = a_held_device(&owner).await?;
    let device = format!("/devices/{id}");
    let pages = [
        ("/", "Safeguard hold"),
        ("/issues", "Safeguard hold"),
        ("/issues/safeguard-hold", "How to fix it"),
        ("/devices", "Devices"),
        ("/updates", "Who is where"),
        (device.as_str(), name.as_str()),
    ];
    strangers_are_refused(url, &pages, &name).await?;
    a_link_signs_in_once(url, link, &pages).await?;
    it_changes_while_one_watches(&owner).await?;

    let before = std::fs::read_to_string(&log).context("read the log")?;
    send(&child, Signal::INT)?;
    let status = ended(&mut child, END_WITHIN).await?;
    ensure!(
        status.success(),
        "Ctrl-C ended the demo badly ({status}):\n{}",
        tail(&log)
    );
    let after = std::fs::read_to_string(&log).context("read the log")?;
    ensure!(
        after.len() == before.len(),
        "the demo complains about its own end:\n{}",
        tail(&log)
    );
    Ok(())
}

async fn everyone_has_arrived(owner: &Visitor) -> anyhow::Result<()> {
    eventually(Duration::from_mins(1), async || {
        let list = owner.json("/api/v1/devices?limit=1000").await?;
        let devices = list["items"].as_array().context("a list has items")?;
        let reported = devices
            .iter()
            .filter(|device| !device["last_report_at"].is_null())
            .count();
        ensure!(
            reported == DEVICES,
            "{reported} of {DEVICES} devices have reported"
        );
        Ok(())
    })
    .await
}

/// Every issue that this build decides is open on some device, and none on a quarter of the fleet. What only the fleet as a whole tells
/// takes the server a moment longer.
async fn every_issue_is_to_be_seen(owner: &Visitor) -> anyhow::Result<()> {
    eventually(Duration::from_mins(1), async || {
        let counts = counts(owner).await?;
        for issue in sickbay_diagnosis::issues::ALL {
            let open = counts
                .get(issue.id)
                .with_context(|| format!("{} is not told of", issue.id))?;
            ensure!(
                (1..=DEVICES as u64 / 4).contains(open),
                "{} is open on {open} of {DEVICES} devices",
                issue.id
            );
        }
        ensure!(counts.len() == sickbay_diagnosis::issues::ALL.len());
        Ok(())
    })
    .await
}

/// For every issue the file holds as many rows as are counted. The fleet changes every few seconds, so it counts where nothing
/// changed while the file was read.
async fn exports_hold_what_is_counted(owner: &Visitor) -> anyhow::Result<()> {
    let issues = counts(owner).await?;
    for issue in issues.keys() {
        let path = format!("/api/v1/issues/{issue}/devices.csv");
        let open = eventually(Duration::from_secs(30), async || {
            let before = counts(owner).await?;
            let text = owner.text(&path).await?;
            let after = counts(owner).await?;
            ensure!(
                before == after,
                "the fleet changed while {path} was read: {before:?}, {after:?}"
            );
            let rows = csv::Reader::from_reader(text.as_bytes())
                .into_records()
                .collect::<Result<Vec<_>, _>>()?
                .len();
            let open = after[issue];
            ensure!(
                rows as u64 == open,
                "{path} has {rows} rows, and {open} are open"
            );
            Ok(open)
        })
        .await?;
        ensure!(open > 0, "no device of the demo has {issue}");
    }
    Ok(())
}

/// The fleet has learned from its own devices what updates bring, `/api/v1/updates` shows who is where for the three newest revisions of
/// its releases, and for each update that it names there every device is in exactly one class.
async fn updates_are_explained(owner: &Visitor) -> anyhow::Result<()> {
    let newest = eventually(Duration::from_mins(1), async || {
        let updates = owner.json("/api/v1/updates").await?;
        let releases = updates["releases"]
            .as_array()
            .context("releases are a list")?;
        ensure!(releases.len() >= 5, "only {} releases", releases.len());
        let largest = &releases[0];
        let newest = largest["newest"]
            .as_array()
            .context("revisions are a list")?;
        ensure!(newest.len() == 3, "{largest} has not three revisions");
        let told: Vec<String> = newest
            .iter()
            .filter_map(|revision| revision["kb"].as_str().map(str::to_owned))
            .collect();
        ensure!(!told.is_empty(), "no update of {largest} is known");
        Ok(told)
    })
    .await?;
    for kb in &newest {
        let path = format!("/api/v1/updates/{kb}");
        eventually(Duration::from_secs(30), async || {
            let update = owner.json(&path).await?;
            ensure!(update["brings"][0]["told_by"] == "fleet", "{update}");
            let classes = update["classes"].as_array().context("classes are a list")?;
            let devices = |class: &serde_json::Value| class["devices"].as_u64();
            let all: u64 = classes.iter().filter_map(devices).sum();
            ensure!(all == DEVICES as u64, "{kb}: the classes add up to {all}");
            let rows = csv::Reader::from_reader(
                owner.text(&format!("{path}/devices.csv")).await?.as_bytes(),
            )
            .into_records()
            .count();
            ensure!(rows == DEVICES, "{kb}: {rows} devices are exported");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// Open findings by issue.
async fn counts(owner: &Visitor) -> anyhow::Result<BTreeMap<String, u64>> {
    let issues = owner.json("/api/v1/issues").await?;
    let issues = issues.as_array().context("issues are a list")?;
    issues
        .iter()
        .map(|issue| {
            let id = issue["id"].as_str().context("an issue has an id")?;
            let open = issue["open"].as_u64().context("an issue has a count")?;
            Ok((id.to_owned(), open))
        })
        .collect()
}

/// Id and name of a device that a safeguard hold blocks.
async fn a_held_device(owner: &Visitor) -> anyhow::Result<(String, String)> {
    let path = "/api/v1/issues/safeguard-hold/devices?limit=1";
    let held = owner.json(path).await?;
    let text = |field: &str| held["items"][0][field].as_str().map(str::to_owned);
    text("id")
        .zip(text("name"))
        .with_context(|| format!("{path} shows no device"))
}

async fn strangers_are_refused(
    url: &str,
    pages: &[(&str, &str)],
    name: &str,
) -> anyhow::Result<()> {
    let api = [
        "/api/v1/issues",
        "/api/v1/devices",
        "/api/v1/issues/safeguard-hold/devices.csv",
        "/events",
    ];
    let guessed = "sba_guessed";
    for stranger in [Visitor::stranger(url)?, Visitor::with_token(url, guessed)?] {
        for path in pages.iter().map(|(path, _)| *path).chain(api) {
            let (status, text) = stranger.get(path).await?;
            ensure!(
                status == StatusCode::UNAUTHORIZED,
                "a stranger who asks for {path} is answered {status}"
            );
            ensure!(
                !text.contains(name),
                "a stranger who asks for {path} is told of {name}"
            );
        }
    }
    Ok(())
}

async fn a_link_signs_in_once(url: &str, link: &str, pages: &[(&str, &str)]) -> anyhow::Result<()> {
    let browser = Visitor::stranger(url)?;
    let (status, _) = browser.get(link).await?;
    ensure!(
        status == StatusCode::SEE_OTHER,
        "the sign-in link is answered {status}"
    );
    for (path, expected) in pages {
        let page = browser.text(path).await?;
        ensure!(page.contains("</html>"), "{path} is no whole page");
        ensure!(page.contains(expected), "{path} does not show {expected:?}");
    }
    ensure!(
        !counts(&browser).await?.is_empty(),
        "the API shows nothing to whoever signed in"
    );

    let late = Visitor::stranger(url)?;
    for path in [link, "/"] {
        let (status, _) = late.get(path).await?;
        ensure!(
            status == StatusCode::UNAUTHORIZED,
            "who comes with a link that was used up is answered {status} at {path}"
        );
    }
    Ok(())
}

async fn it_changes_while_one_watches(owner: &Visitor) -> anyhow::Result<()> {
    let before = counts(owner).await?;
    eventually(Duration::from_mins(1), async || {
        ensure!(counts(owner).await? != before, "no count has changed");
        Ok(())
    })
    .await
}
