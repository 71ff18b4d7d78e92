//! How the fleet stands, counted over what a scope leaves of it.

use std::collections::BTreeMap;

use sickbay_diagnosis::verdict::Kept;

use super::matching::code_of;
use super::question::Question;
use super::survey::add;
use super::{ACTIVE, Fleet, LISTED, PENDING, Word};
use crate::{FleetCounts, IssueCount, RevisionCount, Scope, codes};

impl Fleet {
    /// How the devices of a scope stand.
    pub(crate) fn fleet_counts(&self, scope: &Scope) -> FleetCounts {
        let question = Question::seen(self, scope, &[PENDING, LISTED, ACTIVE]);
        // By status, then by health.
        let tally = question.of_all(
            || [[0_u64; 5]; 8],
            |mut tally, block| {
                for place in block.places() {
                    let status = usize::from(block.columns.status(place));
                    tally[status][usize::from(block.columns.health(place))] += 1;
                }
                tally
            },
            |mut tally, more| {
                for (counts, more) in tally.iter_mut().zip(more) {
                    add(counts, &more);
                }
                tally
            },
        );
        let [never_reported, healthy, unknown, warning, serious] = tally[ACTIVE as usize];
        FleetCounts {
            never_reported,
            healthy,
            unknown,
            warning,
            serious,
            pending: tally[PENDING as usize].iter().sum(),
            never_enrolled: tally[LISTED as usize].iter().sum(),
        }
    }

    /// How many active devices of a scope run each revision, by kind, build and revision; without a build they do not count.
    pub(crate) fn revision_counts(&self, scope: &Scope) -> Vec<RevisionCount> {
        let revisions = self.revisions.values();
        let of_number = Question::seen(self, scope, &[ACTIVE]).of_all(
            || vec![0_u64; revisions.len()],
            |mut of_number, block| {
                for place in block.places() {
                    of_number[block.columns.revision(place) as usize] += 1;
                }
                of_number
            },
            |mut of_number, more| {
                add(&mut of_number, &more);
                of_number
            },
        );
        let kinds = self.words(Word::Kind);
        let mut counts: BTreeMap<(&str, u32, Option<u32>), u64> = BTreeMap::new();
        for ((kind, build, ubr), devices) in revisions.iter().zip(of_number) {
            if let Some(build) = build
                && devices > 0
            {
                counts.insert((kinds.text(*kind), *build, *ubr), devices);
            }
        }
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
        let primary = self.words(Word::Primary);
        let counts: Vec<IssueCount> = self
            .issues
            .texts()
            .map(|issue| IssueCount {
                issue: issue.to_owned(),
                ..IssueCount::default()
            })
            .collect();
        let primary: Vec<Option<u32>> = self.issues.texts().map(|i| primary.known(i)).collect();
        let question = Question::seen(self, scope, &[ACTIVE, LISTED]);
        let (unknown, accepted) = (code_of(Kept::Unknown), code_of(Kept::Accepted));
        let mut counts = question.of_all(
            || counts.clone(),
            |mut counts, block| {
                let primaries = block.columns.words(Word::Primary);
                for place in block.places() {
                    for finding in block.columns.findings(place) {
                        let number = usize::from(finding.issue);
                        let count = &mut counts[number];
                        count.open += u64::from(finding.is_open());
                        count.serious += u64::from(finding.is_open() && finding.is_serious);
                        count.unknown += u64::from(finding.kept == unknown);
                        count.accepted += u64::from(finding.kept == accepted);
                        count.primary += u64::from(primary[number] == Some(primaries[place]));
                    }
                }
                counts
            },
            |mut counts, more| {
                for (count, more) in counts.iter_mut().zip(more) {
                    count.open += more.open;
                    count.serious += more.serious;
                    count.unknown += more.unknown;
                    count.accepted += more.accepted;
                    count.primary += more.primary;
                }
                counts
            },
        );
        counts.retain(|count| count.open + count.unknown + count.accepted > 0);
        counts.sort_by(|a, b| a.issue.cmp(&b.issue));
        counts
    }
}
