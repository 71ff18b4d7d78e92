//! What one transaction writes for a batch of changes: decided here without a database, written by the body.
//!
//! Parts of a device that did not change are not in the plan, so that a small change costs few rows.

use std::collections::{BTreeMap, HashMap};

use sickbay_diagnosis::Time;
use sickbay_diagnosis::context::BASELINE_QUORUM;
use sickbay_diagnosis::verdict::{Kept, State};

use crate::codes::{
    baseline_code, causes_text, kept_code, severity_code, source_text, state_code, tags_text, text,
};
use crate::tally::{Counts, Tally, Weight};
use crate::{Committed, DeviceChange, DeviceStatus, DeviceSummary, Finding, FindingChange};

/// A device as it stands under the transaction.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    pub(crate) key: i64,
    /// Its public id.
    pub(crate) id: String,
    pub(crate) version: i64,
    pub(crate) status: DeviceStatus,
    pub(crate) name_lower: String,
    /// Whether a report was ever taken in.
    pub(crate) reported: bool,
    pub(crate) counts: Counts,
    /// Code of its health.
    pub(crate) health: i64,
    pub(crate) last_seen_at: Option<i64>,
    pub(crate) last_report_at: Option<i64>,
    pub(crate) sources: [Option<String>; 4],
    pub(crate) kind: String,
    pub(crate) primary_issue: String,
    /// As kept.
    pub(crate) reported_tags: String,
}

/// Its findings by issue, for devices whose findings change.
pub(crate) type Weights = HashMap<i64, HashMap<String, Weight>>;

/// The part of `device` that every change writes.
#[derive(Debug)]
pub(crate) struct DeviceWrite<'a> {
    pub(crate) key: i64,
    pub(crate) epoch: Option<&'a [u8]>,
    pub(crate) sequence: Option<i64>,
    pub(crate) digest: Option<&'a [u8]>,
    pub(crate) last_seen_at: Option<i64>,
    pub(crate) last_report_at: Option<i64>,
    pub(crate) due_at: Option<i64>,
    pub(crate) counts: Counts,
    pub(crate) health: i64,
}

/// The part of `device` that a new summary writes.
#[derive(Debug)]
pub(crate) struct SummaryWrite<'a> {
    pub(crate) key: i64,
    pub(crate) summary: &'a DeviceSummary,
    pub(crate) name: String,
    pub(crate) name_lower: String,
    pub(crate) sources: [Option<String>; 4],
    pub(crate) reported_tags: String,
}

/// A row of `finding`.
#[derive(Debug)]
pub(crate) struct FindingWrite<'a> {
    pub(crate) key: i64,
    pub(crate) finding: &'a Finding,
    pub(crate) state: i64,
    pub(crate) severity: Option<i64>,
    pub(crate) causes: String,
}

/// A row of `finding_cause`.
#[derive(Debug)]
pub(crate) struct CauseWrite<'a> {
    pub(crate) key: i64,
    pub(crate) issue: &'a str,
    pub(crate) cause_key: String,
    pub(crate) label: String,
}

/// A row of `history`.
#[derive(Debug)]
pub(crate) struct HistoryWrite<'a> {
    pub(crate) key: i64,
    pub(crate) at: Time,
    pub(crate) issue: &'a str,
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) causes: String,
    pub(crate) summary: String,
}

/// A row of `baseline_claim`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ClaimWrite {
    pub(crate) of: ClaimedRevision,
    pub(crate) key: i64,
    pub(crate) at: i64,
}

/// A revision that is claimed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClaimedRevision {
    pub(crate) what: i64,
    pub(crate) kind: &'static str,
    pub(crate) build: i64,
    pub(crate) revision: i64,
}

/// A finding, named.
#[derive(Debug)]
pub(crate) struct FindingName<'a> {
    pub(crate) key: i64,
    pub(crate) issue: &'a str,
}

