//! What the devices of these tests say.

use sickbay_diagnosis::keys::{
    APPRAISER_TARGETS, CBS_PACKAGES, CLIENT_ID, COLLECTOR_POLICY, HISTORY_TOTAL, POLICY, POLICY_AU,
    SYSTEM_CHANNEL, TAGS, TCPIP_PARAMETERS, UPDATE_HISTORY, UPDATE_POLICY_SETTINGS, UX_SETTINGS,
    WINDOWS_NT, WINDOWS_UPDATE,
};
use sickbay_diagnosis::lines;
use sickbay_diagnosis::observation::{Observation, Outcome};
use sickbay_diagnosis::reading::{Data, Reading, Source};
use sickbay_diagnosis::{Check, Time};
use sickbay_proto::v1;

fn reading(path: &str, name: Option<&str>, data: Data) -> Reading {
    Reading {
        source: Source::Registry,
        path: path.to_owned(),
        name: name.map(str::to_owned),
        data,
    }
}

/// Something that the update agent remembers.
fn agent(name: Option<&str>, data: Data) -> Reading {
    Reading {
        source: Source::UpdateAgent,
        ..reading(UPDATE_HISTORY, name, data)
    }
}

fn text(path: &str, name: &str, text: &str) -> Reading {
    reading(path, Some(name), Data::Text(text.to_owned()))
}

fn seen(check: Check, readings: Vec<Reading>) -> (Check, Observation) {
    let observation = Observation {
        taken_at: Time::from_millis(1_760_000_000_000),
        outcome: Outcome::Seen(readings),
    };
    (check, observation)
}

/// A Windows 11 25H2 Enterprise of that name.
pub(crate) fn client(name: &str) -> (Check, Observation) {
    device(name, "26200", "Client", "Enterprise")
}

/// The same at another update build revision.
pub(crate) fn at_revision(name: &str, revision: u32) -> (Check, Observation) {
    let (check, mut observation) = client(name);
    if let Outcome::Seen(readings) = &mut observation.outcome {
        readings.retain(|r| r.name.as_deref() != Some("UBR"));
        readings.push(reading(WINDOWS_NT, Some("UBR"), Data::Dword(revision)));
    }
    (check, observation)
}

/// The update agent makes itself known by this id.
pub(crate) fn known_as(id: &str) -> (Check, Observation) {
    seen(
        Check::UpdateAgent,
        vec![text(WINDOWS_UPDATE, CLIENT_ID, id)],
    )
}

/// The same, with these tags in its policy.
pub(crate) fn tagged(name: &str, tags: &[&str]) -> (Check, Observation) {
    let (check, mut observation) = client(name);
    if let Outcome::Seen(readings) = &mut observation.outcome {
        readings.push(text(COLLECTOR_POLICY, TAGS, &tags.join(";")));
    }
    (check, observation)
}

/// The same as a member of this domain.
pub(crate) fn of_domain(name: &str, domain: &str) -> (Check, Observation) {
    let (check, mut observation) = client(name);
    if let Outcome::Seen(readings) = &mut observation.outcome {
        readings.push(text(TCPIP_PARAMETERS, "Domain", domain));
    }
    (check, observation)
}

/// A Windows Server 2022 of that name.
pub(crate) fn server(name: &str) -> (Check, Observation) {
    device(name, "20348", "Server", "ServerStandard")
}

fn device(name: &str, build: &str, installation: &str, edition: &str) -> (Check, Observation) {
    let readings = vec![
        text(TCPIP_PARAMETERS, "Hostname", name),
        text(WINDOWS_NT, "CurrentBuildNumber", build),
        reading(WINDOWS_NT, Some("UBR"), Data::Dword(4000)),
        text(WINDOWS_NT, "InstallationType", installation),
        text(WINDOWS_NT, "EditionID", edition),
    ];
    seen(Check::Device, readings)
}

/// The user paused until `end`, and the update client confirms it.
pub(crate) fn paused_by_user(end: Time) -> (Check, Observation) {
    let readings = vec![
        reading(UPDATE_POLICY_SETTINGS, None, Data::Key(None)),
        reading(
            UPDATE_POLICY_SETTINGS,
            Some("PausedQualityStatus"),
            Data::Dword(1),
        ),
        text(UX_SETTINGS, "PauseUpdatesExpiryTime", &end.to_string()),
    ];
    seen(Check::Pause, readings)
}

/// Group policy pauses from `date` on.
pub(crate) fn paused_by_policy(date: &str) -> (Check, Observation) {
    let readings = vec![
        reading(UPDATE_POLICY_SETTINGS, None, Data::Key(None)),
        text(POLICY, "PauseQualityUpdatesStartTime", date),
    ];
    seen(Check::Pause, readings)
}

