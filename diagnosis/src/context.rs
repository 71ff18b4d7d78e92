//! What only the fleet or the server knows, and one device cannot tell.
//!
//! The fleet is asked carefully, because what devices say is a claim: a revision counts as seen once [`BASELINE_QUORUM`] devices had
//! it, so one preview machine makes nobody late; and where the newest is older than [`BASELINE_FRESH_DAYS`] nothing newer may have
//! reached the fleet at all, so being on it is no proof of being up to date.

use std::collections::{BTreeMap, BTreeSet};

use crate::expectation::{Expectations, ExpectedSource, UpdateClass, UpdateSource};
use crate::explanation::Learned;
use crate::knowledge::DeviceKind;
use crate::reading::Evidence;
use crate::time::Time;

/// Fewest devices for which a majority means anything.
pub const MAJORITY_QUORUM: u64 = 5;
/// Share of the devices, in percent, that makes a source the provisional expectation.
pub const MAJORITY_PERCENT: u64 = 60;
/// Devices that must have had a revision before it counts as seen.
pub const BASELINE_QUORUM: usize = 5;
/// A baseline whose newest revision is older than this says nothing about being up to date, in days. Monthly updates are at most five
/// weeks apart.
pub const BASELINE_FRESH_DAYS: i64 = 40;

/// One source per class, in the order of [`UpdateClass::ALL`].
pub type Sources = [Option<ExpectedSource>; 4];

/// What the fleet as a whole says. The default knows nothing, as on a single device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FleetContext {
    /// The provisional sources of clients.
    pub client_sources: Sources,
    /// The provisional sources of servers.
    pub server_sources: Sources,
    /// The provisional sources of each scope of the owner's wishes, by its place; `None` where fewer than [`MAJORITY_QUORUM`] devices
    /// are in it, so that the majority of clients or servers counts.
    pub scope_sources: Vec<Option<Sources>>,
    /// Update build revisions seen, by kind and build.
    pub revisions: Baselines,
    /// Revisions of the servicing stack seen, by kind and build.
    pub stacks: Baselines,
    /// Which update brings which build, as devices have told.
    pub updates: Learned,
    /// Update client ids that more than one device has, in lower case.
    pub shared_client_ids: BTreeSet<String>,
}

impl FleetContext {
    /// The source that most devices of this one's scope or kind use for a class, where there is such a majority.
    pub fn majority(
        &self,
        expectations: &Expectations,
        kind: Option<DeviceKind>,
        class: UpdateClass,
    ) -> Option<&ExpectedSource> {
        let of_scope = expectations
            .scope
            .and_then(|place| self.scope_sources.get(place)?.as_ref());
        let of_kind = match kind {
            Some(DeviceKind::Client) => Some(&self.client_sources),
            Some(DeviceKind::Server) => Some(&self.server_sources),
            None => None,
        };
        of_scope.or(of_kind)?[class as usize].as_ref()
    }
}

/// Revisions that at least [`BASELINE_QUORUM`] devices had, by kind and build.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baselines(BTreeMap<(DeviceKind, u32), Vec<Seen>>);

/// A revision that the fleet has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    /// The revision.
    pub revision: u32,
    /// Since when so many devices had it.
    pub since: Time,
}

/// How a device's revision compares with what the fleet has seen of its release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Too few devices of this release have told theirs.
    NoBaseline,
    /// Nothing newer was seen.
    Newest(Seen),
    /// Something newer was.
    Behind {
        /// The newest.
        newest: Seen,
        /// Since when anything newer than the device's was to be had.
        since: Time,
    },
}

impl Baselines {
    /// Adds a revision that so many devices had since `since`.
    pub fn add(&mut self, kind: DeviceKind, build: u32, seen: Seen) {
        let all = self.0.entry((kind, build)).or_default();
        all.push(seen);
        all.sort_unstable();
    }

    /// The baselines that differ from those of `other`.
    pub fn differing<'a>(
        &'a self,
        other: &'a Self,
    ) -> impl Iterator<Item = (DeviceKind, u32)> + 'a {
        let keys: BTreeSet<(DeviceKind, u32)> =
            self.0.keys().chain(other.0.keys()).copied().collect();
        keys.into_iter()
            .filter(move |key| self.0.get(key) != other.0.get(key))
    }

    /// Where a revision stands.
    pub fn standing(&self, kind: DeviceKind, build: u32, revision: u32) -> Standing {
        let seen = self.0.get(&(kind, build)).map_or(&[][..], Vec::as_slice);
        let Some(newest) = seen.last().copied() else {
            return Standing::NoBaseline;
        };
        let newer = seen.iter().filter(|s| s.revision > revision);
        match newer.map(|s| s.since).min() {
            Some(since) => Standing::Behind { newest, since },
            None => Standing::Newest(newest),
        }
    }
}

impl Seen {
    /// Until when this being the newest means that nobody is behind.
    pub const fn fresh_until(&self) -> Time {
        self.since.plus_days(BASELINE_FRESH_DAYS)
    }
}

/// What the server itself saw of a device, by its own clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// When it was enrolled.
    pub enrolled_at: Time,
    /// When it was last heard of.
    pub last_seen_at: Option<Time>,
    /// Whether a report was ever taken in.
    pub reported: bool,
    /// The version of its collector, as it last said.
    pub collector_version: String,
    /// By how much its clock was ahead of the server's at its last connection, in milliseconds; negative where it was behind.
    pub clock_ahead_ms: Option<i64>,
}