/// All rows of a batch.
#[derive(Debug, Default)]
pub(crate) struct Plan<'a> {
    /// What became of each change, in their order.
    pub(crate) answers: Vec<Committed>,
    pub(crate) devices: Vec<DeviceWrite<'a>>,
    pub(crate) summaries: Vec<SummaryWrite<'a>>,
    /// Keys of devices that report other tags than before.
    pub(crate) retagged: Vec<i64>,
    /// Key and tag, of all devices in `retagged`.
    pub(crate) reported_tags: Vec<(i64, String)>,
    pub(crate) facts: Vec<(i64, Vec<u8>)>,
    pub(crate) profiles: Vec<(i64, &'a [u8])>,
    pub(crate) removed: Vec<FindingName<'a>>,
    /// Findings that stay, with other causes than before.
    pub(crate) replaced: Vec<FindingName<'a>>,
    pub(crate) put: Vec<FindingWrite<'a>>,
    pub(crate) causes: Vec<CauseWrite<'a>>,
    pub(crate) history: Vec<HistoryWrite<'a>>,
    pub(crate) claims: Vec<ClaimWrite>,
    /// Of which a claim was added.
    pub(crate) claimed: Vec<ClaimedRevision>,
    pub(crate) tally: Tally,
}

/// Whether a change may be written over the device as it stands. A device that is gone, not active, or was written since is not.
pub(crate) fn may_write(change: &DeviceChange, guard: Option<&Guard>) -> bool {
    guard.is_some_and(|guard| {
        guard.status == DeviceStatus::Active && guard.version == change.expected_version
    })
}

impl<'a> Plan<'a> {
    /// The plan for changes of devices that are all different.
    pub(crate) fn of(
        changes: &'a [DeviceChange],
        guards: &HashMap<i64, Guard>,
        weights: &Weights,
    ) -> Self {
        let mut plan = Self::default();
        let mut written = Vec::new();
        let none = HashMap::new();
        for change in changes {
            let guard = guards.get(&change.key);
            match guard.filter(|_| may_write(change, guard)) {
                None => plan.answers.push(Committed::Conflict),
                Some(guard) => {
                    plan.change(change, guard, weights.get(&change.key).unwrap_or(&none));
                    plan.answers.push(Committed::Done);
                    written.push(change);
                }
            }
        }
        plan.claims = claims(&written);
        plan.claimed = plan.claims.iter().map(|claim| claim.of.clone()).collect();
        plan.claimed.dedup();
        plan
    }

    fn change(
        &mut self,
        change: &'a DeviceChange,
        guard: &Guard,
        weights: &HashMap<String, Weight>,
    ) {
        self.summary(change, guard);
        let counts = self.findings(change, guard, weights);
        if let Some(packed) = &change.packed {
            self.facts.push((change.key, packed.to_bytes()));
        }
        if let Some(profile) = &change.profile {
            self.profiles.push((change.key, profile));
        }
        self.history
            .extend(change.history.iter().map(|row| HistoryWrite {
                key: change.key,
                at: change.now,
                issue: &row.issue,
                from: state_code(row.from),
                to: state_code(row.to),
                causes: causes_text(&row.causes),
                summary: text(&row.summary),
            }));
        let reported = change
            .mark
            .as_ref()
            .map_or(guard.reported, |mark| !mark.epoch.is_empty());
        let health = counts.health(reported).code();
        self.tally.device(guard.status, guard.health, -1);
        self.tally.device(guard.status, health, 1);
        let received_at = change.received_at.map(Time::millis);
        self.devices.push(DeviceWrite {
            key: change.key,
            epoch: change.mark.as_ref().map(|mark| &mark.epoch[..]),
            sequence: change.mark.as_ref().map(|mark| mark.sequence.cast_signed()),
            digest: change.mark.as_ref().map(|mark| &mark.digest[..]),
            last_seen_at: guard.last_seen_at.max(received_at),
            last_report_at: guard.last_report_at.max(received_at),
            due_at: change.due_at.map(Time::millis),
            counts,
            health,
        });
    }

