//! Programs of others that look at a server for minutes: `cargo xtask test --long` installs and starts them.
//!
//! Alone: `cargo xtask test --long` once, then `cargo test -p sickbay-tests --test long -- --test-threads=1 NAME`.

mod api_calls;
mod lighthouse;
mod web_scan;

use anyhow::Context as _;
use sickbay_tests::program::program;
use sickbay_tests::server::{Ready, free_port, start_until_ready};
use tempfile::TempDir;
use tokio::process::Command;

/// A demo's server, with its sign-in link and its API token.
struct Demo {
    url: String,
    link: String,
    token: String,
    /// Its log and what else is written; removed with it.
    folder: TempDir,
    _process: Ready,
}

impl Demo {
    async fn start(devices: usize) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("make a temporary folder")?;
        let log = folder.path().join("demo.log");
        let mut command = Command::new(program("sickbay-server")?);
        command.args(["demo", "--devices", &devices.to_string()]);
        command.args(["--web", &free_port()?.to_string()]);
        command.args(["--collectors", &free_port()?.to_string()]);
        let wanted = ["Sickbay is ready: ", "Sign in: ", "API token: "];
        let process = start_until_ready(command, &log, &wanted).await?;
        let [url, link, token] = process.said.as_slice() else {
            anyhow::bail!("the demo said {:?}", process.said);
        };
        Ok(Self {
            url: url.clone(),
            link: link.clone(),
            token: token.clone(),
            folder,
            _process: process,
        })
    }
}

/// The cookie of an administrator's session, as browsers send it.
async fn session(demo: &Demo) -> anyhow::Result<String> {
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(sickbay_server::identity::tls::client_config(
            rustls::RootCertStore::empty(),
        )?)
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let answer = client.get(&demo.link).send().await.context("sign in")?;
    let cookie = answer.headers().get("set-cookie");
    let cookie = cookie.context("the link opens a session")?.to_str()?;
    Ok(cookie.split(';').next().unwrap_or_default().to_owned())
}
