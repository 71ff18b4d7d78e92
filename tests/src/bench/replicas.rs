//! Idle sessions over several servers of one Postgres. Each server has a load generator's program of its own, because a process may open
//! only so many files.

use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use tokio::process::{Child, Command};

use super::database::{Database, Kind};
use super::sessions::{ARRIVE_WITHIN, QUIET, SEED, tell_memory};
use super::{Figures, this_machine};
use crate::fleet::pins_of;
use crate::program::program;
use crate::replicas::Replicas;
use crate::server::Server;
use crate::wait::eventually;
use crate::wine::process::Process;

/// Memory of idle sessions, where they are spread evenly.
pub(super) async fn idle(servers: usize, sessions: usize) -> anyhow::Result<Figures> {
    ensure!(
        servers > 0 && sessions >= servers,
        "nobody comes to some server"
    );
    let database = Database::new(Kind::Postgres).await?;
    let url = database.url().context("a Postgres has an address")?;
    let mut replicas = Replicas::start(servers, &url).await?;
    let client = super::plain_client()?;
    let mut before = 0;
    for server in &replicas.servers {
        before += Process::of(server.id()?).private_bytes()?;
    }
    let token = replicas.servers[0].enrolment_token().await?;
    let begun = Instant::now();
    let mut generators = Vec::with_capacity(servers);
    let mut wanted = Vec::with_capacity(servers);
    // One after the other: how a whole fleet comes at once is measured elsewhere, and here all programs share the machine.
    for (number, server) in replicas.servers.iter().enumerate() {
        let devices = sessions / servers + usize::from(number < sessions % servers);
        generators.push(generator(server, &token, devices, SEED + number as u64).await?);
        wanted.push(devices as u64);
        eventually(ARRIVE_WITHIN, async || {
            has_all(&client, server, devices as u64).await
        })
        .await?;
    }
    let arrived = begun.elapsed();
    tokio::time::sleep(QUIET).await;
    for (server, wanted) in replicas.servers.iter().zip(wanted) {
        has_all(&client, server, wanted)
            .await
            .context("sessions were lost while idle")?;
    }
    let mut after = 0;
    for server in &replicas.servers {
        after += Process::of(server.id()?).private_bytes()?;
    }
    let mut figures = Figures::new("sessions");
    figures.put("machine", this_machine());
    figures.put("database", Kind::Postgres.name());
    figures.put("servers", servers);
    figures.put("all_arrived_s", super::rounded(arrived.as_secs_f64()));
    for generator in &mut generators {
        generator.kill().await.context("end a load generator")?;
    }
    for server in &mut replicas.servers {
        server.stop().await?;
    }
    tell_memory(&mut figures, sessions, before, after).await?;
    Ok(figures)
}

/// Whether a server has so many sessions, and was told something by each.
async fn has_all(client: &reqwest::Client, server: &Server, wanted: u64) -> anyhow::Result<()> {
    let live = metric(client, server, "sickbay_sessions").await?;
    let told = metric(client, server, "sickbay_reports_total").await?;
    ensure!(
        live == wanted && told >= wanted,
        "{} has {live} of {wanted} sessions and took in {told} reports",
        server.url()
    );
    Ok(())
}

async fn generator(
    server: &Server,
    token: &str,
    devices: usize,
    seed: u64,
) -> anyhow::Result<Child> {
    let mut command = Command::new(program("sickbay-load")?);
    command
        .args(["--server", &server.collectors_url()])
        .args(["--token", token])
        .args(["--devices", &devices.to_string()])
        .args(["--seed", &seed.to_string()])
        .args(["--doing", "idle"]);
    for pin in pins_of(server).await? {
        command.args(["--ca-pin", &pin.to_string()]);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("start sickbay-load")
}

/// A number that a server shows to monitoring.
async fn metric(client: &reqwest::Client, server: &Server, name: &str) -> anyhow::Result<u64> {
    let shown = client
        .get(format!("{}/metrics", server.health_url()))
        .send()
        .await?
        .text()
        .await?;
    let value = shown
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let value = value.with_context(|| format!("the server shows no {name}"))?;
    value
        .parse()
        .with_context(|| format!("{name} is no number: {value}"))
}
