//! What must not fool the answer.

use super::*;
use crate::check::Check;
use crate::keys;
use crate::reading::Data;

/// A Windows of that build, revision and edition.
fn windows(build: &str, revision: u32, installation: &str, edition: &str) -> Machine {
    Machine::new()
        .on(Check::Device)
        .sz(keys::WINDOWS_NT, "CurrentBuildNumber", build)
        .dword(keys::WINDOWS_NT, "UBR", revision)
        .sz(keys::WINDOWS_NT, "InstallationType", installation)
        .sz(keys::WINDOWS_NT, "EditionID", edition)
        .on(Check::Updates)
        .key(CBS_PACKAGES)
}

#[test]
fn a_superseded_package_beside_its_successor_is_superseded() {
    let machine = rollup(
        client(8100),
        22621,
        8000,
        SUPERSEDED,
        "2026-08-12T00:00:00Z",
    );
    let machine = rollup(machine, 22621, 8100, INSTALLED, "2026-09-12T00:00:00Z");
    assert_eq!(class_of("KB9000008", &machine), Class::Superseded);
    assert_eq!(class_of("KB9000009", &machine), Class::Installed);
}

#[test]
fn an_update_whose_package_is_gone_is_superseded_where_its_successor_is_there() {
    let machine = rollup(client(8100), 22621, 8100, INSTALLED, "2026-09-12T00:00:00Z");
    assert_eq!(class_of("KB9000008", &machine), Class::Superseded);
}

#[test]
fn an_uninstalled_update_is_not_installed_whatever_the_history_remembers() {
    let machine = rollup(client(8000), 22621, 8000, INSTALLED, "2026-08-12T00:00:00Z")
        .on(Check::UpdateHistory)
        .history(&[
            (
                "2026-09-20T00:00:00Z",
                2,
                2,
                "0x00000000",
                "u",
                "(KB9000009)",
            ),
            (
                "2026-09-12T00:00:00Z",
                1,
                2,
                "0x00000000",
                "u",
                "(KB9000009)",
            ),
        ]);
    assert_eq!(class_of("KB9000009", &machine), Class::NotOffered);
    let told = asked("KB9000009", &learned(), &profile(&machine), |e| {
        let known = Knowledge::built_in();
        e.rest.iter().map(|r| r.sentence(known)).collect::<Vec<_>>()
    });
    assert_eq!(told, ["It was removed on 2026-09-20."]);
}

#[test]
fn an_update_that_was_rolled_back_is_not_installed() {
    let machine = client(8000).on(Check::UpdateHistory).history(&[(
        "2026-09-12T00:00:00Z",
        1,
        2,
        "0x00000000",
        "u",
        "(KB9000009)",
    )]);
    assert_eq!(class_of("KB9000009", &machine), Class::NotOffered);
    let told = asked("KB9000009", &learned(), &profile(&machine), |e| {
        e.rest[0].sentence(Knowledge::built_in())
    });
    assert!(told.contains("rolled back"), "{told}");
}

#[test]
fn an_ltsc_and_a_client_on_one_build_part_when_the_client_leaves_service() {
    // KB5122878 of September 2026 brings 19041.7727; Windows 10 21H2 for clients ended in 2024, its LTSC lasts until 2027.
    let update = Knowledge::built_in()
        .updates()
        .filter(|u| u.package_build == 19041)
        .max_by_key(|u| u.revision)
        .expect("in the table")
        .kb
        .to_string();
    let before = 6000;
    let ltsc = windows("19044", before, "Client", "EnterpriseS");
    let client = windows("19044", before, "Client", "Enterprise");
    assert_eq!(class_of(&update, &client), Class::OtherEdition);
    assert_ne!(class_of(&update, &ltsc), Class::OtherEdition);
}