    /// Plans a new summary, where there is one.
    fn summary(&mut self, change: &'a DeviceChange, guard: &Guard) {
        let Some(summary) = &change.summary else {
            return;
        };
        let name = text(&summary.name);
        let name_lower = name.to_ascii_lowercase();
        let sources = summary
            .sources
            .each_ref()
            .map(|source| source.as_ref().map(source_text));
        if sources != guard.sources || summary.kind != guard.kind {
            self.tally.sources(&guard.kind, &guard.sources, -1);
            self.tally.sources(&text(&summary.kind), &sources, 1);
        }
        if summary.primary_issue != guard.primary_issue {
            self.tally.primary(&guard.primary_issue, -1);
            self.tally.primary(&text(&summary.primary_issue), 1);
        }
        let reported_tags = tags_text(&summary.reported_tags);
        if reported_tags != guard.reported_tags {
            self.retagged.push(change.key);
            let tags = summary.reported_tags.iter();
            self.reported_tags
                .extend(tags.map(|tag| (change.key, text(tag))));
        }
        self.summaries.push(SummaryWrite {
            key: change.key,
            summary,
            name,
            name_lower,
            sources,
            reported_tags,
        });
    }

    /// Plans the findings; says how many the device then has.
    fn findings(
        &mut self,
        change: &'a DeviceChange,
        guard: &Guard,
        weights: &HashMap<String, Weight>,
    ) -> Counts {
        let mut counts = guard.counts;
        for (issue, put) in last_per_issue(&change.findings) {
            let before = weights.get(issue).copied();
            if let Some(before) = before {
                counts.add(before, -1);
                self.tally.finding(issue, before, -1);
            }
            match put {
                Some(finding) => {
                    let after = weight_of(finding);
                    counts.add(after, 1);
                    self.tally.finding(issue, after, 1);
                    self.put(change.key, finding, before.is_some());
                }
                None if before.is_some() => self.removed.push(FindingName {
                    key: change.key,
                    issue,
                }),
                None => {}
            }
        }
        counts
    }

    /// Plans a finding with its causes.
    pub(crate) fn put(&mut self, key: i64, finding: &'a Finding, existed: bool) {
        let issue = finding.issue.as_str();
        if existed {
            self.replaced.push(FindingName { key, issue });
        }
        self.put.push(FindingWrite {
            key,
            finding,
            state: kept_code(finding.kept()),
            severity: weight_of(finding).severity.map(severity_code),
            causes: causes_text(&finding.causes),
        });
        // Only what is open, and not accepted, is grouped by cause; of two causes under one key the first names the group.
        if finding.kept() == Kept::Open {
            let mut labels = BTreeMap::new();
            for cause in &finding.causes {
                labels
                    .entry(text(&cause.key))
                    .or_insert_with(|| text(&cause.label));
            }
            self.causes
                .extend(labels.into_iter().map(|(cause_key, label)| CauseWrite {
                    key,
                    issue,
                    cause_key,
                    label,
                }));
        }
    }
}

/// The earliest claims of each revision, as many as count: when a whole fleet installs an update, five rows are written and not one for
/// each device.
fn claims(changes: &[&DeviceChange]) -> Vec<ClaimWrite> {
    let mut all: BTreeMap<ClaimedRevision, Vec<(i64, i64)>> = BTreeMap::new();
    for change in changes {
        for claim in &change.claims {
            let of = ClaimedRevision {
                what: baseline_code(claim.what),
                kind: claim.kind.name(),
                build: i64::from(claim.build),
                revision: i64::from(claim.revision),
            };
            let claimed = all.entry(of).or_default();
            claimed.push((claim.at.millis(), change.key));
        }
    }
    all.into_iter()
        .flat_map(|(of, mut claimed)| {
            claimed.sort_unstable();
            claimed.truncate(BASELINE_QUORUM);
            claimed.into_iter().map(move |(at, key)| ClaimWrite {
                of: of.clone(),
                key,
                at,
            })
        })
        .collect()
}

/// The finding that each issue ends with. A finding that is neither open nor unknown is not kept.
fn last_per_issue(changes: &[FindingChange]) -> BTreeMap<&str, Option<&Finding>> {
    changes
        .iter()
        .map(|change| match change {
            FindingChange::Put(finding) => {
                let kept = matches!(finding.state, State::Open | State::Unknown);
                (finding.issue.as_str(), kept.then_some(finding))
            }
            FindingChange::Remove { issue } => (issue.as_str(), None),
        })
        .collect()
}

/// The part of a finding that counts.
pub(crate) fn weight_of(finding: &Finding) -> Weight {
    Weight {
        kept: finding.kept(),
        severity: finding.severity.filter(|_| finding.state == State::Open),
    }
}
