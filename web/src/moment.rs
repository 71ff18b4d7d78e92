//! Times as people read them: how long ago, with the exact time in their zone and UTC beside it.

use sickbay_diagnosis::Time;
use sickbay_diagnosis::time::{DAY_MS, HOUR_MS, MINUTE_MS};

use crate::Zone;
use crate::words::time as words;

/// Below this a moment is "now": network and clocks are no more exact. In milliseconds.
const NOW_MS: i64 = 45_000;
/// From here on a date says more than a number of days.
const AS_DATE_FROM_MS: i64 = 60 * DAY_MS;

/// How far `time` is from `now`: `just now`, `12 min ago`, `in 3 h`, `14 days ago`, `on 2026-01-05`, a date in the
/// zone. Rounds down, so nothing seems older than it is.
pub fn relative(time: Time, now: Time, zone: &Zone) -> String {
    let distance = now.since(time).saturating_abs();
    let span = match distance {
        0..NOW_MS => return words::NOW.to_owned(),
        NOW_MS..MINUTE_MS => words::minutes(1),
        MINUTE_MS..HOUR_MS => words::minutes(distance / MINUTE_MS),
        // Up to two days the hours matter: "1 day" could be nearly two.
        HOUR_MS.. if distance < 2 * DAY_MS => words::hours(distance / HOUR_MS),
        _ if distance < AS_DATE_FROM_MS => words::days(distance / DAY_MS),
        _ => {
            let date = zone.date(time).unwrap_or_else(|| time.date());
            return words::on(&date);
        }
    };
    if time > now {
        words::ahead(&span)
    } else {
        words::ago(&span)
    }
}

/// The exact time to the second: `2026-11-23 08:00:00 UTC`; in another zone its clock comes first, as
/// `2026-11-23 09:00:00 +01:00 · 2026-11-23 08:00:00 UTC`.
pub fn absolute(time: Time, zone: &Zone) -> String {
    let text = time.to_string();
    let utc = match (text.get(0..10), text.get(11..19)) {
        (Some(date), Some(clock)) if text.ends_with('Z') => format!("{date} {clock} UTC"),
        _ => return text,
    };
    match zone.clock(time) {
        Some(there) if !zone.is_utc() => format!("{there} · {utc}"),
        _ => utc,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Time {
        Time::parse("2026-11-23T08:00:00Z").expect("a time")
    }

    fn berlin() -> Zone {
        Zone::named("Europe/Berlin").expect("a zone")
    }

    fn ago(millis: i64) -> String {
        relative(now().plus_millis(-millis), now(), &Zone::UTC)
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
        assert!(!relative(Time::from_millis(i64::MAX), now(), &berlin()).is_empty());
        assert!(!relative(Time::from_millis(i64::MIN), now(), &berlin()).is_empty());
        assert!(absolute(Time::from_millis(i64::MIN), &berlin()).contains("ms since 1970"));
    }

    #[test]
    fn the_exact_time_names_its_zone() {
        assert_eq!(absolute(now(), &Zone::UTC), "2026-11-23 08:00:00 UTC");
        assert_eq!(
            absolute(now().plus_millis(250), &Zone::UTC),
            "2026-11-23 08:00:00 UTC"
        );
    }

    #[test]
    fn another_zone_has_its_own_clock_and_its_own_dates() {
        assert_eq!(
            absolute(now(), &berlin()),
            "2026-11-23 09:00:00 +01:00 · 2026-11-23 08:00:00 UTC"
        );
        let summer = Time::parse("2026-07-01T22:30:00Z").expect("a time");
        assert_eq!(
            absolute(summer, &berlin()),
            "2026-07-02 00:30:00 +02:00 · 2026-07-01 22:30:00 UTC"
        );
        assert_eq!(relative(summer, now(), &berlin()), "on 2026-07-02");
        assert_eq!(relative(summer, now(), &Zone::UTC), "on 2026-07-01");
    }
}