#[test]
fn releases_that_a_package_enables_have_the_updates_of_their_family() {
    // 19042 to 19045 have packages of 19041, 26200 and 26300 those of 26100.
    let newest = |family: u32, kind: Option<DeviceKind>| {
        Knowledge::built_in()
            .updates()
            .filter(|u| {
                u.package_build == family && (u.device_kind == kind || u.device_kind.is_none())
            })
            .filter(|u| matches!(u.kind, crate::knowledge::UpdateKind::Cumulative))
            .max_by_key(|u| u.revision)
            .map(|u| (u.kb.to_string(), u.revision))
            .expect("in the table")
    };
    for (builds, family) in [
        (&["19042", "19043", "19044", "19045"][..], 19041),
        (&["26100", "26200", "26300"][..], 26100),
    ] {
        let (update, revision) = newest(family, Some(DeviceKind::Client));
        for build in builds {
            let machine = windows(build, revision, "Client", "EnterpriseS");
            assert_eq!(class_of(&update, &machine), Class::Installed, "{build}");
        }
    }
}

#[test]
fn servers_and_clients_of_one_build_have_revisions_of_their_own() {
    // Since 2026 Server 2025 counts from 32230 while clients of the same 26100 count from 7623.
    let client = |revision| windows("26100", revision, "Client", "Enterprise");
    let server = |revision| windows("26100", revision, "Server", "ServerStandard");
    assert_eq!(class_of("KB5074109", &client(7623)), Class::Installed);
    assert_eq!(class_of("KB5073379", &server(32230)), Class::Installed);
    assert_eq!(class_of("KB5074109", &server(32230)), Class::OtherRelease);
    assert_eq!(class_of("KB5073379", &client(7623)), Class::OtherRelease);
    // Before that they shared them.
    assert_eq!(class_of("KB5043080", &server(1742)), Class::Installed);
    assert_eq!(class_of("KB5043080", &client(1742)), Class::Installed);
}

#[test]
fn a_hotpatch_covers_the_update_of_its_month_at_a_lower_revision() {
    // KB5077212 is the hotpatch 7781 of February 2026, whose cumulative update is KB5077181 at 7840.
    let hotpatched = windows("26200", 7781, "Client", "Enterprise");
    let (class, sentence) = told_of("KB5077181", &hotpatched);
    assert_eq!(class, Class::Superseded, "{sentence}");
    assert!(
        sentence.contains("KB5077212, a hotpatch of the same content"),
        "{sentence}"
    );
    // That of the next month it does not cover, and one revision lower is no hotpatch.
    assert!(!class_of("KB5079473", &hotpatched).is_done());
    let behind = windows("26200", 7780, "Client", "Enterprise");
    assert!(!class_of("KB5077181", &behind).is_done());
    // And a device with the cumulative update has what the hotpatch brings.
    let ordinary = windows("26200", 7840, "Client", "Enterprise");
    assert_eq!(class_of("KB5077212", &ordinary), Class::Superseded);
}

#[test]
fn an_enablement_package_makes_a_release_and_is_not_one_for_servers_or_ltsc() {
    let at = |build: &str, revision, edition: &str| {
        let installation = if edition.starts_with("Server") {
            "Server"
        } else {
            "Client"
        };
        class_of(
            "KB5054156",
            &windows(build, revision, installation, edition),
        )
    };
    assert_eq!(at("26200", 8000, "Professional"), Class::Installed);
    // What the next one needs is told by its own row.
    let old = windows("26200", 8000, "Client", "Professional");
    assert_eq!(class_of("KB5121794", &old), Class::PrerequisiteMissing);
    assert_eq!(at("26300", 9457, "Professional"), Class::Superseded);
    assert_eq!(
        at("26100", 4000, "Professional"),
        Class::PrerequisiteMissing
    );
    assert_eq!(at("26100", 4000, "EnterpriseS"), Class::OtherEdition);
    assert_eq!(at("26100", 32230, "ServerStandard"), Class::OtherRelease);
    assert_eq!(at("22631", 8000, "Professional"), Class::OtherRelease);
}

