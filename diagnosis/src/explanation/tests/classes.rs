//! One realistic device for every class.

use super::*;
use crate::check::Check;
use crate::expectation::{ExpectedSource, UpdateSource};
use crate::keys;
use crate::reading::Data;

#[test]
fn installed_since_the_day_of_its_package() {
    let machine = rollup(client(8100), 22621, 8100, INSTALLED, "2026-09-12T08:00:00Z");
    let (class, sentence) = told_of("KB9000009", &machine);
    assert_eq!(class, Class::Installed);
    assert_eq!(sentence, "Installed since 2026-09-12, as the build says.");
}

#[test]
fn superseded_by_the_update_that_the_device_runs() {
    let (class, sentence) = told_of("KB9000008", &client(8100));
    assert_eq!(class, Class::Superseded);
    assert_eq!(sentence, "The device runs 22631.8100, by KB9000009.");
}

#[test]
fn for_another_release() {
    let machine = Machine::server();
    let (class, sentence) = told_of("KB9000009", &machine);
    assert_eq!(class, Class::OtherRelease);
    assert_eq!(
        sentence,
        "It is for Windows 11 23H2, Windows 11 22H2; the device runs Windows Server 2022."
    );
}

#[test]
fn for_another_architecture_by_the_name_of_the_file() {
    let (class, sentence) = told_of("windows11.0-kb9000009-arm64.msu", &client(8000));
    assert_eq!(class, Class::OtherEdition);
    assert_eq!(sentence, "The package is for arm64; the device is x64.");
    assert_eq!(
        class_of("windows10.0-kb9000009-x64.msu", &client(8000)),
        Class::OtherRelease
    );
}

#[test]
fn for_editions_that_still_get_updates() {
    // Home and Pro of 23H2 got their last update in November 2025.
    let machine = client(5000).on(Check::Device);
    let home = machine.replaced(keys::WINDOWS_NT, "EditionID", Data::Text("Core".to_owned()));
    let (class, sentence) = told_of("KB9000009", &home);
    assert_eq!(class, Class::OtherEdition);
    assert!(sentence.contains("2025-11-11"), "{sentence}");
}

#[test]
fn lacking_a_prerequisite() {
    let old = Machine::new()
        .on(Check::Device)
        .sz(keys::WINDOWS_NT, "CurrentBuildNumber", "9600")
        .sz(keys::WINDOWS_NT, "InstallationType", "Server")
        .on(Check::Updates)
        .key(CBS_PACKAGES);
    let mut learned = Learned::default();
    learned.add(
        told("KB5028228", DeviceKind::Server, 9600),
        said(21_075, 9, "2023-07-11T00:00:00Z"),
    );
    let ask = |machine: &Machine| {
        asked("KB5028228", &learned, &profile(machine), |e| {
            (e.class(), e.decisive.sentence(Knowledge::built_in()))
        })
    };
    let bare = package(
        old.clone(),
        &format!("Package_for_KB2919442~{KEY}~6.3.1.1"),
        INSTALLED,
        "2014-05-01T00:00:00Z",
    );
    // The revision is that of its newest cumulative update, for the registry of 8.1 tells none.
    let bare = rollup(bare, 9600, 17_415, INSTALLED, "2014-12-01T00:00:00Z");
    assert_eq!(
        ask(&bare),
        (
            Class::PrerequisiteMissing,
            "KB2919355 must be installed first.".to_owned()
        )
    );
    let ready = package(
        bare,
        &format!("Package_for_KB2919355~{KEY}~6.3.1.14"),
        INSTALLED,
        "2014-06-01T00:00:00Z",
    );
    assert_ne!(ask(&ready).0, Class::PrerequisiteMissing);
}

#[test]
fn paused_until_a_day() {
    let machine = client(8000)
        .on(Check::Pause)
        .dword(keys::UPDATE_POLICY_SETTINGS, "PausedQualityStatus", 1)
        .sz(
            keys::UX_SETTINGS,
            "PauseQualityUpdatesStartTime",
            "2026-10-01T00:00:00Z",
        )
        .sz(
            keys::UX_SETTINGS,
            "PauseQualityUpdatesEndTime",
            "2026-10-20T00:00:00Z",
        );
    let (class, sentence) = told_of("KB9000009", &machine);
    assert_eq!(class, Class::Paused);
    assert_eq!(sentence, "Paused by the user until 2026-10-20.");
}

#[test]
fn deferred_until_so_many_days_after_it_came_out() {
    let mut learned = learned();
    learned.add(
        told("KB9000010", DeviceKind::Client, 22621),
        said(8200, 12, "2026-10-06T00:00:00Z"),
    );
    let machine = client(8100)
        .on(Check::ScanSource)
        .key(keys::POLICY)
        .dword(keys::POLICY, "DeferQualityUpdates", 1)
        .dword(keys::POLICY, "DeferQualityUpdatesPeriodInDays", 7);
    let ask = |number| {
        asked(number, &learned, &profile(&machine), |e| {
            (e.class(), e.decisive.sentence(Knowledge::built_in()))
        })
    };
    assert_eq!(
        ask("KB9000010"),
        (
            Class::Deferred,
            "Deferred by 7 days by group policy, until 2026-10-13.".to_owned()
        )
    );
    // The deferral of the older one is over, so it is no reason.
    let lacks = client(8000)
        .on(Check::ScanSource)
        .key(keys::POLICY)
        .dword(keys::POLICY, "DeferQualityUpdates", 1)
        .dword(keys::POLICY, "DeferQualityUpdatesPeriodInDays", 7);
    assert_ne!(class_of("KB9000009", &lacks), Class::Deferred);
}

