//! Several servers on one Postgres.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::json;
use sickbay_store::{DeviceStatus, Scope};
use sickbay_test_postgres::Database;
use sickbay_tests::api::Visitor;
use sickbay_tests::fleet::Fleet;
use sickbay_tests::machine::{ISSUE, NumberedMachine, address};
use sickbay_tests::replicas::Replicas;
use sickbay_tests::server::Server;
use sickbay_tests::wait::eventually;

/// How long a request, a change or a revocation may take from one server to another.
const SOON: Duration = Duration::from_secs(5);
/// How long servers may take to notice that another one is gone.
const NOTICE_WITHIN: Duration = Duration::from_secs(30);

async fn database() -> anyhow::Result<Database> {
    tokio::task::spawn_blocking(Database::empty).await?
}

/// One visitor for each server, all with the same token.
async fn visitors(servers: &[Server]) -> anyhow::Result<Vec<Visitor>> {
    let token = servers[0].api_token().await?;
    servers
        .iter()
        .map(|server| Visitor::with_token(&server.url(), &token))
        .collect()
}

/// A number of `/metrics`.
async fn metric(server: &Server, name: &str) -> anyhow::Result<u64> {
    let text = Visitor::stranger(&server.health_url())?
        .text("/metrics")
        .await?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let value = line.with_context(|| format!("{name} is not told"))?;
    value
        .trim()
        .parse()
        .with_context(|| format!("{name} is {value}"))
}

