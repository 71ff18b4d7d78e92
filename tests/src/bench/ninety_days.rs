//! A fleet that lives through 90 days in a database: what an ordinary machine reports in that time ([`Happening::in_90_days`]), what the
//! passing of time decides, certificates, signs of life, and what the server counts and forgets meanwhile. Everything is written by the
//! server's own code, under a clock that walks.
//!
//! Machines are those of the demo fleet, healthy and sick, as they stand on the day on which something happens to them; what happens is
//! seen by the real checks. An update that is installed is seen by every check to which it makes a difference.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use sickbay_collector::checks::comparison_form;
use sickbay_collector::inspection::inspect;
use sickbay_diagnosis::observation::{Observation, Observations};
use sickbay_diagnosis::time::{DAY_MS, MINUTE_MS};
use sickbay_diagnosis::{Check, Time};
use sickbay_server::config::Config;
use sickbay_server::demo::fleet::{DemoMachine, FleetPlan};
use sickbay_server::identity::ca::DEVICE_DAYS;
use sickbay_server::ingest::plan::{Held, Taken, Working};
use sickbay_server::jobs::as_stored;
use sickbay_server::rules::Rules;
use sickbay_store::{
    Approval, Day, DayCounts, EnrolOutcome, EnrolRequest, Greeting, Introduction,
    IssuedCertificate, NewHistory, NewToken, Scope, Store, Touch,
};

use super::stored::{BATCH, commit, report};
use crate::load::fingerprint;
use crate::load::life::{Happening, Names};

/// How long the fleet lives, in days.
pub(super) const DAYS: u32 = 90;
/// Certificates are renewed at half their life.
const RENEWED_EVERY_DAYS: i64 = DEVICE_DAYS / 2;
/// Verdicts that ran out are decided again in this many rounds a day; a server does so every second.
const ROUNDS: i64 = 2;
/// Devices that are due, in one step.
const DUE_AT_ONCE: u32 = 1_000;
/// Rows of history that are packed in one step.
const PACKED_AT_ONCE: u32 = 500;
const TOKEN: [u8; 32] = [1; 32];
const EPOCH: [u8; 16] = [1; 16];

/// What a fleet's life came to.
#[derive(Debug, Default)]
pub(super) struct Lived {
    /// Reports that made it into the database.
    pub(super) reports: usize,
    /// Rows of history: of which device, when, what.
    pub(super) history: Vec<(i64, Time, NewHistory)>,
    /// Devices that were diagnosed again because time passed, or the fleet's rules changed, and were written for it.
    pub(super) diagnosed_again: usize,
    /// Rows of history that were packed into pages, and how long that took, with the database's part in it.
    pub(super) packed: u64,
    pub(super) packing: Duration,
}

/// A fleet under way.
struct Life<'a> {
    store: &'a Arc<dyn Store>,
    devices: Vec<i64>,
    seed: u64,
    held: HashMap<i64, Held>,
    models: Vec<ModelDay>,
    rules: Rules,
    lived: Lived,
    /// Rows of devices that were written since the database was last tidied up.
    untidy: usize,
}

/// A machine on a day: what its checks tell that day, for every device that is modelled on it.
struct ModelDay {
    host_name: String,
    /// As its server knows it.
    told: Observations,
    news: Vec<(Happening, Vec<(Check, Observation)>)>,
}

/// Lets `devices`, modelled on so many different machines, live in the 90 days before `end`. The same seed gives the same machines.
pub(super) async fn live(
    store: &Arc<dyn Store>,
    devices: usize,
    different: usize,
    seed: u64,
    end: Time,
) -> anyhow::Result<Lived> {
    let begin = end.plus_days(-i64::from(DAYS));
    let plan = FleetPlan::new(seed, different.min(devices), begin);
    let devices = enrol(store, devices, begin).await?;
    let mut life = Life {
        store,
        held: HashMap::with_capacity(devices.len()),
        devices,
        seed,
        models: plan.machines().iter().map(ModelDay::first).collect(),
        rules: as_stored(store.as_ref(), &Config::default(), begin).await?,
        lived: Lived::default(),
        untidy: 0,
    };
    let greeting = Greeting {
        collector_version: env!("CARGO_PKG_VERSION").to_owned(),
        clock_ahead_ms: 0,
    };
    life.give_signs_of_life(begin, Some(&greeting)).await?;
    life.arrive(begin).await?;
    for day in 1..=DAYS {
        life.day(day, begin.plus_days(i64::from(day))).await?;
    }
    Ok(life.lived)
}