#[test]
fn held_back_from_the_next_release() {
    let target = format!(r"{}\GE25H2", keys::APPRAISER_TARGETS);
    let machine = Machine::windows("26100", "Client", "Enterprise")
        .on(Check::Device)
        .replaced(keys::WINDOWS_NT, "UBR", Data::Dword(8000))
        .on(Check::SafeguardHold)
        .key(keys::APPRAISER_TARGETS)
        .key(&target)
        .multi(&target, "GatedBlockId", &["40667045"]);
    let (class, sentence) = told_of("KB5054156", &machine);
    assert_eq!(class, Class::Held);
    assert!(sentence.contains("40667045"), "{sentence}");
    // A hold keeps no monthly update away.
    assert_ne!(class_of("KB9000009", &machine), Class::Held);
}

#[test]
fn looking_at_a_wrong_source() {
    let expectations = Expectations {
        sources: [
            Some(ExpectedSource {
                source: UpdateSource::Wsus,
                server: None,
            }),
            None,
            None,
            None,
        ],
        ..Expectations::default()
    };
    let machine = client(8000)
        .on(Check::ScanSource)
        .key(keys::POLICY)
        .data(keys::POLICY_AU, Some("UseWUServer"), Data::Absent)
        .expecting(expectations);
    let (class, sentence) = told_of("KB9000009", &machine);
    assert_eq!(class, Class::WrongSource);
    assert!(sentence.starts_with("Quality updates from "), "{sentence}");
}

#[test]
fn waiting_for_the_restart_that_finishes_it() {
    let machine = rollup(
        client(8000),
        22621,
        8100,
        INSTALL_PENDING,
        "2026-10-08T00:00:00Z",
    );
    let (class, sentence) = told_of("KB9000009", &machine);
    assert_eq!(class, Class::WaitingForRestart);
    assert_eq!(
        sentence,
        "A restart finishes its installation, pending since 2026-10-08."
    );
    // A pause that came later does not undo that.
    let paused =
        machine
            .on(Check::Pause)
            .dword(keys::UPDATE_POLICY_SETTINGS, "PausedQualityStatus", 1);
    assert_eq!(class_of("KB9000009", &paused), Class::WaitingForRestart);
}

#[test]
fn failing_with_a_code() {
    let failed = |record, at| (record, 20, at, "0x800F0922");
    let machine = [
        failed(1, "2026-10-07T00:00:00Z"),
        failed(2, "2026-10-08T00:00:00Z"),
    ]
    .into_iter()
    .fold(client(8000), |machine, (record, id, at, code)| {
        machine.on(Check::UpdateEvents).event(
            keys::SYSTEM_CHANNEL,
            record,
            id,
            at,
            &[
                ("errorCode", code),
                ("updateGuid", "{5e0d7e5c-0000-4000-8000-000000000009}"),
                ("updateTitle", "2026-09 Kumulatives Update (KB9000009)"),
            ],
        )
    });
    let (class, sentence) = told_of("KB9000009", &machine);
    assert_eq!(class, Class::Failing);
    assert!(
        sentence.starts_with("It failed 2 times in a row, last on 2026-10-08 with 0x800F0922 ("),
        "{sentence}"
    );
}

#[test]
fn stopped_by_a_policy() {
    let machine =
        client(8000)
            .on(Check::AutomaticUpdates)
            .dword(keys::POLICY_AU, "NoAutoUpdate", 1);
    assert_eq!(class_of("KB9000009", &machine), Class::Stopped);
}

#[test]
fn not_scanned_since_it_came_out() {
    // The week that a scan may be old is not over, and the update came out in it.
    let mut learned = learned();
    learned.add(
        told("KB9000010", DeviceKind::Client, 22621),
        said(8200, 12, "2026-10-09T12:00:00Z"),
    );
    let class = asked("KB9000010", &learned, &profile(&client(8100)), |e| {
        (e.class(), e.decisive.sentence(Knowledge::built_in()))
    });
    assert_eq!(
        class,
        (
            Class::NotScanned,
            "The device last looked for updates on 2026-10-09; the update was out by 2026-10-09."
                .to_owned()
        )
    );
}

#[test]
fn offered_and_not_installed_yet() {
    let machine = client(8000).on(Check::UpdateEvents).event(
        keys::UPDATE_CHANNEL,
        9,
        41,
        "2026-10-09T06:00:00Z",
        &[("updateTitle", "2026-09 Cumulative Update (KB9000009)")],
    );
    let (class, sentence) = told_of("KB9000009", &machine);
    assert_eq!(class, Class::Offered);
    assert_eq!(sentence, "Offered on 2026-10-09 and not installed yet.");
}

#[test]
fn not_offered_by_the_last_search() {
    let (class, sentence) = told_of("KB9000009", &client(8000));
    assert_eq!(class, Class::NotOffered);
    assert_eq!(
        sentence,
        "The device looked for updates on 2026-10-09 and was not offered it."
    );
}

#[test]
fn unknown_because_the_build_is_not_known_of_device_or_update() {
    let (class, sentence) = told_of("KB9000009", &Machine::new());
    assert_eq!(class, Class::Unknown);
    assert_eq!(sentence, "Not known: the device has not told its release.");
    let (class, sentence) = told_of("KB9999999", &client(8000));
    assert_eq!(class, Class::Unknown);
    assert!(sentence.contains("too few devices"), "{sentence}");
}

#[test]
fn every_class_has_a_test_of_its_own() {
    let text = include_str!("classes.rs");
    for class in Class::ALL {
        let name = format!("Class::{class:?}");
        assert!(text.contains(&name), "{name} has none");
    }
}
