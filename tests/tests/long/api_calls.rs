//! Schemathesis, which calls an API in every way that its description allows and in some that it does not: the server never fails, and
//! answers as it is described.

use anyhow::{Context as _, ensure};
use sickbay_tests::program::tool;
use tokio::process::Command;

use crate::Demo;

/// Calls of each kind for each operation.
const EXAMPLES: &str = "40";

#[tokio::test]
async fn every_call_answers_as_it_is_described_whatever_it_is_given() -> anyhow::Result<()> {
    let demo = Demo::start(12).await?;
    let description = format!("{}/api/v1/openapi.json", demo.url);
    let mut calls = Command::new(tool("schemathesis/bin/schemathesis")?);
    calls
        .args([
            "run",
            &description,
            "--url",
            &format!("{}/api/v1", demo.url),
        ])
        .args(["--header", &format!("Authorization: Bearer {}", demo.token)])
        .args(["--checks", "all", "--max-examples", EXAMPLES])
        // Filters, cursors and names of columns are languages of their own, which a schema does not describe: a text may well be refused.
        .args(["--exclude-checks", "positive_data_acceptance"])
        // A stream of events has no end.
        .args(["--exclude-path", "/events"])
        .args(["--request-timeout", "20", "--no-color"])
        .current_dir(demo.folder.path())
        .kill_on_drop(true);
    let status = calls.status().await.context("start schemathesis")?;
    ensure!(status.success(), "schemathesis ended with {status}");
    Ok(())
}
