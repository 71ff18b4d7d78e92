//! The whole diagnosis of one device.

use crate::issue::{Case, Issue};
use crate::issues::{self, never_enrolled};
use crate::time::Time;
use crate::verdict::{Severity, State, Verdict};

/// Every verdict on one device, in the order of [`issues::ALL`].
#[derive(Debug, Clone)]
pub struct Diagnosis {
    verdicts: Vec<Verdict>,
}

/// Decides every issue for one device.
pub fn diagnose(case: &Case<'_>) -> Diagnosis {
    Diagnosis {
        verdicts: issues::ALL
            .iter()
            .map(|issue| (issue.decide)(case))
            .collect(),
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
        verdicts: issues::ALL.iter().map(verdict).collect(),
    }
}

impl Diagnosis {
    /// Every issue with its verdict.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Issue, &Verdict)> {
        issues::ALL.iter().copied().zip(&self.verdicts)
    }

    /// The verdict on the issue of that id.
    pub fn get(&self, id: &str) -> Option<&Verdict> {
        self.iter()
            .find(|(issue, _)| issue.id == id)
            .map(|(_, v)| v)
    }

    /// The first moment at which a verdict may change without a new report.
    pub fn valid_until(&self) -> Option<Time> {
        self.verdicts.iter().filter_map(|v| v.valid_until).min()
    }

    /// Of the open issues, the one that explains most of the others; the more severe one where several do. `None` where nothing
    /// is open.
    pub fn primary(&self) -> Option<&'static Issue> {
        let open: Vec<(&'static Issue, Severity)> = self
            .iter()
            .filter_map(|(issue, v)| Some((issue, v.severity()?)))
            .collect();
        open.iter()
            .enumerate()
            .max_by_key(|(place, (issue, severity))| {
                let explained = open
                    .iter()
                    .filter(|(other, _)| issue.explains.contains(&other.id))
                    .count();
                let is_explained = open
                    .iter()
                    .any(|(other, _)| other.explains.contains(&issue.id));
                (
                    !is_explained,
                    *severity,
                    explained,
                    std::cmp::Reverse(*place),
                )
            })
            .map(|(_, (issue, _))| *issue)
    }

    /// Number of verdicts in `state`.
    pub fn count(&self, state: State) -> usize {
        self.verdicts.iter().filter(|v| v.state() == state).count()
    }
}
