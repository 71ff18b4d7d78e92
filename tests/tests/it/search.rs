//! The search box in a real browser: by keyboard, with suggestions, and without scripts.

use std::time::Duration;

use anyhow::ensure;
use fantoccini::Locator;
use fantoccini::key::Key;
use sickbay_tests::browser::Browser;
use sickbay_tests::fleet::Fleet;
use sickbay_tests::server::Server;
use sickbay_tests::wait::eventually;

const PATIENCE: Duration = Duration::from_secs(20);

/// Keys go to whatever has the focus.
async fn press(browser: &Browser, keys: &str) -> anyhow::Result<()> {
    let focus = browser.window.active_element().await?;
    Ok(focus.send_keys(keys).await?)
}

async fn press_key(browser: &Browser, key: Key) -> anyhow::Result<()> {
    press(browser, &char::from(key).to_string()).await
}

async fn is_at(browser: &Browser, path: &str) -> anyhow::Result<()> {
    eventually(PATIENCE, async || {
        let at = browser.window.current_url().await?;
        let at = at.as_str();
        ensure!(at.ends_with(path), "the page is {at}, and not {path}");
        Ok(())
    })
    .await
}

async fn focus_is(browser: &Browser, id: &str) -> anyhow::Result<()> {
    let focus = browser.ask("return document.activeElement.id").await?;
    ensure!(focus == id, "the focus is at {focus}, and not at {id}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_is_found_by_keyboard_alone() -> anyhow::Result<()> {
    let mut server = Server::start().await?;
    let mut fleet = Fleet::join(&server, 3).await?;
    let browser = Browser::open(true).await?;
    let outcome = async {
        browser.window.goto(&server.sign_in).await?;
        browser.shows("[data-live]", "Live").await?;
        press(&browser, "/").await?;
        focus_is(&browser, "search").await?;
        press(&browser, "pc-000").await?;
        browser.shows("#search-options", "PC-0002").await?;
        let state = "const b = document.getElementById('search'); \
                     return [b.role, b.getAttribute('aria-expanded'), b.getAttribute('aria-activedescendant'), b.value]";
        let open = browser.ask(state).await?;
        ensure!(open == serde_json::json!(["combobox", "true", null, "pc-000"]), "{open}");

        press_key(&browser, Key::Down).await?;
        press_key(&browser, Key::Down).await?;
        let chosen = browser
            .text("#search-options [aria-selected=true]")
            .await?;
        ensure!(chosen.starts_with("PC-0002"), "chosen is {chosen:?}");
        focus_is(&browser, "search").await?;
        let active = "const b = document.getElementById('search'); \
                      return document.getElementById(b.getAttribute('aria-activedescendant')).getAttribute('aria-selected')";
        ensure!(browser.ask(active).await? == "true", "the box does not name what is chosen");

        // Escape closes, and leaves what was typed.
        press_key(&browser, Key::Escape).await?;
        let closed = browser.ask(state).await?;
        ensure!(closed == serde_json::json!(["combobox", "false", null, "pc-000"]), "{closed}");
        press_key(&browser, Key::Down).await?;
        browser.shows("#search-options", "PC-0002").await?;
        press_key(&browser, Key::Down).await?;
        press_key(&browser, Key::Down).await?;
        press_key(&browser, Key::Enter).await?;
        let device = fleet.members[1].device()?;
        is_at(&browser, &format!("/devices/{device}")).await?;
        browser.shows("main", "PC-0002").await
    }
    .await;
    browser.close("search-by-keyboard", outcome).await?;
    fleet.stop().await?;
    server.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_host_name_leads_to_its_device_with_scripts() -> anyhow::Result<()> {
    goes_straight(true).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_host_name_leads_to_its_device_without_scripts() -> anyhow::Result<()> {
    goes_straight(false).await
}

async fn goes_straight(scripts: bool) -> anyhow::Result<()> {
    let mut server = Server::start().await?;
    let mut fleet = Fleet::join(&server, 2).await?;
    let device = format!("/devices/{}", fleet.members[0].device()?);
    let browser = Browser::open(scripts).await?;
    let outcome = async {
        browser.window.goto(&server.sign_in).await?;
        let search = browser.window.find(Locator::Css("#search")).await?;
        let enter = char::from(Key::Enter);
        search.send_keys(&format!("pc-0001{enter}")).await?;
        is_at(&browser, &device).await?;
        browser.shows("main", "PC-0001").await?;
        // What names nothing is a list, whose links lead on.
        let search = browser.window.find(Locator::Css("#search")).await?;
        search.send_keys(&format!("pc-000{enter}")).await?;
        browser.shows("main .lead", "results for pc-000").await?;
        browser.follow(&format!("main a[href='{device}']")).await?;
        is_at(&browser, &device).await
    }
    .await;
    browser.close("search-straight", outcome).await?;
    fleet.stop().await?;
    server.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_filter_of_a_list_is_reached_by_its_own_key() -> anyhow::Result<()> {
    let mut server = Server::start().await?;
    let browser = Browser::open(true).await?;
    let outcome = async {
        browser.window.goto(&server.sign_in).await?;
        browser
            .window
            .goto(&format!("{}/devices", server.url()))
            .await?;
        browser.shows("[data-live]", "Live").await?;
        press(&browser, "f").await?;
        focus_is(&browser, "filter").await?;
        // In a box it is a letter.
        press(&browser, "f/").await?;
        let typed = browser.ask("return document.activeElement.value").await?;
        ensure!(typed == "f/", "the filter is {typed}");
        Ok(())
    }
    .await;
    browser.close("filter-key", outcome).await?;
    server.stop().await
}
