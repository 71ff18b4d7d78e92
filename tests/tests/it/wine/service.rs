//! The collector as a Windows service, through what happens to machines: no server, no network, broken files, policies in motion.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use sickbay_tests::wait::eventually;
use sickbay_tests::wine::service::{POLICY, policy_file};

use super::site::{REPORTED, Site};

/// The product's promise, and how much a `net stop` under Wine takes by itself.
const STOPPED: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_lives_through_stops_a_server_that_is_away_and_files_that_are_broken()
-> anyhow::Result<()> {
    let mut site = Site::new().await?;
    site.machine.install_service().await?;
    let first = site.reported(1).await?;
    let took = site.machine.stop_service().await?;
    ensure!(took < STOPPED, "it took {took:?} to stop");
    site.logged("Sickbay Collector stopped.").await?;

    // The server is away while the machine starts, and comes back.
    site.server.kill().await?;
    site.machine.start_service().await?;
    site.logged("not reporting").await?;
    let took = site.machine.stop_service().await?;
    ensure!(took < STOPPED, "it took {took:?} to stop without a server");

    // What it could not report was kept; a file that a broken disk returns differently is set aside, and everything is told again.
    site.send_to_wsus("http://a:8530").await?;
    site.machine.start_service().await?;
    let spool = site.machine.state().join("spool");
    let waiting = eventually(REPORTED, async || {
        let files = std::fs::read_dir(&spool)?
            .flatten()
            .map(|entry| entry.path());
        let mut reports = files.filter(|path| path.extension().is_some_and(|e| e == "report"));
        reports.next().context("no report waits")
    })
    .await
    .with_context(|| site.machine.service_log())?;
    site.machine.stop_service().await?;
    let mut bytes = std::fs::read(&waiting)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&waiting, bytes)?;
    site.server.run().await?;
    site.machine.start_service().await?;
    site.logged("a report in the spool could not be used and was set aside")
        .await?;
    site.device_says("http://a:8530").await?;
    let again = site.reported(1).await?;
    ensure!(again[0]["id"] == first[0]["id"], "{again:?}");

    // A key that Windows cannot open any more: the machine enrols again, and says why.
    site.machine.stop_service().await?;
    let key = site.machine.state().join("key.sealed");
    let sealed = std::fs::read(&key)?;
    ensure!(
        !String::from_utf8_lossy(&sealed).contains("PRIVATE KEY"),
        "the key stands in its file as it is"
    );
    let (whole, broken) = (sealed.len(), sealed[..sealed.len() - 40].to_vec());
    ensure!(whole > 100, "{whole} bytes");
    std::fs::write(&key, broken)?;
    site.machine.start_service().await?;
    site.logged("Windows cannot open its seal").await?;
    let both = site.reported(2).await?;
    ensure!(
        both.iter().any(|device| device["id"] == first[0]["id"]),
        "{both:?}"
    );
    site.server.stop().await
}

