//! Which revisions the fleet runs of each release, the newest first, and which updates bring them.

use std::collections::BTreeMap;

use sickbay_diagnosis::Kb;
use sickbay_diagnosis::knowledge::DeviceKind;
use sickbay_store::RevisionCount;

use super::known;
use crate::rules::Rules;

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
    /// The newest revisions that are known or run, newest first: at most [`NEWEST`].
    pub newest: Vec<Revision>,
    /// Devices with an older revision.
    pub older: u64,
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
    pub released: Option<sickbay_diagnosis::Time>,
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
    let newest = revisions.iter().take(NEWEST).map(|(revision, devices)| {
        let kb = brings.get(&(kind, family, *revision)).copied();
        let released = kb.and_then(|kb| {
            let aims = known(rules).aims(kb);
            let aim = aims
                .iter()
                .find(|aim| aim.package_build == family && aim.kind.is_none_or(|k| k == kind));
            aim.and_then(|aim| aim.released)
        });
        Revision {
            revision: *revision,
            kb,
            devices: *devices,
            released,
        }
    });
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
        newest: newest.collect(),
        older: revisions
            .iter()
            .skip(NEWEST)
            .map(|(_, devices)| devices)
            .sum(),
        unknown: counts
            .iter()
            .filter(|count| count.ubr.is_none())
            .map(|count| count.devices)
            .sum(),
        devices: counts.iter().map(|count| count.devices).sum(),
    }
}
