//! How the fleet stands, counted over what a scope leaves of it.

use std::collections::{BTreeMap, HashMap};

use sickbay_diagnosis::verdict::Kept;

use super::matching::code_of;
use super::{ACTIVE, Device, Fleet, LISTED, PENDING, Word, scope_condition};
use crate::{FleetCounts, IssueCount, RevisionCount, Scope, codes};

impl Fleet {
    /// How the devices of a scope stand.
    pub(crate) fn fleet_counts(&self, scope: &Scope) -> FleetCounts {
        let scope = scope_condition(self, scope);
        let mut counts = FleetCounts::default();
        let seen = self
            .devices
            .iter()
            .filter(|device| scope.holds(device, None));
        for device in seen {
            match i64::from(device.status) {
                PENDING => counts.pending += 1,
                LISTED => counts.never_enrolled += 1,
                ACTIVE => {
                    let place = match device.health {
                        0 => &mut counts.never_reported,
                        1 => &mut counts.healthy,
                        3 => &mut counts.warning,
                        4 => &mut counts.serious,
                        _ => &mut counts.unknown,
                    };
                    *place += 1;
                }
                _ => {}
            }
        }
        counts
    }

    /// How many active devices of a scope run each revision, by kind, build and revision; without a build they do not count.
    pub(crate) fn revision_counts(&self, scope: &Scope) -> Vec<RevisionCount> {
        let scope = scope_condition(self, scope);
        let mut of_number: HashMap<(u32, u32, Option<u32>), u64> = HashMap::new();
        let counted =
            |device: &&Device| i64::from(device.status) == ACTIVE && scope.holds(device, None);
        for device in self.devices.iter().filter(counted) {
            if let Some(build) = device.build {
                let of = (device.words[Word::Kind as usize], build, device.ubr);
                *of_number.entry(of).or_default() += 1;
            }
        }
        let kinds = self.words(Word::Kind);
        let counts: BTreeMap<(&str, u32, Option<u32>), u64> = of_number
            .into_iter()
            .map(|((kind, build, ubr), devices)| ((kinds.text(kind), build, ubr), devices))
            .collect();
        counts
            .into_iter()
            .filter_map(|((kind, build, ubr), devices)| {
                Some(RevisionCount {
                    kind: codes::kind(kind)?,
                    build,
                    ubr,
                    devices,
                })
            })
            .collect()
    }

    /// How many devices of a scope have each issue.
    pub(crate) fn issue_counts(&self, scope: &Scope) -> Vec<IssueCount> {
        let scope = scope_condition(self, scope);
        let mut counts: Vec<IssueCount> = (0..self.issues.len())
            .map(|number| IssueCount {
                issue: self.issues.text(number as u32).to_owned(),
                open: 0,
                serious: 0,
                unknown: 0,
                accepted: 0,
                primary: 0,
            })
            .collect();
        let counted = |device: &&Device| {
            matches!(i64::from(device.status), ACTIVE | LISTED) && scope.holds(device, None)
        };
        let (unknown, accepted) = (code_of(Kept::Unknown), code_of(Kept::Accepted));
        for device in self.devices.iter().filter(counted) {
            let primary = self
                .words(Word::Primary)
                .text(device.words[Word::Primary as usize]);
            for finding in &device.findings {
                let count = &mut counts[finding.issue as usize];
                if finding.is_open() {
                    count.open += 1;
                    count.serious += u64::from(finding.is_serious);
                }
                count.unknown += u64::from(finding.kept == unknown);
                count.accepted += u64::from(finding.kept == accepted);
                count.primary += u64::from(count.issue == primary);
            }
        }
        counts.retain(|count| count.open + count.unknown + count.accepted > 0);
        counts.sort_by(|a, b| a.issue.cmp(&b.issue));
        counts
    }
}
