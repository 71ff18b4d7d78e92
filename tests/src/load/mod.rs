//! The load generator: thousands of devices in one process, each with the real session client, a connection and a key of its own.
//!
//! What a device tells comes from machines of the demo fleet ([`life`]), looked at by the real checks. What is left out is a disk:
//! reports wait in memory. A seed makes a load repeatable, as far as time lets it be.

pub mod cli;
mod device;
pub mod life;
pub mod tally;
pub mod unruly;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use sickbay_collector::session::message::{Digest, Report, ToServer};
use sickbay_collector::session::{CaPin, Line, MachineOptions, ServerUrl, StandIn};
use sickbay_diagnosis::observation::Observations;
use sickbay_server::clock::Clock;
use sickbay_server::demo::fleet::FleetPlan;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub(crate) use self::device::fingerprint;

use self::device::Device;
use self::life::{Happening, Model, Names};
use self::tally::Tally;
use self::unruly::Manner;
use crate::wait::eventually;

/// Machines that enrol at the same time.
const AT_ONCE: usize = 64;
/// Machines of the demo fleet that devices are modelled on.
const MODELS: usize = 100;

/// How fast things happen to devices.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// Not at all: sessions are idle but for signs of life.
    Still,
    /// Each device has so many reports under way.
    AsFastAsItGoes {
        /// Without an acknowledgement.
        under_way: usize,
    },
    /// Something happens to each device in such intervals, whatever became of the last.
    Every(Duration),
}

/// Whom the load is for, and how much of it.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Where the server listens for collectors.
    pub server: ServerUrl,
    /// Its CA.
    pub pins: Vec<CaPin>,
    /// A token that approves.
    pub token: String,
    /// How many devices.
    pub devices: usize,
    /// The same seed gives the same machines, to which the same happens.
    pub seed: u64,
    /// How many of them keep to no rule.
    pub unruly: usize,
    /// Settings of each device's session.
    pub session: MachineOptions,
}

/// What all devices are told.
#[derive(Debug, Clone, Copy)]
struct Orders {
    pace: Pace,
    /// How often they were told to drop their connections and come again at once.
    storms: u32,
}

/// Devices that live.
pub struct Load {
    orders: watch::Sender<Orders>,
    tasks: JoinSet<()>,
    devices: usize,
    /// What they have seen.
    pub tally: Arc<Tally>,
}

impl Load {
    /// Enrols the devices and lets them connect; each tells everything once.
    ///
    /// # Errors
    /// Where a device cannot enrol.
    pub async fn begin(options: &LoadOptions) -> anyhow::Result<Self> {
        let models = models(options.seed, options.devices)?;
        let mut stand_ins = enrol(options).await?;
        let (orders, ordered) = watch::channel(Orders {
            pace: Pace::Still,
            storms: 0,
        });
        let tally = Arc::new(Tally::default());
        let mut tasks = JoinSet::new();
        let well_behaved = options.devices.saturating_sub(options.unruly);
        for (stand_in, number) in stand_ins.drain(well_behaved..).zip(0_u64..) {
            let chance = StdRng::seed_from_u64(options.seed ^ number);
            let manner = Manner::ALL[number as usize % Manner::ALL.len()];
            let mut ordered = ordered.clone();
            tasks.spawn(async move {
                tokio::select! {
                    () = unruly::behave(stand_in, manner, chance) => {}
                    () = async { while ordered.changed().await.is_ok() {} } => {}
                }
            });
        }
        for (number, stand_in) in stand_ins.into_iter().enumerate() {
            let device = Device::new(
                stand_in,
                Arc::clone(&models[number % models.len()]),
                number,
                options.seed,
                options.session,
                Arc::clone(&tally),
            );
            tasks.spawn(device.live(ordered.clone()));
        }
        Ok(Self {
            orders,
            tasks,
            devices: well_behaved,
            tally,
        })
    }

