//! The CA is rotated under a fleet that goes on reporting; one collector sleeps through all of it.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use sickbay_store::{AuditQuery, DeviceStatus, Page, Scope};
use sickbay_tests::fleet::{Fleet, Member};
use sickbay_tests::server::Server;
use sickbay_tests::times;
use sickbay_tests::wait::eventually;

const COLLECTORS: usize = 200;
/// Over which a fleet spreads its renewals here, in seconds; an hour unless told otherwise.
const SPREAD: &str = "3";
const MOVED_WITHIN: Duration = Duration::from_mins(1);
const TOLD_WITHIN: Duration = Duration::from_mins(1);

/// Waits until `ca status` says this.
async fn says(server: &Server, what: &str) -> anyhow::Result<()> {
    eventually(MOVED_WITHIN, async || {
        let said = server.command(&["ca", "status"]).await?;
        ensure!(said.contains(what), "it says\n{said}\nand not {what:?}");
        Ok(())
    })
    .await
}

async fn rotate(server: &Server, words: &[&str]) -> anyhow::Result<String> {
    server.command(&[&["ca", "rotate"], words].concat()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_moves_to_another_ca_and_a_sleeper_comes_home_after_the_old_one_is_retired()
-> anyhow::Result<()> {
    let mut server = Server::start().await?;
    server.stop().await?;
    server.set("SICKBAY_COLLECTORS_ROTATION_SPREAD_S", SPREAD);
    server.run().await?;
    let mut fleet = Fleet::join(&server, COLLECTORS).await?;
    let store = server.store().await?;
    let ids = |fleet: &Fleet| -> anyhow::Result<Vec<String>> {
        fleet.members.iter().map(Member::device).collect()
    };
    let before = ids(&fleet)?;
    let old_pin = server.ca_pin().await?;
    fleet.members[0].stop().await?;
    let awake = COLLECTORS - 1;
    // Those who are awake report all the while.
    let sleeper = fleet.members.remove(0);
    let changing = fleet.keep_changing(Duration::from_secs(times(4, 1) as u64))?;

    let early = server.refused_command(&["ca", "rotate", "switch"]).await?;
    ensure!(early.contains("announce"), "{early}");
    rotate(&server, &["announce"]).await?;
    says(&server, &format!("Announced: {awake} of {COLLECTORS}")).await?;
    let pins = server.ca_pin().await?;
    let pins: Vec<&str> = pins.lines().collect();
    ensure!(
        pins.len() == 2 && pins[1] == old_pin && pins[0] != old_pin,
        "both pins are shown, the newer one first: {pins:?}"
    );
    // A step back is possible, and forth again.
    rotate(&server, &["back-out"]).await?;
    says(&server, "No rotation is under way").await?;
    rotate(&server, &["announce"]).await?;
    says(&server, &format!("Announced: {awake} of {COLLECTORS}")).await?;
    rotate(&server, &["switch"]).await?;
    says(&server, &format!("Switched: {awake} of {COLLECTORS}")).await?;
    let held = server.refused_command(&["ca", "rotate", "retire"]).await?;
    ensure!(
        held.contains(&format!("1 of {COLLECTORS} active devices")),
        "{held}"
    );
    rotate(&server, &["retire", "--force"]).await?;
    let new_pin = server.ca_pin().await?;
    ensure!(!new_pin.contains('\n') && new_pin != old_pin, "{new_pin}");
    ensure!(
        !server.data_dir().join("ca-key.pem").exists(),
        "the key of a retired CA is still there"
    );

    changing.stop().await?;
    fleet.is_told(&*store, TOLD_WITHIN).await?;
    // What is in force does not hang on the process that rotated.
    server.stop().await?;
    server.run().await?;
    fleet.members.insert(0, sleeper);
    fleet.members[0].start_again()?;
    eventually(TOLD_WITHIN, async || {
        let standing = fleet.members[0].standing()?;
        ensure!(standing.live, "the sleeper has not come home: {standing:?}");
        Ok(())
    })
    .await?;
    fleet.members[0].change().await?;
    fleet.is_told(&*store, TOLD_WITHIN).await?;

    ensure!(ids(&fleet)? == before, "a device became another one");
    let newest = store.ca().await?.pop().context("a generation")?;
    let progress = store.ca_progress(newest.since, newest.generation).await?;
    ensure!(
        progress.moved == COLLECTORS as u64 && progress.devices == COLLECTORS as u64,
        "{progress:?}"
    );
    ensure!(
        store.tokens().await?[0].uses == COLLECTORS as u32,
        "somebody enrolled again"
    );
    let page = Page {
        after: None,
        limit: 10,
    };
    let pending = store
        .devices_with_status(
            &Scope::All,
            DeviceStatus::Pending,
            &sickbay_diagnosis::filter::Filter::Everything,
            &page,
        )
        .await?;
    ensure!(pending.is_empty(), "somebody waits for approval");
    let recovered = store.audit(&AuditQuery::of(before[0].parse()?, 1)).await?;
    ensure!(recovered[0].action == "recovered", "{recovered:?}");
    for member in &fleet.members {
        let kept = std::fs::read_to_string(member.state_dir().join("identity.json"))?;
        let kept: serde_json::Value = serde_json::from_str(&kept)?;
        let trusted = kept["trusted_cas"].as_str().context("whom it trusts")?;
        let count = trusted.matches("BEGIN CERTIFICATE").count();
        ensure!(count <= 2, "{count} CAs are trusted");
    }
    // The last step changed whom to trust, so everyone asks once more; in the end the old CA is trusted by nobody.
    eventually(MOVED_WITHIN, async || {
        for (place, member) in fleet.members.iter().enumerate() {
            let kept = std::fs::read_to_string(member.state_dir().join("identity.json"))?;
            let kept: serde_json::Value = serde_json::from_str(&kept)?;
            let trusted = kept["trusted_cas"].as_str().context("whom it trusts")?;
            ensure!(
                trusted.matches("BEGIN CERTIFICATE").count() == 1,
                "collector {} still trusts the old CA",
                place + 1
            );
        }
        Ok(())
    })
    .await?;
    // A new machine is let in by the new pin.
    drop(fleet);
    let mut later = Fleet::join(&server, 1).await?;
    later.stop().await?;
    server.stop().await
}
