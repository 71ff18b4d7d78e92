//! All of a device that the question about an update can rest on, small enough to be kept for every device of a fleet.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::learned::{Claim, claims};
use super::obstacles::{Obstacle, obstacles};
use super::package_file::Arch;
use crate::diagnose::Diagnosis;
use crate::facts::Facts;
use crate::facts::updates::PackageState;
use crate::issue::Case;
use crate::issues::last_scan;
use crate::issues::serviced_until;
use crate::kb::Kb;
use crate::knowledge::DeviceKind;
use crate::time::Time;

/// Most updates that a profile tells of by number, the newest: a server that was never set up anew has hundreds.
pub const HELD_KBS: usize = 512;
/// Most cumulative updates of which a profile keeps the packages.
const HELD_ROLLUPS: usize = 16;
/// The name of the packages of cumulative updates.
const ROLLUP: &str = "Package_for_RollupFix";

/// What is known of a device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Client or server.
    pub kind: Option<DeviceKind>,
    /// Build.
    pub build: Option<u32>,
    /// The build in the names of its packages.
    pub family: Option<u32>,
    /// Update build revision.
    pub ubr: Option<u32>,
    /// Its release, in words.
    pub release: String,
    /// Architecture.
    pub arch: Option<Arch>,
    /// Whether its edition is one for long-term servicing, which gets no feature updates.
    pub long_term: bool,
    /// The first moment at which its edition of the release gets no updates any more.
    pub service_over_at: Option<Time>,
    /// Until when those who bought extended security updates get updates for its release.
    pub extended_until: Option<Time>,
    /// When this release was installed.
    pub installed_at: Option<Time>,
    /// Update packages; nothing where they are not known.
    pub packages: Option<Vec<Package>>,
    /// What became of updates, by number.
    pub outcomes: Vec<(Kb, Outcome)>,
    /// What stands in the way of updates.
    pub obstacles: Vec<Obstacle>,
    /// The build of the release that policy pins it to.
    pub pinned_build: Option<u32>,
    /// The last search that worked.
    pub scan: Scan,
    /// The code with which searches fail, in the one spelling.
    pub scan_error: Option<String>,
    /// Whether the last search is older than is expected of the device.
    pub scan_is_stale: bool,
    /// What its packages and history say of which update brings which build.
    pub claims: Vec<Claim>,
    /// Its primary cause: the id of an issue.
    pub primary: Option<String>,
}

/// An update package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// What its name tells.
    pub name: PackageName,
    /// Where it stands.
    pub state: PackageState,
    /// When it was installed.
    pub at: Option<Time>,
}

/// What a package's name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PackageName {
    /// A single update, by its number.
    Update(Kb),
    /// A cumulative update, by build and revision.
    Rollup(u32, u32),
}

/// What became of an update on a device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The last time that it was installed.
    pub installed_at: Option<Time>,
    /// Build and revision that the title names under which it was last installed.
    pub titled: Option<(u32, u32)>,
    /// The last time that it was removed.
    pub removed_at: Option<Time>,
    /// The last time that it was offered: downloaded, begun.
    pub offered_at: Option<Time>,
    /// How it fails.
    pub failure: Option<Failure>,
}

/// How an update fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The code, in the one spelling.
    pub code: String,
    /// How often in a row.
    pub times: u16,
    /// The last time.
    pub last_at: Option<Time>,
}

/// When a device last looked for updates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scan {
    /// Then.
    At(Time),
    /// It never did.
    Never,
    /// It could not be told.
    #[default]
    Unknown,
}

impl Profile {
    /// Of a device that is judged: its verdicts say what stands in the way.
    pub fn of(case: &Case<'_>, diagnosis: &Diagnosis, primary: Option<&str>) -> Self {
        let scans = last_scan(case);
        Self {
            obstacles: obstacles(case, diagnosis),
            scan: scans.0,
            scan_error: scans.1,
            scan_is_stale: diagnosis.is_open("scan-stale"),
            primary: primary.map(str::to_owned),
            claims: claims(case.facts),
            ..Self::of_case(case)
        }
    }

    /// What the readings alone tell: whether the device has an update or can, not what stands in the way.
    pub fn of_case(case: &Case<'_>) -> Self {
        Self {
            outcomes: outcomes(case),
            ..Self::of_facts(case.facts)
        }
    }

    fn of_facts(facts: &Facts) -> Self {
        let windows = facts.windows();
        let packages = facts.updates.as_ref().ok().map(packages);
        let Ok(device) = &facts.device else {
            return Self {
                packages,
                ..Self::default()
            };
        };
        Self {
            kind: windows.kind,
            build: windows.build,
            family: windows
                .build
                .map(|build| facts.knowledge().package_build(build)),
            ubr: windows.ubr,
            release: device.release_name().unwrap_or_default(),
            arch: device
                .arch
                .as_ref()
                .and_then(|arch| Arch::named(&arch.value)),
            long_term: device.is_long_term(),
            service_over_at: serviced_until(device),
            extended_until: device
                .release
                .as_ref()
                .and_then(|release| release.support.extended_security),
            installed_at: device.installed_at.map(|f| f.value),
            packages,
            pinned_build: facts
                .safeguard_hold
                .as_ref()
                .ok()
                .and_then(|holds| Some(holds.pinned.as_ref()?.release.as_ref()?.build)),
            ..Self::default()
        }
    }

