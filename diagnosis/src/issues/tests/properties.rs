//! Whatever a device says, diagnosis answers.

use proptest::prelude::*;

use crate::check::Check;
use crate::keys;
use crate::observation::Outcome;
use crate::reading::{Data, Reading, Source};
use crate::testing::Machine;
use crate::time::Time;
use crate::verdict::State;

/// A client on which nothing is wrong, as the checks see it.
pub(super) fn ordinary_client() -> Machine {
    let target = format!(r"{}\GE26H2", keys::APPRAISER_TARGETS);
    let entry = format!(r"{}\{{1}}", keys::UNINSTALL);
    let stack = r"%SystemRoot%\WinSxS\amd64_microsoft-windows-servicingstack_10.0.26100.4000";
    let machine = Machine::windows("26200", "Client", "Enterprise")
        .fleet_has(4000, "2026-10-01T00:00:00Z")
        .on(Check::Pause)
        .key(keys::UPDATE_POLICY_SETTINGS)
        .dword(keys::UPDATE_POLICY_SETTINGS, "PausedQualityStatus", 0)
        .dword(keys::UPDATE_POLICY_SETTINGS, "PausedFeatureStatus", 0)
        .on(Check::SafeguardHold)
        .key(keys::APPRAISER_TARGETS)
        .multi(&target, "GatedBlockId", &["None"])
        .data(keys::POLICY, Some("TargetReleaseVersionInfo"), Data::Absent)
        .on(Check::ScanSource)
        .data(keys::POLICY_AU, Some("UseWUServer"), Data::Absent)
        .on(Check::AutomaticUpdates)
        .data(keys::POLICY_AU, Some("NoAutoUpdate"), Data::Absent)
        .on(Check::PendingReboot)
        .absent_key(keys::AUTO_UPDATE_REBOOT)
        .on(Check::UpdateHealthTools)
        .key(keys::UNINSTALL)
        .sz(&entry, "DisplayName", keys::UHT_DISPLAY_NAME)
        .on(Check::ServicingStack)
        .key(keys::CBS_VERSION)
        .data(
            keys::CBS_VERSION,
            Some("10.0.26100.4000"),
            Data::ExpandText(stack.to_owned()),
        )
        .from(Source::File, stack, None, Data::Key(None))
        .on(Check::Updates)
        .key(keys::CBS_PACKAGES)
        .on(Check::UpdateEvents)
        .channel(keys::SYSTEM_CHANNEL)
        .channel(keys::UPDATE_CHANNEL)
        .event(keys::UPDATE_CHANNEL, 7, 26, "2026-10-09T05:00:00Z", &[])
        .on(Check::UpdateHistory)
        .history(&[(
            "2026-09-09T03:00:00Z",
            1,
            2,
            "0x00000000",
            "a",
            "(KB5043080)",
        )])
        .agent(
            keys::UPDATE_RESULTS,
            Some(keys::LAST_SEARCH),
            Data::Text("2026-10-09T05:00:00Z".to_owned()),
        )
        .on(Check::ComponentStore)
        .from(
            Source::System,
            keys::DISM,
            Some(keys::IMAGE_HEALTH),
            Data::Dword(0),
        )
        .on(Check::Storage)
        .from(
            Source::File,
            keys::SYSTEM_DRIVE,
            Some(keys::FREE_BYTES),
            Data::Qword(100 << 30),
        )
        .on(Check::UpdateAgent)
        .sz(
            keys::WINDOWS_UPDATE,
            keys::CLIENT_ID,
            "11111111-2222-3333-4444-555555555555",
        )
        .on(Check::LastScan)
        .data(keys::DETECT_RESULTS, Some("LastSuccessTime"), Data::Absent)
        .key(keys::ONLINE_SCANS)
        .on(Check::Directory)
        .absent_key(keys::JOIN_INFO)
        .on(Check::UpdateEndpoint)
        .system(keys::UPDATE_ENDPOINT, keys::PROBED, Data::Flag(false))
        .on(Check::SecureBoot)
        .dword(keys::SECURE_BOOT_STATE, "UEFISecureBootEnabled", 1)
        .sz(keys::SECURE_BOOT_SERVICING, "UEFICA2023Status", "Updated")
        .on(Check::Services)
        .key(&keys::service(keys::WITNESS_SERVICE));
    keys::WATCHED_SERVICES
        .iter()
        .fold(machine, |m, name| m.service(name, 3))
}