#[test]
fn a_pin_to_an_older_release_stops_the_next_one() {
    let machine = windows("26100", 8000, "Client", "Enterprise")
        .on(Check::SafeguardHold)
        .key(keys::APPRAISER_TARGETS)
        .dword(keys::POLICY, "TargetReleaseVersion", 1)
        .sz(keys::POLICY, "ProductVersion", "Windows 11")
        .sz(keys::POLICY, "TargetReleaseVersionInfo", "24H2");
    assert_eq!(class_of("KB5054156", &machine), Class::Stopped);
}

#[test]
fn a_pause_that_has_run_out_since_is_no_reason() {
    let machine = client(8000)
        .on(Check::Pause)
        .dword(keys::UPDATE_POLICY_SETTINGS, "PausedQualityStatus", 1)
        .sz(
            keys::UX_SETTINGS,
            "PauseQualityUpdatesStartTime",
            "2026-09-20T00:00:00Z",
        )
        .sz(
            keys::UX_SETTINGS,
            "PauseQualityUpdatesEndTime",
            "2026-10-05T00:00:00Z",
        );
    let profile = profile_at(&machine, at("2026-10-04T00:00:00Z"));
    assert!(!profile.obstacles.is_empty());
    assert_eq!(
        class_on("KB9000009", &learned(), &profile),
        Class::NotOffered
    );
}

#[test]
fn what_a_device_tells_twice_is_one_reason() {
    let machine =
        client(8000)
            .on(Check::Pause)
            .dword(keys::UPDATE_POLICY_SETTINGS, "PausedQualityStatus", 1);
    let mut profile = profile_at(&machine, now());
    let pause = profile.obstacles[0].clone();
    profile.obstacles.push(pause);
    asked("KB9000009", &learned(), &profile, |explanation| {
        assert_eq!(explanation.class(), Class::Paused);
        let again = explanation
            .rest
            .iter()
            .filter(|r| r.class() == Class::Paused);
        assert_eq!(again.count(), 0);
    });
}

#[test]
fn deferrals_mean_nothing_where_updates_come_from_wsus() {
    let machine = client(8100)
        .on(Check::ScanSource)
        .key(keys::POLICY)
        .dword(keys::POLICY_AU, "UseWUServer", 1)
        .sz(keys::POLICY, "WUServer", "https://wsus.example:8531")
        .sz(keys::POLICY, "WUStatusServer", "https://wsus.example:8531")
        .dword(keys::POLICY, "DisableDualScan", 1)
        .dword(keys::POLICY_AU, "UseUpdateClassPolicySource", 1)
        .dword(
            keys::POLICY,
            "SetPolicyDrivenUpdateSourceForQualityUpdates",
            1,
        )
        .dword(
            keys::POLICY,
            "SetPolicyDrivenUpdateSourceForFeatureUpdates",
            1,
        )
        .dword(
            keys::POLICY,
            "SetPolicyDrivenUpdateSourceForDriverUpdates",
            1,
        )
        .dword(
            keys::POLICY,
            "SetPolicyDrivenUpdateSourceForOtherUpdates",
            1,
        )
        .dword(keys::POLICY, "DeferQualityUpdates", 1)
        .dword(keys::POLICY, "DeferQualityUpdatesPeriodInDays", 30);
    let mut learned = learned();
    learned.add(
        told("KB9000010", DeviceKind::Client, 22621),
        said(8200, 12, "2026-10-06T00:00:00Z"),
    );
    assert_ne!(
        class_on("KB9000010", &learned, &profile(&machine)),
        Class::Deferred
    );
}

