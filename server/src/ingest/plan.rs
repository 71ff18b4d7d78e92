//! What a report or the passing of time changes about one device: pure, no I/O, no clock.

use sickbay_diagnosis::Time;
use sickbay_diagnosis::facts::Facts;
use sickbay_diagnosis::facts::servicing_stack::build_and_revision;
use sickbay_diagnosis::observation::Observations;
use sickbay_diagnosis::verdict::{State, Verdict};
use sickbay_store::{
    Baseline, Claim, DeviceChange, DeviceState, DeviceSummary, Finding, FindingChange, NewHistory,
    ReportMark,
};

use crate::judgement::{Device, Judgement};
use crate::rules::Rules;
use crate::updates;
use crate::wire::Report;

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is part of the change.
    Applied,
    /// It was committed before; acknowledge again.
    Duplicate,
    /// It cannot be applied to what is stored; the text says why.
    FullWanted(&'static str),
}

/// One device while a batch is worked on: the state as it will be, and the change that leads there.
pub struct Working {
    state: DeviceState,
    change: DeviceChange,
    first_diagnosis: bool,
}

impl Working {
    /// Starts from the stored state.
    pub fn new(state: DeviceState, now: Time) -> Self {
        let change = DeviceChange::of(&state, now);
        Self {
            first_diagnosis: state.mark.epoch.is_empty(),
            state,
            change,
        }
    }

    /// Where the device's reports stand.
    pub fn mark(&self) -> &ReportMark {
        &self.state.mark
    }

    /// Takes a report in. An epoch that differs from the stored one replaces it, if the report is full.
    pub fn take(&mut self, epoch: &[u8], report: Report, received_at: Time) -> Taken {
        let mark = &self.state.mark;
        if mark.epoch != epoch {
            if !report.full {
                return Taken::FullWanted("the first report of an epoch must be full");
            }
        } else if report.sequence == mark.sequence && report.digest != mark.digest {
            // Somebody else's, over the same key: to acknowledge it would leave this machine untold.
            return Taken::FullWanted("another report of this number is stored");
        } else if report.sequence <= mark.sequence {
            return Taken::Duplicate;
        } else if report.sequence != mark.sequence + 1 && !report.full {
            return Taken::FullWanted("reports before this one are missing");
        }

        if report.full {
            self.state.observations = Observations::new();
        }
        for (check, observation) in report.observations {
            self.state.observations.put(check, observation);
        }
        self.state.mark = ReportMark {
            epoch: epoch.to_vec(),
            sequence: report.sequence,
            digest: report.digest,
        };
        self.change.mark = Some(self.state.mark.clone());
        self.change.observations = Some(self.state.observations.clone());
        self.change.received_at = Some(received_at);
        self.state.sighting.last_seen_at = self.state.sighting.last_seen_at.max(Some(received_at));
        Taken::Applied
    }

    /// Decides every issue on the facts as they are now and notes what is different. Of a device that never reported only what the server
    /// alone can tell is decided; it is counted as one that never reported, not as unknown.
    pub fn diagnose(&mut self, rules: &Rules, now: Time) {
        self.state.sighting.reported = !self.state.mark.epoch.is_empty();
        let judged = Judgement::of(&Device::from(&self.state), rules, now);
        for (issue, verdict) in judged.diagnosis.iter() {
            let accepted_until = judged.accepted.get(issue.id).copied();
            self.note(issue.id, verdict, accepted_until, now);
        }
        self.first_diagnosis = false;
        self.keep_profile(&judged, rules, now);
        self.change.due_at = judged.valid_until();
        if judged.summary != self.state.summary {
            let claims = claims(&judged.facts, &self.state.summary, &judged.summary, now);
            self.change.claims.extend(claims);
            self.state.summary = judged.summary.clone();
            self.change.summary = Some(judged.summary);
        }
    }

    /// Keeps what questions about updates need, where it changed. Of a device that never reported nothing is known.
    fn keep_profile(&mut self, judged: &Judgement, rules: &Rules, now: Time) {
        let device = Device::from(&self.state);
        if !device.sighting.reported || device.listed {
            return;
        }
        let profile = updates::encode(&judged.profile(&device, rules, now));
        if profile != self.state.profile {
            self.state.profile.clone_from(&profile);
            self.change.profile = Some(profile);
        }
    }

