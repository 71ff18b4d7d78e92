//! A collector and a server that lose messages, crash, fill their disks and are set back to older copies, in any order.
//!
//! However it went: once the faults end, the server has exactly what the collector sees, and within one history of the server no
//! (epoch, sequence) was applied twice.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use proptest::prelude::*;
use sickbay_diagnosis::observation::{Observation, Observations, Outcome};
use sickbay_diagnosis::reading::{Data, Reading, Source};
use sickbay_diagnosis::{Check, Time};

use super::*;
use crate::session::message::{Digest, Epoch, Report};
use crate::spool::SpoolLimits;

const LIMITS: SpoolLimits = SpoolLimits {
    reports: 5,
    bytes: 1 << 20,
};

fn form(_: Check, observation: &Observation) -> Vec<u8> {
    serde_json::to_vec(&observation.outcome).expect("json")
}

/// What survives a crash of the collector.
#[derive(Debug, Clone)]
struct Disk {
    base: Base,
    /// Under their epochs, as the real files are.
    spool: BTreeMap<u64, (Epoch, Report)>,
}

impl Disk {
    fn make_room(&mut self) -> Option<Range> {
        let mut dropped: Option<Range> = None;
        while self.spool.len() > LIMITS.reports {
            let (last, _) = self.spool.pop_first()?;
            let first = dropped.map_or(last, |range| range.first);
            dropped = Some(Range { first, last });
        }
        dropped
    }
}

/// What survives a crash of the server.
#[derive(Debug, Clone, Default)]
struct Stored {
    epoch: Option<Epoch>,
    sequence: u64,
    digest: Option<Digest>,
    observations: Observations,
    applied: BTreeSet<([u8; 16], u64)>,
}

#[derive(Debug, Default)]
struct Wire {
    up: VecDeque<ToServer>,
    down: VecDeque<FromServer>,
    hello: Option<Epoch>,
}

#[derive(Debug)]
struct World {
    machine: Machine,
    disk: Disk,
    disk_full: bool,
    wire: Option<Wire>,
    server: Stored,
    truth: BTreeMap<Check, u32>,
    elapsed: Duration,
    random: u64,
    older_disks: Vec<Disk>,
    older_servers: Vec<Stored>,
    applied_reports: usize,
    full_reports: usize,
}

fn new_epoch(random: &mut u64) -> Epoch {
    let mut bytes = [0; 16];
    fill(random, &mut bytes);
    Epoch(bytes)
}