#[test]
fn what_only_clients_have_told_is_not_denied_to_servers_of_the_same_build() {
    let mut learned = Learned::default();
    learned.add(
        told("KB9000011", DeviceKind::Client, 26100),
        said(9600, 12, "2026-10-06T00:00:00Z"),
    );
    let server = |revision| windows("26100", revision, "Server", "ServerStandard");
    let ask = |machine: &Machine| class_on("KB9000011", &learned, &profile(machine));
    assert_eq!(ask(&server(9500)), Class::Unknown);
    assert_eq!(ask(&server(9600)), Class::Installed);
}

#[test]
fn a_single_update_is_known_by_its_package_alone() {
    let single = |state| {
        package(
            windows("7601", 0, "Client", "Professional"),
            &format!("Package_for_KB9000001~{KEY}~6.1.1.1"),
            state,
            "2020-01-01T00:00:00Z",
        )
    };
    assert_eq!(class_of("KB9000001", &single(INSTALLED)), Class::Installed);
    assert_eq!(
        class_of("KB9000001", &single(SUPERSEDED)),
        Class::Superseded
    );
    assert_eq!(
        class_of("KB9000001", &single(INSTALL_PENDING)),
        Class::WaitingForRestart
    );
    assert_eq!(class_of("KB9000001", &single(0)), Class::Unknown);
}

#[test]
fn an_edition_whose_updates_went_on_is_asked_on() {
    let machine = client(8000).on(Check::Device).replaced(
        keys::WINDOWS_NT,
        "EditionID",
        Data::Text("Education".to_owned()),
    );
    assert_eq!(class_of("KB9000009", &machine), Class::NotOffered);
}

/// The log tells that an update failed.
fn failed(machine: Machine, number: &str, at: &str) -> Machine {
    let title = format!("2026-10 Update for Windows ({number})");
    machine.on(Check::UpdateEvents).event(
        keys::SYSTEM_CHANNEL,
        90,
        20,
        at,
        &[
            ("errorCode", "0x800F0922"),
            ("updateGuid", "{5e0d7e5c-0000-4000-8000-000000000009}"),
            ("updateTitle", &title),
        ],
    )
}

#[test]
fn a_device_on_which_it_fails_is_told_so_before_anybody_knows_which_build_it_brings() {
    let machine = failed(client(8100), "KB9999999", "2026-10-08T00:00:00Z");
    assert_eq!(class_of("KB9999999", &machine), Class::Failing);
    let offered = client(8100).on(Check::UpdateEvents).event(
        keys::UPDATE_CHANNEL,
        91,
        41,
        "2026-10-09T06:00:00Z",
        &[("updateTitle", "2026-10 Update (KB9999999)")],
    );
    assert_eq!(class_of("KB9999999", &offered), Class::Offered);
    assert_eq!(class_of("KB9999999", &client(8100)), Class::Unknown);
}

#[test]
fn whether_a_device_has_bought_extended_updates_is_not_guessed() {
    // KB5068781 is the first of Windows 10 22H2 that only those get which have bought them.
    let machine = windows("19045", 6456, "Client", "Professional");
    assert_eq!(class_of("KB5068781", &machine), Class::Unknown);
    // Where it fails the device was offered it, so it has bought them.
    let tries = failed(
        machine
            .on(Check::UpdateEvents)
            .channel(keys::SYSTEM_CHANNEL),
        "KB5068781",
        "2026-10-08T00:00:00Z",
    );
    assert_eq!(class_of("KB5068781", &tries), Class::Failing);
}

#[test]
fn an_update_that_the_fleet_installed_just_after_an_end_of_service_may_have_come_out_before() {
    // Home and Pro of 23H2 ended on 2025-11-11; five devices had the update of that day by the 14th.
    let mut learned = Learned::default();
    learned.add(
        told("KB9000012", DeviceKind::Client, 22621),
        said(6200, 12, "2025-11-14T00:00:00Z"),
    );
    let home = client(5000).on(Check::Device).replaced(
        keys::WINDOWS_NT,
        "EditionID",
        Data::Text("Core".to_owned()),
    );
    assert_ne!(
        class_on("KB9000012", &learned, &profile(&home)),
        Class::OtherEdition
    );
}