/// That no answer changes before the moment up to which it says that it holds, where nothing but time goes on.
pub(super) fn assert_steady(machine: &Machine, now: Time) {
    let machine = machine.clone().seen_by_server(machine.sighting_at(now));
    let before = machine.diagnose_at(now);
    let mut moments: Vec<Time> = [
        1, 6, 8, 15, 29, 31, 41, 61, 89, 91, 181, 364, 366, 1100, 3700,
    ]
    .into_iter()
    .map(|days| now.plus_days(days))
    .collect();
    moments.extend(
        before
            .iter()
            .filter_map(|(_, verdict)| Some(verdict.valid_until?.plus_millis(-1))),
    );
    for moment in moments.into_iter().filter(|moment| *moment > now) {
        for ((issue, then), (_, later)) in before.iter().zip(machine.diagnose_at(moment).iter()) {
            assert!(
                then.valid_until.is_some_and(|until| moment >= until)
                    || then.decision == later.decision,
                "{}: {:?} of {now} holds until {:?} by its word, but is {:?} on {moment}: {}",
                issue.id,
                then.decision,
                then.valid_until,
                later.decision,
                later.summary
            );
        }
    }
}

const PATHS: &[&str] = &[
    keys::POLICY,
    keys::POLICY_AU,
    keys::UPDATE_POLICY_SETTINGS,
    keys::UPDATE_POLICY_STATE,
    keys::UX_SETTINGS,
    keys::UX_STATE,
    keys::MDM_UPDATE,
    keys::WINDOWS_NT,
    keys::APPRAISER_TARGETS,
    keys::CBS_VERSION,
    keys::AUTO_UPDATE_REBOOT,
    keys::SESSION_MANAGER,
    keys::GROUP_POLICY_STATE,
    keys::UNINSTALL,
    r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\AppCompatFlags\TargetVersionUpgradeExperienceIndicators\GE24H2",
    r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\AppCompatFlags\TargetVersionUpgradeExperienceIndicators\é",
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\Packages\Package_for_KB5031358~a~b~~1.2",
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\Packages\~~~~",
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\{x}",
    r"HKLM\SYSTEM\CurrentControlSet\Services\wuauserv",
    r"HKLM\SYSTEM\CurrentControlSet\Services\uhssvc",
    keys::SYSTEM,
    keys::UPDATE_AGENT,
    keys::SYSTEM_CHANNEL,
    keys::UPDATE_CHANNEL,
    keys::UPDATE_HISTORY,
    keys::UPDATE_SERVICES,
    keys::UPDATE_RESULTS,
    keys::DISM,
    keys::SYSTEM_DRIVE,
    keys::UPDATE_ENDPOINT,
    keys::SECURE_BOOT,
    keys::SECURE_BOOT_STATE,
    keys::SECURE_BOOT_SERVICING,
    keys::FIRMWARE,
    keys::COLLECTOR,
    keys::DETECT_RESULTS,
    keys::ONLINE_SCANS,
    keys::JOIN_INFO,
    keys::WINDOWS_UPDATE,
    r"HKLM\SYSTEM\CurrentControlSet\Control\CloudDomainJoin\JoinInfo\00",
    "",
];

const NAMES: &[&str] = &[
    "WUServer",
    "UseWUServer",
    "UseUpdateClassPolicySource",
    "SetPolicyDrivenUpdateSourceForQualityUpdates",
    "DisableDualScan",
    "DeferQualityUpdates",
    "PauseQualityUpdatesStartTime",
    "PauseUpdatesExpiryTime",
    "PauseQualityUpdates",
    "PausedQualityStatus",
    "PausedQualityDate",
    "TargetReleaseVersionInfo",
    "ProductVersion",
    "GatedBlockId",
    "RedReason",
    "Timestamp",
    "TimestampEpochString",
    "CurrentBuildNumber",
    "UBR",
    "InstallationType",
    "EditionID",
    "NoAutoUpdate",
    "AUOptions",
    "Start",
    "DisplayName",
    "DisplayVersion",
    "CurrentState",
    "InstallTimeHigh",
    "InstallTimeLow",
    "ScheduledRebootTime",
    "PendingRebootStartTime",
    "PendingFileRenameOperations",
    "Distinguished-Name",
    "RebootRequired",
    "boot_time",
    "10.0.26100.1",
    "1",
    keys::CHANNEL_ENABLED,
    keys::LAST_SEARCH,
    keys::IMAGE_HEALTH,
    keys::FREE_BYTES,
    keys::TAGS,
    "InstallDate",
    "LastSuccessTime",
    "LastError",
    "TenantId",
    keys::CLIENT_ID,
    "DeferQualityUpdatesPeriodInDays",
    keys::HISTORY_TOTAL,
    keys::PROBED,
    keys::ENDPOINT_HOST,
    keys::ENDPOINT_ADDRESS,
    "proxy",
    "tcp",
    "http",
    "UEFISecureBootEnabled",
    "UEFICA2023Status",
    "UEFICA2023Error",
    "WindowsUEFICA2023Capable",
    "AvailableUpdates",
    keys::FIRMWARE_DB,
    keys::FIRMWARE_KEK,
];

