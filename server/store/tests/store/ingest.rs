//! What ingest rests on.

use sickbay_diagnosis::Check;
use sickbay_diagnosis::expectation::{ExpectedSource, UpdateSource};
use sickbay_diagnosis::filter::Filter;
use sickbay_diagnosis::observation::{Observation, Observations, Outcome};
use sickbay_diagnosis::reading::{Data, Reading, Source};
use sickbay_diagnosis::verdict::{Severity, State};
use sickbay_store::{
    Committed, DeviceChange, DeviceSummary, FindingChange, NewHistory, Packed, ReportMark, Scope,
};

use crate::fixture::{Fixture, at, bare_change, mark, open, summary, unknown};

fn packed(value: u32) -> Packed {
    Packed::of(&observations(value))
}

fn observations(value: u32) -> Observations {
    let mut observations = Observations::new();
    let reading = Reading {
        source: Source::Registry,
        path: r"HKLM\SOFTWARE\Test".to_owned(),
        name: Some("Value".to_owned()),
        data: Data::Dword(value),
    };
    observations.put(
        Check::Pause,
        Observation {
            taken_at: at(77),
            outcome: Outcome::Seen(vec![reading]),
        },
    );
    observations
}

pub(crate) async fn a_report_is_read_back_whole(store: Fixture) {
    let device = store.active("pc").await;
    let wanted = DeviceSummary {
        name: "PC-Ä".to_owned(),
        domain: "corp.example.org".to_owned(),
        ou: "OU=Berlin".to_owned(),
        site: "Berlin".to_owned(),
        kind: "client".to_owned(),
        release: "Windows 11 24H2".to_owned(),
        build: Some(26_100),
        ubr: Some(u32::MAX),
        edition: "Enterprise".to_owned(),
        arch: "x64".to_owned(),
        sources: [
            Some(ExpectedSource {
                source: UpdateSource::Wsus,
                server: Some("http://wsus:8530".to_owned()),
            }),
            Some(ExpectedSource {
                source: UpdateSource::WindowsUpdate,
                server: None,
            }),
            None,
            None,
        ],
        primary_issue: "safeguard-hold".to_owned(),
        client_id: "11111111-2222".to_owned(),
        stack: Some(4000),
        reported_tags: vec!["kiosk".to_owned(), "Floor 3".to_owned()],
    };
    let findings = vec![
        open(
            "safeguard-hold",
            Severity::Serious,
            &["1/NI22H2", "2/NI22H2"],
        ),
        unknown("scan-source-conflict"),
    ];
    let mark = ReportMark {
        epoch: vec![1; 16],
        sequence: u64::MAX,
        digest: vec![2; 32],
    };
    store
        .done(DeviceChange {
            mark: Some(mark.clone()),
            packed: Some(packed(5)),
            summary: Some(wanted.clone()),
            findings: findings.iter().cloned().map(FindingChange::Put).collect(),
            due_at: Some(at(9_000)),
            received_at: Some(at(500)),
            ..bare_change(device.key)
        })
        .await;

    let state = store.state(device.key).await;
    assert_eq!(state.identity, device);
    assert_eq!(state.version, 1);
    assert_eq!(state.mark, mark);
    assert_eq!(state.packed, packed(5));
    assert_eq!(state.findings, findings);
    assert_eq!(state.summary, wanted);
    assert_eq!(state.due_at, Some(at(9_000)));
    // Asked in any order, with keys that are not there.
    let other = store.active("other").await;
    let keys: Vec<i64> = store
        .load_states(&[other.key, -1, device.key])
        .await
        .unwrap()
        .iter()
        .map(|state| state.identity.key)
        .collect();
    assert_eq!(keys, [other.key, device.key]);
    assert!(store.load_states(&[]).await.unwrap().is_empty());
}

