//! The demo's fleet: machines of a company that does not exist, most of them well, the others with every issue that there is, and
//! what happens to them while the demo runs.
//!
//! All of it follows from a seed. A machine is what it is ([`profile`]) and what ails it ([`ailment`]); what has come of that since
//! ([`body`]) is worked out anew each time its recording is written, so a cure leaves nothing behind by accident. Facts of releases,
//! safeguard holds and registry values are real; build revisions are plausible for November 2026.

mod ailment;
mod body;
mod calendar;
mod chronicle;
mod kind;
mod place;
mod profile;
mod registry;
mod release;

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use sickbay_collector::host::recording::Recording;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::knowledge::DeviceKind;
use sickbay_diagnosis::time::{DAY_MS, HOUR_MS};
use sickbay_store::{Baseline, Claim, ListedMachine};

use ailment::{Ailment, Area, Kind};
use body::Body;
use calendar::Calendar;
use place::Place;
pub use place::{DOMAIN, KIOSKS, LAPTOPS};
use profile::Profile;

/// Share of the machines, in percent, that nothing ails at the start.
const HEALTHY_PERCENT: usize = 60;
/// So many ailing machines show every issue. A small fleet has them too, at the cost of its health,
const EVERY_ISSUE: usize = 32;
/// but not of more than this share, in percent.
const SMALL_FLEETS_HEALTHY_PERCENT: usize = 40;
/// Of a hundred ailing machines, how many have two ailments.
const TWICE_AILING_PERCENT: u32 = 12;
/// Of a hundred machines of the directory, how many no collector ever spoke for.
const NEVER_ENROLLED_PERCENT: usize = 2;
/// What the directory calls the system of most clients.
const WINDOWS_11: &str = "Windows 11 Enterprise";
/// The fleet that ailments are shared out for.
const SHARED_OUT_FOR: usize = 200;
/// The version of collectors that nobody brought up to date.
const OLD_COLLECTOR: &str = "0.1.4";

/// Whether updates came out on a day, by its number since 1970-01-01.
pub(super) fn is_patch_tuesday(day: i64) -> bool {
    calendar::second_tuesday(day).is_some()
}

/// A fleet and the chance that acts on it.
#[derive(Debug)]
pub struct FleetPlan {
    machines: Vec<DemoMachine>,
    /// Machines of the directory that no collector speaks for.
    never_enrolled: Vec<Place>,
    chance: StdRng,
}

/// One simulated machine.
#[derive(Debug, Clone)]
pub struct DemoMachine {
    /// Host name, unique in the fleet.
    pub host_name: String,
    /// What its checks read now; of a machine that is away, when it was last heard of.
    pub recording: Recording,
    profile: Profile,
    ailments: Vec<Ailment>,
}

/// That a machine does not connect while the demo runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away {
    /// When it was last heard of.
    pub last_heard: Time,
    /// The version of its collector then.
    pub collector_version: &'static str,
}

/// Something that happened to a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its place in [`FleetPlan::machines`].
    pub machine: usize,
    /// What happened, in one line.
    pub what: String,
}

/// What five machines had that stood where those of the fleet stand now: each monthly update a day or two after it came out. A server
/// that has run for as long as the fleet's would know it from them.
pub fn remembered(now: Time) -> Vec<Vec<Claim>> {
    let calendar = Calendar::at(now);
    let claims = |machine: i64| {
        let mut claims = Vec::new();
        for month in calendar.months() {
            let at = month.released.plus_millis(DAY_MS + machine * 3 * HOUR_MS);
            for release in &release::RELEASES {
                let kind = if release.is_server {
                    DeviceKind::Server
                } else {
                    DeviceKind::Client
                };
                claims.extend(
                    [Baseline::Windows, Baseline::ServicingStack].map(|what| Claim {
                        what,
                        kind,
                        build: release.build,
                        revision: release.ubr(*month),
                        at,
                    }),
                );
            }
        }
        claims
    };
    (0..5).map(claims).collect()
}

