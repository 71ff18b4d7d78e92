//! A preview against what the writer then does, counted from the changes that it would store.

use proptest::prelude::*;
use sickbay_diagnosis::Check;
use sickbay_diagnosis::context::{FleetContext, Sighting};
use sickbay_diagnosis::expectation::{
    DeviceScope, ExpectedSource, ScopedWish, UpdateSource, Wanted,
};
use sickbay_diagnosis::keys::{
    POLICY, POLICY_AU, TCPIP_PARAMETERS, UPDATE_POLICY_SETTINGS, UX_SETTINGS, WINDOWS_NT,
};
use sickbay_diagnosis::observation::{Observation, Observations, Outcome};
use sickbay_diagnosis::reading::{Data, Reading, Source};
use sickbay_store::{
    AcceptanceRow, DeviceIdentity, DeviceStatus, DeviceSummary, FindingChange, Packed, ReportMark,
};
use uuid::Uuid;

use super::*;
use crate::ingest::plan::Working;
use crate::rules::Acceptances;

const WSUS: [&str; 2] = [
    "https://wsus.example.org:8531",
    "http://old.example.org:8530",
];

fn now() -> Time {
    Time::from_millis(1_790_000_000_000)
}

/// What a device is, in a few numbers.
#[derive(Debug, Clone)]
struct Kind {
    server: bool,
    reported: bool,
    tagged: bool,
    /// Windows Update, or one of the WSUS servers.
    source: usize,
    /// Days until the end of its pause; none where it is not paused.
    pause: Option<i64>,
    /// Days since it was last heard of.
    silent: i64,
}

fn seen(check: Check, values: &[(&str, &str, Data)]) -> (Check, Observation) {
    let readings = values.iter().map(|(path, name, data)| Reading {
        source: Source::Registry,
        path: (*path).to_owned(),
        name: Some((*name).to_owned()),
        data: data.clone(),
    });
    let observation = Observation {
        taken_at: now(),
        outcome: Outcome::Seen(readings.collect()),
    };
    (check, observation)
}

impl Kind {
    fn state(&self, key: i64) -> DeviceState {
        let text = |text: &str| Data::Text(text.to_owned());
        let mut observations = Observations::new();
        if self.reported {
            let (build, installation) = if self.server {
                ("20348", "Server")
            } else {
                ("26100", "Client")
            };
            let name = format!("PC-{key}");
            let device = [
                (TCPIP_PARAMETERS, "Hostname", text(&name)),
                (WINDOWS_NT, "CurrentBuildNumber", text(build)),
                (WINDOWS_NT, "InstallationType", text(installation)),
                (WINDOWS_NT, "EditionID", text("Enterprise")),
            ];
            let source: Vec<(&str, &str, Data)> = match self.source.checked_sub(1) {
                None => Vec::new(),
                Some(place) => vec![
                    (POLICY, "WUServer", text(WSUS[place])),
                    (POLICY_AU, "UseWUServer", Data::Dword(1)),
                ],
            };
            let mut pause = vec![(
                UPDATE_POLICY_SETTINGS,
                "PausedQualityStatus",
                Data::Dword(0),
            )];
            if let Some(days) = self.pause {
                let end = now().plus_days(days).to_string();
                pause[0].2 = Data::Dword(1);
                pause.push((UX_SETTINGS, "PauseUpdatesExpiryTime", text(&end)));
            }
            for (check, observation) in [
                seen(Check::Device, &device),
                seen(Check::ScanSource, &source),
                seen(Check::Pause, &pause),
            ] {
                observations.put(check, observation);
            }
        }
        DeviceState {
            identity: DeviceIdentity {
                key,
                id: Uuid::from_u128(key.unsigned_abs().into()),
                status: DeviceStatus::Active,
            },
            version: 1,
            mark: ReportMark {
                epoch: if self.reported {
                    vec![1; 16]
                } else {
                    Vec::new()
                },
                ..ReportMark::default()
            },
            packed: Packed::of(&observations),
            findings: Vec::new(),
            summary: DeviceSummary::default(),
            tags: if self.tagged {
                vec!["a".to_owned()]
            } else {
                Vec::new()
            },
            sighting: Sighting {
                enrolled_at: now().plus_days(-400),
                last_seen_at: Some(now().plus_days(-self.silent)),
                reported: self.reported,
                collector_version: env!("CARGO_PKG_VERSION").to_owned(),
                clock_ahead_ms: Some(0),
            },
            profile: Vec::new(),
            due_at: None,
        }
    }
}

fn kinds() -> impl Strategy<Value = Vec<Kind>> {
    let kind = (
        any::<bool>(),
        prop::bool::weighted(0.9),
        any::<bool>(),
        0..=WSUS.len(),
        prop::option::of(-5..40_i64),
        0..40_i64,
    );
    let kind = kind.prop_map(|(server, reported, tagged, source, pause, silent)| Kind {
        server,
        reported,
        tagged,
        source,
        pause,
        silent,
    });
    prop::collection::vec(kind, 1..12)
}