fn fill(state: &mut u64, bytes: &mut [u8]) {
    for byte in bytes {
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        *byte = (*state >> 33) as u8;
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = seed;
        let base = Base {
            epoch: new_epoch(&mut random),
            acknowledged: None,
            observations: Observations::new(),
        };
        let disk = Disk {
            base,
            spool: BTreeMap::new(),
        };
        Self {
            machine: start(&disk, true),
            disk,
            disk_full: false,
            wire: None,
            server: Stored::default(),
            truth: [(Check::Pause, 0), (Check::Services, 0), (Check::Updates, 0)].into(),
            elapsed: Duration::ZERO,
            random,
            older_disks: Vec::new(),
            older_servers: Vec::new(),
            applied_reports: 0,
            full_reports: 0,
        }
    }

    fn look(&self, checks: &[Check]) -> Observations {
        let mut observations = Observations::new();
        for (check, value) in &self.truth {
            if checks.contains(check) {
                let reading = Reading {
                    source: Source::Registry,
                    path: "HKLM".to_owned(),
                    name: None,
                    data: Data::Dword(*value),
                };
                observations.put(
                    *check,
                    Observation {
                        taken_at: Time::from_millis(self.elapsed.as_millis() as i64),
                        outcome: Outcome::Seen(vec![reading]),
                    },
                );
            }
        }
        observations
    }

    fn tell(&mut self, event: Event) {
        let mut queue: VecDeque<Action> = self.handle(event).into();
        let mut inspections = Vec::new();
        let mut base_saved = true;
        while let Some(action) = queue.pop_front() {
            match action {
                Action::Connect => {
                    self.wire = Some(Wire::default());
                    queue.extend(self.handle(Event::Connected));
                }
                Action::Disconnect => self.wire = None,
                Action::Send(message) => {
                    if let Some(wire) = &mut self.wire {
                        wire.up.push_back(message);
                    }
                }
                Action::Inspect(checks) => inspections.push(checks),
                Action::SpoolPush(report) => {
                    let event = if self.disk_full {
                        Event::PushFailed
                    } else {
                        let epoch = self.machine.base().epoch;
                        self.disk
                            .spool
                            .insert(report.sequence, (epoch, (*report).clone()));
                        Event::Pushed {
                            sequence: report.sequence,
                            dropped: self.disk.make_room(),
                        }
                    };
                    queue.extend(self.handle(event));
                }
                Action::SpoolRemoveUpTo(sequence) if base_saved => {
                    self.disk.spool.retain(|at, _| *at > sequence);
                }
                Action::SpoolRemoveUpTo(_) | Action::Note(_) => {}
                Action::SpoolClear => self.disk.spool.clear(),
                Action::SaveBase => {
                    base_saved = !self.disk_full;
                    if base_saved {
                        self.disk.base = self.machine.base().clone();
                    }
                }
            }
        }
        for checks in inspections {
            let seen = self.look(&checks);
            self.tell(Event::Inspected(seen));
        }
    }

    fn handle(&mut self, event: Event) -> Vec<Action> {
        let now = Moment {
            elapsed: self.elapsed,
            clock: Time::from_millis(self.elapsed.as_millis() as i64),
        };
        let random = &mut self.random;
        self.machine
            .handle(event, now, &mut |bytes| fill(random, bytes))
    }

    fn tick(&mut self) {
        self.elapsed = self
            .machine
            .deadline()
            .min(self.elapsed + Duration::from_mins(10))
            .max(self.elapsed);
        self.tell(Event::Timer);
    }

    fn disconnect(&mut self) {
        if self.wire.take().is_some() {
            self.tell(Event::Disconnected(None));
        }
    }

    fn deliver_up(&mut self) {
        let Some(message) = self.wire.as_mut().and_then(|wire| wire.up.pop_front()) else {
            return;
        };
        let answer = match message {
            ToServer::Hello(hello) => {
                if let Some(wire) = &mut self.wire {
                    wire.hello = Some(hello.epoch);
                }
                FromServer::Welcome(Welcome {
                    server_time: Time::from_millis(0),
                    epoch: self.server.epoch,
                    sequence: self.server.sequence,
                    digest: self.server.digest,
                    settings: None,
                })
            }
            ToServer::Report(report) => self.apply(&report),
            ToServer::Heartbeat { .. } | ToServer::RequestResult { .. } => return,
        };
        if let Some(wire) = &mut self.wire {
            wire.down.push_back(answer);
        }
    }

    /// What a server has to do with a report.
    fn apply(&mut self, report: &Report) -> FromServer {
        let epoch = self
            .wire
            .as_ref()
            .and_then(|wire| wire.hello)
            .expect("a hello came first");
        let known = self.server.epoch == Some(epoch);
        if known && report.sequence <= self.server.sequence {
            return FromServer::Ack {
                epoch,
                sequence: self.server.sequence,
            };
        }
        if !(report.full || known && report.sequence == self.server.sequence + 1) {
            return FromServer::FullWanted {
                reason: "gap".to_owned(),
            };
        }
        assert!(
            self.server.applied.insert((epoch.0, report.sequence)),
            "{epoch} {} twice",
            report.sequence
        );
        if report.full {
            self.server.observations = Observations::new();
            self.full_reports += 1;
        }
        for (check, observation) in report.observations.iter() {
            self.server.observations.put(check, observation.clone());
        }
        self.server.epoch = Some(epoch);
        self.server.sequence = report.sequence;
        self.server.digest = Some(report.digest);
        self.applied_reports += 1;
        FromServer::Ack {
            epoch,
            sequence: report.sequence,
        }
    }

    fn deliver_down(&mut self, twice: bool) {
        if let Some(message) = self.wire.as_mut().and_then(|wire| wire.down.pop_front()) {
            if twice {
                self.tell(Event::Received(message.clone()));
            }
            self.tell(Event::Received(message));
        }
    }

    fn crash(&mut self) {
        self.wire = None;
        self.machine = start(&self.disk, false);
    }

    fn settled(&self) -> bool {
        self.machine.is_live()
            && self.machine.outbox().waiting() == 0
            && self
                .wire
                .as_ref()
                .is_some_and(|wire| wire.up.is_empty() && wire.down.is_empty())
    }

    /// No more faults: everything must come right.
    fn settle(&mut self) {
        self.disk_full = false;
        self.disconnect();
        self.tell(Event::InspectSoon(Check::ALL.to_vec()));
        for _ in 0..400 {
            self.tick();
            for _ in 0..60 {
                self.deliver_up();
                self.deliver_down(false);
            }
            if self.settled() && self.seen_by_server() == self.truth {
                return;
            }
        }
        panic!("never settled: {self:#?}");
    }

    fn seen_by_server(&self) -> BTreeMap<Check, u32> {
        let value =
            |(check, observation): (Check, &Observation)| match observation.readings()[0].data {
                Data::Dword(value) => (check, value),
                ref other => panic!("{other:?}"),
            };
        self.server.observations.iter().map(value).collect()
    }
}