/// No time limit helps against a library that ends the whole program: the next start leaves out what asked it, and says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_that_ends_the_service_is_left_out_by_the_next_start() -> anyhow::Result<()> {
    let mut site = Site::without_policy().await?;
    site.machine = site.machine.with_stand_ins().await?;
    site.machine.stand_in("Servicing", "crash").await?;
    site.machine.set_policy(&site.server).await?;
    site.machine.install_service().await?;
    let crashes = site.machine.state().join("crashes");
    eventually(REPORTED, async || {
        let line = std::fs::read_to_string(&crashes)?;
        ensure!(
            line.contains(r#""check":"component_store","what":"exception 0xC0000005 at 0x"#),
            "{line:?}"
        );
        Ok(())
    })
    .await
    .with_context(|| site.machine.service_log())?;
    // Under Wine nobody starts a service again that ended by itself.
    eventually(REPORTED, async || site.machine.start_service().await).await?;
    site.reported(1).await?;
    site.logged("It then ran the check component_store, which is left out until")
        .await?;
    site.device_says("the collector ended while it ran this check at")
        .await?;
    site.device_says("exception 0xC0000005").await?;
    let told = std::fs::read_to_string(&crashes)?;
    ensure!(
        told.lines().count() == 1 && told.contains(r#""told":true"#),
        "{told:?}"
    );
    site.server.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_waits_for_its_policy_and_keeps_its_session_while_the_policy_is_rewritten()
-> anyhow::Result<()> {
    let mut site = Site::new().await?;
    // Installed before the policy arrives.
    site.machine.run("reg", &["delete", POLICY, "/f"]).await?;
    site.machine.install_service().await?;
    site.logged("No server is set").await?;
    let (token, pin) = (
        site.server.enrolment_token().await?,
        site.server.ca_pin().await?,
    );
    let policy = policy_file(&site.server.collectors_url(), &token, &pin);
    site.machine.import_text("policy.reg", &policy).await?;
    site.reported(1).await?;

    site.logged("session established").await?;
    // Rewritten as a refresh does, and then taken away.
    let before = site
        .machine
        .service_log()
        .matches("session established")
        .count();
    for _ in 0..3 {
        site.machine.run("reg", &["delete", POLICY, "/f"]).await?;
        site.machine.import_text("policy.reg", &policy).await?;
    }
    site.machine.run("reg", &["delete", POLICY, "/f"]).await?;
    // Longer than any settling.
    tokio::time::sleep(Duration::from_secs(3)).await;
    site.send_to_wsus("http://a:8530").await?;
    site.device_says("http://a:8530").await?;
    let after = site
        .machine
        .service_log()
        .matches("session established")
        .count();
    ensure!(
        before == 1 && after == 1,
        "{after} sessions: {}",
        site.machine.service_log()
    );

    // Stopped and sealed, it holds no identity, and gets none before the next start of Windows.
    site.machine.import_text("policy.reg", &policy).await?;
    let refused = site.machine.collector(&["seal"]).await?;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    ensure!(
        refused.status.code() == Some(65) && said.contains("net stop SickbayCollector"),
        "{refused:?}"
    );
    site.machine.stop_service().await?;
    let sealed = site.machine.collector(&["seal"]).await?;
    ensure!(sealed.status.success(), "{sealed:?}");
    ensure!(
        !site.machine.state().join("key.sealed").exists(),
        "the key is still there"
    );
    site.machine.start_service().await?;
    site.logged("This machine was sealed to be copied").await?;
    ensure!(
        !site.machine.state().join("identity.json").exists(),
        "it enrolled"
    );
    site.server.stop().await
}

/// Anybody may make folders under ProgramData, and whoever makes the service's own first could know the key that it would use, or put
/// another folder in its place later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_somebody_else_made_is_set_aside_and_nothing_in_it_is_trusted()
-> anyhow::Result<()> {
    for above_too in [false, true] {
        let mut site = Site::new().await?;
        let state = site.machine.state();
        let above = state.parent().context("Sickbay's own folder")?.to_owned();
        std::fs::create_dir_all(&state)?;
        let planted = state.join("key.sealed");
        std::fs::write(&planted, "a key that somebody knows")?;
        let nobody = Some(rustix::process::Uid::from_raw(65_534));
        let given: &[_] = if above_too {
            &[&planted, &state, &above]
        } else {
            &[&planted, &state]
        };
        for path in given {
            // Only root can give files away; anybody else could not show this.
            rustix::fs::chown(*path, nobody, None).context("this test needs root, as CI has it")?;
        }
        site.machine.install_service().await?;
        site.reported(1).await?;
        site.logged("was not made by SYSTEM or an administrator")
            .await?;
        let aside = if above_too {
            above.with_file_name("Sickbay.not-ours-1").join("Collector")
        } else {
            state.with_file_name("Collector.not-ours-1")
        };
        let kept = std::fs::read_to_string(aside.join("key.sealed"))?;
        ensure!(kept == "a key that somebody knows", "{kept}");
        ensure!(
            std::fs::read(&planted)? != kept.as_bytes(),
            "the planted key is in use"
        );
        site.server.stop().await?;
    }
    Ok(())
}

/// A laptop's lid: everything on the machine halts while the world goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_slept_reports_again_soon_after_it_woke() -> anyhow::Result<()> {
    // Long enough for either side to find the other silent; in the suite for every change only long enough to have slept.
    let asleep = Duration::from_secs(if sickbay_tests::times(0, 1) == 1 {
        150
    } else {
        5
    });
    let mut site = Site::new().await?;
    site.machine.install_service().await?;
    site.reported(1).await?;
    site.machine.halt()?;
    tokio::time::sleep(asleep).await;
    site.machine.go_on()?;
    site.send_to_wsus("http://a:8530").await?;
    // A connection that died in the meantime is found out by its probe, after 50 s at the latest.
    let found = eventually(Duration::from_secs(90), async || {
        site.device_says_now("http://a:8530").await
    });
    found.await.with_context(|| site.machine.service_log())?;
    site.server.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renamed_machine_stays_the_device_that_it_was() -> anyhow::Result<()> {
    const NAMES: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters";
    let mut site = Site::new().await?;
    site.machine.install_service().await?;
    let before = site.reported(1).await?;
    let rename = ["add", NAMES, "/v", "Hostname", "/d", "renamed-1", "/f"];
    site.machine.run("reg", &rename).await?;
    let renamed = eventually(REPORTED, async || {
        let after = site.reported(1).await?;
        ensure!(
            after[0]["id"] == before[0]["id"],
            "another device: {after:?}"
        );
        ensure!(after[0]["name"] == "renamed-1", "{after:?}");
        Ok(())
    });
    renamed.await.with_context(|| site.machine.service_log())?;
    site.server.stop().await
}
