//! What was counted day by day.

use sickbay_diagnosis::Time;
use sickbay_diagnosis::time::DAY_MS;

use crate::{FleetCounts, IssueCount};

/// A day, by its number since 1970-01-01, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i64);

impl Day {
    /// The day that a moment is in.
    pub const fn of(time: Time) -> Self {
        Self(time.millis().div_euclid(DAY_MS))
    }

    /// Its first moment.
    pub const fn start(self) -> Time {
        Time::from_millis(self.0.saturating_mul(DAY_MS))
    }

    /// The day so many days before.
    pub const fn before(self, days: i64) -> Self {
        Self(self.0.saturating_sub(days))
    }
}

/// What was counted last on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayCounts {
    /// The day.
    pub day: Day,
    /// When it was counted.
    pub at: Time,
    /// How devices stood.
    pub fleet: FleetCounts,
    /// Issues by id; those without any finding are left out.
    pub issues: Vec<IssueCount>,
}

impl DayCounts {
    /// What was counted of an issue.
    pub fn issue(&self, id: &str) -> Option<&IssueCount> {
        self.issues.iter().find(|count| count.issue == id)
    }
}