/// The places of servers that lead.
async fn leaders(servers: &[Server]) -> anyhow::Result<Vec<usize>> {
    let mut leaders = Vec::new();
    for (place, server) in servers.iter().enumerate() {
        if metric(server, "sickbay_leads ").await? == 1 {
            leaders.push(place);
        }
    }
    Ok(leaders)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_a_page_and_a_device_meet_though_each_is_at_another_server() -> anyhow::Result<()>
{
    let database = database().await?;
    let mut replicas = Replicas::start(3, &database.url()).await?;
    let mut fleet = Fleet::join(&replicas.servers[0], 2).await?;
    for server in &replicas.servers[1..] {
        fleet.lead_to(&server.collectors_url())?;
        for _ in 0..2 {
            fleet.one_more().await?;
        }
    }
    let servers = &replicas.servers;
    for server in servers {
        eventually(SOON, async || {
            let others = metric(server, "sickbay_other_servers ").await?;
            ensure!(others == 2, "a server knows of {others} others");
            Ok(())
        })
        .await?;
    }
    ensure!(leaders(servers).await?.len() == 1, "one server leads");

    // A page at the first, a request at the second, the device at the third.
    let visitors = visitors(servers).await?;
    let member = &fleet.members[4];
    let id = member.device()?;
    let mut page = visitors[0].listen().await?;
    eventually(SOON, async || {
        let device = visitors[0].json(&format!("/api/v1/devices/{id}")).await?;
        ensure!(device["connected"] == true, "{}", device["connected"]);
        Ok(())
    })
    .await?;
    let mut seen = member.machine.seen();
    let number = member.machine.next();
    let asked = visitors[1]
        .post(&format!("/api/v1/devices/{id}/inspect"), &json!({}))
        .await?;
    ensure!(asked["asked"] == 1, "{asked}");
    tokio::time::timeout(SOON, seen.wait_for(|seen| *seen >= Some(number)))
        .await
        .context("the device was not asked")??;
    let regions = [format!("device:{id}"), format!("issue:{ISSUE}")];
    page.hears(&[&regions[0], &regions[1]], SOON).await?;
    let shown = visitors[0].text(&format!("/api/v1/devices/{id}")).await?;
    let wanted = address("PC-0005", number);
    ensure!(shown.contains(&wanted), "{wanted} is not shown: {shown}");

    // Everybody is asked at one server.
    let asked = visitors[0]
        .post("/api/v1/inspections", &json!({ "filter": "name:*" }))
        .await?;
    ensure!(asked["asked"] == 6, "{asked}");

    // A command beside them asks everybody, too, and waits for the answers.
    let said = servers[1].command(&["inspect", "--wait"]).await?;
    let wanted = "asked 6 of 6 devices\n\
                  looked again: 6; would not: 0; did not answer: 0";
    ensure!(said == wanted, "{said}");

    // A revocation at one server ends a session at another.
    let began = Instant::now();
    servers[0].command(&["device", "revoke", &id]).await?;
    let said = servers[0].command(&["inspect"]).await?;
    ensure!(said.starts_with("asked 5 of 5 devices"), "{said}");
    eventually(SOON, async || {
        ensure!(!member.standing()?.live, "its session goes on");
        Ok(())
    })
    .await?;
    ensure!(began.elapsed() < SOON, "it took {:?}", began.elapsed());
    let store = servers[1].store().await?;
    let detail = store.device(&Scope::All, id.parse()?).await?;
    let status = detail.context("it is known")?.row.identity.status;
    ensure!(status == DeviceStatus::Revoked, "it is {status:?}");

    fleet.stop().await?;
    for server in &mut replicas.servers {
        server.stop().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_machines_with_one_key_at_two_servers_are_told_apart() -> anyhow::Result<()> {
    let database = database().await?;
    let mut replicas = Replicas::start(2, &database.url()).await?;
    let mut fleet = Fleet::join(&replicas.servers[0], 1).await?;
    let original = fleet.members[0].device()?;
    fleet.members[0].stop().await?;
    // The copy speaks to the other server from its first word on.
    fleet.lead_to(&replicas.servers[1].collectors_url())?;
    fleet.start_copy(0, NumberedMachine::with_firmware("PC-0002", "another"))?;
    fleet.members[0].start_again()?;
    eventually(Duration::from_mins(1), async || {
        let (own, copy) = (&fleet.members[0], &fleet.members[1]);
        ensure!(own.standing()?.live, "the original has no session");
        ensure!(
            copy.device()? != original,
            "the copy goes by the original's name"
        );
        ensure!(own.device()? == original, "the original lost its name");
        Ok(())
    })
    .await?;
    fleet.stop().await?;
    for server in &mut replicas.servers {
        server.stop().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_leader_ends_another_server_leads_and_its_devices_come_over() -> anyhow::Result<()>
{
    let database = database().await?;
    let mut replicas = Replicas::start(2, &database.url()).await?;
    let url = replicas.url();
    let mut fleet = Fleet::join_through(&replicas.servers[0], &url, 10).await?;
    let first = leaders(&replicas.servers).await?;
    ensure!(first.len() == 1, "{first:?} lead");
    let (gone, left) = (first[0], 1 - first[0]);
    replicas.servers[gone].kill().await?;
    eventually(NOTICE_WITHIN, async || {
        let server = &replicas.servers[left];
        let leads = metric(server, "sickbay_leads ").await?;
        let others = metric(server, "sickbay_other_servers ").await?;
        let sessions = metric(server, "sickbay_sessions ").await?;
        ensure!(
            (leads, others, sessions) == (1, 0, 10),
            "leads: {leads}, others: {others}, sessions: {sessions}"
        );
        Ok(())
    })
    .await?;
    for member in &fleet.members {
        member.change().await?;
    }
    // A backup is not put back under a server that works on the database from another machine.
    let folder = tempfile::tempdir()?;
    let backup = folder.path().join("backup").display().to_string();
    let killed = &replicas.servers[gone];
    killed.command(&["backup", "--to", &backup]).await?;
    let said = killed
        .refused_command(&["restore", "--from", &backup, "--replace"])
        .await?;
    ensure!(said.contains("a server works on"), "{said}");

    let store = replicas.servers[left].store().await?;
    for account in fleet.is_told(&*store, SOON).await? {
        account.is_without_gaps_and_repeats()?;
    }
    // It comes back as one of two.
    replicas.servers[gone].run().await?;
    eventually(NOTICE_WITHIN, async || {
        let leaders = leaders(&replicas.servers).await?;
        ensure!(leaders == [left], "{leaders:?} lead");
        let others = metric(&replicas.servers[left], "sickbay_other_servers ").await?;
        ensure!(others == 1, "{others} others");
        Ok(())
    })
    .await?;
    fleet.stop().await?;
    for server in &mut replicas.servers {
        server.stop().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_asks_the_devices_of_a_single_server_and_hears_their_answers()
-> anyhow::Result<()> {
    let mut server = Server::start().await?;
    let mut fleet = Fleet::join(&server, 2).await?;
    fleet.members[1].stop().await?;
    eventually(SOON, async || {
        let sessions = metric(&server, "sickbay_sessions ").await?;
        ensure!(sessions == 1, "{sessions} sessions");
        Ok(())
    })
    .await?;
    let said = server.command(&["inspect", "--wait"]).await?;
    let wanted = "asked 1 of 2 devices; the others look when they come back\n\
                  looked again: 1; would not: 0; did not answer: 0";
    ensure!(said == wanted, "{said}");
    fleet.members[0].stop().await?;
    server.stop().await?;
    let said = server.refused_command(&["inspect"]).await?;
    ensure!(said.contains("no server answered"), "{said}");
    Ok(())
}
