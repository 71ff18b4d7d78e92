//! The time zone that a reader's exact times and dates are told in. Zones come with the program: a Windows server has no such data.

use std::sync::LazyLock;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use sickbay_diagnosis::Time;

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A time zone of the IANA database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    zone: TimeZone,
    is_chosen: bool,
}

impl Default for Zone {
    fn default() -> Self {
        Self::UTC
    }
}

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self {
        zone: TimeZone::UTC,
        is_chosen: false,
    };

    /// The cookie that says which zone a reader wants. A script says there where the browser is, after [`Zone::BROWSERS`]; one that
    /// was chosen on a page is kept from scripts (`HttpOnly`), and so stays.
    pub const COOKIE: &str = "sickbay-zone";

    /// What stands in the cookie before a zone that nobody chose.
    pub const BROWSERS: &str = "here:";

    /// For how long the cookie is kept, in seconds: a year.
    pub const COOKIE_AGE_S: u32 = 31_536_000;

    /// By its name as the database writes it, as `Europe/Berlin`; `None` where it knows no such zone.
    pub fn named(name: &str) -> Option<Self> {
        Some(Self {
            zone: ZONES.get(name).ok()?,
            is_chosen: true,
        })
    }

    /// From the value of the cookie; what names no zone is UTC.
    pub fn from_cookie(value: &str) -> Self {
        let zone = value.strip_prefix(Self::BROWSERS).map_or_else(
            || Self::named(value),
            |browsers| {
                let zone = Self::named(browsers)?;
                Some(Self {
                    is_chosen: false,
                    ..zone
                })
            },
        );
        zone.unwrap_or_default()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// The name of every zone, in order.
    pub fn names() -> Vec<String> {
        let mut names: Vec<_> = ZONES.available().map(|name| name.to_string()).collect();
        names.sort_unstable();
        names
    }

    /// Whether somebody chose it; otherwise it is the browser's, or nobody said any.
    pub(crate) const fn is_chosen(&self) -> bool {
        self.is_chosen
    }

    /// The date there: `2026-11-23`. `None` for moments beyond the calendar.
    pub(crate) fn date(&self, time: Time) -> Option<String> {
        self.told(time, "%Y-%m-%d")
    }

    /// Date, clock and how far it is from UTC: `2026-11-23 09:00:00 +01:00`. `None` for moments beyond the calendar.
    pub(crate) fn clock(&self, time: Time) -> Option<String> {
        self.told(time, "%Y-%m-%d %H:%M:%S %:z")
    }

    pub(crate) fn is_utc(&self) -> bool {
        self.zone == TimeZone::UTC || self.name() == "UTC"
    }

    fn told(&self, time: Time, format: &str) -> Option<String> {
        let at = jiff::Timestamp::from_millisecond(time.millis()).ok()?;
        let there = at.to_zoned(self.zone.clone());
        Some(there.strftime(format).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_that_is_offered_is_known() {
        let names = Zone::names();
        assert!(names.len() > 400, "{}", names.len());
        for name in &names {
            assert!(Zone::named(name).is_some(), "{name}");
        }
        for wanted in ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"] {
            assert!(names.iter().any(|name| name == wanted), "{wanted}");
        }
    }

    #[test]
    fn a_cookie_names_a_zone_or_means_utc() {
        assert_eq!(Zone::from_cookie("Europe/Berlin").name(), "Europe/Berlin");
        assert_eq!(
            Zone::from_cookie("here:Asia/Kolkata").name(),
            "Asia/Kolkata"
        );
        assert!(Zone::from_cookie("Asia/Kolkata").is_chosen());
        assert!(!Zone::from_cookie("here:Asia/Kolkata").is_chosen());
        for hostile in ["", "here:", "../etc/passwd", "<script>", "Europe/Nowhere"] {
            assert_eq!(Zone::from_cookie(hostile), Zone::UTC, "{hostile}");
        }
    }
}
