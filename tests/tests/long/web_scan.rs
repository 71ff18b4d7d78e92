//! Wapiti, a scanner of web servers, signed in as an administrator: finds nothing.

use anyhow::{Context as _, ensure};
use serde_json::Value;
use sickbay_tests::program::tool;
use tokio::process::Command;

use crate::{Demo, session};

/// Fewest pages that it must have come to, so that it really was signed in.
const PAGES: u64 = 100;
/// Addresses that it looks at of those that differ only in their last part: devices, issues, files.
const OF_A_KIND: &str = "8";
/// How long one kind of attack may take, in seconds.
const ATTACK: &str = "300";

/// What is found wherever a server speaks plain HTTP, as a demo does: a browser would drop cookies that are for TLS alone. A server that
/// people come to by TLS sets them so.
const PLAIN_HTTP: &[&str] = &["Secure Flag cookie"];

#[tokio::test]
async fn a_scanner_of_web_servers_finds_nothing() -> anyhow::Result<()> {
    let demo = Demo::start(12).await?;
    let cookie = session(&demo).await?;

    let report = demo.folder.path().join("report.json");
    let mut scan = Command::new(tool("wapiti/bin/wapiti")?);
    scan.args(["--url", &format!("{}/", demo.url), "--scope", "folder"])
        .args(["--header", &format!("Cookie: {cookie}")])
        // These would end its own session, or never end.
        .args(["--exclude", &format!("{}/sign-out", demo.url)])
        .args(["--exclude", &format!("{}/events", demo.url)])
        .args(["--exclude", &format!("{}/api/v1/events", demo.url)])
        .args(["--exclude", &format!("{}/account/sessions/end", demo.url)])
        .args(["--exclude", &format!("{}/people/sessions/end", demo.url)])
        .args(["--depth", "3", "--max-files-per-dir", OF_A_KIND])
        .args(["--max-attack-time", ATTACK])
        .args(["--format", "json", "--output"])
        .arg(&report)
        .args(["--no-bugreport", "--flush-session", "--verbose", "1"])
        .arg("--store-session")
        .arg(demo.folder.path())
        .kill_on_drop(true);
    let status = scan.status().await.context("start wapiti")?;
    ensure!(status.success(), "wapiti ended with {status}");

    let report = std::fs::read_to_string(&report).context("read the report")?;
    let report: Value = serde_json::from_str(&report).context("read the report")?;
    let pages = report["infos"]["crawled_pages_nbr"].as_u64();
    ensure!(
        pages.is_some_and(|pages| pages >= PAGES),
        "it came to {pages:?} pages only; was it signed in?"
    );
    for kind in ["vulnerabilities", "anomalies", "additionals"] {
        let found = report[kind]
            .as_object()
            .with_context(|| format!("the report has no {kind}"))?;
        ensure!(!found.is_empty(), "it looked for no {kind}");
        for (name, places) in found {
            if PLAIN_HTTP.contains(&name.as_str()) {
                continue;
            }
            let places = places.as_array().context("places are a list")?;
            ensure!(places.is_empty(), "{kind}, {name}: {places:#?}");
        }
    }
    println!("{} pages, nothing found", pages.unwrap_or_default());
    Ok(())
}
