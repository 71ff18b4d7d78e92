//! A whole fleet in one process: a real server, and simulated collectors that are the real collector library over recordings (they
//! enrol, speak mTLS, spool). What happens to the machines follows from a seed.

mod days;
pub mod fleet;
pub mod owner;
mod past;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use sickbay_collector::host::replay::Replay;
use sickbay_collector::session::{CaPin, Collector, CollectorOptions, Handle, ServerUrl};
use sickbay_diagnosis::Check;
use sickbay_diagnosis::context::Sources;
use sickbay_store::{Access, Approval, NewApiToken, NewToken};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::access;
use crate::clock::Clock;
use crate::config::{Collectors, Config, Health, Storage, Web};
use crate::demo::fleet::FleetPlan;
use crate::identity::secret::{API_PREFIX, ENROLMENT_PREFIX, Secret};
use crate::server::Running;

/// How often machines are seen to have looked for updates again, so that a demo which runs for days does not grow stale.
const GOES_ON_EVERY: Duration = Duration::from_hours(6);
/// Pause between two changes in the fleet.
const CHANGE_EVERY: Duration = Duration::from_secs(6);
/// How long the start waits for the whole fleet's first reports; a larger fleet goes on arriving afterwards.
const ARRIVAL: Duration = Duration::from_secs(20);
/// How long the start waits for the fleet's majority; a fleet too small for one goes without.
const CONTEXT: Duration = Duration::from_secs(5);
/// Collectors that are started at once, so that a large fleet does not time its own handshakes out.
const ARRIVALS_AT_ONCE: usize = 32;

/// What a demo is told.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// Simulated devices.
    pub devices: usize,
    /// Folder for the database and the collectors' state; a temporary one where left out.
    pub data_dir: Option<PathBuf>,
    /// Address of pages and API.
    pub web: SocketAddr,
    /// Address that collectors speak to.
    pub collectors: SocketAddr,
    /// Makes the same fleet again.
    pub seed: u64,
}

/// A running demo.
pub struct Demo {
    server: Running,
    sign_in: String,
    api_token: String,
    collectors: JoinSet<()>,
    stop_collectors: CancellationToken,
    /// Removed when the demo ends.
    _temporary: Option<tempfile::TempDir>,
}

impl Demo {
    /// Starts server and fleet, and waits a while for the fleet's first reports.
    pub async fn start(options: DemoOptions) -> anyhow::Result<Self> {
        let (data_dir, temporary) = if let Some(dir) = &options.data_dir {
            (dir.clone(), None)
        } else {
            let temporary = tempfile::tempdir().context("cannot make a temporary folder")?;
            (temporary.path().to_owned(), Some(temporary))
        };
        let clock = Clock::system();
        let server = Running::start(config(&options, &data_dir), clock.clone()).await?;
        let token = enrolment_token(&server).await?;
        let api_token = api_token(&server).await?;
        let sign_in = format!(
            "{}{}",
            server.web_url(),
            access::create_link(&*server.app.store, None, "demo", clock.now()).await?
        );

        let plan = FleetPlan::new(options.seed, options.devices, clock.now());
        let mut demo = Self {
            server,
            sign_in,
            api_token,
            collectors: JoinSet::new(),
            stop_collectors: CancellationToken::new(),
            _temporary: temporary,
        };
        past::tell(&demo.server.app, &token, &plan).await?;
        let machines = demo.join(&plan, &token, &data_dir)?;
        demo.wait_for_arrival(&machines).await;
        // Only now, so that whoever was on the way does not seem never to have enrolled.
        let app = &demo.server.app;
        app.store
            .import_machines(plan.directory(), "demo", app.clock.now())
            .await?;
        demo.wait_for_context().await;
        days::tell(&demo.server.app, options.seed).await?;
        demo.collectors.spawn(keep_changing(
            plan,
            machines,
            clock,
            demo.stop_collectors.clone(),
        ));
        Ok(demo)
    }

    /// Address of the first page.
    pub fn url(&self) -> String {
        self.server.web_url()
    }

    /// The one-time sign-in link.
    pub fn sign_in(&self) -> &str {
        &self.sign_in
    }

    /// An API token.
    pub fn api_token(&self) -> &str {
        &self.api_token
    }

    /// Runs until `stop` fires, then ends the collectors, which say nothing of a server that is gone, and then the server.
    pub async fn until(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        let stop_server = CancellationToken::new();
        let collectors_ended = async {
            stop.cancelled().await;
            self.stop_collectors.cancel();
            while self.collectors.join_next().await.is_some() {}
            stop_server.cancel();
        };
        let (served, ()) = tokio::join!(
            async {
                let served = self.server.until(stop_server.clone()).await;
                // Where the server failed by itself, the collectors have nobody to talk to.
                stop.cancel();
                served
            },
            collectors_ended,
        );
        served
    }

