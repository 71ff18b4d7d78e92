//! Which update brings which build, learned from what devices say (decision 26).
//!
//! A cumulative update's package carries its build and not its number, the update agent remembers its number and, since 2025, its
//! build in the title. A device that installed one both ways in the same days says that they belong together. What one device says is a
//! claim: it is believed once [`BASELINE_QUORUM`] devices of a kind say it and at least [`TOLD_BY_MOST_PERCENT`] percent of those that
//! say anything of that update. A person's import is believed at once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::profile::is_rollup;
use crate::context::BASELINE_QUORUM;
use crate::facts::updates::PackageState;
use crate::facts::{Facts, Title};
use crate::kb::Kb;
use crate::knowledge::{DeviceKind, Knowledge};
use crate::time::{DAY_MS, Time};

/// Of the devices that say anything of an update, so many percent must say the same before it is believed.
pub const TOLD_BY_MOST_PERCENT: u64 = 80;
/// A package and an entry of the history that are further apart do not belong together, in milliseconds.
const TOGETHER_MS: i64 = 3 * DAY_MS;
/// Most claims of a device, of its newest updates.
const CLAIMS: usize = 6;

/// A device says that an update brought a build revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The update.
    pub kb: Kb,
    /// The build in the names of the family's packages.
    pub package_build: u32,
    /// The revision.
    pub revision: u32,
    /// Whether the update's title says so, rather than that both were installed together.
    pub by_title: bool,
    /// When it was installed, where that is told.
    pub at: Option<Time>,
}

/// Of which update of which devices something is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Told {
    /// The update.
    pub kb: Kb,
    /// Clients or servers.
    pub kind: DeviceKind,
    /// The build in the names of the family's packages.
    pub package_build: u32,
}

/// A revision that an update is said to bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LearnedUpdate {
    /// The revision.
    pub revision: u32,
    /// Most devices that said so at one time.
    pub devices: u64,
    /// How many of them by the update's title.
    pub by_title: u64,
    /// Devices that say so now.
    pub now: u64,
    /// How many of them by the update's title.
    pub now_by_title: u64,
    /// Since when so many devices as it takes had it; the latest of fewer.
    pub since: Time,
    /// Whether a person imported it.
    pub imported: bool,
    /// When the server first kept it; nothing where too few devices say so for it to be kept.
    pub kept_at: Option<Time>,
}

/// What the fleet's devices say of updates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Learned(BTreeMap<Told, Vec<LearnedUpdate>>);

impl Learned {
    /// Adds what is said.
    pub fn add(&mut self, told: Told, update: LearnedUpdate) {
        let all = self.0.entry(told).or_default();
        all.push(update);
        all.sort_by_key(|u| std::cmp::Reverse((u.imported, u.devices, u.revision)));
    }

    /// All that is said, most devices first.
    pub fn iter(&self) -> impl Iterator<Item = (Told, &[LearnedUpdate])> {
        self.0.iter().map(|(told, all)| (*told, all.as_slice()))
    }

    /// All that is said of one update.
    pub fn of(&self, kb: Kb) -> impl Iterator<Item = (Told, &[LearnedUpdate])> {
        let from = Told {
            kb,
            kind: DeviceKind::Client,
            package_build: 0,
        };
        self.0
            .range(from..)
            .take_while(move |(told, _)| told.kb == kb)
            .map(|(told, all)| (*told, all.as_slice()))
    }

    /// The updates of which one believes another revision than the other, or none.
    pub fn differing<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = Kb> + 'a {
        let revision = |all: &Vec<LearnedUpdate>| believed(all).map(|update| update.revision);
        let changed = self
            .0
            .iter()
            .filter(move |(told, all)| revision(all) != other.0.get(told).and_then(revision));
        let gone = other.0.keys().filter(|told| !self.0.contains_key(told));
        changed
            .map(|(told, _)| told.kb)
            .chain(gone.map(|told| told.kb))
    }
}

/// Which of the revisions that are told of an update is believed, if any.
///
/// What was ever said by most counts for it, for profiles forget; against it counts what is said now, so that a device which says
/// something else every day weighs no more than one.
pub fn believed(told: &[LearnedUpdate]) -> Option<&LearnedUpdate> {
    if let Some(imported) = told.iter().find(|update| update.imported) {
        return Some(imported);
    }
    let all = |update: &LearnedUpdate| (update.devices, update.now);
    let by_title = |update: &LearnedUpdate| (update.by_title, update.now_by_title);
    // Titles say it outright; what was only installed in the same days does not speak against them.
    said_by_most(told, all).or_else(|| said_by_most(told, by_title))
}

/// `count` gives how many ever said it, and how many do now.
fn said_by_most(
    told: &[LearnedUpdate],
    count: impl Fn(&LearnedUpdate) -> (u64, u64),
) -> Option<&LearnedUpdate> {
    let most = told.iter().max_by_key(|update| count(update))?;
    let (ever, _) = count(most);
    let others: u64 = told
        .iter()
        .filter(|update| update.revision != most.revision)
        .map(|update| count(update).1)
        .sum();
    (ever >= BASELINE_QUORUM as u64 && ever * 100 >= (ever + others) * TOLD_BY_MOST_PERCENT)
        .then_some(most)
}

/// Counts claims over a fleet.
#[derive(Debug, Clone, Default)]
pub struct ClaimTally(BTreeMap<(Told, u32), Counted>);

#[derive(Debug, Clone, Default)]
struct Counted {
    devices: u64,
    by_title: u64,
    /// The earliest moments of installation, as many as it takes.
    earliest: Vec<Time>,
}

