//! Three servers on a Postgres that has a standby: servers are killed, and the primary, under load.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use sickbay_store::Store;
use sickbay_test_postgres::Pair;
use sickbay_tests::api::Visitor;
use sickbay_tests::fleet::{Fleet, Standing};
use sickbay_tests::ledger::newest_reports;
use sickbay_tests::machine::{ISSUE, address};
use sickbay_tests::replicas::Replicas;
use sickbay_tests::server::Server;
use sickbay_tests::times;
use sickbay_tests::wait::eventually;

use super::server_killed::{in_the_midst, was_under_way};

/// How long everybody may take to be connected again.
const BACK_WITHIN: Duration = Duration::from_mins(2);
/// How long pages of any server may be behind, once nothing changes any more.
const RIGHT_WITHIN: Duration = Duration::from_secs(10);
/// Reports that must be under way before a kill counts.
const UNDER_WAY: usize = 2;
/// Machines of which every page is looked at.
const LOOKED_AT: usize = 20;

#[expect(
    clippy::print_stderr,
    reason = "the figures, for whoever wants to see them"
)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_of_servers_and_of_the_primary_loses_no_acknowledged_report() -> anyhow::Result<()> {
    let (collectors, kills, failovers) = (times(120, 3_000), times(2, 10), times(1, 5));
    // Some 100 changes a second.
    let pause = Duration::from_millis(times(1_500, 60_000) as u64);
    let mut pair = tokio::task::spawn_blocking(|| {
        let pair = Pair::start()?;
        pair.primary().create("fleet", None)?;
        anyhow::Ok(pair)
    })
    .await??;
    let mut replicas = Replicas::start(3, &pair.url("fleet")).await?;
    let url = replicas.url();
    let mut fleet = Fleet::join_through(&replicas.servers[0], &url, collectors).await?;
    let changing = fleet.keep_changing(pause)?;

    // A server may have answered all that was under way; such a kill is no test, and is tried again.
    let (mut hits, mut tries) = (0, 0);
    let (mut back, mut resumed) = (Vec::new(), Vec::new());
    while hits < kills {
        ensure!(
            tries < kills * 4,
            "only {hits} of {tries} kills met reports that were under way"
        );
        let victim = tries % replicas.servers.len();
        tries += 1;
        let before = in_the_midst(&fleet, UNDER_WAY).await?;
        replicas.servers[victim].kill().await?;
        let killed = Instant::now();
        let after = fleet.standings()?;
        let mut both = before.iter().zip(&after);
        hits += usize::from(both.any(|(before, after)| was_under_way(*before, *after)));
        let other = &replicas.servers[(victim + 1) % 3];
        acknowledged_is_there(&fleet, &after, &*other.store().await?).await?;
        all_are_back(&fleet).await?;
        back.push(killed.elapsed());
        replicas.servers[victim].run().await?;
    }

    for _ in 0..failovers {
        in_the_midst(&fleet, UNDER_WAY).await?;
        let began = Instant::now();
        pair = tokio::task::spawn_blocking(move || {
            pair.fail_over()?;
            anyhow::Ok(pair)
        })
        .await??;
        let at_failover = fleet.standings()?;
        let store = replicas.servers[0].store().await?;
        acknowledged_is_there(&fleet, &at_failover, &*store).await?;
        // Acknowledgements go on.
        eventually(BACK_WITHIN, async || {
            let now = fleet.standings()?;
            let heard = now
                .iter()
                .zip(&at_failover)
                .filter(|(now, then)| now.acknowledged > then.acknowledged)
                .count();
            ensure!(
                heard > collectors / 10,
                "{heard} collectors had a report acknowledged since"
            );
            Ok(())
        })
        .await
        .with_context(|| format!("{:?} after the primary was killed", began.elapsed()))?;
        resumed.push(began.elapsed());
        all_are_back(&fleet).await?;
        pair = tokio::task::spawn_blocking(move || {
            pair.follow()?;
            anyhow::Ok(pair)
        })
        .await??;
    }

    let acknowledged: u64 = fleet.standings()?.iter().map(|s| s.acknowledged).sum();
    eprintln!(
        "{collectors} collectors, {acknowledged} reports acknowledged; all were back after a server was killed within {back:.1?}; a tenth \
         of them had another report acknowledged after the primary was killed within {resumed:.1?}"
    );
    changing.stop().await?;
    let store = replicas.servers[2].store().await?;
    for account in fleet.is_told(&*store, BACK_WITHIN).await? {
        account.is_without_gaps_and_repeats()?;
    }
    let still = Instant::now();
    for server in &replicas.servers {
        pages_are_right(server, &fleet).await?;
    }
    eprintln!(
        "pages of all servers were right within {:.1?}",
        still.elapsed()
    );
    fleet.stop().await?;
    for server in &mut replicas.servers {
        server.stop().await?;
    }
    drop(pair);
    Ok(())
}

/// Every acknowledged report is in the database. That nothing is missing between them and nothing came twice is looked at in the end.
async fn acknowledged_is_there(
    fleet: &Fleet,
    after: &[Standing],
    store: &dyn Store,
) -> anyhow::Result<()> {
    let newest = newest_reports(store).await?;
    for (member, standing) in fleet.members.iter().zip(after) {
        let id = member.device()?;
        let kept = newest.get(&id).copied().unwrap_or_default();
        ensure!(
            kept >= standing.acknowledged,
            "report {} of {id} was acknowledged and the database ends with {kept}",
            standing.acknowledged
        );
    }
    Ok(())
}

async fn all_are_back(fleet: &Fleet) -> anyhow::Result<()> {
    eventually(BACK_WITHIN, async || {
        let now = fleet.standings()?;
        let gone = now.iter().filter(|standing| !standing.live).count();
        ensure!(gone == 0, "{gone} collectors have no session");
        Ok(())
    })
    .await
}

/// What a server shows is what the machines are.
async fn pages_are_right(server: &Server, fleet: &Fleet) -> anyhow::Result<()> {
    let visitor = Visitor::with_token(&server.url(), &server.api_token().await?)?;
    eventually(RIGHT_WITHIN, async || {
        let issues = visitor.json("/api/v1/issues").await?;
        let issue = issues.as_array().and_then(|issues| {
            let mut issues = issues.iter();
            issues.find(|issue| issue["id"] == ISSUE)
        });
        let open = issue.map(|issue| issue["open"].clone());
        ensure!(
            open == Some(fleet.members.len().into()),
            "{open:?} devices have {ISSUE}"
        );
        Ok(())
    })
    .await?;
    for (place, member) in fleet.members.iter().enumerate().take(LOOKED_AT) {
        let name = format!("PC-{:04}", place + 1);
        let wanted = address(&name, member.machine.number());
        let path = format!("/api/v1/devices/{}", member.device()?);
        eventually(RIGHT_WITHIN, async || {
            let device = visitor.json(&path).await?;
            ensure!(device["connected"] == true, "{name} is not connected");
            ensure!(device.to_string().contains(&wanted), "{wanted} is missing");
            Ok(())
        })
        .await?;
    }
    Ok(())
}
