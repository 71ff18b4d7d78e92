//! A collector whose state folder is replaced by an older copy, as a virtual machine that is set back to a snapshot.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use sickbay_store::{AuditQuery, action};
use sickbay_tests::fleet::{Fleet, copy_folder};
use sickbay_tests::server::Server;

const TOLD_WITHIN: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_set_back_to_an_older_state_begins_a_new_epoch_and_tells_nothing_twice()
-> anyhow::Result<()> {
    let mut server = Server::start().await?;
    let mut fleet = Fleet::join(&server, 6).await?;
    let store = server.store().await?;
    let snapshots = tempfile::tempdir().context("make a temporary folder")?;
    for (place, member) in fleet.members.iter_mut().enumerate() {
        member.change().await?;
        sickbay_tests::wait::eventually(TOLD_WITHIN, async || member.is_told(&*store).await)
            .await?;
        member.stop().await?;
        copy_folder(
            member.state_dir(),
            &snapshots.path().join(place.to_string()),
        )?;
        member.start_again()?;
        for _ in 0..3 {
            member.change().await?;
        }
    }
    let before = fleet.is_told(&*store, TOLD_WITHIN).await?;

    for (place, member) in fleet.members.iter_mut().enumerate() {
        member.stop().await?;
        std::fs::remove_dir_all(member.state_dir()).context("remove the newer state")?;
        copy_folder(
            &snapshots.path().join(place.to_string()),
            member.state_dir(),
        )?;
        // Half of the machines have something new to tell, the others show what the server knows already.
        if place % 2 == 0 {
            member.machine.next();
        }
        member.start_again()?;
    }
    let after = sickbay_tests::wait::eventually(TOLD_WITHIN, async || {
        let now = fleet.is_told(&*store, TOLD_WITHIN).await?;
        let same = now
            .iter()
            .zip(&before)
            .filter(|(now, before)| now.epoch == before.epoch)
            .count();
        ensure!(same == 0, "{same} collectors go on in their old epoch");
        Ok(now)
    })
    .await?;
    // One machine that came back is no second one.
    let record = store.audit(&AuditQuery::newest(1_000)).await?;
    let of = |what: &str| record.iter().filter(|line| line.action == what).count();
    ensure!(
        of(action::CLONED) == 0,
        "a set-back machine is called a clone"
    );
    ensure!(
        of(action::SET_BACK) == before.len(),
        "the record tells of {} machines that were set back",
        of(action::SET_BACK)
    );
    for (place, (after, before)) in after.iter().zip(&before).enumerate() {
        after.is_without_repeats()?;
        let new = usize::from(place % 2 == 0);
        ensure!(
            after.told.len() == before.told.len() + new,
            "after the snapshot the history tells {:?}",
            after.told
        );
    }
    fleet.stop().await?;
    server.stop().await
}