impl ClaimTally {
    /// Adds the claims of one device, which counts once for each.
    pub fn add(&mut self, kind: DeviceKind, claims: &[Claim], now: Time) {
        for claim in claims {
            let told = Told {
                kb: claim.kb,
                kind,
                package_build: claim.package_build,
            };
            let counted = self.0.entry((told, claim.revision)).or_default();
            counted.devices += 1;
            counted.by_title += u64::from(claim.by_title);
            // A clock that is ahead would make an update come out in the future.
            let at = claim.at.unwrap_or(now).min(now);
            let place = counted.earliest.partition_point(|known| *known <= at);
            if place < BASELINE_QUORUM {
                counted.earliest.insert(place, at);
                counted.earliest.truncate(BASELINE_QUORUM);
            }
        }
    }

    /// What the fleet says.
    pub fn iter(&self) -> impl Iterator<Item = (Told, LearnedUpdate)> {
        self.0.iter().filter_map(|((told, revision), counted)| {
            let update = LearnedUpdate {
                revision: *revision,
                devices: counted.devices,
                by_title: counted.by_title,
                now: counted.devices,
                now_by_title: counted.by_title,
                since: *counted.earliest.last()?,
                imported: false,
                kept_at: None,
            };
            Some((*told, update))
        })
    }
}

/// An update that the device remembers installing.
struct Installed {
    kb: Kb,
    title: Title,
    at: Option<Time>,
}

/// What a device's own packages and history say of which update brings which build.
pub fn claims(facts: &Facts) -> Vec<Claim> {
    let installed = installed(facts);
    let known = facts.knowledge();
    let mut claims: Vec<Claim> = installed
        .iter()
        .filter_map(|update| by_title(update, known))
        .collect();
    by_packages(facts, &installed, &mut claims);
    // A device speaks for itself alone: of its own family, and of what it has.
    let windows = facts.windows();
    let family = windows.build.map(|build| known.package_build(build));
    claims.retain(|claim| {
        Some(claim.package_build) == family && windows.ubr.is_none_or(|own| claim.revision <= own)
    });
    claims.sort_by_key(|claim| (claim.kb, claim.package_build, !claim.by_title));
    claims.dedup_by_key(|claim| (claim.kb, claim.package_build));
    claims.sort_by_key(|claim| std::cmp::Reverse((claim.at, claim.revision)));
    claims.truncate(CLAIMS);
    claims
}

/// Updates of Windows itself that the device remembers installing, each once, at its latest moment.
fn installed(facts: &Facts) -> Vec<Installed> {
    let history = facts.update_history.as_ref().ok().into_iter();
    let entries = history
        .flat_map(|history| &history.entries)
        .filter(|entry| entry.operation == Some(1) && matches!(entry.result, Some(2 | 3)))
        .map(|entry| (entry.named, entry.at));
    let events = facts.update_events.as_ref().ok().into_iter();
    let events = events
        .flat_map(|events| &events.events)
        .filter(|event| event.is_installation())
        .map(|event| (event.title, event.at));
    let mut all: Vec<Installed> = entries
        .chain(events)
        .filter(|(title, _)| title.of_windows)
        .filter_map(|(title, at)| {
            let kb = title.kb?;
            Some(Installed { kb, title, at })
        })
        .collect();
    all.sort_by_key(|update| (update.kb, std::cmp::Reverse(update.at)));
    all.dedup_by_key(|update| update.kb);
    all
}

/// `2025-08 Cumulative Update for Windows 11 (KB5063878) (26100.4946)`.
fn by_title(update: &Installed, known: &Knowledge) -> Option<Claim> {
    let (build, revision) = update.title.build?;
    Some(Claim {
        kb: update.kb,
        package_build: known.package_build(build),
        revision,
        by_title: true,
        at: update.at,
    })
}

/// A cumulative package and the one update that was installed in the same days. Where several were, the device says nothing.
fn by_packages(facts: &Facts, installed: &[Installed], claims: &mut Vec<Claim>) {
    let Ok(updates) = &facts.updates else {
        return;
    };
    let is_single = |kb: Kb| {
        updates
            .packages
            .iter()
            .any(|package| package.kb == Some(kb))
    };
    let candidates: Vec<&Installed> = installed
        .iter()
        .filter(|update| !is_single(update.kb))
        // Updates of Office or a database may come on the same day.
        .filter(|update| update.title.says_windows)
        .collect();
    let rollups: Vec<(u32, u32, Time)> = updates
        .packages
        .iter()
        .filter(|package| is_rollup(&package.name))
        .filter(|package| package.state.is_installed() || package.state == PackageState::Superseded)
        .filter_map(|package| {
            let (build, revision) = package.build?;
            Some((build, revision, package.installed_at?))
        })
        .collect();
    let together = |at: Time, other: Option<Time>| {
        other.is_some_and(|other| at.since(other).abs() <= TOGETHER_MS)
    };
    for (build, revision, at) in &rollups {
        let mut near = candidates.iter().filter(|update| together(*at, update.at));
        let (Some(update), None) = (near.next(), near.next()) else {
            continue;
        };
        let alone = rollups
            .iter()
            .filter(|(_, _, other)| together(*other, update.at))
            .count()
            == 1;
        if alone {
            claims.push(Claim {
                kb: update.kb,
                package_build: *build,
                revision: *revision,
                by_title: false,
                at: Some(*at),
            });
        }
    }
}
