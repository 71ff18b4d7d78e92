//! Pages in a real browser.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use fantoccini::Locator;
use fantoccini::key::Key;
use sickbay_tests::browser::Browser;
use sickbay_tests::fleet::Fleet;
use sickbay_tests::machine::ISSUE;
use sickbay_tests::server::Server;
use sickbay_tests::wait::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_overview_shows_a_change_by_itself_without_loading_the_page_again() -> anyhow::Result<()>
{
    let mut server = Server::start().await?;
    let mut fleet = Fleet::join(&server, 3).await?;
    let browser = Browser::open(true).await?;
    let outcome = async {
        browser.window.goto(&server.sign_in).await?;
        browser.shows("#r-issues", "WSUS without TLS").await?;
        browser
            .shows("[data-live]", "Live")
            .await
            .context("the page listens to nothing; were its scripts built?")?;
        // Only a page that is loaded again forgets this.
        browser.ask("window.loadedOnce = true").await?;
        let number = fleet.members[1].change().await?;
        browser
            .shows("#r-changes", &format!("wsus-{number}.pc-0002"))
            .await?;
        ensure!(
            browser.ask("return window.loadedOnce === true").await? == true,
            "the page was loaded again"
        );
        Ok(())
    }
    .await;
    browser.close("overview-updates", outcome).await?;
    fleet.stop().await?;
    server.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_step_from_the_overview_to_the_raw_value_works_without_scripts() -> anyhow::Result<()>
{
    let mut server = Server::start().await?;
    let mut fleet = Fleet::join(&server, 2).await?;
    let number = fleet.members[0].change().await?;
    fleet
        .is_told(&*server.store().await?, Duration::from_secs(30))
        .await?;
    let browser = Browser::open(false).await?;
    let outcome = async {
        let page = "data:text/html,<p id=p>off</p><script>document.getElementById('p').textContent='on'</script>";
        browser.window.goto(page).await?;
        ensure!(browser.text("#p").await? == "off", "scripts run although they were to be blocked");

        browser.window.goto(&server.sign_in).await?;
        browser.follow(&format!("#i-{ISSUE} a.issue-title")).await?;
        browser.shows("main", "PC-0001").await?;
        let device = format!("/devices/{}", fleet.members[0].device()?);
        browser.follow(&format!("main a[href^='{device}']")).await?;
        browser.shows("#device", "PC-0001").await?;
        let evidence = format!("#v-{ISSUE} table.evidence");
        browser.shows(&evidence, r"HKLM\SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate").await?;
        browser.shows(&evidence, "WUServer").await?;
        browser.shows(&evidence, "REG_SZ").await?;
        browser.shows(&evidence, &format!("http://wsus-{number}.pc-0001.example:8530")).await?;

        // A plain GET shows what is new.
        let number = fleet.members[0].change().await?;
        fleet.is_told(&*server.store().await?, Duration::from_secs(30)).await?;
        browser.window.refresh().await?;
        browser.shows(&evidence, &format!("http://wsus-{number}.pc-0001.example:8530")).await
    }
    .await;
    browser.close("without-scripts", outcome).await?;
    fleet.stop().await?;
    server.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keyboard_skips_to_the_content() -> anyhow::Result<()> {
    let mut server = Server::start().await?;
    let browser = Browser::open(true).await?;
    let outcome = async {
        browser.window.goto(&server.sign_in).await?;
        let body = browser.window.find(Locator::Css("body")).await?;
        body.send_keys(&char::from(Key::Tab).to_string()).await?;
        let first = browser.window.active_element().await?;
        ensure!(
            first.text().await? == "Skip to content",
            "the first stop of the keyboard is {:?}",
            first.html(false).await?
        );
        ensure!(
            is_in_view(&browser).await?,
            "the skip link cannot be seen while it has the focus"
        );
        first.send_keys(&char::from(Key::Enter).to_string()).await?;
        eventually(Duration::from_secs(10), async || {
            let focus = browser.ask("return document.activeElement.id").await?;
            ensure!(focus == "main", "the focus is at {focus}");
            Ok(())
        })
        .await
    }
    .await;
    browser.close("skip-link", outcome).await?;
    server.stop().await
}

async fn is_in_view(browser: &Browser) -> anyhow::Result<bool> {
    let script = "const r = document.activeElement.getBoundingClientRect(); return r.height > 0 && r.top >= 0 && r.left >= 0;";
    Ok(browser.ask(script).await? == true)
}