/// Enrols so many devices with their first certificates; says their keys.
async fn enrol(store: &Arc<dyn Store>, devices: usize, now: Time) -> anyhow::Result<Vec<i64>> {
    let token = NewToken {
        approval: Approval::Nobody,
        tags: vec!["office".to_owned()],
        ..NewToken::new(TOKEN.to_vec(), "GPO", now)
    };
    store.create_token(token, "bench").await?;
    let request = |number: usize| EnrolRequest {
        by: Introduction::Token(TOKEN.to_vec()),
        key_sha256: key_of(number),
        host_name: Names::numbered(number).host_name,
        domain: "corp.example.com".to_owned(),
        ou: "OU=Desktops,OU=Hamburg,OU=Workstations,DC=corp,DC=example,DC=com".to_owned(),
        fingerprint: fingerprint(number),
        collector_version: env!("CARGO_PKG_VERSION").to_owned(),
        live_since: now,
        now,
    };
    let mut keys = Vec::with_capacity(devices);
    let numbers: Vec<usize> = (0..devices).collect();
    for numbers in numbers.chunks(BATCH as usize) {
        let requests = numbers.iter().map(|number| request(*number)).collect();
        for outcome in store.enrol_all(requests).await? {
            match outcome {
                EnrolOutcome::Device(device) => keys.push(device.key),
                refused => bail!("a device was not enrolled: {refused:?}"),
            }
        }
    }
    certify(store, &keys, 0, now).await?;
    Ok(keys)
}

/// The hash of a device's key: as hard to compress as a real one.
fn key_of(number: usize) -> Vec<u8> {
    sickbay_server::identity::secret::hash(&format!("key of {number}"))
}

/// Records a certificate for each of these devices, of which the first has that number.
async fn certify(
    store: &Arc<dyn Store>,
    keys: &[i64],
    first: usize,
    now: Time,
) -> anyhow::Result<()> {
    let certificate = |(number, key): (usize, &i64)| IssuedCertificate {
        device_key: *key,
        serial: uuid::Uuid::new_v4().as_bytes().to_vec(),
        key_sha256: key_of(first + number),
        issued_at: now,
        not_after: now.plus_days(DEVICE_DAYS),
        ca: 1,
        line: None,
    };
    let certificates: Vec<_> = keys.iter().enumerate().map(certificate).collect();
    store.record_certificates(certificates).await?;
    Ok(())
}

impl ModelDay {
    fn first(machine: &DemoMachine) -> Self {
        Self {
            host_name: machine.host_name.clone(),
            told: inspect(&machine.recording, Check::ALL),
            news: Vec::new(),
        }
    }

    /// What happens to the machine, as it stands on that day. `number` spreads things over the fleet.
    fn wake(&mut self, number: usize, day: u32, machine: &DemoMachine) {
        self.news.clear();
        for happening in Happening::ALL {
            let Some(turn) = happening_on(*happening, number, day) else {
                continue;
            };
            let checks = match happening {
                Happening::Installation => Check::ALL,
                _ => &[happening.check()][..],
            };
            let mut seen = Vec::new();
            for check in checks {
                let Some(observation) = happening.seen_on(&machine.recording, turn, *check) else {
                    continue;
                };
                let form = |observation| comparison_form(*check, observation);
                if self.told.get(*check).map(form) != Some(form(&observation)) {
                    self.told.put(*check, observation.clone());
                    seen.push((*check, observation));
                }
            }
            if !seen.is_empty() {
                self.news.push((*happening, seen));
            }
        }
    }
}

/// Whether something happens to a machine on a day from 1 to [`DAYS`], and how often it happened before.
fn happening_on(happening: Happening, number: usize, day: u32) -> Option<usize> {
    let number = u32::try_from(number).unwrap_or_default();
    let times = happening.in_90_days();
    let every = DAYS / times;
    let turn = |offset: u32| {
        let since = day.checked_sub(1 + offset % every)?;
        (since % every == 0).then_some((since / every) as usize)
    };
    match happening {
        // What was looked for an hour ago, each day.
        Happening::Search => Some(1),
        // Two hours ago, each time.
        Happening::Event => turn(number).map(|_| 0),
        Happening::Room => turn(number),
        // The whole fleet within a week.
        Happening::Installation => turn(number % 7),
        // Asked for once a month, in the same week, and done two days later.
        Happening::Restart => {
            let month = DAYS * 2 / times;
            match (day + month - 1 - number % 7) % month {
                0 => Some(0),
                2 => Some(1),
                _ => None,
            }
        }
        // Every second machine is paused for a week and resumed, which makes one report each.
        Happening::Pause if number.is_multiple_of(2) => match day {
            40 => Some(0),
            47 => Some(1),
            _ => None,
        },
        Happening::Pause => None,
    }
}

