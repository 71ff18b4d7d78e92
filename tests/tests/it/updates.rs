//! Why is an update on some devices and not on others: asked on the command line, of the API and in a real browser.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use fantoccini::Locator;
use serde_json::Value;
use sickbay_tests::api::Visitor;
use sickbay_tests::browser::Browser;
use sickbay_tests::fleet::Fleet;
use sickbay_tests::server::Server;

/// A cumulative update for Windows 10; the machines of the fleet run Windows 11 25H2.
const FOR_ANOTHER: &str = "KB5030211";
const ITS_FILE: &str = "windows10.0-kb5030211-x64.msu";
/// What makes 25H2 of 24H2.
const INSTALLED: &str = "KB5054156";
const DEVICES: usize = 3;

async fn settled(server: &Server, fleet: &Fleet) -> anyhow::Result<()> {
    fleet
        .is_told(&*server.store().await?, Duration::from_secs(30))
        .await
        .map(drop)
}

fn devices_of(update: &Value, class: &str) -> anyhow::Result<u64> {
    let classes = update["classes"].as_array().context("classes are a list")?;
    let found = classes.iter().find(|row| row["class"] == class);
    Ok(found.and_then(|row| row["devices"].as_u64()).unwrap_or(0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_answers_as_the_api_does() -> anyhow::Result<()> {
    let mut server = Server::start().await?;
    let mut fleet = Fleet::join(&server, DEVICES).await?;
    settled(&server, &fleet).await?;
    let owner = Visitor::with_token(&server.url(), &server.api_token().await?)?;
    for (kb, class) in [
        (FOR_ANOTHER, "not-for-this-release"),
        (INSTALLED, "installed"),
    ] {
        let said = server.command(&["explain", kb, "--format", "json"]).await?;
        let said: Value = serde_json::from_str(&said).context("the command prints JSON")?;
        let answered = owner.json(&format!("/api/v1/updates/{kb}")).await?;
        ensure!(said == answered, "{said}\nis not\n{answered}");
        let counted = devices_of(&said, class)?;
        ensure!(
            counted == DEVICES as u64,
            "{kb}: {counted} devices are {class} in {said}"
        );
    }

    // One device, by its name.
    let device = fleet.members[0].device()?;
    let words = ["explain", INSTALLED, "--device", "PC-0001"];
    let said = server
        .command(&[&words[..], &["--format", "json"]].concat())
        .await?;
    let said: Value = serde_json::from_str(&said).context("the command prints JSON")?;
    let path = format!("/api/v1/updates/{INSTALLED}/devices/{device}");
    let answered = owner.json(&path).await?;
    ensure!(said == answered, "{said}\nis not\n{answered}");
    let table = server.command(&words).await?;
    ensure!(
        table.contains("CurrentBuildNumber") && table.contains("26200"),
        "the readings are missing: {table}"
    );

    // What names no update is refused by name.
    let Err(error) = server.command(&["explain", "the new one"]).await else {
        anyhow::bail!("\"the new one\" was taken for an update");
    };
    ensure!(
        format!("{error:#}").contains("the new one"),
        "the refusal does not say what it refuses: {error:#}"
    );
    fleet.stop().await?;
    server.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_name_leads_to_the_reading_that_decides() -> anyhow::Result<()> {
    let mut server = Server::start().await?;
    let mut fleet = Fleet::join(&server, DEVICES).await?;
    settled(&server, &fleet).await?;
    let device = fleet.members[1].device()?;
    let folder = tempfile::tempdir().context("make a temporary folder")?;
    let file = folder.path().join(ITS_FILE);
    std::fs::write(&file, "").context("write a file")?;
    let browser = Browser::open(false).await?;
    let outcome = async {
        browser.window.goto(&server.sign_in).await?;
        browser
            .window
            .goto(&format!("{}/updates", server.url()))
            .await?;
        browser.shows("#r-updates", "Windows 11 25H2").await?;
        let asked = browser.window.find(Locator::Css("#q")).await?;
        asked.send_keys(ITS_FILE).await?;
        browser.follow("form.ask button").await?;
        browser.shows("h1", FOR_ANOTHER).await?;
        browser.shows("ul.groups", "For another release").await?;
        browser
            .follow("ul.groups a[href*='class=not-for-this-release']")
            .await?;
        browser.shows("#r-update-devices", "PC-0002").await?;
        browser
            .follow(&format!("#r-update-devices a[href*='/devices/{device}']"))
            .await?;
        browser.shows("h1", "on PC-0002").await?;
        browser
            .shows("#r-update-on table.evidence", "CurrentBuildNumber")
            .await?;
        browser
            .shows("#r-update-on table.evidence", "26200")
            .await?;

        // A file is chosen instead. Only its name is sent: it holds nothing.
        browser
            .window
            .goto(&format!("{}/updates", server.url()))
            .await?;
        let input = browser.window.find(Locator::Css("#file")).await?;
        input.send_keys(&file.display().to_string()).await?;
        browser.follow("form.ask button").await?;
        browser.shows("h1", FOR_ANOTHER).await?;
        browser
            .shows("main", ITS_FILE.trim_end_matches(".msu"))
            .await
    }
    .await;
    browser.close("update-by-name", outcome).await?;
    fleet.stop().await?;
    server.stop().await
}