/// One thing of a [`Sighting`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sighted {
    /// When it was enrolled.
    EnrolledAt,
    /// When it was last heard of.
    LastSeenAt,
    /// The version of its collector.
    CollectorVersion,
    /// How far its clock was off.
    ClockAhead,
}

impl Sighting {
    /// What the server saw, as evidence; `None` where it has not.
    pub fn evidence(&self, what: Sighted) -> Option<Evidence> {
        let (name, data) = match what {
            Sighted::EnrolledAt => ("enrolled_at", self.enrolled_at.to_string()),
            Sighted::LastSeenAt => ("last_seen_at", self.last_seen_at?.to_string()),
            Sighted::CollectorVersion => ("collector_version", self.collector_version.clone()),
            Sighted::ClockAhead => ("clock_ahead_ms", self.clock_ahead_ms?.to_string()),
        };
        Some(Evidence {
            source: "server".to_owned(),
            path: "session".to_owned(),
            name: name.to_owned(),
            kind: "seen".to_owned(),
            data,
            read_at: self.last_seen_at.unwrap_or(self.enrolled_at).to_string(),
        })
    }
}

/// The source that at least [`MAJORITY_PERCENT`] of the devices use, given how many use each; with the server where as many use the
/// same one, so that a fleet with a WSUS server in each region still has a majority for WSUS. Devices whose source is unknown count
/// among all devices but can be no majority.
pub fn majority_of(counts: &[(ExpectedSource, u64)]) -> Option<ExpectedSource> {
    let all: u64 = counts.iter().map(|(_, n)| n).sum();
    let is_majority = |n: u64| all >= MAJORITY_QUORUM && n * 100 >= all * MAJORITY_PERCENT;
    let source = [
        UpdateSource::WindowsUpdate,
        UpdateSource::Wsus,
        UpdateSource::Blocked,
    ]
    .into_iter()
    .find(|source| {
        let use_it = counts.iter().filter(|(s, _)| s.source == *source);
        is_majority(use_it.map(|(_, n)| n).sum())
    })?;
    let server = counts
        .iter()
        .find(|(s, n)| s.source == source && is_majority(*n))
        .and_then(|(s, _)| s.server.clone());
    Some(ExpectedSource { source, server })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wsus(server: &str, devices: u64) -> (ExpectedSource, u64) {
        let source = ExpectedSource {
            source: UpdateSource::Wsus,
            server: Some(server.to_owned()),
        };
        (source, devices)
    }

    fn plain(source: UpdateSource, devices: u64) -> (ExpectedSource, u64) {
        let source = ExpectedSource {
            source,
            server: None,
        };
        (source, devices)
    }

    fn seen(revision: u32, day: i64) -> Seen {
        Seen {
            revision,
            since: Time::from_millis(0).plus_days(day),
        }
    }

    #[test]
    fn regional_servers_together_are_a_majority_for_wsus_without_an_address() {
        let counts = [
            wsus("https://a", 4),
            wsus("https://b", 4),
            plain(UpdateSource::WindowsUpdate, 2),
        ];
        let majority = majority_of(&counts).expect("eight of ten");
        assert_eq!(majority, plain(UpdateSource::Wsus, 0).0);
        let one = [wsus("https://a", 6), wsus("https://b", 4)];
        assert_eq!(majority_of(&one), Some(wsus("https://a", 0).0));
    }

    #[test]
    fn few_devices_or_unknown_ones_make_no_majority() {
        assert_eq!(majority_of(&[wsus("https://a", 4)]), None);
        let mostly_unknown = [plain(UpdateSource::Unknown, 7), wsus("https://a", 3)];
        assert_eq!(majority_of(&mostly_unknown), None);
        let split = [wsus("https://a", 5), plain(UpdateSource::WindowsUpdate, 5)];
        assert_eq!(majority_of(&split), None);
    }

    #[test]
    fn a_scopes_own_majority_comes_before_that_of_all_clients() {
        let fleet = FleetContext {
            client_sources: [const { None }; 4]
                .map(|_: Option<ExpectedSource>| Some(wsus("https://a", 0).0)),
            scope_sources: vec![None, Some([const { None }; 4])],
            ..FleetContext::default()
        };
        let of = |scope| {
            let expectations = Expectations {
                scope,
                ..Expectations::default()
            };
            fleet
                .majority(
                    &expectations,
                    Some(DeviceKind::Client),
                    UpdateClass::Quality,
                )
                .cloned()
        };
        assert_eq!(of(None), Some(wsus("https://a", 0).0));
        assert_eq!(of(Some(0)), of(None), "a scope of few devices has no word");
        assert_eq!(of(Some(1)), None, "a scope that is of two minds has");
    }

    #[test]
    fn late_counts_from_when_anything_newer_was_to_be_had() {
        let mut baselines = Baselines::default();
        let client = DeviceKind::Client;
        for revision in [seen(4061, 30), seen(3775, 0), seen(4652, 60)] {
            baselines.add(client, 26100, revision);
        }
        assert_eq!(
            baselines.standing(client, 26100, 3775),
            Standing::Behind {
                newest: seen(4652, 60),
                since: seen(0, 30).since
            }
        );
        assert_eq!(
            baselines.standing(client, 26100, 9999),
            Standing::Newest(seen(4652, 60))
        );
        assert_eq!(
            baselines.standing(DeviceKind::Server, 26100, 1),
            Standing::NoBaseline
        );
    }
}