impl FleetPlan {
    /// `count` machines as they stand at `now`. The same seed, count and time give the same fleet. With 60 machines every issue
    /// occurs, with 200 every kind of ailment.
    pub fn new(seed: u64, count: usize, now: Time) -> Self {
        let mut chance = StdRng::seed_from_u64(seed);
        let mut names = place::Names::default();
        let mut machines: Vec<DemoMachine> = (0..count)
            .map(|_| DemoMachine::healthy(Profile::draw(&mut names, &mut chance, now), now))
            .collect();
        let mut order: Vec<usize> = (0..count).collect();
        order.shuffle(&mut chance);
        for kind in kinds_for(count, &mut chance) {
            let Some(at) = order.iter().position(|place| {
                let machine = &machines[*place];
                machine.can_get(kind) && machine.is_old_enough_for(kind, now)
            }) else {
                continue;
            };
            let machine = &mut machines[order.remove(at)];
            machine.fall_ill(Ailment::draw(kind, &machine.profile, now, &mut chance));
            if chance.random_ratio(TWICE_AILING_PERCENT, 100)
                && let Some(second) = machine.second(&mut chance)
            {
                machine.fall_ill(Ailment::draw(second, &machine.profile, now, &mut chance));
            }
            machine.write(now);
        }
        let never_enrolled = (0..(count * NEVER_ENROLLED_PERCENT).div_ceil(100))
            .map(|_| names.draw(false, &mut chance))
            .collect();
        Self {
            machines,
            never_enrolled,
            chance,
        }
    }

    /// The machines, in a fixed order.
    pub fn machines(&self) -> &[DemoMachine] {
        &self.machines
    }

    /// What the company's directory would list: the fleet, and a few machines that no collector speaks for.
    pub fn directory(&self) -> Vec<ListedMachine> {
        let of_fleet = self.machines.iter().map(|m| {
            let system = match m.profile.release {
                server if server.is_server => server.product,
                client if client.build < 22000 => "Windows 10 Enterprise",
                _ => WINDOWS_11,
            };
            listed(&m.profile.place, system)
        });
        let others = self.never_enrolled.iter();
        of_fleet
            .chain(others.map(|place| listed(place, WINDOWS_11)))
            .collect()
    }

    /// Lets something happen to one machine at `now`: an ailing one is cured or a well one falls ill, equally often, so that the
    /// fleet stays about as well as it was. The last machine of a kind stays ill, so that every issue stays to be seen. `None` for a
    /// fleet in which nothing can happen.
    pub fn change(&mut self, now: Time) -> Option<Change> {
        let curable = self.curable();
        let well: Vec<usize> = (0..self.machines.len())
            .filter(|place| self.machines[*place].ailments.is_empty())
            .collect();
        let cure = self.chance.random_bool(0.5) && !curable.is_empty() || well.is_empty();
        let (place, what) = if cure {
            let (place, at) = *curable.choose(&mut self.chance)?;
            (place, self.machines[place].recover(at, now))
        } else {
            let place = *well.choose(&mut self.chance)?;
            let what = self.machines[place].get_something(&mut self.chance, now)?;
            (place, what)
        };
        let machine = &mut self.machines[place];
        machine.write(now);
        Some(Change {
            machine: place,
            what: format!("{}: {what}", machine.host_name),
        })
    }

    /// What every machine reads at `now`: those that are well have looked for updates since.
    pub fn go_on(&mut self, now: Time) {
        for machine in &mut self.machines {
            machine.write(now);
        }
    }

    /// Ailments that may end, by the places of machine and ailment.
    fn curable(&self) -> Vec<(usize, usize)> {
        let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
        // Those that began while the demo runs have not come to much yet, and are not counted on.
        let old = self.machines.iter().flat_map(|m| &m.ailments);
        for ailment in old.filter(|ailment| !ailment.is_fresh) {
            *counts.entry(ailment.kind).or_default() += 1;
        }
        let ailments = self.machines.iter().enumerate().flat_map(|(place, m)| {
            let of_machine = m.ailments.iter().enumerate();
            of_machine.map(move |(at, ailment)| ((place, at), ailment))
        });
        let enough = |kind: Kind| counts.get(&kind).is_some_and(|n| *n > kind.fewest());
        ailments
            .filter(|(_, a)| a.kind.comes_and_goes() && (a.is_fresh || enough(a.kind)))
            .map(|(at, _)| at)
            .collect()
    }
}

fn listed(place: &Place, operating_system: &str) -> ListedMachine {
    ListedMachine {
        name: place.host_name.clone(),
        domain: DOMAIN.into(),
        ou: place.ou.as_str().into(),
        operating_system: operating_system.into(),
    }
}

