//! Secure Boot on a Windows machine that Wine plays. Wine answers as a machine that a BIOS started: it has no firmware variables.

use anyhow::{Context as _, ensure};
use serde_json::Value;
use sickbay_tests::wine::{IDENTITY, Prefix};

use super::inspect::json;

const KEY: &str = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\SecureBoot";

/// A machine of Windows 10.
async fn machine() -> anyhow::Result<Prefix> {
    let machine = Prefix::new().await?;
    machine.import_text("identity.reg", IDENTITY).await?;
    Ok(machine)
}

/// The facts, and the verdict.
async fn looked(machine: &Prefix) -> anyhow::Result<(Value, Value)> {
    let said = json(&machine.collector(&["inspect", "--format", "json"]).await?)?;
    let verdicts = said["verdicts"].as_array().context("verdicts")?;
    let verdict = verdicts
        .iter()
        .find(|verdict| verdict["issue"] == "secure-boot-certificates-outdated")
        .context("the issue is decided")?;
    Ok((said["facts"]["secure_boot"].clone(), verdict.clone()))
}

#[tokio::test]
async fn a_machine_without_firmware_variables_says_so_and_its_registry_is_read()
-> anyhow::Result<()> {
    let machine = machine().await?;
    let (facts, verdict) = looked(&machine).await?;
    ensure!(facts["state"] == "no-uefi", "{facts:#}");
    ensure!(facts["db"].is_null(), "{facts:#}");
    ensure!(verdict["state"] == "not-applicable", "{verdict:#}");

    // Windows says that Secure Boot is on, and no variable bears it out.
    let on =
        format!("REGEDIT4\r\n\r\n[{KEY}\\State]\r\n\"UEFISecureBootEnabled\"=dword:00000001\r\n");
    machine.import_text("on.reg", &on).await?;
    let (facts, verdict) = looked(&machine).await?;
    ensure!(facts["state"] == "on", "{facts:#}");
    ensure!(verdict["state"] == "unknown", "{verdict:#}");

    let failed = format!(
        "REGEDIT4\r\n\r\n[{KEY}]\r\n\"AvailableUpdates\"=dword:00005944\r\n\r\n[{KEY}\\Servicing]\r\n\
         \"UEFICA2023Status\"=\"InProgress\"\r\n\"UEFICA2023Error\"=dword:80070013\r\n"
    );
    machine.import_text("failed.reg", &failed).await?;
    let (facts, verdict) = looked(&machine).await?;
    ensure!(facts["status"] == "InProgress", "{facts:#}");
    ensure!(facts["steps_left"] == 0x1944, "{facts:#}");
    ensure!(verdict["state"] == "open", "{verdict:#}");
    let cause = &verdict["causes"][0]["key"];
    ensure!(*cause == "failed 0x80070013", "{verdict:#}");
    Ok(())
}
