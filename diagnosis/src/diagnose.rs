//! The whole diagnosis of one device.

use crate::issue::{Case, Issue, Teller};
use crate::issues::{self, never_enrolled};
use crate::time::Time;
use crate::verdict::{Severity, State, Verdict};

/// The verdicts on one device, in the order of [`issues::ALL`].
#[derive(Debug, Clone)]
pub struct Diagnosis {
    verdicts: Vec<(&'static Issue, Verdict)>,
}

/// Decides every issue for one device. Those that only the server can tell are left out where there is none.
pub fn diagnose(case: &Case<'_>) -> Diagnosis {
    let told = |issue: &&&'static Issue| issue.told_by == Teller::Device || case.sighting.is_some();
    of(case, issues::ALL.iter().filter(told).copied())
}

/// Decides what the server alone can tell, for a device that never reported. What it cannot tell yet is left out rather than unknown: such a
/// device counts as one that never reported.
pub fn diagnose_unreported(case: &Case<'_>) -> Diagnosis {
    let told = |issue: &&&'static Issue| issue.told_by == Teller::Server;
    let mut diagnosis = of(case, issues::ALL.iter().filter(told).copied());
    diagnosis
        .verdicts
        .retain(|(_, verdict)| verdict.state() != State::Unknown);
    diagnosis
}

fn of(case: &Case<'_>, chosen: impl Iterator<Item = &'static Issue>) -> Diagnosis {
    let mut verdicts = Vec::with_capacity(issues::ALL.len());
    verdicts.extend(chosen.map(|issue| (issue, decide(issue, case))));
    Diagnosis { verdicts }
}

fn decide(issue: &'static Issue, case: &Case<'_>) -> Verdict {
    let verdict = (issue.decide)(case);
    match &case.expectations.managed_by {
        Some(manager) if issue.says_managed_elsewhere => Verdict::not_applicable(format!(
            "Updates are managed by {manager} here, and this would say no more than that."
        ))
        .with_evidence(verdict.evidence),
        _ => verdict,
    }
}

/// Every issue for a machine of the imported list that no device stands for, in this OU (empty where none is known). Nothing but its
/// absence is known of it.
pub fn diagnose_listed(ou: &str) -> Diagnosis {
    let verdict = |issue: &&Issue| match issue.id {
        never_enrolled::ID => never_enrolled::of_listed(ou),
        _ => Verdict::unknown("Not known: no collector ever spoke for this machine."),
    };
    Diagnosis {
        verdicts: issues::ALL
            .iter()
            .map(|issue| (*issue, verdict(issue)))
            .collect(),
    }
}

impl Diagnosis {
    /// Every issue with its verdict.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Issue, &Verdict)> {
        self.verdicts
            .iter()
            .map(|(issue, verdict)| (*issue, verdict))
    }

    /// The verdict on the issue of that id.
    pub fn get(&self, id: &str) -> Option<&Verdict> {
        self.iter()
            .find(|(issue, _)| issue.id == id)
            .map(|(_, v)| v)
    }

    /// Whether the issue of that id is open.
    pub fn is_open(&self, id: &str) -> bool {
        self.get(id)
            .is_some_and(|verdict| verdict.severity().is_some())
    }

    /// The first moment at which a verdict may change without a new report.
    pub fn valid_until(&self) -> Option<Time> {
        self.verdicts
            .iter()
            .filter_map(|(_, v)| v.valid_until)
            .min()
    }

    /// The primary cause; see [`primary_of`]. `None` where nothing is open.
    pub fn primary(&self) -> Option<&'static Issue> {
        self.primary_among(|_| true)
    }

    /// The primary cause among the open issues that `counts` lets count.
    pub fn primary_among(&self, counts: impl Fn(&'static Issue) -> bool) -> Option<&'static Issue> {
        let open: Vec<(&'static Issue, Severity)> = self
            .iter()
            .filter_map(|(issue, v)| Some((issue, v.severity()?)))
            .filter(|(issue, _)| counts(issue))
            .collect();
        primary_of(&open)
    }

    /// Number of verdicts in `state`.
    pub fn count(&self, state: State) -> usize {
        self.verdicts
            .iter()
            .filter(|(_, v)| v.state() == state)
            .count()
    }
}

/// Of open issues with their severities, the one that explains the others: among those that no other open one explains the most
/// severe; of several the one that explains more, directly or by way of others; else the one that stands first among
/// [`issues::ALL`], whose order is that of the path an update takes.
pub fn primary_of(open: &[(&'static Issue, Severity)]) -> Option<&'static Issue> {
    open.iter()
        .enumerate()
        .max_by_key(|(place, (issue, severity))| {
            let explained = open
                .iter()
                .filter(|(other, _)| issues::explains(issue, other))
                .count();
            let is_explained = open.iter().any(|(other, _)| issues::explains(other, issue));
            (
                !is_explained,
                *severity,
                explained,
                std::cmp::Reverse(*place),
            )
        })
        .map(|(_, (issue, _))| *issue)
}