/// The kinds that a fleet of `count` gets, one a machine: first each as often as it makes sense, then as often as its share says.
fn kinds_for(count: usize, chance: &mut StdRng) -> Vec<Kind> {
    let usual = count - count * HEALTHY_PERCENT / 100;
    let most = count - count * SMALL_FLEETS_HEALTHY_PERCENT / 100;
    let room = usual.max(EVERY_ISSUE.min(most));
    let times = |kind: Kind, n: usize| std::iter::repeat_n(kind, n);
    let mut kinds: Vec<Kind> = Kind::SHARES
        .iter()
        .flat_map(|(kind, _)| times(*kind, kind.fewest()))
        .collect();
    let mut rest: Vec<Kind> = Kind::SHARES
        .iter()
        .flat_map(|(kind, share)| {
            let of_these = (share * count + SHARED_OUT_FOR / 2) / SHARED_OUT_FOR;
            times(*kind, of_these.saturating_sub(kind.fewest()))
        })
        .collect();
    rest.shuffle(chance);
    kinds.extend(rest);
    kinds.truncate(room);
    kinds
}

impl DemoMachine {
    fn healthy(profile: Profile, now: Time) -> Self {
        let calendar = Calendar::at(now);
        Self {
            host_name: profile.host_name.clone(),
            recording: registry::recording(&Body::of(&profile, &[], &calendar), &[]),
            profile,
            ailments: Vec::new(),
        }
    }

    /// By how much its clock is ahead, in milliseconds.
    pub fn clock_ahead_ms(&self) -> i64 {
        let clock = self.ailments.iter().find(|a| a.kind == Kind::ClockOff);
        clock.map_or(0, Ailment::clock_ahead_ms)
    }

    /// Whether it never connects while the demo runs.
    pub fn away(&self) -> Option<Away> {
        let ailment = self.ailments.iter().find(|a| a.kind.area() == Area::Away)?;
        Some(Away {
            last_heard: ailment.since,
            collector_version: match ailment.kind {
                Kind::OldCollector => OLD_COLLECTOR,
                _ => env!("CARGO_PKG_VERSION"),
            },
        })
    }

    fn fall_ill(&mut self, ailment: Ailment) {
        self.ailments.push(ailment);
    }

    /// Whether it was installed before the ailment can have begun, which matters where only the ailment's age shows it.
    fn is_old_enough_for(&self, kind: Kind, now: Time) -> bool {
        let (youngest, _) = kind.age_days();
        kind != Kind::Silent || self.profile.installed_at.plus_days(youngest + 1) < now
    }

    fn can_get(&self, kind: Kind) -> bool {
        kind.fits(&self.profile) && self.ailments.iter().all(|other| other.kind.goes_with(kind))
    }

    /// Something else that may ail it beside what does.
    fn second(&self, chance: &mut StdRng) -> Option<Kind> {
        // What is away is seen as it was, with that alone.
        if self.away().is_some() {
            return None;
        }
        let possible: Vec<Kind> = Kind::SHARES
            .iter()
            .map(|(kind, _)| *kind)
            .filter(|kind| kind.comes_and_goes() && kind.fewest() == 1 && self.can_get(*kind))
            .collect();
        possible.choose(chance).copied()
    }

    fn get_something(&mut self, chance: &mut StdRng, now: Time) -> Option<String> {
        let possible: Vec<(Kind, usize)> = Kind::SHARES
            .iter()
            .copied()
            .filter(|(kind, _)| kind.comes_and_goes() && self.can_get(*kind))
            .collect();
        let (kind, _) = possible.choose_weighted(chance, |(_, share)| *share).ok()?;
        let ailment = Ailment::begin(*kind, now, chance);
        let what = chronicle::began(&ailment, now);
        self.fall_ill(ailment);
        Some(what)
    }

    fn recover(&mut self, at: usize, now: Time) -> String {
        let ended = self.ailments.swap_remove(at);
        if ended.kind.ends_with_a_restart() {
            self.profile.started_at = now;
        }
        chronicle::ended(&ended)
    }

    fn write(&mut self, now: Time) {
        // What is away is as it was last seen.
        let at = self.away().map_or(now, |away| away.last_heard);
        let calendar = Calendar::at(at);
        let body = Body::of(&self.profile, &self.ailments, &calendar);
        self.recording = registry::recording(&body, &self.ailments);
    }
}

#[cfg(test)]
mod tests;
