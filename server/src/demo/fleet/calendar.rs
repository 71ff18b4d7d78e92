//! When the vendor brought out monthly updates: on the second Tuesday of a month, as seen from the demo's present.

use sickbay_diagnosis::Time;
use sickbay_diagnosis::time::{DAY_MS, HOUR_MS};

/// Months that the calendar goes back.
const MONTHS: usize = 9;
/// A month's update counts from this age on: before that hardly a machine of any fleet has it.
const SETTLED_DAYS: i64 = 4;
/// Updates come out at ten in the morning in Redmond.
const HOUR: i64 = 17;
const TUESDAY: i64 = 2;

/// A moment, and the monthly updates that came out before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Calendar {
    pub(super) now: Time,
    /// Newest first; at least two.
    months: Vec<Month>,
}

/// A monthly update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Month {
    /// When it came out.
    pub(super) released: Time,
    /// Months since the November 2026 that the tables of revisions were written in.
    pub(super) number: i64,
}

impl Calendar {
    /// The calendar at `now`.
    pub(super) fn at(now: Time) -> Self {
        let midnight = now.millis().div_euclid(DAY_MS);
        let months = (SETTLED_DAYS..)
            .map(|back| midnight - back)
            .filter_map(second_tuesday)
            .take(MONTHS)
            .collect();
        Self { now, months }
    }

    /// The update `back` months before the newest; the oldest that the calendar knows where that is further back.
    pub(super) fn month(&self, back: usize) -> Month {
        self.months[back.min(self.months.len() - 1)]
    }

    /// Every update that it knows, newest first.
    pub(super) fn months(&self) -> &[Month] {
        &self.months
    }

    /// How many updates a machine lacks that installs each of them `delay_ms` after it came out, and has installed none after `stopped`.
    pub(super) fn lacking(&self, stopped: Time, delay_ms: i64) -> usize {
        let missed = |month: &&Month| month.released.plus_millis(delay_ms) > stopped;
        self.months
            .iter()
            .take_while(missed)
            .count()
            .min(self.months.len() - 1)
    }
}

/// The update of that day, where the day is a second Tuesday.
pub(super) fn second_tuesday(day: i64) -> Option<Month> {
    // The first of January 1970 was a Thursday.
    if (day + 4).rem_euclid(7) != TUESDAY {
        return None;
    }
    let released = Time::from_millis(day * DAY_MS + HOUR * HOUR_MS);
    let date = released.date();
    let part = |range: std::ops::Range<usize>| date.get(range)?.parse::<i64>().ok();
    let (year, month, of_month) = (part(0..4)?, part(5..7)?, part(8..10)?);
    (8..=14).contains(&of_month).then_some(Month {
        released,
        number: (year * 12 + month) - (2026 * 12 + 11),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(now: &str) -> Vec<String> {
        let calendar = Calendar::at(Time::parse(now).expect("a time"));
        calendar.months.iter().map(|m| m.released.date()).collect()
    }

    #[test]
    fn updates_come_out_on_second_tuesdays_and_count_once_they_have_settled() {
        let november = days("2026-11-25T08:00:00Z");
        assert_eq!(november[..3], ["2026-11-10", "2026-10-13", "2026-09-08"]);
        assert_eq!(november.len(), MONTHS);
        assert_eq!(days("2026-12-11T08:00:00Z")[0], "2026-11-10");
        assert_eq!(days("2026-12-12T08:00:00Z")[0], "2026-12-08");
        let calendar = Calendar::at(Time::parse("2027-01-20T08:00:00Z").expect("a time"));
        assert_eq!((calendar.month(0).number, calendar.month(2).number), (2, 0));
        assert_eq!(calendar.month(99), calendar.month(MONTHS - 1));
    }

    #[test]
    fn what_stopped_long_ago_lacks_what_came_out_since() {
        let calendar = Calendar::at(Time::parse("2026-11-25T08:00:00Z").expect("a time"));
        let stopped = |days: i64| calendar.now.plus_days(-days);
        assert_eq!(calendar.lacking(stopped(0), 5 * DAY_MS), 0);
        assert_eq!(calendar.lacking(stopped(0), 20 * DAY_MS), 1);
        assert_eq!(calendar.lacking(stopped(30), 5 * DAY_MS), 1);
        assert_eq!(calendar.lacking(stopped(60), 5 * DAY_MS), 2);
        assert_eq!(calendar.lacking(stopped(9_999), 0), MONTHS - 1);
    }
}
