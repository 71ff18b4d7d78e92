//! `/issues`: every issue with its counts, those without findings too.

use std::borrow::Borrow;

use askama::Template;
use sickbay_diagnosis::issue::Issue;
use sickbay_diagnosis::verdict::Severity;

use crate::chart::{Difference, Spark};
use crate::component::{self, Bar};
use crate::{Chrome, document, links, region, text};

/// An issue with its counts.
#[derive(Debug, Clone)]
pub struct IssueLine {
    /// The issue.
    pub issue: &'static Issue,
    /// Devices that have it.
    pub open: u64,
    /// Of these, serious ones.
    pub serious: u64,
    /// Devices of which it could not be told.
    pub unknown: u64,
    /// Devices that have it, and of which that is accepted for a time; not among the open ones.
    pub accepted: u64,
    /// Devices on which it is the primary cause; `None` where that was not counted.
    pub primary_on: Option<u64>,
    /// Devices that had it, day by day, today last; empty where no day was counted.
    pub days: Vec<Option<u64>>,
}

impl IssueLine {
    /// How bad it is now: serious as soon as one device is seriously affected, else a warning. Where nothing is open, the worst it
    /// can be.
    pub fn severity(&self) -> Severity {
        match (self.open, self.serious) {
            (0, _) => self.issue.severity,
            (_, 0) => Severity::Warning,
            _ => Severity::Serious,
        }
    }

    /// Today against days before.
    pub(crate) fn difference(&self) -> Difference {
        Difference::of(&self.days)
    }

    /// The days as a small line.
    pub(crate) fn spark(&self) -> Spark {
        Spark {
            values: self.days.clone(),
        }
    }

    pub(crate) fn primary_filter(&self) -> String {
        format!("primary:{}", self.issue.id)
    }

    /// Shares of `active` devices: serious, other open, unknown.
    pub(crate) fn bar(&self, active: impl Borrow<u64>) -> Bar {
        let warning = self.open.saturating_sub(self.serious);
        Bar::new(
            *active.borrow(),
            &[
                ("serious", self.serious),
                ("warning", warning),
                ("unknown", self.unknown),
            ],
        )
    }
}

/// Sorts issues for reading: serious before warning, then by the number of devices that are seriously affected, affected, unknown, then by title.
pub fn by_weight(lines: &mut [IssueLine]) {
    lines.sort_by(|a, b| {
        let weight = |line: &IssueLine| {
            (
                line.open > 0,
                line.severity(),
                line.serious,
                line.open,
                line.unknown,
            )
        };
        weight(b)
            .cmp(&weight(a))
            .then_with(|| a.issue.title.cmp(b.issue.title))
    });
}

/// `/issues`.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/issues.html")]
pub struct IssuesPage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// Every issue, in the order shown; see [`by_weight`].
    pub issues: Vec<IssueLine>,
    /// Active devices, for the bars.
    pub active: u64,
}

impl IssuesPage {
    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sickbay_diagnosis::issue::Teller;
    use sickbay_diagnosis::verdict::Verdict;

    static SERIOUS: Issue = Issue {
        id: "a",
        title: "A",
        meaning: "",
        severity: Severity::Serious,
        groups_by: "",
        fix: &[],
        links: &[],
        explains: &[],
        told_by: Teller::Device,
        says_managed_elsewhere: false,
        never: &[],
        decide: |_| Verdict::clear(""),
    };

    fn line(open: u64, serious: u64, unknown: u64) -> IssueLine {
        IssueLine {
            issue: &SERIOUS,
            open,
            serious,
            unknown,
            accepted: 0,
            primary_on: None,
            days: Vec::new(),
        }
    }

    #[test]
    fn one_seriously_affected_device_is_not_lost_among_many_warnings() {
        let mut lines = vec![line(0, 0, 9), line(50, 0, 0), line(3, 1, 0)];
        by_weight(&mut lines);
        let order: Vec<u64> = lines.iter().map(|l| l.open).collect();
        assert_eq!(order, [3, 50, 0]);
        assert_eq!(lines[1].severity(), Severity::Warning);
        assert_eq!(lines[2].severity(), Severity::Serious);
    }
}