#[test]
fn the_memory_of_another_release_is_not_this_ones() {
    // Upgraded since, the log still remembers the last update of 23H2.
    let upgraded = windows("26100", 8000, "Client", "Enterprise")
        .on(Check::UpdateHistory)
        .history(&[(
            "2026-09-12T00:00:00Z",
            1,
            2,
            "0x00000000",
            "u",
            "(KB9000009)",
        )]);
    assert_eq!(class_of("KB9000009", &upgraded), Class::OtherRelease);
}

#[test]
fn a_title_that_names_the_build_speaks_for_its_own_device_at_once() {
    let remembering = |revision| {
        client(revision).on(Check::UpdateHistory).history(&[(
            "2026-10-07T00:00:00Z",
            1,
            2,
            "0x00000000",
            "u",
            "2026-10 Security Update (KB9999999) (22631.8200)",
        )])
    };
    assert_eq!(class_of("KB9999999", &remembering(8200)), Class::Installed);
    assert_eq!(class_of("KB9999999", &remembering(8300)), Class::Superseded);
    // Rolled back: nobody else needs to know the update for that.
    assert_eq!(class_of("KB9999999", &remembering(8100)), Class::NotOffered);
}

#[test]
fn prerequisites_are_told_of_old_releases_whose_updates_no_table_has() {
    let old = |build| {
        Machine::new()
            .on(Check::Device)
            .sz(keys::WINDOWS_NT, "CurrentBuildNumber", build)
            .sz(keys::WINDOWS_NT, "InstallationType", "Server")
            .sz(keys::ENVIRONMENT, "PROCESSOR_ARCHITECTURE", "AMD64")
            .on(Check::Updates)
            .key(CBS_PACKAGES)
    };
    assert_eq!(
        class_of("KB2919355", &old("9600")),
        Class::PrerequisiteMissing
    );
    assert_eq!(
        class_of("windows8.1-kb5028228-x64.msu", &old("9600")),
        Class::PrerequisiteMissing
    );
    assert_eq!(
        class_of("windows6.1-kb4474419-x64.msu", &old("7600")),
        Class::PrerequisiteMissing
    );
    assert_eq!(class_of("KB5028228", &old("9600")), Class::Unknown);
}

#[test]
fn the_first_windows_11_has_packages_of_the_older_prefix() {
    let machine = windows("22000", 318, "Client", "Enterprise");
    assert_eq!(
        class_of("windows10.0-kb5007215-x64.msu", &machine),
        Class::Installed
    );
    assert_eq!(
        class_of("windows11.0-kb5007215-x64.msu", &machine),
        Class::OtherRelease
    );
}

#[test]
fn a_hotpatch_that_no_table_knows_is_not_called_a_lack() {
    let mut learned = Learned::default();
    for (number, revision) in [("KB9000021", 9700), ("KB9000022", 9760)] {
        learned.add(
            told(number, DeviceKind::Client, 26100),
            said(revision, 12, "2026-10-07T00:00:00Z"),
        );
    }
    let ask = |revision| {
        let machine = windows("26100", revision, "Client", "Enterprise");
        class_on("KB9000022", &learned, &profile(&machine))
    };
    assert_eq!(ask(9700), Class::Unknown);
    assert_eq!(ask(9760), Class::Installed);
    assert!(!ask(9000).is_done() && ask(9000) != Class::OtherRelease);
}

#[test]
fn a_search_in_the_future_says_nothing() {
    let machine = client(8000)
        .without(Check::UpdateEvents)
        .on(Check::UpdateEvents)
        .channel(keys::UPDATE_CHANNEL)
        .event(keys::UPDATE_CHANNEL, 7, 26, "2099-10-09T05:00:00Z", &[]);
    assert_eq!(class_of("KB9000009", &machine), Class::Unknown);
}
