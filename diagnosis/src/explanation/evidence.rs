//! The readings that a reason rests on.

use super::profile::is_rollup;
use super::question::{Brings, Question};
use super::reason::{Class, Reason};
use crate::check::Check;
use crate::diagnose::Diagnosis;
use crate::facts::updates::Package;
use crate::issue::Case;
use crate::kb::Kb;
use crate::knowledge::Need;
use crate::observation::EvidenceRef;
use crate::verdict::References;

/// The readings that show a reason on the device that was judged, without repeats. Where nothing was there to be read, that the check
/// looked.
pub fn evidence(
    reason: &Reason<'_>,
    question: &Question<'_>,
    case: &Case<'_>,
    diagnosis: &Diagnosis,
) -> References {
    let of = Of {
        question,
        case,
        diagnosis,
    };
    let mut found = References::new();
    for at in of.reason(reason) {
        if !found.contains(&at) {
            found.push(at);
        }
    }
    found
}

struct Of<'a> {
    question: &'a Question<'a>,
    case: &'a Case<'a>,
    diagnosis: &'a Diagnosis,
}

impl Of<'_> {
    fn reason(&self, reason: &Reason<'_>) -> Vec<EvidenceRef> {
        match reason {
            Reason::Installed { .. }
            | Reason::Superseded { .. }
            | Reason::RestartFinishesIt { .. }
            | Reason::OtherRelease { .. }
            | Reason::OtherArchitecture { .. }
            | Reason::OtherEdition { .. } => {
                let mut all = self.device();
                all.extend(self.packages());
                all.extend(self.remembered(self.question.kb));
                all
            }
            Reason::PrerequisiteMissing { need } => self.need(*need),
            Reason::Obstacle { class, .. } => self.obstacle(*class),
            Reason::Deferred { .. } => self.deferral(),
            Reason::Failing { .. } => self.failing(),
            Reason::NotScanned { .. } | Reason::NotOffered { .. } => self.of_issue("scan-stale"),
            Reason::InstalledInPart { .. }
            | Reason::Offered { .. }
            | Reason::Removed { .. }
            | Reason::NotThere { .. } => {
                let mut all = self.packages();
                all.extend(self.remembered(self.question.kb));
                all
            }
            Reason::Unknown { .. } => {
                let mut all = self.device();
                if all.is_empty() {
                    all.push(EvidenceRef::Outcome(Check::Device));
                }
                all
            }
        }
    }

    fn device(&self) -> Vec<EvidenceRef> {
        let device = self.case.facts.device.as_ref().ok();
        let Some(device) = device else {
            return vec![EvidenceRef::Outcome(Check::Device)];
        };
        let arch = device.arch.as_ref().map(|arch| arch.at);
        device.evidence.iter().copied().chain(arch).collect()
    }

    /// Packages of the update, and those of the revision that the device runs.
    fn packages(&self) -> Vec<EvidenceRef> {
        let Ok(updates) = &self.case.facts.updates else {
            return Vec::new();
        };
        let windows = self.case.facts.windows();
        let brought: Vec<u32> = self
            .question
            .aims
            .iter()
            .filter_map(|aim| match aim.brings {
                Brings::Revision(revision) | Brings::Hotpatch { revision, .. } => Some(revision),
                Brings::Release { .. } => None,
            })
            .collect();
        let is_meant = |package: &&Package| {
            let revision = package.build.map(|(_, revision)| revision);
            let of_build = is_rollup(&package.name)
                && revision.is_some_and(|r| brought.contains(&r) || windows.ubr == Some(r));
            package.kb == Some(self.question.kb) || of_build
        };
        updates
            .packages
            .iter()
            .filter(is_meant)
            .filter_map(|package| package.at)
            .collect()
    }

    /// What the update agent and the event log tell of an update.
    fn remembered(&self, kb: Kb) -> Vec<EvidenceRef> {
        let facts = self.case.facts;
        let history = facts.update_history.as_ref().ok().into_iter();
        let entries = history
            .flat_map(|history| &history.entries)
            .filter(|entry| entry.named.kb == Some(kb))
            .map(|entry| entry.evidence);
        let events = facts.update_events.as_ref().ok().into_iter();
        let events = events
            .flat_map(|events| &events.events)
            .filter(|event| event.title.kb == Some(kb))
            .map(|event| event.evidence);
        entries.chain(events).collect()
    }

    fn need(&self, need: Need) -> Vec<EvidenceRef> {
        let mut all = self.device();
        if let Need::Update(kb) = need {
            let updates = self.case.facts.updates.as_ref().ok().into_iter();
            let of_need = updates
                .flat_map(|updates| &updates.packages)
                .filter(|package| package.kb == Some(kb))
                .filter_map(|package| package.at);
            let before = all.len();
            all.extend(of_need);
            if all.len() == before {
                all.push(EvidenceRef::Outcome(Check::Updates));
            }
        }
        all
    }

    fn of_issue(&self, issue: &str) -> Vec<EvidenceRef> {
        let verdict = self.diagnosis.get(issue);
        verdict.map_or_else(Vec::new, |verdict| verdict.evidence.to_vec())
    }

    fn of_open(&self, issues: &[&str]) -> Vec<EvidenceRef> {
        let open = issues.iter().filter(|issue| self.diagnosis.is_open(issue));
        open.flat_map(|issue| self.of_issue(issue)).collect()
    }

    fn obstacle(&self, class: Class) -> Vec<EvidenceRef> {
        match class {
            Class::Paused if self.question.is_feature() => self.of_issue("feature-updates-paused"),
            Class::Paused => self.of_issue("quality-updates-paused"),
            Class::Held => self.of_open(&["safeguard-hold", "upgrade-blocked"]),
            Class::WrongSource => self.of_issue("wrong-scan-source"),
            Class::WaitingForRestart => self.of_issue("pending-reboot"),
            _ => {
                let mut all =
                    self.of_open(&["update-services-disabled", "automatic-updates-disabled"]);
                if all.is_empty() {
                    all.extend(self.policies());
                }
                all
            }
        }
    }

    /// Policies that leave updates no source, or pin the device.
    fn policies(&self) -> Vec<EvidenceRef> {
        let facts = self.case.facts;
        let sources = facts.scan_source.as_ref().ok().into_iter();
        let sources = sources.flat_map(|sources| sources.evidence.iter().copied());
        let pin = facts.safeguard_hold.as_ref().ok();
        let pin = pin.and_then(|holds| Some(holds.pinned.as_ref()?.version.at));
        sources.chain(pin).collect()
    }

    fn deferral(&self) -> Vec<EvidenceRef> {
        let Ok(sources) = &self.case.facts.scan_source else {
            return Vec::new();
        };
        let deferral = if self.question.is_feature() {
            &sources.deferrals.feature
        } else {
            &sources.deferrals.quality
        };
        deferral
            .as_ref()
            .map_or_else(Vec::new, |d| d.evidence.clone())
    }

    fn failing(&self) -> Vec<EvidenceRef> {
        let failing = self.case.facts.failing_installs.iter();
        let mut all: Vec<EvidenceRef> = failing
            .filter(|failing| failing.title.as_deref().and_then(Kb::find) == Some(self.question.kb))
            .flat_map(|failing| failing.evidence.iter().copied())
            .collect();
        if all.is_empty() {
            all.extend(self.packages());
        }
        all
    }
}