fn start(disk: &Disk, epoch_made_here: bool) -> Machine {
    let mut outbox = Outbox::new(disk.base.clone(), LIMITS, form);
    let acknowledged = outbox.acknowledged();
    let ours = |(epoch, report): &&(Epoch, Report)| {
        *epoch == disk.base.epoch && report.sequence > acknowledged
    };
    let waiting = disk
        .spool
        .values()
        .filter(ours)
        .map(|(_, report)| report.clone())
        .collect();
    let gap = outbox.restore(waiting);
    Machine::new(MachineOptions::default(), outbox, gap, epoch_made_here)
}

#[derive(Debug, Clone)]
enum Step {
    Change(prop::sample::Index, u32),
    Tick,
    Up(u8),
    Down(u8),
    Twice,
    LoseUp,
    LoseDown,
    Disconnect,
    Crash,
    DiskFull(bool),
    CopyDisk,
    SetBack(prop::sample::Index),
    CopyServer,
    RestoreServer(prop::sample::Index),
    AskFull,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (any::<prop::sample::Index>(), 0_u32..4).prop_map(|(at, value)| Step::Change(at, value)),
        8 => Just(Step::Tick),
        8 => (1_u8..8).prop_map(Step::Up),
        8 => (1_u8..8).prop_map(Step::Down),
        1 => Just(Step::Twice),
        1 => Just(Step::LoseUp),
        1 => Just(Step::LoseDown),
        2 => Just(Step::Disconnect),
        2 => Just(Step::Crash),
        1 => any::<bool>().prop_map(Step::DiskFull),
        1 => Just(Step::CopyDisk),
        1 => any::<prop::sample::Index>().prop_map(Step::SetBack),
        1 => Just(Step::CopyServer),
        1 => any::<prop::sample::Index>().prop_map(Step::RestoreServer),
        1 => Just(Step::AskFull),
    ]
}

impl World {
    fn step(&mut self, step: Step) {
        match step {
            Step::Change(at, value) => {
                let checks: Vec<Check> = self.truth.keys().copied().collect();
                let check = checks[at.index(checks.len())];
                self.truth.insert(check, value);
                self.tell(Event::InspectSoon(vec![check]));
            }
            Step::Tick => self.tick(),
            Step::Up(times) => (0..times).for_each(|_| self.deliver_up()),
            Step::Down(times) => (0..times).for_each(|_| self.deliver_down(false)),
            Step::Twice => self.deliver_down(true),
            Step::LoseUp => {
                if let Some(wire) = &mut self.wire
                    && !matches!(wire.up.front(), Some(ToServer::Hello(_)))
                {
                    wire.up.pop_front();
                }
            }
            Step::LoseDown => {
                if let Some(wire) = &mut self.wire {
                    wire.down.pop_front();
                }
            }
            Step::Disconnect => self.disconnect(),
            Step::Crash => self.crash(),
            Step::DiskFull(full) => self.disk_full = full,
            Step::CopyDisk => self.older_disks.push(self.disk.clone()),
            Step::SetBack(at) => {
                if !self.older_disks.is_empty() {
                    self.disk = self.older_disks[at.index(self.older_disks.len())].clone();
                    self.crash();
                }
            }
            Step::CopyServer => self.older_servers.push(self.server.clone()),
            Step::RestoreServer(at) => {
                if !self.older_servers.is_empty() {
                    self.server = self.older_servers[at.index(self.older_servers.len())].clone();
                    self.disconnect();
                }
            }
            Step::AskFull => {
                if let Some(wire) = &mut self.wire {
                    wire.down.push_back(FromServer::FullWanted {
                        reason: "asked".to_owned(),
                    });
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn whatever_is_lost_crashes_or_is_set_back_the_server_ends_with_what_the_collector_sees(
        seed in any::<u64>(), steps in proptest::collection::vec(step(), 0..120),
    ) {
        let mut world = World::new(seed);
        for step in steps {
            world.step(step);
        }
        world.settle();
    }
}

#[test]
fn without_faults_each_change_is_one_report_and_only_the_first_is_full() {
    let mut world = World::new(1);
    world.settle();
    for value in 1..=10 {
        world.truth.insert(Check::Pause, value);
        world.tell(Event::InspectSoon(vec![Check::Pause]));
        for _ in 0..3 {
            world.tick();
            world.deliver_up();
            world.deliver_down(false);
        }
    }
    world.settle();
    assert_eq!((world.applied_reports, world.full_reports), (11, 1));
}

#[test]
fn an_unspoiled_restart_of_either_side_repeats_nothing() {
    let mut world = World::new(2);
    world.settle();
    for round in 1..=20 {
        world.truth.insert(Check::Services, round);
        world.tell(Event::InspectSoon(vec![Check::Services]));
        if round % 2 == 0 {
            world.crash();
        } else {
            world.disconnect();
        }
        world.settle();
    }
    assert_eq!((world.applied_reports, world.full_reports), (21, 1));
    assert!(world.disk.spool.is_empty());
}
