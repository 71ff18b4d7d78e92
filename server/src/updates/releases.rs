//! Which revisions the fleet runs of each release, the newest first, and which updates bring them.

use std::collections::BTreeMap;

use sickbay_diagnosis::context::BASELINE_QUORUM;
use sickbay_diagnosis::knowledge::DeviceKind;
use sickbay_diagnosis::{Kb, Time};
use sickbay_store::RevisionCount;

use super::known;
use crate::rules::Rules;

/// Devices that make a revision one that the fleet has seen, as with baselines.
const QUORUM: u64 = BASELINE_QUORUM as u64;
/// Revisions of a release that are told one by one.
pub const NEWEST: usize = 3;

/// A release with the devices that run it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// `Windows 11 24H2`, or its build where no table knows it.
    pub name: String,
    /// Client or server.
    pub kind: DeviceKind,
    /// The build.
    pub build: u32,
    /// The newest revisions that count, newest first: at most [`NEWEST`].
    pub newest: Vec<Revision>,
    /// Devices that name a revision newer than these, which too few do.
    pub ahead: u64,
    /// Devices with another revision, older than the newest.
    pub others: u64,
    /// Devices whose revision is not known.
    pub unknown: u64,
    /// All devices of it.
    pub devices: u64,
}

/// A revision of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// The revision.
    pub revision: u32,
    /// The update that brings it, where that is known.
    pub kb: Option<Kb>,
    /// Devices that run it.
    pub devices: u64,
    /// By when it was out, as far as is known.
    pub released: Option<Time>,
}

/// The releases that devices run, most devices first.
pub fn releases(counts: &[RevisionCount], rules: &Rules) -> Vec<Release> {
    let mut brings: BTreeMap<(DeviceKind, u32, u32), Kb> = BTreeMap::new();
    for (told, revision, kb) in known(rules).revisions() {
        brings
            .entry((told.kind, told.package_build, revision))
            .or_insert(kb);
    }
    let mut by_release: BTreeMap<(DeviceKind, u32), Vec<&RevisionCount>> = BTreeMap::new();
    for count in counts {
        by_release
            .entry((count.kind, count.build))
            .or_default()
            .push(count);
    }
    let mut releases: Vec<Release> = by_release
        .into_iter()
        .map(|((kind, build), counts)| release(rules, &brings, kind, build, &counts))
        .collect();
    releases.sort_by(|a, b| b.devices.cmp(&a.devices).then_with(|| a.name.cmp(&b.name)));
    releases
}

fn release(
    rules: &Rules,
    brings: &BTreeMap<(DeviceKind, u32, u32), Kb>,
    kind: DeviceKind,
    build: u32,
    counts: &[&RevisionCount],
) -> Release {
    let knowledge = &rules.knowledge;
    let family = knowledge.package_build(build);
    let mut revisions: Vec<(u32, u64)> = counts
        .iter()
        .filter_map(|count| Some((count.ubr?, count.devices)))
        .collect();
    revisions.sort_unstable_by_key(|(revision, _)| std::cmp::Reverse(*revision));
    let all: u64 = revisions.iter().map(|(_, devices)| devices).sum();
    // One machine with a preview, or one that makes its revision up, does not put all others behind.
    let counts_as_seen = |revision: u32, devices: u64| {
        devices >= QUORUM || all < QUORUM || brings.contains_key(&(kind, family, revision))
    };
    let newest: Vec<Revision> = revisions
        .iter()
        .filter(|(revision, devices)| counts_as_seen(*revision, *devices))
        .take(NEWEST)
        .map(|(revision, devices)| {
            let kb = brings.get(&(kind, family, *revision)).copied();
            Revision {
                revision: *revision,
                kb,
                devices: *devices,
                released: kb.and_then(|kb| released(rules, kb, kind, family)),
            }
        })
        .collect();
    let first = newest.first().map(|revision| revision.revision);
    let ahead = revisions
        .iter()
        .filter(|(revision, _)| Some(*revision) > first);
    let ahead: u64 = ahead.map(|(_, devices)| devices).sum();
    let told: u64 = newest.iter().map(|revision| revision.devices).sum();
    let name = knowledge
        .releases_of_build(build)
        .find(|release| release.kind == kind)
        .map_or_else(
            || format!("build {build}"),
            |release| release.name.to_string(),
        );
    Release {
        name,
        kind,
        build,
        newest,
        ahead,
        others: all - told - ahead,
        unknown: counts
            .iter()
            .filter(|count| count.ubr.is_none())
            .map(|count| count.devices)
            .sum(),
        devices: counts.iter().map(|count| count.devices).sum(),
    }
}

/// By when an update was out for devices of a family.
fn released(rules: &Rules, kb: Kb, kind: DeviceKind, family: u32) -> Option<Time> {
    let aims = known(rules).aims(kb);
    let aim = aims
        .iter()
        .find(|aim| aim.package_build == family && aim.kind.is_none_or(|of| of == kind));
    aim.and_then(|aim| aim.released)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_that_one_device_makes_up_puts_nobody_behind() {
        let count = |ubr, devices| RevisionCount {
            kind: DeviceKind::Client,
            build: 31337,
            ubr,
            devices,
        };
        let counts = [
            count(None, 2),
            count(Some(100), 40),
            count(Some(150), 1),
            count(Some(200), 30),
            count(Some(u32::MAX), 3),
        ];
        let releases = releases(&counts, &Rules::default());
        let [release] = releases.as_slice() else {
            panic!("one release: {releases:?}");
        };
        let newest: Vec<u32> = release.newest.iter().map(|r| r.revision).collect();
        assert_eq!(newest, [200, 100]);
        assert_eq!((release.ahead, release.others, release.unknown), (3, 1, 2));
        assert_eq!(release.devices, 76);
    }
}