const TEXTS: &[&str] = &[
    "",
    "None",
    "40667045",
    "24H2",
    "Windows 11",
    "26100",
    "Client",
    "http://wsus:8530",
    "https://[",
    "2026-10-01",
    "9999-12-31T23:59:59Z",
    "-009999-01-02T00:00:00Z",
    "9223372036854775807",
    "-9223372036854775808",
    "CN=a\\,b,OU=c",
    "Microsoft Update Health Tools",
    "3.72.99999999999999999999",
    "id=20",
    "at=2026-11-01",
    "errorCode=-1",
    "outcome=ok",
    "outcome=failed",
    "code=10061",
    "status=99999",
    "status=407",
    "=",
    "NotStarted",
    "Updated",
    keys::WINDOWS_CA_2023,
    keys::WINDOWS_PCA_2011,
    "É̈",
];

fn data() -> impl Strategy<Value = Data> {
    let text = prop_oneof![
        proptest::sample::select(TEXTS).prop_map(str::to_owned),
        ".{0,12}",
    ];
    prop_oneof![
        Just(Data::Absent),
        Just(Data::NotRecorded),
        Just(Data::Unreadable("denied".to_owned())),
        any::<Option<i64>>().prop_map(|t| Data::Key(t.map(Time::from_millis))),
        prop_oneof![0..5u32, any::<u32>()].prop_map(Data::Dword),
        any::<u64>().prop_map(Data::Qword),
        text.clone().prop_map(Data::Text),
        text.clone().prop_map(Data::ExpandText),
        proptest::collection::vec(text, 0..4).prop_map(Data::MultiText),
        any::<bool>().prop_map(Data::Flag),
        proptest::collection::vec(any::<u8>(), 0..8).prop_map(Data::Binary),
    ]
}

fn reading() -> impl Strategy<Value = Reading> {
    let name = proptest::option::weighted(0.9, proptest::sample::select(NAMES));
    let source = prop_oneof![
        8 => Just(Source::Registry),
        1 => Just(Source::File),
        1 => Just(Source::System),
        2 => Just(Source::EventLog),
        2 => Just(Source::UpdateAgent),
    ];
    (source, proptest::sample::select(PATHS), name, data()).prop_map(
        |(source, path, name, data)| Reading {
            source,
            path: path.to_owned(),
            name: name.map(str::to_owned),
            data,
        },
    )
}

proptest! {
    #[test]
    fn no_device_makes_diagnosis_panic_or_answer_without_a_reason(
        readings in proptest::collection::vec((proptest::sample::select(Check::ALL), reading()), 0..60),
        failed in proptest::option::of(proptest::sample::select(Check::ALL)),
        now in prop_oneof![Just(0), 1_500_000_000_000..2_000_000_000_000i64, any::<i64>()],
    ) {
        let mut machine = Machine::new();
        for (check, reading) in readings {
            machine = machine.on(check).reading(reading);
        }
        if let Some(check) = failed {
            machine = machine.outcome(check, Outcome::Failed("no".to_owned()));
        }
        let now = Time::from_millis(now);
        let observations = machine.observations();
        let diagnosis = machine.diagnose_at(now);
        let sighting = crate::testing::healthy_sighting(now);
        for (issue, verdict) in diagnosis.iter() {
            prop_assert!(!verdict.summary.is_empty(), "{}", issue.id);
            prop_assert_eq!(verdict.state() == State::Open, !verdict.causes().is_empty());
            prop_assert!(verdict.severity().is_none_or(|s| s <= issue.severity), "{}", issue.id);
            prop_assert!(verdict.valid_until.is_none_or(|at| at > now), "{} ended before it began", issue.id);
            let never = issue.never.iter().find(|(state, _)| *state == verdict.state());
            prop_assert!(never.is_none(), "{} is {never:?}: {}", issue.id, verdict.summary);
            let rests_on_something = matches!(verdict.state(), State::Open | State::Clear);
            prop_assert!(
                !rests_on_something || !verdict.evidence.is_empty(),
                "{} rests on nothing: {}", issue.id, verdict.summary
            );
            for at in &verdict.evidence {
                prop_assert!(observations.evidence(*at, Some(&sighting)).is_some());
            }
        }
        let facts = machine.facts().to_json(now);
        prop_assert_eq!(facts.as_object().map(serde_json::Map::len), Some(Check::ALL.len()));
    }

    #[test]
    fn no_answer_changes_before_it_says_so(
        readings in proptest::collection::vec((proptest::sample::select(Check::ALL), reading()), 0..60),
        ordinary in any::<bool>(),
        now in 1_500_000_000_000..2_000_000_000_000i64,
    ) {
        let machine = if ordinary { ordinary_client() } else { Machine::new() };
        let machine = readings
            .into_iter()
            .fold(machine, |machine, (check, reading)| machine.on(check).reading(reading));
        assert_steady(&machine, Time::from_millis(now));
    }
}
