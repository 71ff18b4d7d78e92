//! Expectations spelled as wishes, so that defaults are shown in the words and units in which others are written down.

use super::{Expectations, KbList, UpdateClass, Wanted};
use crate::time::{DAY_MS, MINUTE_MS};

impl From<&Expectations> for Wanted {
    /// What one would write down to expect the same. What is not expected at all is left out.
    fn from(expected: &Expectations) -> Self {
        let source = |class: UpdateClass| expected.source(class).cloned();
        let gigabytes = |bytes: u64| u32::try_from(bytes >> 30).ok();
        let units = |millis: i64, unit: i64| u32::try_from(millis / unit).ok();
        let days = |millis| units(millis, DAY_MS);
        let minutes = |millis| units(millis, MINUTE_MS);
        Self {
            quality_source: source(UpdateClass::Quality),
            feature_source: source(UpdateClass::Feature),
            driver_source: source(UpdateClass::Driver),
            other_source: source(UpdateClass::Other),
            longest_quality_deferral_days: expected.longest_quality_deferral_days,
            longest_feature_deferral_days: expected.longest_feature_deferral_days,
            oldest_scan_days: days(expected.oldest_scan_ms),
            behind_days: days(expected.behind_ms),
            pending_reboot_serious_days: days(expected.pending_reboot_serious_after_ms),
            update_health_tools_wanted: Some(expected.update_health_tools_wanted),
            update_health_tools_minimum: expected.update_health_tools_minimum.clone(),
            directory_registration_wanted: Some(expected.directory_registration_wanted),
            free_space_warning_gb: gigabytes(expected.free_space_warning_bytes),
            free_space_serious_gb: gigabytes(expected.free_space_serious_bytes),
            clock_warning_minutes: minutes(expected.clock_warning_ms),
            clock_serious_minutes: minutes(expected.clock_serious_ms),
            silent_days: days(expected.silent_after_ms),
            end_of_service_near_days: days(expected.end_of_service_near_ms),
            install_failures: Some(expected.install_failures),
            wanted_updates: KbList::of(&expected.wanted_updates),
            managed_by: expected.managed_by.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::DeviceKind;

    #[test]
    fn what_is_spelled_out_comes_to_the_same_expectations() {
        for kind in [None, Some(DeviceKind::Client), Some(DeviceKind::Server)] {
            let expected = Expectations::of(kind);
            let spelled = Wanted::from(&expected);
            assert_eq!(spelled.check(), Ok(()), "{kind:?}");
            // Over the other kind's defaults, so that nothing comes out right by being left out.
            let other = match kind {
                Some(DeviceKind::Server) => DeviceKind::Client,
                _ => DeviceKind::Server,
            };
            assert_eq!(spelled.over(Expectations::of(Some(other))), expected);
        }
    }
}
