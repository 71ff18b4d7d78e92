//! Lighthouse on pages of a demo, as on a desk and as on a slow phone: nearly nothing to find fault with.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use sickbay_tests::api::Visitor;
use sickbay_tests::program::tool;
use tokio::process::Command;

use crate::{Demo, session};

/// Least points of each category, of 100.
const LEAST: f64 = 95.0;
const CATEGORIES: [&str; 3] = ["performance", "accessibility", "best-practices"];
/// How often a page is measured before it has too few points: other programs take time away from a measurement, and none gives any.
const ATTEMPTS: usize = 5;
const BROWSER: &str = "/usr/bin/chromium";

#[tokio::test]
async fn pages_load_fast_and_are_well_made() -> anyhow::Result<()> {
    let demo = Demo::start(200).await?;
    let cookie = session(&demo).await?;
    let headers = demo.folder.path().join("headers.json");
    std::fs::write(&headers, json!({ "Cookie": cookie }).to_string()).context("keep the cookie")?;
    let owner = Visitor::with_token(&demo.url, &demo.token)?;
    let held = owner.json("/api/v1/issues/safeguard-hold/devices?limit=1");
    let held = held.await?;
    let device = held["items"][0]["id"].as_str().context("no held device")?;
    let mut told = String::new();
    for path in ["/", "/issues/safeguard-hold", &format!("/devices/{device}")] {
        for form in ["desktop", "mobile"] {
            let mut faults = String::new();
            for _ in 0..ATTEMPTS {
                // Now and then the browser records no beginning of a page (NO_NAVSTART), and Lighthouse asks to be run again.
                let report = match measured(&format!("{}{path}", demo.url), form, &headers).await {
                    Ok(report) => report,
                    Err(error) => {
                        faults = format!("{error:#}");
                        continue;
                    }
                };
                let points = points(&report)?;
                let _ = writeln!(told, "{path} on {form}: {points:?}");
                faults = if points.iter().all(|(_, points)| *points >= LEAST) {
                    String::new()
                } else {
                    format!("{points:?}:\n{}", faults_of(&report))
                };
                if faults.is_empty() {
                    break;
                }
            }
            ensure!(faults.is_empty(), "{path} on {form} has {faults}");
        }
    }
    println!("{told}");
    Ok(())
}

async fn measured(address: &str, form: &str, headers: &Path) -> anyhow::Result<Value> {
    let mut command = Command::new("node");
    command
        .arg(tool("lighthouse/node_modules/lighthouse/cli/index.js")?)
        .arg(address)
        .args(["--quiet", "--output=json", "--no-enable-error-reporting"])
        .arg(format!("--only-categories={}", CATEGORIES.join(",")))
        .arg(format!("--extra-headers={}", headers.display()))
        .arg("--chrome-flags=--headless=new --no-sandbox")
        .env("CHROME_PATH", BROWSER)
        .kill_on_drop(true);
    // A phone is what it measures unless told otherwise.
    if form == "desktop" {
        command.arg("--preset=desktop");
    }
    let output = command.output().await.context("start node")?;
    ensure!(
        output.status.success(),
        "Lighthouse ended with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    let report: Value = serde_json::from_slice(&output.stdout).context("read the report")?;
    // What a stranger is shown is a page too, and would have points.
    let first = &report["audits"]["network-requests"]["details"]["items"][0];
    ensure!(
        first["statusCode"] == 200 && first["url"] == address,
        "it was not shown {address}: {first}"
    );
    ensure!(
        report["configSettings"]["formFactor"] == form,
        "it was no {form}: {}",
        report["configSettings"]["formFactor"]
    );
    Ok(report)
}

fn points(report: &Value) -> anyhow::Result<Vec<(&'static str, f64)>> {
    CATEGORIES
        .iter()
        .map(|category| {
            let score = report["categories"][category]["score"].as_f64();
            let score = score.with_context(|| format!("the report has no {category}"))?;
            Ok((*category, (score * 100.0).round()))
        })
        .collect()
}

/// What counts and is not as it should be, a line each.
fn faults_of(report: &Value) -> String {
    let mut faults = String::new();
    for category in CATEGORIES {
        let parts = report["categories"][category]["auditRefs"].as_array();
        for part in parts.into_iter().flatten() {
            let audit = &report["audits"][part["id"].as_str().unwrap_or_default()];
            let is_bad = audit["score"].as_f64().is_some_and(|score| score < 0.9);
            if is_bad && part["weight"].as_f64() > Some(0.0) {
                let _ = writeln!(
                    faults,
                    "{category}: {} {} {}",
                    audit["title"], audit["displayValue"], audit["details"]["items"]
                );
            }
        }
    }
    faults
}