fn source() -> impl Strategy<Value = Option<ExpectedSource>> {
    let wsus = |server: Option<&str>| ExpectedSource {
        source: UpdateSource::Wsus,
        server: server.map(str::to_owned),
    };
    prop::sample::select(vec![
        None,
        Some(ExpectedSource {
            source: UpdateSource::WindowsUpdate,
            server: None,
        }),
        Some(wsus(None)),
        Some(wsus(Some(WSUS[0]))),
    ])
}

fn wanted() -> impl Strategy<Value = Wanted> {
    (
        source(),
        prop::option::of(1..30_u32),
        prop::option::weighted(0.3, Just("ConfigMgr")),
    )
        .prop_map(|(quality_source, silent_days, managed_by)| Wanted {
            quality_source,
            silent_days,
            managed_by: managed_by.map(str::to_owned),
            ..Wanted::default()
        })
}

fn wishes() -> impl Strategy<Value = Wishes> {
    let filter = prop::sample::select(vec![
        "kind:client",
        "kind:server",
        "tag:a",
        "-tag:a",
        "name:PC-1",
        "build>=26100 or tag:a",
    ]);
    let scope = (filter, wanted()).prop_map(|(filter, wanted)| ScopedWish {
        name: filter.to_owned(),
        scope: DeviceScope::parse(filter).expect("a scope"),
        wanted,
    });
    (prop::collection::vec(scope, 0..4), wanted())
        .prop_map(|(scopes, fleet)| Wishes { scopes, fleet })
}

/// Rules with a majority for some, and an acceptance, which must not count as cleared.
fn rules(wishes: Wishes, majority: Option<ExpectedSource>) -> Rules {
    let acceptance = AcceptanceRow {
        id: Uuid::nil(),
        issue: "wrong-scan-source".to_owned(),
        scope: "tag:a".to_owned(),
        reason: "a test".to_owned(),
        made_by: "a test".to_owned(),
        made_at: now(),
        until: now().plus_days(9),
        ended_at: None,
    };
    Rules {
        fleet: FleetContext {
            client_sources: [majority, None, None, None],
            scope_sources: vec![None; wishes.scopes.len()],
            ..FleetContext::default()
        },
        acceptances: Acceptances::of(&[acceptance], now()),
        wishes,
        ..Rules::default()
    }
}

/// The findings of a device after what the writer would store.
fn findings_after(state: &DeviceState, rules: &Rules) -> DeviceState {
    let mut working = Working::new(state.clone(), now());
    working.diagnose(rules, now());
    let mut after = state.clone();
    let Some(change) = working.finish() else {
        return after;
    };
    if let Some(summary) = change.summary {
        after.summary = summary;
    }
    for change in change.findings {
        let issue = match &change {
            FindingChange::Put(finding) => finding.issue.clone(),
            FindingChange::Remove { issue } => issue.clone(),
        };
        after.findings.retain(|finding| finding.issue != issue);
        if let FindingChange::Put(finding) = change {
            after.findings.push(finding);
        }
    }
    after
}

fn open(state: &DeviceState) -> Vec<String> {
    let open = state.findings.iter().filter(|f| f.state == State::Open);
    open.map(|f| f.issue.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_preview_equals_what_the_writer_then_does(
        kinds in kinds(),
        old in wishes(),
        new in wishes(),
        majority in source(),
    ) {
        let (old, new) = (rules(old, majority.clone()), rules(new, majority));
        let states: Vec<DeviceState> = (1..)
            .zip(&kinds)
            .map(|(key, kind)| findings_after(&kind.state(key), &old))
            .collect();
        let mut sum = Sum::default();
        for state in &states {
            sum.add(state, &new, now())
                .expect("what was packed a moment ago is read");
        }
        let preview = sum.done();

        let mut counted: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        let mut changed = 0;
        for state in &states {
            let (before, after) = (open(state), open(&findings_after(state, &new)));
            for issue in after.iter().filter(|issue| !before.contains(issue)) {
                counted.entry(issue.clone()).or_default().0 += 1;
            }
            for issue in before.iter().filter(|issue| !after.contains(issue)) {
                counted.entry(issue.clone()).or_default().1 += 1;
            }
            changed += u64::from(before.iter().any(|i| !after.contains(i)) || after.iter().any(|i| !before.contains(i)));
        }
        let told: BTreeMap<String, (u64, u64)> = preview
            .issues
            .into_iter()
            .map(|line| (line.issue, (line.opens, line.clears)))
            .collect();
        prop_assert_eq!(told, counted);
        prop_assert_eq!((preview.devices, preview.changed), (states.len() as u64, changed));
    }
}