impl Life<'_> {
    /// Every device tells everything for the first time.
    async fn arrive(&mut self, begin: Time) -> anyhow::Result<()> {
        let numbers: Vec<usize> = (0..self.devices.len()).collect();
        for numbers in numbers.chunks(BATCH as usize) {
            let keys = &self.devices[numbers[0]..numbers[0] + numbers.len()];
            let states = self.store.load_states(keys).await?;
            let mut changes = Vec::with_capacity(states.len());
            for (state, number) in states.into_iter().zip(numbers) {
                let now = moment(begin, *number);
                let names = Names::numbered(*number);
                let model = &self.models[number % self.models.len()];
                let mut first = Observations::new();
                for (check, observation) in model.told.iter() {
                    let mut observation = observation.clone();
                    names.stand_in(&mut observation, check, &model.host_name);
                    first.put(check, observation);
                }
                let mut working = Working::new(state, now);
                working.take(&EPOCH, &report(&first), now);
                changes.push(self.work(working, now)?);
                self.lived.reports += 1;
            }
            self.write(changes).await?;
        }
        Ok(())
    }

    async fn day(&mut self, day: u32, now: Time) -> anyhow::Result<()> {
        let plan = FleetPlan::new(self.seed, self.models.len(), now);
        for (number, (model, machine)) in self.models.iter_mut().zip(plan.machines()).enumerate() {
            model.wake(number, day, machine);
        }
        let rules = as_stored(self.store.as_ref(), &Config::default(), now).await?;
        if rules != self.rules {
            self.rules = rules;
            self.diagnose_again(self.devices.clone(), now).await?;
        }
        for round in 0..ROUNDS {
            let now = now.plus_millis(round * DAY_MS / ROUNDS);
            loop {
                let due = self.store.due(now, DUE_AT_ONCE).await?;
                if due.is_empty() {
                    break;
                }
                self.diagnose_again(due, now).await?;
            }
            if round == 0 {
                self.report(now).await?;
            }
            self.give_signs_of_life(now, None).await?;
        }
        if i64::from(day) % RENEWED_EVERY_DAYS == 0 {
            self.renew(now).await?;
        }
        self.count(now).await?;
        self.store.forget_changes().await?;
        Ok(())
    }

    /// Everything that happened on this day, one kind of happening after the other.
    async fn report(&mut self, begin: Time) -> anyhow::Result<()> {
        for happening in Happening::ALL {
            let mut changes = Vec::new();
            for number in 0..self.devices.len() {
                let model = &self.models[number % self.models.len()];
                let seen = model.news.iter().find(|(what, _)| what == happening);
                let Some((_, seen)) = seen else { continue };
                let names = Names::numbered(number);
                let now = moment(begin, number);
                let mut observations = Observations::new();
                for (check, observation) in seen {
                    let mut observation = observation.clone();
                    names.stand_in(&mut observation, *check, &model.host_name);
                    observations.put(*check, observation);
                }
                let held = self.held.remove(&self.devices[number]);
                let held = held.context("a device is held from its first report on")?;
                let mut said = report(&observations);
                said.full = false;
                said.sequence = held.state().mark.sequence + 1;
                let mut working = Working::new(held, now);
                let taken = working.take(&EPOCH, &said, now);
                if taken != Taken::Applied {
                    bail!("a report was not taken: {taken:?}");
                }
                changes.push(self.work(working, now)?);
                self.lived.reports += 1;
            }
            self.write(changes).await?;
        }
        Ok(())
    }

    /// Diagnoses and keeps the device.
    fn work(
        &mut self,
        mut working: Working,
        now: Time,
    ) -> anyhow::Result<sickbay_store::DeviceChange> {
        working.diagnose(&self.rules, now);
        let (change, held) = working.finish_and_hold();
        self.held.insert(held.state().identity.key, held);
        change.context("a report changes something")
    }

    async fn diagnose_again(&mut self, keys: Vec<i64>, now: Time) -> anyhow::Result<()> {
        let mut changes = Vec::new();
        for key in keys {
            let held = self.held.remove(&key);
            let held = held.context("a device is held from its first report on")?;
            let mut working = Working::new(held, now);
            working.diagnose(&self.rules, now);
            let (change, held) = working.finish_and_hold();
            self.held.insert(key, held);
            changes.extend(change);
        }
        self.lived.diagnosed_again += changes.len();
        self.write(changes).await
    }

    async fn write(&mut self, changes: Vec<sickbay_store::DeviceChange>) -> anyhow::Result<()> {
        for change in &changes {
            let rows = change.history.iter();
            self.lived
                .history
                .extend(rows.map(|row| (change.key, change.now, row.clone())));
        }
        let mut rest = changes;
        while !rest.is_empty() {
            let later = rest.split_off(rest.len().min(self.step()));
            let written = rest.len();
            commit(self.store, rest).await?;
            rest = later;
            self.pack_history().await?;
            self.tidy_after(written).await?;
        }
        Ok(())
    }

    /// Devices that are written at once. In a large fleet they are few of all, and Postgres has room again where the ones before stood.
    fn step(&self) -> usize {
        if self.store.is_shared() {
            self.devices.len().div_ceil(10)
        } else {
            BATCH as usize
        }
    }

    /// Postgres tidies up by itself where a fifth of a table was written anew.
    async fn tidy_after(&mut self, written: usize) -> anyhow::Result<()> {
        self.untidy += written;
        if self.store.is_shared() && self.untidy * 5 >= self.devices.len() {
            self.store.tidy(false).await?;
            self.untidy = 0;
        }
        Ok(())
    }

    /// The server does so every few seconds.
    async fn pack_history(&mut self) -> anyhow::Result<()> {
        loop {
            let begun = Instant::now();
            let packed = self.store.pack_history(PACKED_AT_ONCE).await?;
            if packed > 0 {
                self.lived.packed += packed;
                self.lived.packing += begun.elapsed();
            }
            if packed < u64::from(PACKED_AT_ONCE) {
                return Ok(());
            }
        }
    }

    async fn give_signs_of_life(
        &mut self,
        now: Time,
        greeting: Option<&Greeting>,
    ) -> anyhow::Result<()> {
        let touch = |key: &i64| Touch {
            key: *key,
            seen_at: now,
            confirmed_at: Some(now),
            greeting: greeting.cloned(),
        };
        let touches: Vec<Touch> = self.devices.iter().map(touch).collect();
        for touches in touches.chunks(self.step()) {
            self.store.touch(touches).await?;
            self.tidy_after(touches.len()).await?;
        }
        Ok(())
    }

    /// Every device gets its next certificate, with which the one before goes.
    async fn renew(&mut self, now: Time) -> anyhow::Result<()> {
        let step = self.step();
        let mut first = 0;
        while first < self.devices.len() {
            let keys = &self.devices[first..self.devices.len().min(first + step)];
            certify(self.store, keys, first, now).await?;
            let renewed = keys.len();
            first += renewed;
            self.tidy_after(renewed).await?;
        }
        Ok(())
    }

    /// Keeps the day's counts, as the server does again and again until the day is over.
    async fn count(&self, now: Time) -> anyhow::Result<()> {
        let scope = Scope::All;
        let counts = DayCounts {
            day: Day::of(now),
            at: now,
            fleet: self.store.fleet_counts(&scope).await?,
            issues: self.store.issue_counts(&scope).await?,
        };
        let oldest = Day::of(now).before(sickbay_server::days::KEPT);
        self.store.keep_days(&[(scope, counts)], oldest).await?;
        Ok(())
    }
}

/// A moment of the day, for a device of that number.
fn moment(day: Time, number: usize) -> Time {
    day.plus_millis(number as i64 * 37 % 600 * MINUTE_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_lives_as_the_profile_says() {
        for happening in Happening::ALL {
            let times = |number| {
                let days =
                    (1..=DAYS).filter(|day| happening_on(*happening, number, *day).is_some());
                days.count()
            };
            let of_two = times(0) + times(1);
            assert_eq!(of_two, 2 * happening.in_90_days() as usize, "{happening:?}");
        }
    }
}
