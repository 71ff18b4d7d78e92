//! `self-test` on Windows machines that Wine plays: each thing that can be missing is named, with what to do.

use anyhow::{Context as _, ensure};
use serde_json::Value;
use sickbay_tests::api::Visitor;
use sickbay_tests::server::Server;
use sickbay_tests::wait::eventually;
use sickbay_tests::wine::service::POLICY;
use sickbay_tests::wine::{IDENTITY, Prefix};

/// The steps in their order: server, name, whether it is ok, and what was found with what to do.
struct Steps(Vec<(String, String, bool, String)>);

impl Steps {
    async fn of(machine: &Prefix) -> anyhow::Result<Self> {
        let output = machine
            .collector(&["self-test", "--format", "json"])
            .await?;
        let said: Value = serde_json::from_slice(&output.stdout)
            .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
        let text = |step: &Value, field: &str| step[field].as_str().unwrap_or_default().to_owned();
        let steps: Vec<_> = said
            .as_array()
            .into_iter()
            .flatten()
            .map(|step| {
                let found = format!("{} {}", text(step, "found"), text(step, "fix"));
                (
                    text(step, "server"),
                    text(step, "step"),
                    step["ok"] == true,
                    found,
                )
            })
            .collect();
        let all_ok = steps.iter().all(|(_, _, ok, _)| *ok);
        let status = output.status.code();
        ensure!(
            status == Some(i32::from(!all_ok)),
            "{status:?} for {steps:?}"
        );
        Ok(Self(steps))
    }

    fn says(&self, step: &str, ok: bool, text: &str) -> anyhow::Result<()> {
        let found = self.0.iter().find(|(_, name, _, _)| name == step);
        let (_, _, is_ok, found) =
            found.with_context(|| format!("{step} is not in {:?}", self.0))?;
        ensure!(
            *is_ok == ok && found.contains(text),
            "{step}: ok is {is_ok}, {found:?}"
        );
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_thing_that_keeps_a_machine_from_reporting_is_named() -> anyhow::Result<()> {
    let mut server = Server::start().await?;
    let machine = Prefix::new().await?;
    machine.import_text("identity.reg", IDENTITY).await?;

    let bare = Steps::of(&machine).await?;
    bare.says("servers", false, "gpresult")?;
    bare.says("service", false, "there is no service SickbayCollector")?;
    bare.says("token", false, "sickbay-server token create")?;

    // The machine's own proxy, as `netsh winhttp set proxy` leaves it; nobody listens there.
    machine.set_policy(&server).await?;
    machine
        .import_text("proxy.reg", &winhttp("127.0.0.1:9", "*.exempt.example"))
        .await?;
    let proxied = Steps::of(&machine).await?;
    proxied.says("settings", true, "ServerUrls by group policy")?;
    proxied.says(
        "proxy",
        true,
        "http://127.0.0.1:9, as the machine's WinHTTP settings say",
    )?;
    proxied.says("tcp", false, "127.0.0.1:9")?;
    machine
        .run(
            "reg",
            &["add", POLICY, "/v", "ProxyUrl", "/d", "direct", "/f"],
        )
        .await?;
    let direct = Steps::of(&machine).await?;
    direct.says("proxy", true, "none, as ProxyUrl says")?;
    direct.says("tls", true, "ServerCaPins")?;
    direct.says("certificate", true, "none yet")?;

    machine
        .run(
            "reg",
            &[
                "add",
                POLICY,
                "/v",
                "ServerCaPins",
                "/d",
                &"ab".repeat(32),
                "/f",
            ],
        )
        .await?;
    Steps::of(&machine)
        .await?
        .says("tls", false, "sickbay-server ca show")?;
    machine
        .run(
            "reg",
            &[
                "add",
                POLICY,
                "/v",
                "LogLevel",
                "/t",
                "REG_DWORD",
                "/d",
                "3",
                "/f",
            ],
        )
        .await?;
    Steps::of(&machine)
        .await?
        .says("settings", false, "LogLevel in HKLM")?;
    machine
        .run("reg", &["delete", POLICY, "/v", "LogLevel", "/f"])
        .await?;

    // Enrolled, all is well; revoked, that is what is said.
    machine.set_policy(&server).await?;
    machine.install_service().await?;
    let visitor = Visitor::with_token(&server.url(), &server.api_token().await?)?;
    let id = eventually(std::time::Duration::from_secs(20), async || {
        let devices = visitor.json("/api/v1/devices").await?;
        ensure!(devices["items"][0]["release"].is_string(), "{devices}");
        Ok(devices["items"][0]["id"]
            .as_str()
            .unwrap_or_default()
            .to_owned())
    })
    .await?;
    let well = Steps::of(&machine).await?;
    well.says("service", true, "runs")?;
    well.says("certificate", true, &id)?;
    ensure!(well.0.iter().all(|(_, _, ok, _)| *ok), "{:?}", well.0);
    server.command(&["device", "revoke", &id]).await?;
    let revoked = eventually(std::time::Duration::from_secs(20), async || {
        let steps = Steps::of(&machine).await?;
        steps.says("certificate", false, "revoked")?;
        steps.says("last error", false, "revoked")
    });
    revoked.await?;
    server.stop().await
}

/// A .reg file with the machine's own proxy in the form that Windows keeps.
pub(super) fn winhttp(proxy: &str, bypass: &str) -> String {
    let number = |number: usize| u32::try_from(number).unwrap_or(0).to_le_bytes();
    let mut bytes = Vec::new();
    for (head, text) in [(&[0x18_u32, 0, 3][..], proxy), (&[], bypass)] {
        bytes.extend(head.iter().flat_map(|head| head.to_le_bytes()));
        bytes.extend(number(text.len()));
        bytes.extend(text.as_bytes());
    }
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "REGEDIT4\r\n\r\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Internet Settings\\Connections]\r\n\
         \"WinHttpSettings\"=hex:{}\r\n",
        bytes.join(",")
    )
}
