//! Times as people read them: how long ago, with the exact UTC time beside it.

use sickbay_diagnosis::Time;
use sickbay_diagnosis::time::{DAY_MS, HOUR_MS, MINUTE_MS};

/// Below this a moment is "now": network and clocks are no more exact. In milliseconds.
const NOW_MS: i64 = 45_000;
/// From here on a date says more than a number of days.
const AS_DATE_FROM_MS: i64 = 60 * DAY_MS;

/// How far `time` is from `now`: `just now`, `12 min ago`, `in 3 h`, `14 days ago`, `on 2026-01-05`. Rounds down, so nothing seems
/// older than it is.
pub fn relative(time: Time, now: Time) -> String {
    let distance = now.since(time).saturating_abs();
    let span = match distance {
        0..NOW_MS => return "just now".to_owned(),
        NOW_MS..MINUTE_MS => "1 min".to_owned(),
        MINUTE_MS..HOUR_MS => format!("{} min", distance / MINUTE_MS),
        // Up to two days the hours matter: "1 day" could be nearly two.
        HOUR_MS.. if distance < 2 * DAY_MS => format!("{} h", distance / HOUR_MS),
        _ if distance < AS_DATE_FROM_MS => format!("{} days", distance / DAY_MS),
        _ => return format!("on {}", time.date()),
    };
    if time > now {
        format!("in {span}")
    } else {
        format!("{span} ago")
    }
}

/// The exact time to the second: `2026-11-23 08:00:00 UTC`.
pub fn absolute(time: Time) -> String {
    let text = time.to_string();
    match (text.get(0..10), text.get(11..19)) {
        (Some(date), Some(clock)) if text.ends_with('Z') => format!("{date} {clock} UTC"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Time {
        Time::parse("2026-11-23T08:00:00Z").expect("a time")
    }

    fn ago(millis: i64) -> String {
        relative(now().plus_millis(-millis), now())
    }

    #[test]
    fn distances_are_told_in_the_unit_that_matters() {
        assert_eq!(ago(0), "just now");
        assert_eq!(ago(NOW_MS - 1), "just now");
        assert_eq!(ago(NOW_MS), "1 min ago");
        assert_eq!(ago(59 * MINUTE_MS + 59_999), "59 min ago");
        assert_eq!(ago(HOUR_MS), "1 h ago");
        assert_eq!(ago(47 * HOUR_MS), "47 h ago");
        assert_eq!(ago(2 * DAY_MS), "2 days ago");
        assert_eq!(ago(59 * DAY_MS), "59 days ago");
        assert_eq!(ago(60 * DAY_MS), "on 2026-09-24");
    }

    #[test]
    fn what_lies_ahead_is_told_as_ahead() {
        assert_eq!(ago(-3 * HOUR_MS), "in 3 h");
        assert_eq!(ago(-35 * DAY_MS), "in 35 days");
        assert_eq!(ago(-100 * DAY_MS), "on 2027-03-03");
    }

    #[test]
    fn times_beyond_any_calendar_do_not_break_a_page() {
        assert!(!relative(Time::from_millis(i64::MAX), now()).is_empty());
        assert!(!relative(Time::from_millis(i64::MIN), now()).is_empty());
        assert!(absolute(Time::from_millis(i64::MIN)).contains("ms since 1970"));
    }

    #[test]
    fn the_exact_time_names_its_zone() {
        assert_eq!(absolute(now()), "2026-11-23 08:00:00 UTC");
        assert_eq!(absolute(now().plus_millis(250)), "2026-11-23 08:00:00 UTC");
    }
}
