//! The demo's fleet: machines of a company that does not exist, most of them well, the others with every issue that can be read
//! from a registry, and what happens to them while the demo runs.
//!
//! All of it follows from a seed. A machine is what it is ([`profile`]) and what ails it ([`ailment`]); its recording is written from
//! these two each time they change, so a cure leaves nothing behind by accident. Facts of releases, safeguard holds and registry
//! values are real; build revisions are plausible for November 2026.

mod ailment;
mod chronicle;
mod place;
mod profile;
mod registry;

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use sickbay_collector::host::recording::Recording;
use sickbay_diagnosis::Time;

use ailment::{Ailment, Kind};
use profile::Profile;

/// Share of the machines, in percent, that nothing ails at the start.
const HEALTHY_PERCENT: usize = 60;
/// Of a hundred ailing machines, how many have two ailments.
const TWICE_AILING_PERCENT: u32 = 15;

/// A fleet and the chance that acts on it.
#[derive(Debug)]
pub struct FleetPlan {
    machines: Vec<DemoMachine>,
    chance: StdRng,
}

/// One simulated machine.
#[derive(Debug, Clone)]
pub struct DemoMachine {
    /// Host name, unique in the fleet.
    pub host_name: String,
    /// What its checks read now.
    pub recording: Recording,
    profile: Profile,
    ailments: Vec<Ailment>,
}

/// Something that happened to a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its place in [`FleetPlan::machines`].
    pub machine: usize,
    /// What happened, in one line.
    pub what: String,
}

impl FleetPlan {
    /// `count` machines as they stand at `now`. The same seed, count and time give the same fleet. With 200 machines every kind of
    /// ailment occurs.
    pub fn new(seed: u64, count: usize, now: Time) -> Self {
        let mut chance = StdRng::seed_from_u64(seed);
        let mut names = place::Names::default();
        let mut machines: Vec<DemoMachine> = (0..count)
            .map(|_| DemoMachine::healthy(Profile::draw(&mut names, &mut chance, now), now))
            .collect();
        let mut order: Vec<usize> = (0..count).collect();
        order.shuffle(&mut chance);
        let mut kinds = Kind::ALL.iter().copied().cycle();
        for place in order.into_iter().skip(count * HEALTHY_PERCENT / 100) {
            let machine = &mut machines[place];
            // The kinds take turns, so that each of them occurs; one that does not fit this machine is left to the next.
            let fitting = (0..Kind::ALL.len())
                .filter_map(|_| kinds.next())
                .find(|kind| machine.can_get(*kind));
            let second = chance
                .random_ratio(TWICE_AILING_PERCENT, 100)
                .then(|| Kind::ALL.choose(&mut chance).copied())
                .flatten();
            for kind in fitting.into_iter().chain(second) {
                if machine.can_get(kind) {
                    let since = now.plus_millis(-chance.random_range(0..kind.oldest_ms()));
                    machine
                        .ailments
                        .push(Ailment::draw(kind, since, &mut chance));
                }
            }
            machine.write(now);
        }
        Self { machines, chance }
    }

    /// The machines, in a fixed order.
    pub fn machines(&self) -> &[DemoMachine] {
        &self.machines
    }

    /// Lets something happen to one machine at `now`: an ailing one is cured or a well one falls ill, equally often, so that the
    /// fleet stays about as well as it was. `None` for a fleet without machines.
    pub fn change(&mut self, now: Time) -> Option<Change> {
        let wants_ailing = self.chance.random_bool(0.5);
        let chosen: Vec<usize> = (0..self.machines.len())
            .filter(|place| self.machines[*place].ailments.is_empty() != wants_ailing)
            .collect();
        let place = match chosen.choose(&mut self.chance) {
            Some(place) => *place,
            None if self.machines.is_empty() => return None,
            None => self.chance.random_range(0..self.machines.len()),
        };
        let what = self.machines[place].change(&mut self.chance, now);
        Some(Change {
            machine: place,
            what,
        })
    }
}

impl DemoMachine {
    fn healthy(profile: Profile, now: Time) -> Self {
        Self {
            host_name: profile.host_name.clone(),
            recording: registry::recording(&profile, &[], now),
            profile,
            ailments: Vec::new(),
        }
    }

    /// Lets something happen to this machine at `now`, and says what in one line: an ailment ends where there is one, else one begins.
    pub fn change(&mut self, chance: &mut StdRng, now: Time) -> String {
        let what = if self.ailments.is_empty() {
            self.fall_ill(chance, now)
        } else {
            let ended = self
                .ailments
                .swap_remove(chance.random_range(0..self.ailments.len()));
            if ended.kind.ends_with_a_restart() {
                self.profile.restart_and_update(now);
            }
            chronicle::ended(&ended)
        };
        self.write(now);
        format!("{}: {what}", self.host_name)
    }

    fn fall_ill(&mut self, chance: &mut StdRng, now: Time) -> String {
        let possible: Vec<Kind> = Kind::ALL
            .iter()
            .copied()
            .filter(|kind| self.can_get(*kind))
            .collect();
        let Some(kind) = possible.choose(chance) else {
            self.profile.restart_and_update(now);
            return "restarts and installs the newest cumulative update".to_owned();
        };
        let ailment = Ailment::draw(*kind, now, chance);
        let what = chronicle::began(&ailment);
        self.ailments.push(ailment);
        what
    }

    fn can_get(&self, kind: Kind) -> bool {
        kind.fits(&self.profile)
            && self
                .ailments
                .iter()
                .all(|other| other.kind.area() != kind.area())
    }

    fn write(&mut self, now: Time) {
        self.recording = registry::recording(&self.profile, &self.ailments, now);
    }
}

#[cfg(test)]
mod tests;
