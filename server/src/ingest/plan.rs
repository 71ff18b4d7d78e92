//! What a report or the passing of time changes about one device: pure, no I/O, no clock.

use sickbay_diagnosis::context::FleetContext;
use sickbay_diagnosis::expectation::Expectations;
use sickbay_diagnosis::facts::{Fact, Facts};
use sickbay_diagnosis::issue::Case;
use sickbay_diagnosis::observation::Observations;
use sickbay_diagnosis::verdict::{State, Verdict};
use sickbay_diagnosis::{Diagnosis, Time, diagnose};
use sickbay_store::{
    DeviceChange, DeviceState, DeviceSummary, Finding, FindingChange, NewHistory, ReportMark,
};

use crate::wire::Report;

/// What rules need besides the facts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rules {
    /// What the owner wants.
    pub expectations: Expectations,
    /// What the fleet says.
    pub fleet: FleetContext,
}

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
        let change = DeviceChange {
            key: state.identity.key,
            expected_version: state.version,
            mark: None,
            observations: None,
            summary: None,
            findings: Vec::new(),
            history: Vec::new(),
            due_at: state.due_at,
            received_at: None,
            now,
        };
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
        Taken::Applied
    }

    /// Decides every issue on the facts as they are now and notes what is different.
    pub fn diagnose(&mut self, rules: &Rules, now: Time) {
        // A device that never reported has nothing to be diagnosed; it is counted as such, not as unknown.
        if self.state.mark.epoch.is_empty() {
            return;
        }
        let facts = Facts::derive(&self.state.observations);
        let diagnosis = diagnose(&Case {
            facts: &facts,
            expectations: &rules.expectations,
            fleet: &rules.fleet,
            now,
        });
        for (issue, verdict) in diagnosis.iter() {
            self.note(issue.id, verdict, now);
        }
        self.first_diagnosis = false;
        self.change.due_at = diagnosis.valid_until();
        let summary = summarise(&facts, &diagnosis, &self.state.summary);
        if summary != self.state.summary {
            self.state.summary = summary.clone();
            self.change.summary = Some(summary);
        }
    }

    fn note(&mut self, issue: &str, verdict: &Verdict, now: Time) {
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
            && change.findings.is_empty()
            && change.due_at == self.state.due_at;
        (!same).then_some(change)
    }
}

fn summarise(facts: &Facts, diagnosis: &Diagnosis, before: &DeviceSummary) -> DeviceSummary {
    let primary_issue = diagnosis
        .primary()
        .map_or_else(String::new, |issue| issue.id.to_owned());
    let sources = facts.sources();
    let Ok(device) = &facts.device else {
        // What the machine said when it enrolled, or in an earlier report, is better than nothing.
        return DeviceSummary {
            sources,
            primary_issue,
            ..before.clone()
        };
    };
    // In an order of their own, so that a policy that lists them differently is no news.
    let mut reported_tags = device.tags.clone();
    reported_tags.sort_unstable();
    let text = |fact: &Option<Fact<String>>| fact.as_ref().map(|f| f.value.clone());
    DeviceSummary {
        name: text(&device.host_name).unwrap_or_else(|| before.name.clone()),
        domain: text(&device.domain).unwrap_or_else(|| before.domain.clone()),
        ou: text(&device.ou).unwrap_or_else(|| before.ou.clone()),
        site: text(&device.site).unwrap_or_default(),
        kind: device
            .kind
            .map_or_else(String::new, |kind| kind.value.name().to_owned()),
        release: device.release_name().unwrap_or_default(),
        build: device.build.map(|build| build.value),
        ubr: device.ubr.map(|ubr| ubr.value),
        edition: text(&device.edition).unwrap_or_default(),
        arch: text(&device.arch).unwrap_or_default(),
        sources,
        primary_issue,
        reported_tags,
    }
}

#[cfg(test)]
mod tests;
