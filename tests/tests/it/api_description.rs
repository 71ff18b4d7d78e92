//! The API's description, as a server hands it out, against the rules of a linter: a client can be made from it, and a reader finds what
//! every call takes and answers.

use std::path::Path;

use anyhow::{Context as _, ensure};
use sickbay_tests::api::Visitor;
use sickbay_tests::program::tool;
use sickbay_tests::server::Server;
use tokio::process::Command;

const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/npm/spectral/ruleset.yaml");

/// What Spectral says of a description; empty where it finds nothing, not even something to hint at.
async fn findings(description: &Path) -> anyhow::Result<String> {
    let linter = tool("spectral/node_modules/@stoplight/spectral-cli/dist/index.js")?;
    let output = Command::new("node")
        .arg(linter)
        .arg("lint")
        .arg(description)
        .args(["--ruleset", RULES, "--fail-severity", "hint", "--quiet"])
        .output()
        .await
        .context("start node")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.code() {
        Some(0) => Ok(String::new()),
        // It has findings.
        Some(1) => Ok(said),
        _ => anyhow::bail!(
            "Spectral ended with {}: {said}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}

#[tokio::test]
async fn the_description_that_a_server_hands_out_breaks_no_rule() -> anyhow::Result<()> {
    let mut server = Server::start().await?;
    let owner = Visitor::with_token(&server.url(), &server.api_token().await?)?;
    let description = owner.text("/api/v1/openapi.json").await?;
    let folder = tempfile::tempdir().context("make a temporary folder")?;
    let path = folder.path().join("openapi.json");
    std::fs::write(&path, &description).context("write the description")?;
    let found = findings(&path).await?;
    ensure!(found.is_empty(), "{found}");

    // That something wrong is found shows that the rules are at work: two calls of one name, and an example that is none.
    let wrong = description
        .replace("\"list_devices\"", "\"list_issues\"")
        .replace("\"name\":\"LIS-LT-0001\"", "\"name\":7");
    std::fs::write(&path, wrong).context("write the description")?;
    let found = findings(&path).await?;
    for rule in ["operation-operationId-unique", "oas3-valid-media-example"] {
        ensure!(found.contains(rule), "{rule} finds nothing: {found}");
    }
    server.stop().await
}
