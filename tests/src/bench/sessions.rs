//! Live sessions: what each costs a server in memory while it is idle, and how soon all are back after the server was killed. The server's own
//! program and the load generator share this machine.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use sickbay_collector::session::MachineOptions;

use super::database::{Database, Kind};
use super::{Figures, bare, this_machine};
use crate::load::{Load, LoadOptions, Pace};
use crate::server::Server;
use crate::wait::eventually;
use crate::wine::process::Process;

/// Memory of one idle session, in bytes.
const MOST_BYTES: f64 = 60_000.0;
/// Until every device is back, in seconds.
const MOST_SECONDS: f64 = 60.0;
/// How often one device may be refused until it is back.
const MOST_REFUSED: f64 = 1.0;
/// Share of the reports that have to become durable afterwards as they are made.
const LEAST_STEADY: f64 = 0.95;
/// What happens a second after the storm, on all devices together; not all of it is news.
const STEADY_RATE: f64 = 1_000.0;
const STEADY: Duration = Duration::from_secs(15);
pub(super) const ARRIVE_WITHIN: Duration = Duration::from_mins(10);
pub(super) const QUIET: Duration = Duration::from_secs(20);
/// For how long bare handshakes are counted.
const HANDSHAKES: Duration = Duration::from_secs(5);
/// Of the machines and of what happens to them.
pub(super) const SEED: u64 = 1;

/// A server with a fleet that has told everything once.
pub(super) struct Running {
    pub(super) database: Database,
    pub(super) server: Server,
    pub(super) load: Load,
    /// Of the server, before anybody came, in bytes.
    before: u64,
}

/// Starts a server on a database of its own and lets devices come.
pub(super) async fn arrive(kind: Kind, sessions: usize) -> anyhow::Result<Running> {
    ensure!(sessions > 0, "nobody comes");
    let database = Database::new(kind).await?;
    let server = Server::start_with(database.folder(), database.settings()).await?;
    let before = Process::of(server.id()?).private_bytes()?;
    let options = LoadOptions {
        server: server.collectors_url().parse()?,
        pins: crate::fleet::pins_of(&server).await?,
        token: server.enrolment_token().await?,
        devices: sessions,
        unruly: 0,
        seed: SEED,
        session: MachineOptions::default(),
    };
    let load = Load::begin(&options).await?;
    load.has_arrived(ARRIVE_WITHIN).await?;
    Ok(Running {
        database,
        server,
        load,
        before,
    })
}

/// Memory of idle sessions.
pub(super) async fn idle(kind: Kind, sessions: usize) -> anyhow::Result<Figures> {
    let Running {
        database: _database,
        mut server,
        load,
        before,
    } = arrive(kind, sessions).await?;
    tokio::time::sleep(QUIET).await;
    let after = Process::of(server.id()?).private_bytes()?;
    ensure!(
        load.tally.sessions() == sessions as u64,
        "{} of {sessions} sessions are open",
        load.tally.sessions()
    );
    let mut figures = Figures::new("sessions");
    figures.put("machine", this_machine());
    figures.put("database", kind.name());
    load.end().await;
    server.stop().await?;
    tell_memory(&mut figures, sessions, before, after).await?;
    Ok(figures)
}

/// A server that is killed under its sessions.
pub(super) async fn storm(kind: Kind, sessions: usize) -> anyhow::Result<Figures> {
    let Running {
        database: _database,
        mut server,
        load,
        ..
    } = arrive(kind, sessions).await?;
    server.kill().await?;
    let begun = Instant::now();
    server.run().await?;
    let (ready, back_since) = (begun.elapsed(), Instant::now());
    let all = sessions as u64;
    eventually(ARRIVE_WITHIN, async || {
        let live = load.tally.sessions();
        ensure!(live == all, "{live} of {all} sessions are open");
        Ok(())
    })
    .await?;
    let back = back_since.elapsed();

    load.set_pace(Pace::Every(Duration::from_secs_f64(
        sessions as f64 / STEADY_RATE,
    )));
    tokio::time::sleep(Duration::from_secs(2)).await;
    let _ = load.tally.take_waits();
    let (acknowledged, sent) = (load.tally.reports_acknowledged(), load.tally.reports_sent());
    let since = Instant::now();
    tokio::time::sleep(STEADY).await;
    let seconds = since.elapsed().as_secs_f64();
    let durable = (load.tally.reports_acknowledged() - acknowledged) as f64;
    let made = (load.tally.reports_sent() - sent) as f64;
    ensure!(
        made > STEADY_RATE * seconds / 2.0,
        "{made} reports were made within {seconds:.0} s: too few to say anything"
    );
    let waits = load.tally.take_waits();
    let tally = Arc::clone(&load.tally);
    load.end().await;
    server.stop().await?;
    let limit = bare::handshakes_per_second(HANDSHAKES).await?;

    let mut figures = Figures::new("storm");
    figures.put("machine", this_machine());
    figures.put("database", kind.name());
    figures.put("sessions", sessions);
    figures.put("server_starts_in_s", super::rounded(ready.as_secs_f64()));
    figures.put_limited("all_back_s", back.as_secs_f64(), MOST_SECONDS);
    figures.put_limited(
        "most_refused_of_one_device",
        tally.most_refused() as f64,
        MOST_REFUSED,
    );
    let rate = sessions as f64 / back.as_secs_f64();
    figures.put("handshakes_per_second", rate.round());
    figures.put("handshake_limit_per_second", limit.round());
    figures.put("ratio_to_limit", super::rounded(rate / limit));
    figures.put("reports_made_per_second_after", (made / seconds).round());
    figures.put_least("share_of_reports_after", durable / made, LEAST_STEADY);
    figures.put(
        "p99_ack_ms_after",
        waits.value_at_quantile(0.99) as f64 / 1e3,
    );
    let lost = serde_json::to_value(tally.losses())?;
    figures.put("lost", lost.to_string());
    Ok(figures)
}

/// What so many idle sessions take of servers' own memory, in bytes, next to idle connections of bare TLS.
pub(super) async fn tell_memory(
    figures: &mut Figures,
    sessions: usize,
    before: u64,
    after: u64,
) -> anyhow::Result<()> {
    let bytes = (after.saturating_sub(before) as f64 / sessions as f64).round();
    let limit = bare::bytes_of_idle_connection().await?;
    figures.put("sessions", sessions);
    figures.put("servers_mib_before", before >> 20);
    figures.put("servers_mib_after", after >> 20);
    figures.put_limited("bytes_per_session", bytes, MOST_BYTES);
    figures.put("bare_tls_limit_bytes", limit);
    figures.put("ratio_to_limit", super::rounded(limit / bytes));
    Ok(())
}
