//! Moments in time as the product keeps them: milliseconds, UTC.

use std::fmt;

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
        self.to_string().chars().take(10).collect()
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
