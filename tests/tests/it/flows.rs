//! What an administrator does with the pages, in a real browser, over real collectors: from the overview to the value that proves it,
//! filters, views, columns, files that are opened again, boxes, the keyboard, a phone, no scripts.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use calamine::{Data, Reader as _, Xlsx, open_workbook};
use fantoccini::Locator;
use fantoccini::key::Key;
use sickbay_tests::api::Visitor;
use sickbay_tests::browser::{Browser, Screen};
use sickbay_tests::fleet::Fleet;
use sickbay_tests::machine::ISSUE;
use sickbay_tests::server::Server;
use sickbay_tests::wait::eventually;

/// How long a page may take to follow.
const PATIENCE: Duration = Duration::from_secs(30);
/// Machines of the fleet.
const MACHINES: usize = 4;

/// A server, its fleet, and a browser that is signed in.
struct Scene {
    server: Server,
    fleet: Fleet,
    browser: Browser,
}

impl Scene {
    async fn open(scripts: bool) -> anyhow::Result<Self> {
        let server = Server::start().await?;
        let fleet = Fleet::join(&server, MACHINES).await?;
        fleet.is_told(&*server.store().await?, PATIENCE).await?;
        let browser = Browser::open(scripts).await?;
        browser.window.goto(&server.sign_in).await?;
        Ok(Self {
            server,
            fleet,
            browser,
        })
    }

