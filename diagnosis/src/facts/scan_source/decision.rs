//! The table that says where a class comes from.

use super::settings::{Settings, Wsus};
use crate::expectation::{UpdateClass, UpdateSource};
use crate::facts::device::Windows;

/// Releases that treat the policies alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Before 1607: WSUS or not, for everything.
    OneSource,
    /// 1607 to 1909 and Servers 2016, 2019: dual scan, no source per class.
    DualScan,
    /// 2004 to 22H2 and Server 2022: a source per class, which `DisableDualScan` gates.
    PerClass,
    /// Windows 11 and Server 2025: a source per class, `DisableDualScan` is not read.
    PerClassAlone,
}

/// What a policy comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) source: UpdateSource,
    pub(super) decided_by: String,
}

const EVERY: &[Family] = &[
    Family::PerClassAlone,
    Family::PerClass,
    Family::DualScan,
    Family::OneSource,
];
/// Those that know deferrals.
const WITH_DEFERRALS: &[Family] = &[Family::PerClassAlone, Family::PerClass, Family::DualScan];
/// Those that know a source per class.
const WITH_CLASSES: &[Family] = &[Family::PerClassAlone, Family::PerClass];
/// The revision from which 2004 to 21H1 know a source per class (KB5005101); 21H2 and 22H2 were born later.
const PER_CLASS_SINCE_UBR: u32 = 1202;

/// The families that the device may belong to: one where build and revision tell. No build number is shared by a client and a
/// server of different families, so the kind is not needed.
///
/// Where the build is not known, policies that only newer releases know tell that the device is none of the older ones: whoever wrote
/// them wrote them for this device.
pub(super) fn families(windows: Windows, settings: &Settings) -> &'static [Family] {
    let Some(build) = windows.build else {
        let per_class = UpdateClass::ALL
            .iter()
            .any(|class| settings.class_value(*class).is_some());
        return match (per_class, settings.deferrals.is_empty()) {
            (true, _) => WITH_CLASSES,
            (false, false) => WITH_DEFERRALS,
            (false, true) => EVERY,
        };
    };
    match build {
        0..14393 => &[Family::OneSource],
        14393..19041 => &[Family::DualScan],
        19041..=19043 => match windows.ubr {
            Some(ubr) if ubr >= PER_CLASS_SINCE_UBR => &[Family::PerClass],
            Some(_) => &[Family::DualScan],
            None => &[Family::PerClass, Family::DualScan],
        },
        19044 | 19045 | 20348 => &[Family::PerClass],
        // Previews between the releases, and the annual channel server of 2023, for which no source says.
        19046..22000 | 25398 => &[Family::PerClassAlone, Family::PerClass],
        _ => &[Family::PerClassAlone],
    }
}

/// Where a class comes from on a family of releases.
pub(super) fn decide(settings: &Settings, family: Family, class: UpdateClass) -> Answer {
    if settings.access_off.is_some_and(|f| f.value == 1) {
        return answer(UpdateSource::Blocked, "DisableWindowsUpdateAccess=1");
    }
    let wsus_by = match &settings.wsus {
        Wsus::Unset => return without_wsus(settings, family, class),
        Wsus::WithoutServer => {
            return answer(UpdateSource::Unknown, "UseWUServer=1 without WUServer");
        }
        Wsus::InUse { decided_by, .. } => decided_by,
    };
    let directed =
        beside_wsus(settings, family, class).unwrap_or_else(|| answer(UpdateSource::Wsus, wsus_by));
    let offline = settings.offline.is_some_and(|f| f.value == 1);
    if offline && directed.source == UpdateSource::WindowsUpdate {
        return Answer {
            source: UpdateSource::Blocked,
            decided_by: format!(
                "{} and DoNotConnectToWindowsUpdateInternetLocations=1",
                directed.decided_by
            ),
        };
    }
    directed
}

fn without_wsus(settings: &Settings, family: Family, class: UpdateClass) -> Answer {
    let wants_wsus = settings.class_value(class).is_some_and(|f| f.value == 1);
    if family == Family::PerClassAlone && wants_wsus {
        let name = crate::keys::CLASS_SOURCE_VALUES[class as usize];
        return answer(
            UpdateSource::Unknown,
            format!("{name}=1 without a WSUS server"),
        );
    }
    let by = if settings.wu_server.is_some() {
        "WUServer without UseWUServer=1"
    } else {
        "no WSUS policy"
    };
    answer(UpdateSource::WindowsUpdate, by)
}

/// What leads a class somewhere in spite of, or explicitly to, the WSUS server; `None` where WSUS simply holds.
fn beside_wsus(settings: &Settings, family: Family, class: UpdateClass) -> Option<Answer> {
    let gated =
        matches!(family, Family::DualScan | Family::PerClass) && settings.dual_scan_is_off();
    if family == Family::OneSource {
        return None;
    }
    if gated {
        return Some(answer(UpdateSource::Wsus, "DisableDualScan=1 with WSUS"));
    }
    if family != Family::DualScan
        && let Some(value) = settings.class_value(class)
    {
        let name = crate::keys::CLASS_SOURCE_VALUES[class as usize];
        let source = if value.value == 0 {
            UpdateSource::WindowsUpdate
        } else {
            UpdateSource::Wsus
        };
        return Some(answer(source, format!("{name}={}", value.value)));
    }
    let follows_deferral = matches!(class, UpdateClass::Quality | UpdateClass::Feature);
    (follows_deferral && !settings.deferrals.is_empty()).then(|| {
        answer(
            UpdateSource::WindowsUpdate,
            "a deferral or pause policy beside WSUS (dual scan)",
        )
    })
}

fn answer(source: UpdateSource, decided_by: impl Into<String>) -> Answer {
    Answer {
        source,
        decided_by: decided_by.into(),
    }
}