pub(crate) async fn a_change_of_an_older_version_is_a_conflict_and_harms_no_other(store: Fixture) {
    let (a, b) = (store.active("a").await, store.active("b").await);
    store
        .report(a.key, vec![open("x", Severity::Warning, &["c"])])
        .await;
    let stale = DeviceChange {
        packed: Some(packed(1)),
        summary: Some(summary("wrong")),
        findings: vec![FindingChange::Remove {
            issue: "x".to_owned(),
        }],
        history: vec![NewHistory {
            issue: "x".to_owned(),
            from: State::Open,
            to: State::Clear,
            causes: Vec::new(),
            summary: String::new(),
        }],
        ..bare_change(a.key)
    };
    let gone = bare_change(987_654);
    let answers = store
        .commit(&[stale, gone, bare_change(b.key)])
        .await
        .unwrap();
    assert_eq!(
        answers,
        [Committed::Conflict, Committed::Conflict, Committed::Done]
    );
    let state = store.state(a.key).await;
    assert_eq!((state.version, state.summary.name.as_str()), (1, "a"));
    assert_eq!(state.findings.len(), 1);
    assert!(state.packed.is_empty());
    assert!(
        store
            .history(&Scope::All, a.id, None, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(store.state(b.key).await.version, 1);
    assert!(store.commit(&[]).await.unwrap().is_empty());
}

pub(crate) async fn two_changes_of_a_device_in_one_batch_follow_each_other(store: Fixture) {
    let (a, b) = (store.active("a").await, store.active("b").await);
    let change = |key, expected_version, sequence, findings| DeviceChange {
        expected_version,
        mark: Some(mark(sequence)),
        findings,
        ..bare_change(key)
    };
    let put = || FindingChange::Put(open("x", Severity::Serious, &["c"]));
    let remove = || FindingChange::Remove {
        issue: "x".to_owned(),
    };
    let answers = store
        .commit(&[
            change(a.key, 0, 1, vec![put()]),
            change(b.key, 0, 1, vec![remove(), put()]),
            change(a.key, 1, 2, vec![put(), remove()]),
            change(a.key, 1, 3, vec![put()]),
        ])
        .await
        .unwrap();
    assert_eq!(
        answers,
        [
            Committed::Done,
            Committed::Done,
            Committed::Done,
            Committed::Conflict
        ]
    );
    let state = store.state(a.key).await;
    assert_eq!((state.version, state.mark.sequence), (2, 2));
    assert!(state.findings.is_empty());
    let counts = store.issue_counts(&Scope::All).await.unwrap();
    assert_eq!((counts.len(), counts[0].open, counts[0].serious), (1, 1, 1));
}

pub(crate) async fn a_diagnosis_without_a_report_leaves_facts_and_mark(store: Fixture) {
    let device = store.active("a").await;
    store
        .done(DeviceChange {
            mark: Some(mark(4)),
            packed: Some(packed(4)),
            received_at: Some(at(800)),
            due_at: Some(at(900)),
            ..bare_change(device.key)
        })
        .await;
    let diagnosed = DeviceChange {
        findings: vec![FindingChange::Put(unknown("x"))],
        now: at(900),
        ..store.change(device.key).await
    };
    store.done(diagnosed).await;
    let detail = store.device(&Scope::All, device.id).await.unwrap().unwrap();
    assert_eq!(detail.mark, mark(4));
    assert_eq!(detail.observations, observations(4));
    assert_eq!(detail.row.last_report_at, Some(at(800)));
    assert_eq!(detail.row.unknown, 1);
    assert_eq!(store.state(device.key).await.due_at, None);
}

pub(crate) async fn large_batches_are_durable_in_one_go(store: Fixture) {
    // More than two of the longest list of rows, and a rest of every length.
    const DEVICES: u32 = 237;
    let mut changes = Vec::new();
    for number in 0..DEVICES {
        let device = store.active(&format!("pc-{number}")).await;
        changes.push(DeviceChange {
            mark: Some(mark(u64::from(number))),
            packed: Some(packed(number)),
            summary: Some(summary(&format!("renamed-{number}"))),
            findings: vec![
                FindingChange::Put(open("x", Severity::Serious, &["c1", "c2"])),
                FindingChange::Put(unknown("y")),
            ],
            history: vec![NewHistory {
                issue: "x".to_owned(),
                from: State::Clear,
                to: State::Open,
                causes: Vec::new(),
                summary: String::new(),
            }],
            received_at: Some(at(1)),
            ..bare_change(device.key)
        });
    }
    let keys: Vec<i64> = changes.iter().map(|change| change.key).collect();
    let answers = store.commit(&changes).await.unwrap();
    assert_eq!(answers.len(), DEVICES as usize);
    assert!(answers.iter().all(|answer| *answer == Committed::Done));
    for (number, state) in store
        .load_states(&keys)
        .await
        .unwrap()
        .into_iter()
        .enumerate()
    {
        let number = u32::try_from(number).unwrap();
        assert_eq!(state.packed, packed(number));
        assert_eq!(state.mark.sequence, u64::from(number));
        assert_eq!(state.summary.name, format!("renamed-{number}"));
        assert_eq!(state.findings.len(), 2);
        assert_eq!(
            store
                .history(&Scope::All, state.identity.id, None, 10)
                .await
                .unwrap()
                .len(),
            1
        );
    }
    let causes = store
        .issue_causes(&Scope::All, "x", &Filter::Everything)
        .await
        .unwrap();
    assert_eq!(
        causes.iter().map(|cause| cause.devices).collect::<Vec<_>>(),
        [237, 237]
    );
}

pub(crate) async fn a_nul_in_a_text_harms_nobody_else_in_the_batch(store: Fixture) {
    let (a, b) = (store.active("a\0b").await, store.active("b").await);
    let mut hostile = open("x", Severity::Warning, &["c\0d"]);
    hostile.summary.push_str(" with \0 inside");
    let change = |key| DeviceChange {
        summary: Some(summary("n\0m")),
        findings: vec![FindingChange::Put(hostile.clone())],
        ..bare_change(key)
    };
    let answers = store.commit(&[change(a.key), change(b.key)]).await.unwrap();
    assert_eq!(answers, [Committed::Done, Committed::Done]);
    assert_eq!(store.state(a.key).await.summary.name, "n\u{fffd}m");
    let found = store
        .count_devices(&Scope::All, &crate::fixture::filter("name:n*m cause:c*d"))
        .await
        .unwrap();
    assert_eq!(found, 2);
}