    /// Waits until every device has a session and an acknowledged report.
    pub async fn has_arrived(&self, within: Duration) -> anyhow::Result<()> {
        eventually(within, async || {
            let (live, acknowledged) =
                (self.tally.sessions(), self.tally.reports_acknowledged());
            ensure!(
                live >= self.devices as u64 && acknowledged >= self.devices as u64,
                "{live} of {} devices have a session, and {acknowledged} reports are acknowledged; lost: {:?}",
                self.devices,
                self.tally.losses()
            );
            Ok(())
        })
        .await
    }

    /// Sets how fast things happen from now on.
    pub fn set_pace(&self, pace: Pace) {
        self.orders.send_modify(|orders| orders.pace = pace);
    }

    /// Has every device drop its connection at once and come again, as after a failure of the network.
    pub fn storm(&self) {
        self.orders.send_modify(|orders| orders.storms += 1);
    }

    /// Waits until nothing is under way any more.
    pub async fn is_quiet(&self, within: Duration) -> anyhow::Result<()> {
        self.set_pace(Pace::Still);
        eventually(within, async || {
            let (sent, acknowledged) =
                (self.tally.reports_sent(), self.tally.reports_acknowledged());
            ensure!(
                sent == acknowledged,
                "{acknowledged} of {sent} reports are acknowledged"
            );
            Ok(())
        })
        .await
    }

    /// Ends every device.
    pub async fn end(self) {
        drop(self.orders);
        self.tasks.join_all().await;
    }
}

/// How long a report of a day of updates is on the wire, on average, in bytes.
///
/// # Errors
/// As [`Load::begin`].
pub fn bytes_per_report(seed: u64) -> anyhow::Result<usize> {
    let models = models(seed, MODELS)?;
    let names = Names::numbered(1);
    let mut bytes = 0;
    for model in &models {
        for point in 0..100 {
            let happening = Happening::on_patch_day(point);
            let mut observations = Observations::new();
            let seen = model.after(happening, point as usize, &names);
            observations.put(happening.check(), seen);
            let report = Report {
                sequence: 1_000,
                full: false,
                observations,
                digest: Digest([1; 32]),
                taken_at: Clock::system().now(),
                dropped: None,
            };
            bytes += Line::length(&ToServer::Report(Arc::new(report)))?;
        }
    }
    Ok(bytes / (100 * models.len()))
}

/// Machines to model devices on.
///
/// # Errors
/// As [`Model::of`].
pub fn models(seed: u64, devices: usize) -> anyhow::Result<Vec<Arc<Model>>> {
    let plan = FleetPlan::new(seed, MODELS.min(devices.max(1)), Clock::system().now());
    let machines = plan.machines().iter();
    machines
        .map(|machine| Ok(Arc::new(Model::of(&machine.host_name, &machine.recording)?)))
        .collect()
}

async fn enrol(options: &LoadOptions) -> anyhow::Result<Vec<StandIn>> {
    let next = Arc::new(AtomicUsize::new(0));
    let shared = Arc::new(options.clone());
    let mut tasks = JoinSet::new();
    for _ in 0..AT_ONCE.min(options.devices) {
        let (next, options) = (Arc::clone(&next), Arc::clone(&shared));
        tasks.spawn(async move {
            let mut enrolled = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= options.devices {
                    return anyhow::Ok(enrolled);
                }
                let name = Names::numbered(number).host_name;
                let stand_in = StandIn::enrol(
                    &options.server,
                    &options.pins,
                    &options.token,
                    &name,
                    &fingerprint(number),
                )
                .await;
                let stand_in = stand_in.with_context(|| format!("enrol {name}"))?;
                enrolled.push((number, stand_in));
            }
        });
    }
    let mut all = Vec::with_capacity(options.devices);
    while let Some(ended) = tasks.join_next().await {
        all.extend(ended.context("a task of devices ended")??);
    }
    // Each reports under the name that it enrolled with.
    all.sort_by_key(|(number, _)| *number);
    Ok(all.into_iter().map(|(_, stand_in)| stand_in).collect())
}
