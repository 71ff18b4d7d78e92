//! How long ago, how long until, and how much more than before.

use crate::chart::Subject;
use crate::text;

/// A moment that is hardly any time away.
pub(crate) const NOW: &str = "just now";

/// A length of time in whole minutes.
pub(crate) fn minutes(number: i64) -> String {
    format!("{number} min")
}

/// In whole hours.
pub(crate) fn hours(number: i64) -> String {
    format!("{number} h")
}

/// In whole days, two or more.
pub(crate) fn days(number: i64) -> String {
    format!("{number} days")
}

/// What lies this far ahead.
pub(crate) fn ahead(span: &str) -> String {
    format!("in {span}")
}

/// What lies this far back.
pub(crate) fn ago(span: &str) -> String {
    format!("{span} ago")
}

/// What lies so far away that its date says more.
pub(crate) fn on(date: &str) -> String {
    format!("on {date}")
}

/// How much a number differs from yesterday's.
pub(crate) fn since_yesterday(difference: &str) -> String {
    format!("{difference} since yesterday")
}

/// How much it differs from that of a week ago.
pub(crate) fn in_a_week(difference: &str) -> String {
    format!("{difference} in a week")
}

/// A number is what it was.
pub(crate) const UNCHANGED: &str = "unchanged";

/// What is shown day by day.
pub(crate) const fn chart(of: Subject) -> &'static str {
    match of {
        Subject::Fleet => "Health over time",
        Subject::Issue => "Devices that have it",
    }
}

/// A number of seconds to wait.
pub(crate) fn seconds(number: u64) -> String {
    text::counted(number, "second", "seconds")
}
