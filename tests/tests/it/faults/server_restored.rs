//! A server whose database is replaced by an older copy.

use std::time::Duration;

use anyhow::ensure;
use sickbay_test_postgres::Database;
use sickbay_tests::fleet::Fleet;
use sickbay_tests::server::{DATABASE, Server};

/// How long a restored server may show old facts.
const RIGHT_AGAIN_WITHIN: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_restored_from_an_older_copy_has_all_facts_right_again_within_seconds()
-> anyhow::Result<()> {
    let mut server = Server::start().await?;
    let mut fleet = Fleet::join(&server, 30).await?;
    change_all(&fleet, 3).await?;
    fleet
        .is_told(&*server.store().await?, Duration::from_secs(30))
        .await?;
    server.stop().await?;
    let older = server.durable()?;

    server.run().await?;
    change_all(&fleet, 4).await?;
    let newer = fleet
        .is_told(&*server.store().await?, Duration::from_secs(30))
        .await?;
    server.kill().await?;
    server.restore(&older)?;
    let old = older.store().await?;
    for (member, newer) in fleet.members.iter().zip(&newer) {
        let old = member.account(&*old).await?;
        ensure!(
            old.sequence < newer.sequence,
            "the copy is not older: it ends with report {}",
            old.sequence
        );
    }
    // Half of the machines change while their server is away, the others have nothing new to tell.
    for member in fleet.members.iter().step_by(2) {
        member.change().await?;
    }

    server.run().await?;
    let store = server.store().await?;
    let restored = fleet.is_told(&*store, RIGHT_AGAIN_WITHIN).await?;
    for (account, newer) in restored.iter().zip(&newer) {
        account.is_without_repeats()?;
        ensure!(
            account.sequence > newer.sequence,
            "report {} was given to something else before",
            account.sequence
        );
    }

    // From here on it goes on as ever: each change is one report and one row.
    change_all(&fleet, 2).await?;
    for (account, restored) in fleet
        .is_told(&*store, Duration::from_secs(30))
        .await?
        .iter()
        .zip(&restored)
    {
        account.is_without_repeats()?;
        ensure!(
            account.sequence == restored.sequence + 2,
            "two changes made reports up to {}",
            account.sequence
        );
        ensure!(
            account.told.len() == restored.told.len() + 2,
            "two changes made rows {:?}",
            account.told
        );
        ensure!(
            account.epoch == restored.epoch,
            "the epoch changed without need"
        );
    }
    fleet.stop().await?;
    server.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_enrolled_after_the_copy_was_made_enrols_again_by_itself()
-> anyhow::Result<()> {
    let mut server = Server::start().await?;
    let mut fleet = Fleet::join(&server, 1).await?;
    server.stop().await?;
    let older = server.durable()?;
    server.run().await?;
    fleet.one_more().await?;
    let before = fleet.members[1].device()?;
    server.stop().await?;
    server.restore(&older)?;
    server.run().await?;

    for account in fleet
        .is_told(&*server.store().await?, RIGHT_AGAIN_WITHIN)
        .await?
    {
        account.is_without_repeats()?;
    }
    let after = fleet.members[1].device()?;
    ensure!(
        after != before,
        "the restored server knew device {before} all the same"
    );
    fleet.stop().await?;
    server.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_made_while_the_fleet_reported_is_put_back_and_the_fleet_is_right_again()
-> anyhow::Result<()> {
    let mut server = Server::start().await?;
    let mut fleet = Fleet::join(&server, 30).await?;
    change_all(&fleet, 2).await?;
    let folder = tempfile::tempdir()?;
    let backup = folder.path().join("yesterday").display().to_string();
    // Reports come in while it is made.
    let words = ["backup", "--to", &backup];
    let (made, changed) = tokio::join!(server.command(&words), change_all(&fleet, 3));
    ensure!(
        made?.contains("read back and compared"),
        "the backup says how it went"
    );
    changed?;
    // Some had told everything before the backup looked at them; now it lacks something of everybody.
    change_all(&fleet, 1).await?;
    let newer = fleet
        .is_told(&*server.store().await?, Duration::from_secs(30))
        .await?;
    let before = fleet.members[0].device()?;
    fleet.one_more().await?;
    let said = server
        .refused_command(&["restore", "--from", &backup, "--replace"])
        .await?;
    ensure!(said.contains("stop the server first"), "{said}");

    server.stop().await?;
    // Half of the machines change while their server is away.
    for member in fleet.members.iter().step_by(2) {
        member.change().await?;
    }
    server
        .command(&["restore", "--from", &backup, "--replace"])
        .await?;
    server.run().await?;
    let store = server.store().await?;
    let restored = fleet.is_told(&*store, RIGHT_AGAIN_WITHIN).await?;
    for account in &restored {
        account.is_without_repeats()?;
    }
    for (account, newer) in restored.iter().zip(&newer) {
        ensure!(
            account.sequence > newer.sequence,
            "report {} was given to something else before",
            account.sequence
        );
    }
    ensure!(
        fleet.members[0].device()? == before,
        "who was in the backup stays who it is"
    );
    fleet.stop().await?;
    server.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_goes_on_when_its_server_moves_to_postgres_and_a_backup_brings_it_back()
-> anyhow::Result<()> {
    let mut server = Server::start().await?;
    let mut fleet = Fleet::join(&server, 10).await?;
    change_all(&fleet, 2).await?;
    let before = fleet
        .is_told(&*server.store().await?, RIGHT_AGAIN_WITHIN)
        .await?;
    server.stop().await?;

    let database = tokio::task::spawn_blocking(Database::empty).await??;
    // A socket asks for no password; one is given all the same, to see that nobody is told.
    let there = database.url().replacen("sickbay@", "sickbay:hunter2@", 1);
    let here = format!(
        "sqlite://{}",
        server.data_dir().join("sickbay.db").display()
    );
    server
        .command(&["migrate", "--from", &here, "--to", &there])
        .await?;
    server.set(DATABASE, &there);
    server.run().await?;
    change_all(&fleet, 1).await?;
    let moved = fleet
        .is_told(&*server.store().await?, RIGHT_AGAIN_WITHIN)
        .await?;
    for (moved, before) in moved.iter().zip(&before) {
        moved.is_without_repeats()?;
        ensure!(
            moved.epoch == before.epoch,
            "nobody had to send everything again"
        );
    }
    ensure!(
        !server.log()?.contains("hunter2"),
        "the log tells the password"
    );

    let folder = tempfile::tempdir()?;
    let backup = folder.path().join("of-postgres").display().to_string();
    let words = ["backup", "--to", &backup];
    let (made, changed) = tokio::join!(server.command(&words), change_all(&fleet, 3));
    ensure!(!made?.contains("hunter2"), "the backup tells the password");
    changed?;
    fleet
        .is_told(&*server.store().await?, RIGHT_AGAIN_WITHIN)
        .await?;
    server.stop().await?;
    server
        .command(&["restore", "--from", &backup, "--replace"])
        .await?;
    server.run().await?;
    for account in fleet
        .is_told(&*server.store().await?, RIGHT_AGAIN_WITHIN)
        .await?
    {
        account.is_without_repeats()?;
    }
    fleet.stop().await?;
    server.stop().await
}

async fn change_all(fleet: &Fleet, changes: usize) -> anyhow::Result<()> {
    for _ in 0..changes {
        for member in &fleet.members {
            member.change().await?;
        }
    }
    Ok(())
}
