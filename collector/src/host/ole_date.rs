//! The time that COM passes: days since 30 December 1899, as a floating-point number.

use sickbay_diagnosis::Time;

/// 1 January 1970, in days.
const EPOCH_DAYS: f64 = 25_569.0;
const DAY_MS: f64 = 86_400_000.0;
/// The year 9999 ends before this day.
const LAST_DAY: f64 = 2_958_466.0;

/// The moment, to the second, taken as UTC. Nothing for what is no day between 1970 and 9999: an agent that has never done a thing
/// gives a zero, and a broken one gives anything.
pub(super) fn time(days: f64) -> Option<Time> {
    if !(EPOCH_DAYS..LAST_DAY).contains(&days) {
        return None;
    }
    let seconds = ((days - EPOCH_DAYS) * DAY_MS / 1_000.0).round();
    Some(Time::from_millis(seconds as i64 * 1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_moments_and_nonsense_becomes_nothing() {
        let text = |days| time(days).map(|at| at.to_string());
        assert_eq!(text(25_569.0).as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(text(46_351.125).as_deref(), Some("2026-11-25T03:00:00Z"));
        for nonsense in [
            0.0,
            -1.0,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            1e300,
            2_958_466.0,
        ] {
            assert_eq!(text(nonsense), None, "{nonsense}");
        }
    }
}