/// Updates come from this WSUS server; from Windows Update without one.
pub(crate) fn scans_at(server: Option<&str>) -> (Check, Observation) {
    let readings = server.map_or_else(Vec::new, |server| {
        vec![
            text(POLICY, "WUServer", server),
            reading(POLICY_AU, Some("UseWUServer"), Data::Dword(1)),
        ]
    });
    seen(Check::ScanSource, readings)
}

/// The appraiser holds a release back.
pub(crate) fn held(code: &str, hold: u32) -> (Check, Observation) {
    let target = format!(r"{APPRAISER_TARGETS}\{code}");
    let readings = vec![
        reading(APPRAISER_TARGETS, None, Data::Key(None)),
        text(&target, "GatedBlockId", &hold.to_string()),
    ];
    seen(Check::SafeguardHold, readings)
}

/// Nothing is paused.
pub(crate) fn not_paused() -> (Check, Observation) {
    let readings = vec![
        reading(UPDATE_POLICY_SETTINGS, None, Data::Key(None)),
        reading(
            UPDATE_POLICY_SETTINGS,
            Some("PausedQualityStatus"),
            Data::Dword(0),
        ),
    ];
    seen(Check::Pause, readings)
}

/// The same as a collector sends it.
pub(crate) fn on_the_wire((check, observation): (Check, Observation)) -> v1::Observation {
    let Outcome::Seen(readings) = observation.outcome else {
        panic!("these tests send what was seen");
    };
    v1::Observation {
        check: check.name().to_owned(),
        taken_at_ms: observation.taken_at.millis(),
        outcome: Some(v1::observation::Outcome::Seen(v1::Readings {
            readings: readings.into_iter().map(wire_reading).collect(),
        })),
    }
}

fn wire_reading(reading: Reading) -> v1::Reading {
    use v1::reading::Data as Wire;
    v1::Reading {
        source: v1::Source::Registry.into(),
        path: reading.path,
        name: reading.name,
        data: Some(match reading.data {
            Data::Text(text) => Wire::Text(text),
            Data::Dword(number) => Wire::Dword(number),
            Data::Key(_) => Wire::Key(v1::Key { last_write_ms: 0 }),
            other => panic!("these tests do not send {other:?}"),
        }),
    }
}

/// The update agent remembers that an update could not be installed, twice the newest first, and the event log cannot be read.
pub(crate) fn failed_to_install(kb: &str, code: &str, at: Time) -> [(Check, Observation); 2] {
    let entry = |at: Time| {
        lines::data([
            ("at", at.to_string()),
            ("operation", "1".to_owned()),
            ("result", "4".to_owned()),
            ("unmapped_code", code.to_owned()),
            ("title", format!("Kumulatives Update <b>({kb})")),
            ("update", "5e0d7e5c-0000-4000-8000-000000000009".to_owned()),
        ])
    };
    let history = vec![
        agent(None, Data::Key(None)),
        agent(Some(HISTORY_TOTAL), Data::Dword(2)),
        agent(Some("1"), entry(at)),
        agent(Some("2"), entry(at.plus_days(-1))),
    ];
    let refused = Reading {
        source: Source::EventLog,
        ..reading(
            SYSTEM_CHANNEL,
            None,
            Data::Unreadable("access denied (error 5)".to_owned()),
        )
    };
    [
        seen(Check::UpdateHistory, history),
        seen(Check::UpdateEvents, vec![refused]),
    ]
}

/// The update agent remembers installing an update, and servicing the package of the build that came with it.
pub(crate) fn installed_with(
    kb: &str,
    package_build: u32,
    revision: u32,
    at: Time,
) -> [(Check, Observation); 2] {
    let package = format!(
        r"{CBS_PACKAGES}\Package_for_RollupFix~31bf3856ad364e35~amd64~~{package_build}.{revision}.1.0"
    );
    let since_1601 = (at.millis() + 11_644_473_600_000).cast_unsigned() * 10_000;
    let half = |name, half: u64| {
        let half = u32::try_from(half & 0xffff_ffff).expect("32 bits");
        reading(&package, Some(name), Data::Dword(half))
    };
    let packages = vec![
        reading(CBS_PACKAGES, None, Data::Key(None)),
        reading(&package, None, Data::Key(None)),
        reading(&package, Some("CurrentState"), Data::Dword(0x70)),
        half("InstallTimeHigh", since_1601 >> 32),
        half("InstallTimeLow", since_1601),
    ];
    let entry = lines::data([
        ("at", at.to_string()),
        ("operation", "1".to_owned()),
        ("result", "2".to_owned()),
        ("title", format!("Kumulatives Update für Windows 11 ({kb})")),
        ("update", "5e0d7e5c-0000-4000-8000-000000000009".to_owned()),
    ]);
    let history = vec![
        agent(None, Data::Key(None)),
        agent(Some(HISTORY_TOTAL), Data::Dword(1)),
        agent(Some("1"), entry),
    ];
    [
        seen(Check::Updates, packages),
        seen(Check::UpdateHistory, history),
    ]
}
