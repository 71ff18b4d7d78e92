//! The installer on Windows machines that Wine plays: from a policy in the registry to the device's page, upgrade, uninstallation.

use std::time::{Duration, Instant};

use anyhow::ensure;
use sickbay_tests::wait::eventually;
use sickbay_tests::wine::service::SERVICE;

use super::site::{REPORTED, Site};

/// From the start of `msiexec` to the device's page.
const ON_THE_PAGE: Duration = Duration::from_secs(15);

const LOCAL: &str = r"HKLM\SOFTWARE\Sickbay\Collector";
const UNINSTALL: &str = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall";

/// Without properties, as group policy installs it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_is_on_its_page_seconds_after_msiexec_lives_through_an_upgrade_and_says_goodbye()
-> anyhow::Result<()> {
    let mut site = Site::without_policy().await?;
    site.machine.set_policy(&site.server).await?;
    let since = Instant::now();
    site.machine.msiexec(&["/i"], "collector.msi", &[]).await?;
    let device = site.device(ON_THE_PAGE).await?;
    let took = since.elapsed();
    ensure!(took < ON_THE_PAGE, "it took {took:?}");
    let programs = site.query(UNINSTALL).await?;
    let version = env!("CARGO_PKG_VERSION");
    ensure!(
        programs.contains("Sickbay Collector") && programs.contains(&format!("    {version}")),
        "{programs}"
    );
    let said = site
        .machine
        .run(
            r"C:\Program Files\Sickbay\Collector\sickbay-collector.exe",
            &["--version"],
        )
        .await?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    ensure!(said.trim().ends_with(version), "{said} is not {version}");
    let local = site.query(LOCAL).await?;
    ensure!(!local.contains("ServerUrls"), "{local}");

    // In place: who it is and what waits stay.
    site.machine
        .msiexec(&["/i"], "collector-next.msi", &[])
        .await?;
    eventually(REPORTED, async || {
        let log = site.machine.service_log();
        ensure!(log.matches("session established").count() == 2, "{log}");
        Ok(())
    })
    .await?;
    let after = site.device(REPORTED).await?;
    ensure!(after["id"] == device["id"], "{after} was {device}");
    ensure!(
        site.count("retired").await? == 0,
        "the upgrade retired the device"
    );
    let programs = site.query(UNINSTALL).await?;
    ensure!(
        programs.matches("Sickbay Collector").count() == 1,
        "{programs}"
    );
    let older = site.machine.msiexec(&["/i"], "collector.msi", &[]).await;
    ensure!(older.is_err(), "an older version replaced a newer one");

    // A true uninstallation says goodbye, and leaves the folder without a key.
    site.machine
        .msiexec(&["/x"], "collector-next.msi", &[])
        .await?;
    ensure!(site.count("retired").await? == 1, "nobody said goodbye");
    ensure!(
        site.machine.state().is_dir(),
        "the state was not asked to be removed"
    );
    ensure!(
        !site.machine.state().join("key.sealed").exists(),
        "a key is left"
    );
    let service = format!(r"HKLM\SYSTEM\CurrentControlSet\Services\{SERVICE}");
    ensure!(
        !site.query(&service).await?.contains("ImagePath"),
        "the service is left"
    );
    site.server.stop().await
}

/// With properties, as a person installs it where there is no domain; and uninstalled for good.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn properties_are_remembered_over_an_upgrade_and_everything_goes_where_that_is_asked()
-> anyhow::Result<()> {
    let mut site = Site::without_policy().await?;
    let (url, token, pin) = (
        site.server.collectors_url(),
        site.server.enrolment_token().await?,
        site.server.ca_pin().await?,
    );
    let properties = [
        format!("SERVERURLS={url}"),
        format!("ENROLMENTTOKEN={token}"),
        format!("SERVERCAPINS={pin}"),
    ];
    let properties: Vec<&str> = properties.iter().map(String::as_str).collect();
    site.machine
        .msiexec(&["/i"], "collector.msi", &properties)
        .await?;
    let device = site.device(REPORTED).await?;
    site.machine
        .msiexec(&["/i"], "collector-next.msi", &[])
        .await?;
    let local = site.query(LOCAL).await?;
    for value in [&url, &token, &pin] {
        ensure!(
            local.contains(value.as_str()),
            "{value} was forgotten: {local}"
        );
    }
    ensure!(
        site.device(REPORTED).await?["id"] == device["id"],
        "another device"
    );
    site.machine
        .msiexec(&["/x"], "collector-next.msi", &["REMOVESTATE=1"])
        .await?;
    ensure!(!site.machine.state().exists(), "the state is left");
    ensure!(
        !site.query(LOCAL).await?.contains("EnrolmentToken"),
        "the token is left"
    );
    ensure!(site.count("retired").await? == 1, "nobody said goodbye");
    site.server.stop().await
}

/// The machine lost its power in the midst of an upgrade: the old version was gone, the new one not there yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_upgrade_is_mended_by_the_next_one() -> anyhow::Result<()> {
    let mut site = Site::without_policy().await?;
    site.machine.set_policy(&site.server).await?;
    site.machine.msiexec(&["/i"], "collector.msi", &[]).await?;
    let device = site.device(REPORTED).await?;
    let program = site
        .machine
        .drive_c()
        .join("Program Files/Sickbay/Collector/sickbay-collector.exe");
    let upgrading = site.machine.start_msiexec("collector-next.msi")?;
    // The moment between the two versions is short: it is looked for all the time, not every now and then.
    let gone = tokio::task::spawn_blocking(move || {
        let end = Instant::now() + REPORTED;
        while program.exists() {
            ensure!(
                Instant::now() < end,
                "the moment between the two versions was never seen"
            );
            std::thread::sleep(Duration::from_micros(200));
        }
        Ok(())
    });
    gone.await??;
    site.machine.restart().await?;
    drop(upgrading);
    ensure!(
        !site.machine.service_log().is_empty(),
        "the log went with it"
    );
    site.machine
        .msiexec(&["/i"], "collector-next.msi", &[])
        .await?;
    let sessions = eventually(REPORTED, async || {
        let log = site.machine.service_log();
        let sessions = log.matches("session established").count();
        ensure!(sessions >= 2, "{log}");
        Ok(sessions)
    });
    sessions.await?;
    ensure!(
        site.device(REPORTED).await?["id"] == device["id"],
        "another device"
    );
    ensure!(site.count("retired").await? == 0, "it said goodbye");
    site.server.stop().await
}