    async fn close(mut self, name: &str, outcome: anyhow::Result<()>) -> anyhow::Result<()> {
        self.browser.close(name, outcome).await?;
        self.fleet.stop().await?;
        self.server.stop().await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.url())
    }

    /// Types into a field in the place of what stands there.
    async fn write(&self, css: &str, text: &str) -> anyhow::Result<()> {
        let found = self.browser.window.find(Locator::Css(css)).await;
        let field = found.with_context(|| format!("the page has no {css}"))?;
        field.clear().await?;
        field.send_keys(text).await.context("type")
    }

    /// Chooses what a list offers.
    async fn choose(&self, css: &str, value: &str) -> anyhow::Result<()> {
        let found = self.browser.window.find(Locator::Css(css)).await;
        let list = found.with_context(|| format!("the page has no {css}"))?;
        let chosen = list.select_by_value(value).await;
        chosen.with_context(|| format!("choose {value} of {css}"))
    }

    /// Chooses a time zone under Account, and goes to the overview twice: what the first page's script says, the second one knows.
    async fn choose_zone(&self, zone: &str) -> anyhow::Result<()> {
        let browser = &self.browser;
        browser.window.goto(&self.url("/account")).await?;
        self.choose("#zone-name", zone).await?;
        browser
            .follow("form[action='/account/zone'] button")
            .await?;
        browser.shows("[role='status'].note", "zone").await?;
        for _ in 0..2 {
            browser.window.goto(&self.url("/")).await?;
        }
        Ok(())
    }

    /// Names of the devices that the page lists, in order.
    async fn listed(&self) -> anyhow::Result<Vec<String>> {
        let names = "return [...document.querySelectorAll('tbody a.device-name')].map(a => a.textContent.trim())";
        let names = self.browser.ask(names).await?;
        serde_json::from_value(names).context("names are texts")
    }

    /// Waits until the page lists exactly these.
    async fn lists(&self, wanted: &[&str]) -> anyhow::Result<()> {
        eventually(PATIENCE, async || {
            let listed = self.listed().await?;
            ensure!(
                listed == wanted,
                "the page lists {listed:?}, not {wanted:?}"
            );
            Ok(())
        })
        .await
    }

    async fn address(&self) -> anyhow::Result<String> {
        let address = self.browser.window.current_url().await?;
        Ok(address.to_string())
    }

    /// Waits until the address contains `part`.
    async fn is_at(&self, part: &str) -> anyhow::Result<()> {
        eventually(PATIENCE, async || {
            let address = self.address().await?;
            ensure!(
                address.contains(part),
                "the address is {address}, without {part}"
            );
            Ok(())
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sick_device_is_three_clicks_from_the_overview_and_its_proof_stands_there()
-> anyhow::Result<()> {
    let scene = Scene::open(true).await?;
    let outcome = async {
        let number = scene.fleet.members[2].change().await?;
        scene
            .fleet
            .is_told(&*scene.server.store().await?, PATIENCE)
            .await?;
        let browser = &scene.browser;
        browser.follow(&format!("#i-{ISSUE} a.issue-title")).await?;
        let device = scene.fleet.members[2].device()?;
        browser
            .follow(&format!("#d-{device} a.device-name"))
            .await?;
        // The link led to the verdict itself.
        scene.is_at(&format!("#v-{ISSUE}")).await?;
        let evidence = format!("#v-{ISSUE} table.evidence");
        browser
            .shows(
                &evidence,
                &format!("http://wsus-{number}.pc-0003.example:8530"),
            )
            .await?;
        // The third click: how it is mended.
        browser.follow(&format!("#fix-{ISSUE} summary")).await?;
        browser
            .shows(&format!("#fix-{ISSUE} ol"), "certificate")
            .await
    }
    .await;
    scene.close("three-clicks", outcome).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_is_filtered_ordered_shown_and_saved_as_one_likes() -> anyhow::Result<()> {
    let scene = Scene::open(true).await?;
    let outcome = async {
        let browser = &scene.browser;
        browser.window.goto(&scene.url("/devices")).await?;
        scene
            .lists(&["PC-0001", "PC-0002", "PC-0003", "PC-0004"])
            .await?;
        // The list follows while one types.
        scene.write("#filter", "PC-0003 or PC-0001").await?;
        scene.lists(&["PC-0001", "PC-0003"]).await?;
        scene.is_at("filter=PC-0003").await?;
        // A condition more, put together.
        browser
            .window
            .goto(&scene.url("/devices?filter=kind%3Aclient"))
            .await?;
        browser.follow("#builder summary").await?;
        scene.choose("#builder-where", "name").await?;
        scene.choose("#builder-how", "is-not").await?;
        scene.write("#builder-value", "PC-0002").await?;
        browser.follow("#builder button").await?;
        scene.lists(&["PC-0001", "PC-0003", "PC-0004"]).await?;
        // And the first one taken away.
        browser.follow(".conditions li:first-child a").await?;
        scene.is_at("filter=-name").await?;
        // The other way round, in another column.
        browser.follow("th[aria-sort=ascending] a").await?;
        scene.lists(&["PC-0004", "PC-0003", "PC-0001"]).await?;
        browser.follow("#columns summary").await?;
        for column in ["ou", "unknown_findings"] {
            browser
                .follow(&format!("#columns input[value={column}]"))
                .await?;
        }
        browser.follow("#columns input[value=arch]").await?;
        browser.follow("#columns button").await?;
        scene.is_at("columns=").await?;
        let heads = browser.text("thead").await?;
        ensure!(
            heads.contains("Architecture") && !heads.contains("OU"),
            "{heads}"
        );
        scene.lists(&["PC-0004", "PC-0003", "PC-0001"]).await?;
        // Under a name it is a click away from the overview.
        browser.follow("#views summary").await?;
        scene.write("#view-name", "Not the second").await?;
        browser.follow("#views .builder-form button").await?;
        eventually(PATIENCE, async || {
            browser.window.goto(&scene.url("/")).await?;
            let views = browser.text("section[aria-labelledby=saved-views]").await?;
            ensure!(views.contains("Not the second"), "{views}");
            Ok(())
        })
        .await?;
        browser
            .follow("section[aria-labelledby=saved-views] a")
            .await?;
        scene.lists(&["PC-0004", "PC-0003", "PC-0001"]).await
    }
    .await;
    scene.close("list", outcome).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_taken_away_hold_what_the_list_holds() -> anyhow::Result<()> {
    let scene = Scene::open(true).await?;
    let folder = tempfile::tempdir().context("make a folder for downloads")?;
    let outcome = async {
        let browser = &scene.browser;
        browser.downloads_into(folder.path()).await?;
        let filter = "-name%3APC-0002";
        browser
            .window
            .goto(&scene.url(&format!("/issues/{ISSUE}?filter={filter}")))
            .await?;
        scene.lists(&["PC-0001", "PC-0003", "PC-0004"]).await?;
        let token = scene.server.api_token().await?;
        let path = format!("/api/v1/issues/{ISSUE}/devices?filter={filter}");
        let visitor = Visitor::with_token(&scene.server.url(), &token)?;
        let told = visitor.json(&path).await?;
        let told: BTreeSet<(String, String)> = told["items"]
            .as_array()
            .context("items are a list")?
            .iter()
            .map(|item| (text_of(&item["name"]), text_of(&item["summary"])))
            .collect();
        ensure!(told.len() == 3, "the API tells {told:?}");

        browser.follow(".exports a[href*='devices.csv']").await?;
        let csv = arrived(folder.path(), "csv").await?;
        ensure!(
            rows_of_csv(&csv)? == told,
            "{}",
            std::fs::read_to_string(&csv)?
        );
        browser.follow(".exports a[href*='devices.xlsx']").await?;
        let workbook = arrived(folder.path(), "xlsx").await?;
        ensure!(
            rows_of_workbook(&workbook)? == told,
            "the workbook has other rows than the API"
        );
        // Two of them, by their boxes.
        for place in [0, 3] {
            let device = scene.fleet.members[place].device()?;
            browser.follow(&format!("#c-{device}")).await?;
        }
        browser.shows("[data-selected]", "2 chosen").await?;
        browser.follow("button[value=export]").await?;
        scene.is_at("/exports?list=").await?;
        browser.shows("main", "2 devices").await
    }
    .await;
    scene.close("files", outcome).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_looks_again_while_one_watches() -> anyhow::Result<()> {
    let scene = Scene::open(true).await?;
    let outcome = async {
        let browser = &scene.browser;
        let device = scene.fleet.members[0].device()?;
        browser
            .window
            .goto(&scene.url(&format!("/devices/{device}")))
            .await?;
        browser.shows("[data-live]", "Live").await?;
        browser.follow("form[action='/inspect'] button").await?;
        browser
            .shows("#looked", "No Windows Update scan was started")
            .await?;
        browser.shows("#looked", "It looked again").await
    }
    .await;
    scene.close("looks-again", outcome).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn times_are_those_of_the_browser_until_another_zone_is_chosen() -> anyhow::Result<()> {
    let scene = Scene::open(true).await?;
    let outcome = async {
        let browser = &scene.browser;
        let overview = scene.url("/");
        browser.be_in_zone("Asia/Tokyo").await?;
        // One page says where the browser is, the next one knows.
        for _ in 0..2 {
            browser.window.goto(&overview).await?;
        }
        browser.shows("footer", "+09:00 Asia/Tokyo").await?;
        // No script takes the browser's in its place again.
        scene.choose_zone("America/St_Johns").await?;
        browser.shows("footer", "America/St_Johns").await?;
        let exact = "return document.querySelector('main time[title]').title";
        let exact = browser.ask(exact).await?.to_string();
        ensure!(exact.contains("UTC") && exact.contains("-0"), "{exact}");
        scene.choose_zone("").await?;
        browser.shows("footer", "Asia/Tokyo").await
    }
    .await;
    scene.close("zone", outcome).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keyboard_alone_leads_to_the_proof() -> anyhow::Result<()> {
    let scene = Scene::open(true).await?;
    let outcome = async {
        let browser = &scene.browser;
        browser.window.goto(&scene.url("/issues")).await?;
        walk_to(browser, &format!("/issues/{ISSUE}")).await?;
        browser.shows("h1", "WSUS without TLS").await?;
        let device = scene.fleet.members[1].device()?;
        walk_to(browser, &format!("/devices/{device}#v-{ISSUE}")).await?;
        browser
            .shows(&format!("#v-{ISSUE} table.evidence"), "WUServer")
            .await
    }
    .await;
    scene.close("keyboard", outcome).await
}

/// Walks with the tabulator until a link to this address has the focus, which can be seen, and follows it.
async fn walk_to(browser: &Browser, path: &str) -> anyhow::Result<()> {
    /// Stops of the keyboard on a page, at most.
    const STOPS: usize = 300;
    let body = browser.window.find(Locator::Css("body")).await?;
    body.send_keys(&char::from(Key::Tab).to_string()).await?;
    for _ in 0..STOPS {
        let focus = browser.window.active_element().await?;
        if focus.attr("href").await?.as_deref() == Some(path) {
            let seen = "const e = document.activeElement; const s = getComputedStyle(e); \
                        return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2;";
            ensure!(
                browser.ask(seen).await? == true,
                "nobody sees that {path} has the focus"
            );
            return focus
                .send_keys(&char::from(Key::Enter).to_string())
                .await
                .context("follow");
        }
        focus.send_keys(&char::from(Key::Tab).to_string()).await?;
    }
    anyhow::bail!("the keyboard comes to no link to {path}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_shows_every_page_without_scrolling_sideways() -> anyhow::Result<()> {
    let scene = Scene::open(true).await?;
    let outcome = async {
        let browser = &scene.browser;
        let device = scene.fleet.members[0].device()?;
        browser
            .look_on(Screen {
                width: 360,
                height: 740,
                is_phone: true,
            })
            .await?;
        for path in [
            "/".to_owned(),
            "/issues".to_owned(),
            format!("/issues/{ISSUE}"),
            "/devices".to_owned(),
            format!("/devices/{device}"),
            "/updates".to_owned(),
            "/exports?list=devices".to_owned(),
        ] {
            browser.window.goto(&scene.url(&path)).await?;
            let wide = "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]";
            let wide = browser.ask(wide).await?;
            ensure!(wide[0] == wide[1], "{path} is {wide} wide");
        }
        Ok(())
    }
    .await;
    scene.close("phone", outcome).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_views_columns_and_files_work_without_scripts() -> anyhow::Result<()> {
    let scene = Scene::open(false).await?;
    let folder = tempfile::tempdir().context("make a folder for downloads")?;
    let outcome = async {
        let browser = &scene.browser;
        browser.downloads_into(folder.path()).await?;
        browser.window.goto(&scene.url("/devices")).await?;
        scene.write("#filter", "-name:PC-0004").await?;
        browser.follow("form.filter button").await?;
        scene.lists(&["PC-0001", "PC-0002", "PC-0003"]).await?;
        browser.follow("#builder summary").await?;
        scene.choose("#builder-how", "contains").await?;
        scene.write("#builder-value", "003").await?;
        browser.follow("#builder button").await?;
        scene.lists(&["PC-0003"]).await?;
        browser.follow("#columns summary").await?;
        browser.follow("#columns input[value=arch]").await?;
        browser.follow("#columns button").await?;
        browser.shows("thead", "Architecture").await?;
        browser.follow("#views summary").await?;
        scene.write("#view-name", "The third").await?;
        browser.follow("#views .builder-form button").await?;
        browser.shows("#views summary", "1").await?;
        browser.follow(".exports a[href*='devices.csv']").await?;
        let csv = std::fs::read_to_string(arrived(folder.path(), "csv").await?)?;
        ensure!(csv.lines().count() == 2 && csv.contains("PC-0003"), "{csv}");
        ensure!(
            csv.contains(",arch"),
            "the file has the columns of the page: {csv}"
        );
        Ok(())
    }
    .await;
    scene.close("without-scripts-list", outcome).await
}

fn text_of(value: &serde_json::Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The file with this ending, once it is there whole.
async fn arrived(folder: &Path, ending: &str) -> anyhow::Result<PathBuf> {
    eventually(PATIENCE, async || {
        let mut files = std::fs::read_dir(folder)?
            .filter_map(Result::ok)
            .map(|entry| entry.path());
        let found = files.find(|path| path.extension().is_some_and(|other| other == ending));
        found.with_context(|| format!("no .{ending} has arrived"))
    })
    .await
}

/// Names and summaries.
fn rows_of_csv(path: &Path) -> anyhow::Result<BTreeSet<(String, String)>> {
    let mut file = csv::Reader::from_path(path)?;
    let heads = file.headers()?.clone();
    let place = |name: &str| {
        heads
            .iter()
            .position(|head| head.trim_start_matches('\u{feff}') == name)
    };
    let (name, summary) = (place("name"), place("summary"));
    let (name, summary) = name.zip(summary).context("it names its columns")?;
    file.records()
        .map(|row| {
            let row = row?;
            Ok((row[name].to_owned(), row[summary].to_owned()))
        })
        .collect()
}

/// The same of the first sheet of a workbook.
fn rows_of_workbook(path: &Path) -> anyhow::Result<BTreeSet<(String, String)>> {
    let mut workbook: Xlsx<_> = open_workbook(path)?;
    let sheet = workbook.worksheet_range_at(0).context("it has a sheet")??;
    let mut rows = sheet.rows();
    let heads = rows.next().context("it names its columns")?;
    let place = |name: &str| {
        heads
            .iter()
            .position(|head| *head == Data::String(name.to_owned()))
    };
    let (name, summary) = place("name")
        .zip(place("summary"))
        .context("it names its columns")?;
    Ok(rows
        .map(|row| (row[name].to_string(), row[summary].to_string()))
        .collect())
}