    fn note(&mut self, issue: &str, verdict: &Verdict, accepted_until: Option<Time>, now: Time) {
        let place = self.state.findings.iter().position(|f| f.issue == issue);
        let old = place.map(|place| &self.state.findings[place]);
        // Clear and not-applicable findings have no row, so without one the state before is taken as clear.
        let from = old.map_or(State::Clear, |f| f.state);
        let to = verdict.state();
        if !matches!(to, State::Open | State::Unknown) {
            if let Some(place) = place {
                self.state.findings.remove(place);
                self.put(FindingChange::Remove {
                    issue: issue.to_owned(),
                });
                self.remember(issue, from, to, verdict);
            }
            return;
        }
        let unchanged = old.is_some_and(|f| {
            f.state == to
                && f.severity == verdict.severity()
                && f.causes == verdict.causes()
                && f.summary == verdict.summary
                && f.accepted_until == accepted_until
        });
        if unchanged {
            return;
        }
        let worth_telling = old.is_none_or(|f| {
            f.state != to || f.severity != verdict.severity() || f.causes != verdict.causes()
        });
        let finding = Finding {
            issue: issue.to_owned(),
            state: to,
            severity: verdict.severity(),
            summary: verdict.summary.clone().into_owned(),
            causes: verdict.causes().to_vec(),
            since: old.filter(|f| f.state == to).map_or(now, |f| f.since),
            changed_at: now,
            accepted_until,
        };
        match place {
            Some(place) => self.state.findings[place] = finding.clone(),
            None => self.state.findings.push(finding.clone()),
        }
        self.put(FindingChange::Put(finding));
        // A device's first diagnosis tells what is open; that much is unknown at first is no news.
        if worth_telling && !(self.first_diagnosis && to == State::Unknown) {
            self.remember(issue, from, to, verdict);
        }
    }

    /// Only the last change of an issue in a batch is written; the history keeps each.
    fn put(&mut self, change: FindingChange) {
        fn issue_of(change: &FindingChange) -> &str {
            match change {
                FindingChange::Put(finding) => &finding.issue,
                FindingChange::Remove { issue } => issue,
            }
        }
        self.change
            .findings
            .retain(|earlier| issue_of(earlier) != issue_of(&change));
        self.change.findings.push(change);
    }

    fn remember(&mut self, issue: &str, from: State, to: State, verdict: &Verdict) {
        self.change.history.push(NewHistory {
            issue: issue.to_owned(),
            from,
            to,
            causes: verdict.causes().to_vec(),
            summary: verdict.summary.clone().into_owned(),
        });
    }

    /// What to write; `None` where nothing changed, so that an unchanged device costs no write.
    pub fn finish(self) -> Option<DeviceChange> {
        let change = self.change;
        let same = change.mark.is_none()
            && change.observations.is_none()
            && change.summary.is_none()
            && change.profile.is_none()
            && change.findings.is_empty()
            && change.due_at == self.state.due_at;
        (!same).then_some(change)
    }
}

/// The revisions that a device has from now on, of Windows and of its servicing stack, where they changed. That a revision was installed
/// earlier than it was first reported is taken from its package, which is a device's own word: five devices have to agree.
fn claims(facts: &Facts, before: &DeviceSummary, after: &DeviceSummary, now: Time) -> Vec<Claim> {
    let windows = facts.windows();
    let (Some(kind), Some(build)) = (windows.kind, windows.build) else {
        return Vec::new();
    };
    let release = before.kind == after.kind && before.build == after.build;
    let claim = |what, revision: Option<u32>, old: Option<u32>, package: &str| {
        let revision = revision?;
        if release && old == Some(revision) {
            return None;
        }
        let installed = installed_at(facts, package, revision).filter(|at| *at <= now);
        Some(Claim {
            what,
            kind,
            build,
            revision,
            at: installed.unwrap_or(now),
        })
    };
    [
        claim(
            Baseline::Windows,
            after.ubr,
            before.ubr,
            "Package_for_RollupFix",
        ),
        claim(
            Baseline::ServicingStack,
            after.stack,
            before.stack,
            "Package_for_ServicingStack",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// When the package of that revision was installed.
fn installed_at(facts: &Facts, package: &str, revision: u32) -> Option<Time> {
    let packages = &facts.updates.as_ref().ok()?.packages;
    packages
        .iter()
        .filter(|p| p.state.is_installed() && p.name.starts_with(package))
        .find(|p| build_and_revision(&p.version).1 == u64::from(revision))?
        .installed_at
}

#[cfg(test)]
mod tests;
