//! Until when a release gets updates on a device: which of the vendor's dates is the one for its edition (fact sheet section 8).

use crate::facts::DeviceFacts;
use crate::knowledge::{DeviceKind, Release};
use crate::time::Time;

/// The first revision of Windows 10 22H2 that only devices with extended security updates get, and the release's build (KB5068781).
const WINDOWS_10_EXTENDED: (u32, u32) = (19045, 6575);

/// An end of service, with where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    /// The last day with updates, in UTC.
    pub(super) last_day: Time,
    /// For which devices that day is the last.
    pub(super) of: &'static str,
}

impl End {
    /// The first moment without updates.
    pub(super) const fn over_at(&self) -> Time {
        self.last_day.plus_days(1)
    }
}

/// The end of a release on a device of this edition; `None` where the table has none for it.
pub(super) fn end_of(release: &Release, device: &DeviceFacts) -> Option<End> {
    let support = &release.support;
    let edition = device.edition_id().unwrap_or_default();
    let begins = |with: &str| {
        edition
            .get(..with.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(with))
    };
    let (last_day, of) = if gets_extended_security_updates(release, device) {
        (support.extended_security, "extended security updates")
    } else if release.kind == DeviceKind::Server {
        (support.extended, "servers")
    } else if support.extended.is_some() && support.home_pro.is_none() {
        (support.extended, "Windows 8.1 and older")
    } else if begins("iotenterprises") {
        (support.ltsc_iot.or(support.ltsc), "IoT LTSC editions")
    } else if begins("enterprises") {
        (support.ltsc, "LTSC editions")
    } else if begins("core") || begins("professional") {
        (support.home_pro, "Home and Pro editions")
    } else if edition.is_empty() {
        (None, "")
    } else {
        (
            support.enterprise_education,
            "Enterprise and Education editions",
        )
    };
    last_day.map(|last_day| End { last_day, of })
}

/// That a device holds a licence for extended security updates stands nowhere; that it has one of them installed shows it.
fn gets_extended_security_updates(release: &Release, device: &DeviceFacts) -> bool {
    let (build, first) = WINDOWS_10_EXTENDED;
    release.build == build
        && release.support.extended_security.is_some()
        && device.build.is_some_and(|f| f.value == build)
        && device.ubr.is_some_and(|f| f.value >= first)
}
