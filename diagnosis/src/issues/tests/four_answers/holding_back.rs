//! What keeps updates from being offered to a device.

use super::{Told, but, clear, not_applicable, open, ordinary_client, unknown, wanting};
use crate::check::Check;
use crate::keys::{APPRAISER_TARGETS, POLICY, UPDATE_POLICY_SETTINGS, UX_SETTINGS};
use crate::testing::Machine;
use crate::verdict::Severity::{Serious, Warning};

pub(super) fn cases() -> Vec<Told> {
    [
        quality_pause(),
        feature_pause(),
        deferral(),
        pin(),
        hold(),
        block(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn paused_by_user() -> Machine {
    but(Check::Pause)
        .key(UPDATE_POLICY_SETTINGS)
        .dword(UPDATE_POLICY_SETTINGS, "PausedQualityStatus", 1)
        .dword(UPDATE_POLICY_SETTINGS, "PausedFeatureStatus", 1)
        .sz(UX_SETTINGS, "PauseUpdatesStartTime", "2026-10-01T00:00:00Z")
        .sz(
            UX_SETTINGS,
            "PauseUpdatesExpiryTime",
            "2026-10-20T08:00:00Z",
        )
}

fn pause_unreadable() -> Machine {
    but(Check::Pause).unreadable_key(UPDATE_POLICY_SETTINGS)
}

fn windows_8_1() -> Machine {
    Machine::windows("9600", "Client", "Professional")
}

fn quality_pause() -> Vec<Told> {
    const ID: &str = "quality-updates-paused";
    vec![
        open(
            ID,
            Serious,
            &["user/2026-10-20"],
            "paused by the user until 2026-10-20",
            paused_by_user(),
        ),
        clear(ID, "Quality updates are not paused", ordinary_client()),
        unknown(ID, "access denied", pause_unreadable()),
        not_applicable(ID, "has no pause", windows_8_1().on(Check::Pause)),
    ]
}

fn feature_pause() -> Vec<Told> {
    const ID: &str = "feature-updates-paused";
    vec![
        open(
            ID,
            Warning,
            &["user/2026-10-20"],
            "paused by the user until 2026-10-20",
            paused_by_user(),
        ),
        clear(ID, "Feature updates are not paused", ordinary_client()),
        unknown(ID, "access denied", pause_unreadable()),
        not_applicable(
            ID,
            "Servers get no feature updates",
            Machine::server().on(Check::Pause),
        ),
    ]
}

fn deferral() -> Vec<Told> {
    const ID: &str = "updates-deferred-too-long";
    let wanted = |machine: Machine| {
        machine.expecting(wanting(|e| e.longest_quality_deferral_days = Some(7)))
    };
    let deferred = |days| {
        wanted(
            but(Check::ScanSource)
                .dword(POLICY, "DeferQualityUpdates", 1)
                .dword(POLICY, "DeferQualityUpdatesPeriodInDays", days),
        )
    };
    vec![
        open(
            ID,
            Warning,
            &["quality updates 30 gpo"],
            "deferred by 30 days (DeferQualityUpdatesPeriodInDays of group policy); at most 7",
            deferred(30),
        ),
        clear(ID, "deferred by 5 days", deferred(5)),
        unknown(
            ID,
            "access denied",
            wanted(but(Check::ScanSource).unreadable_key(POLICY)),
        ),
        not_applicable(ID, "No longest deferral is set", ordinary_client()),
    ]
}

fn pinned(machine: Machine, version: &str) -> Machine {
    machine
        .on(Check::SafeguardHold)
        .dword(POLICY, "TargetReleaseVersion", 1)
        .sz(POLICY, "ProductVersion", "Windows 11")
        .sz(POLICY, "TargetReleaseVersionInfo", version)
}

fn pin() -> Vec<Told> {
    const ID: &str = "pinned-to-old-release";
    let on_23h2 = || Machine::windows("22631", "Client", "Enterprise");
    vec![
        open(
            ID,
            Warning,
            &["Windows 11 23H2"],
            "which gets its last update on 2026-11-10",
            pinned(on_23h2(), "23H2"),
        ),
        open(
            ID,
            Serious,
            &["Windows 11 22H2"],
            "which got its last update on 2025-10-14",
            pinned(on_23h2(), "22H2"),
        ),
        clear(
            ID,
            "Windows 11 25H2, which gets updates until 2028-10-10",
            pinned(on_23h2(), "25H2"),
        ),
        clear(ID, "No policy pins", ordinary_client()),
        unknown(
            ID,
            "pins the device to 29H9, which is no release",
            pinned(on_23h2(), "29H9"),
        ),
        not_applicable(
            ID,
            "Servers get no feature updates",
            pinned(Machine::server(), "23H2"),
        ),
    ]
}

/// What the appraiser says of Windows 11 24H2.
fn appraised(machine: Machine, hold: &str, red: &str, experience: &str) -> Machine {
    let path = format!(r"{APPRAISER_TARGETS}\GE24H2");
    machine
        .on(Check::SafeguardHold)
        .key(APPRAISER_TARGETS)
        .key(&path)
        .multi(&path, "GatedBlockId", &[hold])
        .multi(&path, "RedReason", &[red])
        .sz(&path, "UpgEx", experience)
}

fn on_22h2() -> Machine {
    Machine::windows("22621", "Client", "Professional")
}

fn never_appraised() -> Machine {
    on_22h2()
        .on(Check::SafeguardHold)
        .absent_key(APPRAISER_TARGETS)
}

fn hold() -> Vec<Told> {
    const ID: &str = "safeguard-hold";
    vec![
        open(
            ID,
            Serious,
            &["52754008/GE24H2"],
            "Hold 52754008 for Windows 11 24H2",
            appraised(on_22h2(), "52754008", "None", "Green"),
        ),
        clear(
            ID,
            "No safeguard hold for Windows 11 24H2",
            appraised(on_22h2(), "None", "None", "Green"),
        ),
        unknown(ID, "appraiser has not run", never_appraised()),
        not_applicable(
            ID,
            "Servers get no feature updates",
            appraised(Machine::server(), "52754008", "None", "Green"),
        ),
    ]
}

fn block() -> Vec<Told> {
    const ID: &str = "upgrade-blocked";
    vec![
        open(
            ID,
            Serious,
            &["Tpm/GE24H2"],
            "Tpm blocks Windows 11 24H2",
            appraised(on_22h2(), "None", "Tpm", "Red"),
        ),
        clear(
            ID,
            "Nothing on the device blocks Windows 11 24H2",
            appraised(on_22h2(), "None", "None", "Green"),
        ),
        unknown(ID, "appraiser has not run", never_appraised()),
        not_applicable(
            ID,
            "Servers get no feature updates",
            appraised(Machine::server(), "None", "Tpm", "Red"),
        ),
    ]
}