    fn join(
        &mut self,
        plan: &FleetPlan,
        token: &Secret,
        data_dir: &Path,
    ) -> anyhow::Result<Vec<Option<Member>>> {
        let url: ServerUrl = format!("https://{}", reachable(self.server.collectors))
            .parse()
            .context("the collectors' address is no server address")?;
        let pin: CaPin = self
            .server
            .app
            .ca
            .in_force()
            .pin()
            .parse()
            .context("the CA has no pin")?;
        let places = Arc::new(tokio::sync::Semaphore::new(ARRIVALS_AT_ONCE));
        let mut members = Vec::with_capacity(plan.machines().len());
        for machine in plan.machines() {
            if machine.away().is_some() {
                members.push(None);
                continue;
            }
            let host = Replay::new(machine.recording.clone());
            let host = Arc::new(host.with_clock_ahead(machine.clock_ahead_ms()));
            let state_dir = data_dir.join("collectors").join(&machine.host_name);
            let mut options = CollectorOptions::new(state_dir, vec![url.clone()], host.clone());
            options.token = Some(token.reveal().to_owned());
            options.ca_pins = vec![pin];
            let mut collector = Collector::new(options)
                .with_context(|| format!("cannot start the collector of {}", machine.host_name))?;
            let handle = collector.handle();
            members.push(Some(Member {
                host,
                handle: handle.clone(),
            }));
            let (places, stop) = (Arc::clone(&places), self.stop_collectors.clone());
            let name = machine.host_name.clone();
            self.collectors.spawn(async move {
                let place = places.acquire_owned().await;
                let arriving = tokio::spawn(async move {
                    let mut progress = handle.watch();
                    // The place is free for the next one when this one's first report is acknowledged.
                    let _ = progress.wait_for(|p| p.acknowledged > 0).await;
                    drop(place);
                });
                if let Err(error) = collector.run(stop).await {
                    tracing::error!(name, error = %crate::ingest::chain(&error), "a simulated collector failed");
                }
                arriving.abort();
            });
        }
        Ok(members)
    }

    async fn wait_for_arrival(&self, members: &[Option<Member>]) {
        let all = async {
            for member in members.iter().flatten() {
                let mut progress = member.handle.watch();
                // An error means that the collector ended; it has said why.
                let _ = progress.wait_for(|p| p.acknowledged > 0).await;
            }
        };
        let _ = tokio::time::timeout(ARRIVAL, all).await;
    }
}

impl Demo {
    /// Waits until the fleet's majority is known, so that the first look does not see every wrong scan source appear at once.
    async fn wait_for_context(&self) {
        let known = async {
            while self.server.app.rules.get().fleet.client_sources == Sources::default() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            // The diagnosis of the whole fleet that follows is queued at once and takes no time to speak of.
            while self.server.app.metrics.queue.get() > 0 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let _ = tokio::time::timeout(CONTEXT, known).await;
    }
}

struct Member {
    host: Arc<Replay>,
    handle: Handle,
}

async fn keep_changing(
    mut plan: FleetPlan,
    members: Vec<Option<Member>>,
    clock: Clock,
    stop: CancellationToken,
) {
    let mut went_on = Instant::now();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(CHANGE_EVERY) => {}
        }
        if went_on.elapsed() > GOES_ON_EVERY {
            went_on = Instant::now();
            plan.go_on(clock.now());
            for (member, machine) in members.iter().zip(plan.machines()) {
                if let Some(member) = member {
                    // The next inspection sees it.
                    member.host.replace(machine.recording.clone());
                }
            }
        }
        let Some(change) = plan.change(clock.now()) else {
            continue;
        };
        let Some(member) = &members[change.machine] else {
            continue;
        };
        tracing::info!(change = change.what, "the fleet changes");
        let recording = plan.machines()[change.machine].recording.clone();
        member.host.replace(recording);
        member.handle.inspect_soon(Check::ALL);
    }
}

fn config(options: &DemoOptions, data_dir: &Path) -> Config {
    Config {
        storage: Storage {
            data_dir: data_dir.to_owned(),
            database: String::new(),
        },
        collectors: Collectors {
            listen: options.collectors,
            names: vec![
                "localhost".to_owned(),
                reachable(options.collectors).ip().to_string(),
            ],
            inspection_interval_s: 300,
            heartbeat_interval_s: 30,
            rotation_spread_s: 30,
            ..Collectors::default()
        },
        web: Web {
            listen: options.web,
            ..Web::default()
        },
        // Several demos may run beside each other.
        health: Health {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        },
        ..Config::default()
    }
}

/// The address under which this machine reaches its own listener.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = if listen.ip().is_unspecified() {
        IpAddr::V4(Ipv4Addr::LOCALHOST)
    } else {
        listen.ip()
    };
    SocketAddr::new(ip, listen.port())
}

async fn enrolment_token(server: &Running) -> anyhow::Result<Secret> {
    let secret = Secret::new(ENROLMENT_PREFIX);
    server
        .app
        .store
        .create_token(
            NewToken {
                approval: Approval::Nobody,
                tags: vec!["demo".to_owned()],
                ..NewToken::new(secret.hash(), "demo fleet", server.app.clock.now())
            },
            "demo",
        )
        .await?;
    Ok(secret)
}

async fn api_token(server: &Running) -> anyhow::Result<String> {
    let secret = Secret::new(API_PREFIX);
    server
        .app
        .store
        .create_api_token(NewApiToken {
            hash: secret.hash(),
            name: "demo".to_owned(),
            access: Access::ALL,
            made_by: "demo".to_owned(),
            created_at: server.app.clock.now(),
            expires_at: None,
        })
        .await?;
    Ok(secret.reveal().to_owned())
}
