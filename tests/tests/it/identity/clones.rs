//! Two machines with one key: a copied state folder. And what is no copy, although it looks like one.

use std::time::Duration;

use anyhow::ensure;
use sickbay_store::{AuditQuery, Scope, Store, action};
use sickbay_tests::fleet::Fleet;
use sickbay_tests::machine::NumberedMachine;
use sickbay_tests::proxy::Proxy;
use sickbay_tests::server::Server;
use sickbay_tests::wait::eventually;

/// Two collectors push each other out every five seconds, and two turns may be needed.
const TOLD_APART_WITHIN: Duration = Duration::from_secs(90);
const TOLD_WITHIN: Duration = Duration::from_secs(30);

async fn lines(store: &dyn Store, what: &str) -> anyhow::Result<Vec<String>> {
    let record = store.audit(&AuditQuery::newest(1_000)).await?;
    let lines = record.into_iter().filter(|line| line.action == what);
    Ok(lines.map(|line| line.detail).collect())
}

/// A collector, and one on a copy of its folder whose machine has this firmware: they become two devices, and both are seen.
async fn a_copy_becomes_a_device_of_its_own(firmware: &str) -> anyhow::Result<Vec<String>> {
    let mut server = Server::start().await?;
    let mut fleet = Fleet::join(&server, 2).await?;
    let store = server.store().await?;
    let original = fleet.members[0].device()?;
    let bystander = fleet.members[1].device()?;
    fleet.members[0].stop().await?;
    fleet.start_copy(0, NumberedMachine::with_firmware("PC-COPY", firmware))?;
    fleet.members[0].start_again()?;

    eventually(TOLD_APART_WITHIN, async || {
        let (one, two) = (fleet.members[0].device()?, fleet.members[2].device()?);
        ensure!(one != two, "both are device {one}");
        let counts = store.fleet_counts(&Scope::All).await?;
        ensure!(counts.active() == 3, "{counts:?}");
        Ok(())
    })
    .await?;
    // Neither shadows the other: each says something new, and both are known.
    for place in [0, 2] {
        fleet.members[place].change().await?;
    }
    fleet.is_told(&*store, TOLD_WITHIN).await?;
    let ids = [fleet.members[0].device()?, fleet.members[2].device()?];
    ensure!(ids.contains(&original), "nobody kept the device");
    ensure!(fleet.members[1].device()? == bystander);
    let told = lines(&*store, action::CLONED).await?;
    // The page of the device says so too.
    fleet.stop().await?;
    server.stop().await?;
    let mut says = told;
    says.push(ids[0].clone());
    says.push(original);
    Ok(says)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copied_disk_on_another_machine_is_named_and_the_original_keeps_the_device()
-> anyhow::Result<()> {
    let said = a_copy_becomes_a_device_of_its_own("firmware of another").await?;
    let [told, first, original] = said.as_slice() else {
        anyhow::bail!("told {} times", said.len() - 2);
    };
    ensure!(first == original, "the copy kept the device");
    ensure!(
        told.contains("the machine of firmware firmware of PC-0001 keeps it")
            && told.contains("the machine of firmware firmware of another has to enrol again"),
        "{told}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_whose_firmware_tells_nothing_is_named_too() -> anyhow::Result<()> {
    let said = a_copy_becomes_a_device_of_its_own("firmware of PC-0001").await?;
    ensure!(said.len() == 3, "told {} times", said.len() - 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_laptop_that_roams_and_leaves_half_open_sessions_behind_is_no_clone() -> anyhow::Result<()>
{
    let mut server = Server::start().await?;
    let proxy = Proxy::start(server.collectors_address()).await?;
    let mut fleet = Fleet::join_through(&server, &proxy.url(), 3).await?;
    let store = server.store().await?;
    for round in 0..6 {
        // The server's answers are lost and the connection breaks at the collector's end only later: it comes back over another way.
        proxy.hold_answers(true);
        for member in &fleet.members {
            member.machine.next();
        }
        proxy.break_connections();
        proxy.hold_answers(false);
        if round % 2 == 1 {
            fleet.members[0].stop().await?;
            fleet.members[0].start_again()?;
        }
        for member in &fleet.members {
            member.change().await?;
        }
        fleet.is_told(&*store, TOLD_WITHIN).await?;
    }
    let cloned = lines(&*store, action::CLONED).await?;
    ensure!(cloned.is_empty(), "{cloned:?}");
    ensure!(store.fleet_counts(&Scope::All).await?.active() == 3);
    fleet.stop().await?;
    server.stop().await
}
