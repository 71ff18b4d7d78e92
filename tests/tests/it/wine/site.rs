//! What the Wine tests of service and installer share: a server, a Windows machine, and somebody who looks at the server's page.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use sickbay_tests::api::Visitor;
use sickbay_tests::server::Server;
use sickbay_tests::wait::eventually;
use sickbay_tests::wine::{IDENTITY, Prefix};

/// Longest time until a device that can report has done so.
pub(super) const REPORTED: Duration = Duration::from_secs(20);

/// A server, a machine, and somebody who looks at the server's page.
pub(super) struct Site {
    pub(super) server: Server,
    pub(super) machine: Prefix,
    pub(super) visitor: Visitor,
}

impl Site {
    /// A machine that has its policy.
    pub(super) async fn new() -> anyhow::Result<Self> {
        let site = Self::without_policy().await?;
        site.machine.set_policy(&site.server).await?;
        Ok(site)
    }

    /// A machine that nobody told anything.
    pub(super) async fn without_policy() -> anyhow::Result<Self> {
        let server = Server::start().await?;
        let machine = Prefix::new().await?;
        machine.import_text("identity.reg", IDENTITY).await?;
        let visitor = Visitor::with_token(&server.url(), &server.api_token().await?)?;
        Ok(Self {
            server,
            machine,
            visitor,
        })
    }

    /// The devices of the server, once each of as many has reported.
    pub(super) async fn reported(&self, devices: usize) -> anyhow::Result<Vec<Value>> {
        let reported = eventually(REPORTED, async || {
            let said = self.visitor.json("/api/v1/devices").await?;
            let items = said["items"].as_array().cloned().unwrap_or_default();
            let all = items.iter().filter(|item| item["release"].is_string());
            ensure!(
                all.count() == devices,
                "{devices} devices have not reported: {said}"
            );
            Ok(items)
        });
        reported.await.with_context(|| self.machine.service_log())
    }

    /// Waits until the only device shows this text.
    pub(super) async fn device_says(&self, text: &str) -> anyhow::Result<()> {
        let said = eventually(REPORTED, async || self.device_says_now(text).await);
        said.await.with_context(|| self.machine.service_log())
    }

    pub(super) async fn device_says_now(&self, text: &str) -> anyhow::Result<()> {
        let said = self.visitor.json("/api/v1/devices").await?;
        let id = said["items"][0]["id"].as_str().context("a device")?;
        let device = self.visitor.text(&format!("/api/v1/devices/{id}")).await?;
        ensure!(device.contains(text), "{text:?} is not there");
        Ok(())
    }

    /// Waits until the service has logged this.
    pub(super) async fn logged(&self, text: &str) -> anyhow::Result<()> {
        eventually(REPORTED, async || {
            let log = self.machine.service_log();
            ensure!(log.contains(text), "the log does not say {text:?}: {log}");
            Ok(())
        })
        .await
    }

    /// The only device, once it has reported; its page is there then.
    pub(super) async fn device(&self, within: Duration) -> anyhow::Result<Value> {
        let found = eventually(within, async || {
            let said = self.visitor.json("/api/v1/devices").await?;
            let device = said["items"][0].clone();
            ensure!(
                device["release"].is_string(),
                "no device has reported: {said}"
            );
            let id = device["id"].as_str().context("a device has an id")?;
            let page = self.visitor.text(&format!("/devices/{id}")).await?;
            ensure!(
                page.contains("Windows 10 22H2"),
                "the page does not name the release"
            );
            Ok(device)
        });
        found.await.with_context(|| self.machine.service_log())
    }

    /// How many devices of that status the server has.
    pub(super) async fn count(&self, status: &str) -> anyhow::Result<usize> {
        let list = self
            .server
            .command(&["device", "list", "--status", status])
            .await?;
        Ok(list.lines().count() - 1)
    }

    pub(super) async fn query(&self, key: &str) -> anyhow::Result<String> {
        let output = self.machine.run("reg", &["query", key, "/s"]).await?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Has a policy of Windows send the machine to a WSUS server of that address.
    pub(super) async fn send_to_wsus(&self, url: &str) -> anyhow::Result<()> {
        let key = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate";
        let arguments = ["add", key, "/v", "WUServer", "/d", url, "/f"];
        let output = self.machine.run("reg", &arguments).await?;
        ensure!(output.status.success(), "reg {arguments:?}: {output:?}");
        Ok(())
    }
}
