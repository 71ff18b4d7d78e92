//! A real Chromium, driven through Debian's `chromedriver`.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use url::{ParseError, Url};

use crate::program::failures;
use crate::server::free_port;
use crate::wait::eventually;

const DRIVER: &str = "/usr/bin/chromedriver";
const BROWSER: &str = "/usr/bin/chromium";
const START_WITHIN: Duration = Duration::from_secs(40);
/// How long a page may take to show what is waited for.
const SHOW_WITHIN: Duration = Duration::from_secs(30);

/// How long an element may take to be there.
const APPEAR_WITHIN: Duration = Duration::from_secs(20);

/// How large what one looks at is, in CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// From left to right.
    pub width: u32,
    /// From top to bottom.
    pub height: u32,
    /// Whether it is a phone's: fingers, and no scroll bars that take away from the width.
    pub is_phone: bool,
}

/// An open browser window.
pub struct Browser {
    /// The window.
    pub window: Client,
    driver: Child,
    _profile: TempDir,
}

impl Browser {
    /// Opens a window; without `scripts` none of a page's runs.
    pub async fn open(scripts: bool) -> anyhow::Result<Self> {
        for program in [DRIVER, BROWSER] {
            ensure!(
                PathBuf::from(program).is_file(),
                "{program} is missing: install Debian's packages chromium and chromium-driver"
            );
        }
        let profile = tempfile::tempdir().context("make a temporary folder")?;
        let port = free_port()?.port();
        let driver = Command::new(DRIVER)
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("start {DRIVER}"))?;
        let capabilities = capabilities(&profile.path().display().to_string(), scripts);
        let capabilities = capabilities
            .as_object()
            .cloned()
            .context("capabilities are an object")?;
        let address = format!("http://127.0.0.1:{port}");
        let window = eventually(START_WITHIN, async || {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            builder.capabilities(capabilities.clone());
            builder
                .connect(&address)
                .await
                .context("open a browser window")
        })
        .await?;
        Ok(Self {
            window,
            driver,
            _profile: profile,
        })
    }

    /// The text of the first element that `css` names, as a reader sees it.
    pub async fn text(&self, css: &str) -> anyhow::Result<String> {
        let element = self.window.find(Locator::Css(css)).await;
        let element = element.with_context(|| format!("the page has no {css}"))?;
        let text = element.text().await;
        text.with_context(|| format!("{css} was replaced while it was read"))
    }

    /// Waits until the text of `css` contains `wanted`.
    pub async fn shows(&self, css: &str, wanted: &str) -> anyhow::Result<()> {
        eventually(SHOW_WITHIN, async || {
            let text = self.text(css).await?;
            ensure!(
                text.contains(wanted),
                "{css} does not show {wanted:?} but {text:?}"
            );
            Ok(())
        })
        .await
    }

    /// What a script answers; the driver may run scripts even where the page may not.
    pub async fn ask(&self, script: &str) -> anyhow::Result<Value> {
        let answer = self.window.execute(script, Vec::new()).await;
        answer.context("run a script in the page")
    }

    /// Shows pages from now on, and the one that is open, on such a screen. A window of its own could not be as narrow as a phone.
    pub async fn look_on(&self, screen: Screen) -> anyhow::Result<()> {
        let parameters = json!({
            "width": screen.width,
            "height": screen.height,
            "deviceScaleFactor": 1,
            "mobile": screen.is_phone,
        });
        self.tell("Emulation.setDeviceMetricsOverride", parameters)
            .await?;
        let width = self
            .ask("return document.documentElement.getBoundingClientRect().width")
            .await?;
        ensure!(
            width
                .as_f64()
                .is_some_and(|width| width <= f64::from(screen.width)),
            "the page is {width} wide on {screen:?}"
        );
        Ok(())
    }

    /// Has these cookies of the site at `url` from now on, and no others.
    pub async fn keep_cookies(&self, url: &str, cookies: &[(&str, &str)]) -> anyhow::Result<()> {
        self.tell("Network.clearBrowserCookies", json!({})).await?;
        for (name, value) in cookies {
            let cookie = json!({ "name": name, "value": value, "url": url });
            self.tell("Network.setCookie", cookie).await?;
        }
        Ok(())
    }

    /// Is in a time zone from now on, by its name in the IANA database.
    pub async fn be_in_zone(&self, zone: &str) -> anyhow::Result<()> {
        let parameters = json!({ "timezoneId": zone });
        let told = self.tell("Emulation.setTimezoneOverride", parameters).await;
        told.map(drop)
    }

    /// Keeps what is downloaded from now on in a folder.
    pub async fn downloads_into(&self, folder: &Path) -> anyhow::Result<()> {
        let parameters = json!({ "behavior": "allow", "downloadPath": folder });
        self.tell("Page.setDownloadBehavior", parameters).await?;
        Ok(())
    }

    /// Runs a script in every page from now on before any of the page's own.
    pub async fn run_in_every_page(&self, script: &str) -> anyhow::Result<()> {
        let command = "Page.addScriptToEvaluateOnNewDocument";
        let told = self.tell(command, json!({ "source": script })).await;
        told.map(drop)
    }

    async fn tell(&self, command: &'static str, parameters: Value) -> anyhow::Result<Value> {
        let told = DevTools {
            command,
            parameters,
        };
        let answer = self.window.issue_cmd(told).await;
        answer.with_context(|| format!("tell the browser {command}"))
    }

    /// Waits for an element and clicks it.
    pub async fn follow(&self, css: &str) -> anyhow::Result<()> {
        let found = self
            .window
            .wait()
            .at_most(APPEAR_WITHIN)
            .for_element(Locator::Css(css))
            .await;
        let found = found.with_context(|| format!("the page has no {css}"))?;
        found.click().await.with_context(|| format!("follow {css}"))
    }

    /// Closes the window. Where `outcome` is a failure, keeps a picture of the page and says where.
    pub async fn close(mut self, name: &str, outcome: anyhow::Result<()>) -> anyhow::Result<()> {
        let outcome = match outcome {
            Ok(()) => Ok(()),
            Err(error) => {
                let kept = self.keep_picture(name).await;
                let kept =
                    kept.unwrap_or_else(|error| format!("no picture of the page: {error:#}"));
                Err(error.context(kept))
            }
        };
        let closed = self
            .window
            .close()
            .await
            .context("close the browser window");
        let ended = self.driver.kill().await;
        ended.context("end the browser's driver")?;
        outcome.and(closed)
    }

    async fn keep_picture(&self, name: &str) -> anyhow::Result<String> {
        let picture = self.window.screenshot().await.context("take a picture")?;
        let path = failures()?.join(format!("{name}.png"));
        std::fs::write(&path, picture).context("keep a picture")?;
        Ok(format!("a picture of the page is {}", path.display()))
    }
}

/// A command of the browser's own protocol, which the driver passes on.
#[derive(Debug)]
struct DevTools {
    command: &'static str,
    parameters: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!(
            "session/{}/goog/cdp/execute",
            session.unwrap_or_default()
        ))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let body = json!({ "cmd": self.command, "params": self.parameters });
        (Method::POST, Some(body.to_string()))
    }
}

fn capabilities(profile: &str, scripts: bool) -> Value {
    let mut arguments = vec![
        "--headless=new".to_owned(),
        "--no-sandbox".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-quic".to_owned(),
        "--no-first-run".to_owned(),
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-sync".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--window-size=1280,1000".to_owned(),
        format!("--user-data-dir={profile}"),
    ];
    if !scripts {
        arguments.push("--blink-settings=scriptEnabled=false".to_owned());
    }
    json!({ "browserName": "chrome", "goog:chromeOptions": { "binary": BROWSER, "args": arguments } })
}
