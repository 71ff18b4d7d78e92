//! The web port as programs use it.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use reqwest::StatusCode;
use reqwest::redirect::Policy;
use serde_json::Value;
use sickbay_server::identity::tls::client_config;

/// Someone who asks a server: with a token, with the session of a browser, or a stranger.
pub struct Visitor {
    base: String,
    token: Option<String>,
    client: reqwest::Client,
}

impl Visitor {
    /// Nobody that the server knows; keeps cookies, follows no redirection.
    pub fn stranger(base: &str) -> anyhow::Result<Self> {
        // The client that the server brings along knows no cryptography by itself, also where none is needed.
        let tls = client_config(rustls::RootCertStore::empty()).context("set up TLS")?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .cookie_store(true)
            .redirect(Policy::none())
            .build()
            .context("make an HTTP client")?;
        Ok(Self {
            base: base.to_owned(),
            token: None,
            client,
        })
    }

    /// Who holds an API token.
    pub fn with_token(base: &str, token: &str) -> anyhow::Result<Self> {
        Ok(Self {
            token: Some(token.to_owned()),
            ..Self::stranger(base)?
        })
    }

    /// Fetches `path`, which may be a whole address on this server.
    pub async fn get(&self, path: &str) -> anyhow::Result<(StatusCode, String)> {
        let path = path.strip_prefix(&self.base).unwrap_or(path);
        let mut request = self.client.get(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let answer = request
            .send()
            .await
            .with_context(|| format!("GET {path}"))?;
        let status = answer.status();
        Ok((
            status,
            answer.text().await.with_context(|| format!("GET {path}"))?,
        ))
    }

    /// Posts JSON to `path` and expects that it is taken.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let mut request = self.client.post(format!("{}{path}", self.base)).json(body);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await;
        let answer = answer.with_context(|| format!("POST {path}"))?;
        let status = answer.status();
        let text = answer.text().await;
        let text = text.with_context(|| format!("POST {path}"))?;
        ensure!(
            status.is_success(),
            "POST {path} was answered {status}: {text}"
        );
        serde_json::from_str(&text).with_context(|| format!("POST {path} is no JSON: {text}"))
    }

    /// Listens to changes from now on.
    pub async fn listen(&self) -> anyhow::Result<Listener> {
        let path = "/api/v1/events";
        let mut request = self.client.get(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.context("listen to changes")?;
        ensure!(
            answer.status() == StatusCode::OK,
            "listening was answered {}",
            answer.status()
        );
        Ok(Listener {
            answer,
            heard: String::new(),
        })
    }

    /// Fetches `path` and expects to be given it.
    pub async fn text(&self, path: &str) -> anyhow::Result<String> {
        let (status, text) = self.get(path).await?;
        ensure!(
            status == StatusCode::OK,
            "GET {path} was answered {status}: {text}"
        );
        Ok(text)
    }

    /// Fetches `path` as JSON.
    pub async fn json(&self, path: &str) -> anyhow::Result<Value> {
        let text = self.text(path).await?;
        serde_json::from_str(&text).with_context(|| format!("GET {path} is no JSON: {text}"))
    }
}

/// Who listens to changes, as an open page does.
pub struct Listener {
    answer: reqwest::Response,
    heard: String,
}

impl Listener {
    /// Waits until each of these regions was named; everything that was named until then is forgotten.
    pub async fn hears(&mut self, regions: &[&str], within: Duration) -> anyhow::Result<()> {
        let is_named = |heard: &str, region: &str| heard.contains(&format!("\"{region}\""));
        let hearing = async {
            while !regions.iter().all(|region| is_named(&self.heard, region)) {
                let chunk = self.answer.chunk().await.context("listen to changes")?;
                let chunk = chunk.context("the server ended the stream of changes")?;
                self.heard.push_str(&String::from_utf8_lossy(&chunk));
            }
            anyhow::Ok(())
        };
        match tokio::time::timeout(within, hearing).await {
            Ok(heard) => heard?,
            Err(_) => anyhow::bail!(
                "{regions:?} were not all named within {} s; heard was: {}",
                within.as_secs(),
                self.heard
            ),
        }
        self.heard.clear();
        Ok(())
    }
}
