//! Moments in time as the product keeps them: milliseconds, UTC.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Milliseconds in a day.
pub const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Milliseconds in an hour.
pub const HOUR_MS: i64 = 60 * 60 * 1000;
/// Milliseconds in a minute.
pub const MINUTE_MS: i64 = 60 * 1000;

/// A moment, in milliseconds since 1970-01-01T00:00:00Z. Serialized as that number; [`fmt::Display`] prints RFC 3339.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(i64);

/// A text that is no RFC 3339 time.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is not a time such as 2026-11-23T08:00:00Z")]
pub struct BadTime {
    text: String,
}

impl Time {
    /// From milliseconds since 1970.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// So long after 1970; the last moment there is where that is too long.
    pub fn since_1970(since: Duration) -> Self {
        Self(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// Milliseconds since 1970.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339, for example `2026-11-23T08:00:00Z`.
    pub fn parse(text: &str) -> Result<Self, BadTime> {
        text.trim()
            .parse::<jiff::Timestamp>()
            .map(|t| Self(t.as_millisecond()))
            .map_err(|_| BadTime {
                text: text.to_owned(),
            })
    }

    /// Reads a UTC time as Windows values hold it: RFC 3339, `YYYY-MM-DD hh:mm:ss` or `YYYY-MM-DD`.
    pub fn parse_loose(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(time) = Self::parse(text) {
            return Some(time);
        }
        let civil = text
            .parse::<jiff::civil::DateTime>()
            .or_else(|_| text.parse::<jiff::civil::Date>().map(|d| d.at(0, 0, 0, 0)))
            .ok()?;
        let zoned = jiff::tz::Offset::UTC.to_timestamp(civil).ok()?;
        Some(Self(zoned.as_millisecond()))
    }

    /// Reads the beginning of a day, in UTC, that is spelled `YYYY-MM-DD` and in no other way, so that such texts sort as their days do.
    pub fn parse_day(text: &str) -> Option<Self> {
        let is_spelled_so = text.len() == 10
            && text.bytes().enumerate().all(|(place, byte)| match place {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        is_spelled_so.then(|| Self::parse_loose(text))?
    }

    /// From a Windows FILETIME: units of 100 ns since 1601-01-01. `None` for zero, which Windows uses for "never".
    pub fn from_filetime(filetime: u64) -> Option<Self> {
        const UNIX_EPOCH_IN_FILETIME_MS: i64 = 11_644_473_600_000;
        if filetime == 0 {
            return None;
        }
        let millis = i64::try_from(filetime / 10_000).ok()?;
        Some(Self(millis - UNIX_EPOCH_IN_FILETIME_MS))
    }

    /// This moment moved by `millis`, which may be negative.
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// This moment moved by whole days.
    pub const fn plus_days(self, days: i64) -> Self {
        self.plus_millis(days.saturating_mul(DAY_MS))
    }

    /// Milliseconds from `earlier` to this moment; negative where `earlier` is later.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The calendar day in UTC, `YYYY-MM-DD`.
    pub fn date(self) -> String {
        self.civil().map_or_else(
            || self.to_string().chars().take(10).collect(),
            |civil| {
                let digits = civil.digits();
                String::from_utf8_lossy(&digits[..10]).into_owned()
            },
        )
    }

    /// The calendar day in UTC, to be printed into a longer text.
    pub const fn day(self) -> Day {
        Day(self)
    }

    /// The calendar's words for a moment of a year with four digits, in whole seconds; nothing for others, which jiff prints. Every verdict
    /// names moments, so their printing counts.
    fn civil(self) -> Option<Civil> {
        const FIRST_MS: i64 = -62_167_219_200_000;
        const LAST_MS: i64 = 253_402_300_799_999;
        if !(FIRST_MS..=LAST_MS).contains(&self.0) || self.0.rem_euclid(1000) != 0 {
            return None;
        }
        let day = self.0.div_euclid(DAY_MS);
        let second = (self.0.rem_euclid(DAY_MS) / 1000) as u32;
        // Years are counted from March on, so that the leap day is the last of its year: days of eras of 400 years, then of a year, then
        // of months, of which five in a row have 153 days.
        let from_march = day + 719_468;
        let era = from_march.div_euclid(146_097);
        let of_era = from_march.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * of_year + 2) / 153;
        let month = if march_month < 10 {
            march_month + 3
        } else {
            march_month - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Some(Civil {
            year: year as u32,
            month: month as u32,
            day: (of_year - (153 * march_month + 2) / 5 + 1) as u32,
            second,
        })
    }
}

/// The calendar day of a moment, `YYYY-MM-DD` in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day(Time);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Of a moment within a second the second has the same day.
        let second = Time(self.0.0.div_euclid(1000).saturating_mul(1000));
        match second.civil() {
            Some(civil) => {
                let digits = civil.digits();
                f.write_str(std::str::from_utf8(&digits[..10]).unwrap_or_default())
            }
            None => f.write_str(&self.0.date()),
        }
    }
}

/// A day of the calendar and a second of it.
struct Civil {
    year: u32,
    month: u32,
    day: u32,
    second: u32,
}

impl Civil {
    /// `2026-11-23T08:00:00Z`.
    fn digits(&self) -> [u8; 20] {
        let mut text = *b"0000-00-00T00:00:00Z";
        let mut put = |at: usize, number: u32| {
            text[at] = b'0' + (number / 10 % 10) as u8;
            text[at + 1] = b'0' + (number % 10) as u8;
        };
        put(0, self.year / 100);
        put(2, self.year % 100);
        put(5, self.month);
        put(8, self.day);
        put(11, self.second / 3600);
        put(14, self.second / 60 % 60);
        put(17, self.second % 60);
        text
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(civil) = self.civil() {
            let digits = civil.digits();
            return f.write_str(std::str::from_utf8(&digits).unwrap_or_default());
        }
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(timestamp) => write!(f, "{timestamp}"),
            Err(_) => write!(f, "{} ms since 1970", self.0),
        }
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_moment_is_printed_as_jiff_prints_it() {
        let known = [
            0,
            -1000,
            951_782_400_000,
            951_868_799_000,
            4_107_542_400_000,
        ];
        let many = (-600_000..600_000_i64).map(|n| n * 97_777_000);
        let odd = [
            1,
            1_700_000_000_123,
            253_402_300_799_000,
            -62_167_219_200_000,
        ];
        for ms in known.into_iter().chain(many).chain(odd) {
            let Ok(expected) = jiff::Timestamp::from_millisecond(ms) else {
                continue;
            };
            let expected = expected.to_string();
            let time = Time::from_millis(ms);
            assert_eq!(time.to_string(), expected);
            assert_eq!(time.date(), expected[..10], "{expected}");
            assert_eq!(time.day().to_string(), expected[..10], "{expected}");
        }
    }

    #[test]
    fn windows_forms_of_a_time_are_read() {
        let expected = Time::parse("2026-10-08T07:42:03Z").expect("a time");
        assert_eq!(Time::parse_loose("2026-10-08 07:42:03"), Some(expected));
        assert_eq!(Time::parse_loose("2026-10-08T07:42:03Z"), Some(expected));
        assert_eq!(
            Time::parse_loose("2026-10-08").map(|t| t.to_string()),
            Some("2026-10-08T00:00:00Z".to_owned())
        );
        assert_eq!(Time::parse_loose("soon"), None);
        assert_eq!(
            Time::from_filetime(0x01d7_d5a9_c90d_4b80).map(Time::date),
            Some("2021-11-09".to_owned())
        );
        assert_eq!(Time::from_filetime(0), None);
    }
}