    /// The revision that the device runs. Where the registry tells none, as before Windows 10, that of its newest cumulative update.
    pub fn revision(&self) -> Option<u32> {
        self.ubr.or_else(|| {
            let family = self.family?;
            self.packages
                .as_ref()?
                .iter()
                .filter(|package| package.state.is_installed())
                .filter_map(|package| match package.name {
                    PackageName::Rollup(of, revision) if of == family => Some(revision),
                    _ => None,
                })
                .max()
        })
    }

    /// The package of that name.
    pub fn package(&self, name: PackageName) -> Option<&Package> {
        self.packages
            .as_ref()?
            .iter()
            .filter(|package| package.name == name)
            // A single update may have several packages: that which is furthest along tells.
            .max_by_key(|package| (package.state.is_installed(), package.at))
    }

    /// What became of an update.
    pub fn outcome(&self, kb: Kb) -> Option<&Outcome> {
        let place = self
            .outcomes
            .binary_search_by_key(&kb, |(of, _)| *of)
            .ok()?;
        self.outcomes.get(place).map(|(_, outcome)| outcome)
    }
}

/// Packages of updates: single ones by number, cumulative ones by revision, the newest of both.
fn packages(updates: &crate::facts::UpdatesFacts) -> Vec<Package> {
    let mut rollups = Vec::new();
    let mut single = Vec::new();
    for package in &updates.packages {
        let told = |name| Package {
            name,
            state: package.state,
            at: package.installed_at,
        };
        if let Some(kb) = package.kb {
            single.push(told(PackageName::Update(kb)));
        } else if package.name == ROLLUP
            && let Some((build, revision)) = package.build
        {
            rollups.push(told(PackageName::Rollup(build, revision)));
        }
    }
    let newest = |mut all: Vec<Package>, most: usize| {
        all.sort_by_key(|package| std::cmp::Reverse((package.name, package.at)));
        all.dedup();
        all.truncate(most);
        all
    };
    let mut all = newest(rollups, HELD_ROLLUPS);
    all.extend(newest(single, HELD_KBS));
    all
}

/// Whether the name is that of a cumulative update's package.
pub(super) fn is_rollup(name: &str) -> bool {
    name == ROLLUP
}

/// What event log and update agent tell of updates that have a number, by number.
fn outcomes(case: &Case<'_>) -> Vec<(Kb, Outcome)> {
    let mut outcomes: BTreeMap<Kb, Outcome> = BTreeMap::new();
    let later = |slot: &mut Option<Time>, at: Option<Time>| *slot = (*slot).max(at);
    if let Ok(history) = &case.facts.update_history {
        for entry in &history.entries {
            let Some(kb) = entry.named.kb else {
                continue;
            };
            let outcome = outcomes.entry(kb).or_default();
            // A moment that is not told still says that it happened.
            let at = entry.at.or(Some(Time::from_millis(0)));
            match (entry.operation, entry.result) {
                (Some(1), Some(2 | 3)) => {
                    later(&mut outcome.installed_at, at);
                    outcome.titled = outcome.titled.or(entry.named.build);
                }
                (Some(2), Some(2 | 3)) => later(&mut outcome.removed_at, at),
                (Some(1), Some(0 | 1)) => later(&mut outcome.offered_at, at),
                _ => {}
            }
        }
    }
    if let Ok(events) = &case.facts.update_events {
        for event in &events.events {
            let Some(kb) = event.title.kb else {
                continue;
            };
            let outcome = outcomes.entry(kb).or_default();
            match () {
                () if event.is_installation() => {
                    later(&mut outcome.installed_at, event.at);
                    outcome.titled = outcome.titled.or(event.title.build);
                }
                () if event.is_offer() => later(&mut outcome.offered_at, event.at),
                () => {}
            }
        }
    }
    for failing in &case.facts.failing_installs {
        let Some(kb) = failing.title.as_deref().and_then(Kb::find) else {
            continue;
        };
        outcomes.entry(kb).or_default().failure = Some(Failure {
            code: failing.code.clone(),
            times: u16::try_from(failing.times).unwrap_or(u16::MAX),
            last_at: failing.last_at,
        });
    }
    outcomes.retain(|_, outcome| *outcome != Outcome::default());
    let surplus = outcomes.len().saturating_sub(HELD_KBS);
    outcomes.into_iter().skip(surplus).collect()
}
