//! `kill -9` of collectors, each a process of its own.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use rand::RngExt as _;
use sickbay_store::{Scope, Store};
use sickbay_tests::collector::{CollectorProcess, Kept};
use sickbay_tests::ledger::Account;
use sickbay_tests::server::Server;
use sickbay_tests::times;
use sickbay_tests::wait::eventually;

const COLLECTORS: usize = 4;
const WITHIN: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_of_a_collector_loses_no_report_that_it_had_made_and_repeats_none()
-> anyhow::Result<()> {
    let mut server = Server::start().await?;
    let store = server.store().await?;
    let mut collectors = Vec::new();
    for place in 1..=COLLECTORS {
        let mut collector = CollectorProcess::new(&server, &format!("PC-{place:04}")).await?;
        collector.run()?;
        collectors.push(collector);
    }
    eventually(WITHIN, async || {
        let counts = store.fleet_counts(&Scope::All).await?;
        let arrived = counts.active() - counts.never_reported;
        ensure!(
            arrived == COLLECTORS as u64,
            "{arrived} of {COLLECTORS} devices have reported"
        );
        Ok(())
    })
    .await?;

    let mut made = [0; COLLECTORS];
    for round in 0..times(3, 20) {
        let place = round % COLLECTORS;
        // All of them have something to tell when one is killed.
        for collector in &mut collectors {
            collector.change()?;
        }
        let kept = if (round + round / COLLECTORS).is_multiple_of(2) {
            kill_with_a_report_under_way(&server, &mut collectors[place]).await?
        } else {
            kill_at_any_moment(&mut collectors[place]).await?
        };
        let newest = kept.acknowledged + kept.waiting as u64;
        ensure!(
            newest >= made[place],
            "reports up to {} were made, and {kept:?} is left",
            made[place]
        );
        made[place] = newest;
        let account = account(&*store, &kept).await?;
        ensure!(
            account.sequence >= kept.acknowledged,
            "the server ends with report {}, and {kept:?}",
            account.sequence
        );
        account.has_one_row_a_report()?;
        collectors[place].run()?;
    }

    for (collector, made) in collectors.iter_mut().zip(made) {
        collector.change()?;
        let machine = collector.machine();
        let device = device_of(collector).await?;
        let account = eventually(WITHIN, async || {
            let account = Account::of(&*store, &device).await?;
            account.agrees_with(&machine)?;
            Ok(account)
        })
        .await?;
        account.has_one_row_a_report()?;
        ensure!(
            account.sequence > made,
            "report {made} had been made, and the server ends with {}",
            account.sequence
        );
        collector.done().await?;
    }
    server.stop().await
}

/// Kills the collector while the server, which is halted, has not answered its newest report.
async fn kill_with_a_report_under_way(
    server: &Server,
    collector: &mut CollectorProcess,
) -> anyhow::Result<Kept> {
    server.halt()?;
    let waits = eventually(WITHIN, async || {
        ensure!(
            collector.has_reports_waiting()?,
            "no report waits for the halted server"
        );
        Ok(())
    })
    .await;
    let killed = collector.kill().await;
    server.go_on()?;
    waits.and(killed)?;
    let kept = collector.kept()?;
    ensure!(
        kept.waiting > 0,
        "no report was under way when the collector was killed"
    );
    Ok(kept)
}

/// Kills the collector somewhere between the change of its machine and the end of the report about it.
async fn kill_at_any_moment(collector: &mut CollectorProcess) -> anyhow::Result<Kept> {
    let moment = rand::rng().random_range(Duration::ZERO..Duration::from_millis(700));
    tokio::time::sleep(moment).await;
    collector.kill().await?;
    collector.kept()
}

async fn account(store: &dyn Store, kept: &Kept) -> anyhow::Result<Account> {
    Account::of(
        store,
        kept.device
            .as_deref()
            .context("the collector has forgotten its device")?,
    )
    .await
}

/// The device of a running collector, which is interrupted for that.
async fn device_of(collector: &mut CollectorProcess) -> anyhow::Result<String> {
    collector.kill().await?;
    let device = collector
        .kept()?
        .device
        .context("the collector has forgotten its device")?;
    collector.run()?;
    Ok(device)
}
