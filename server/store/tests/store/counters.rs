//! Counters are kept at write time; a recount must always give the same.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sickbay_diagnosis::expectation::{ExpectedSource, UpdateSource};
use sickbay_diagnosis::filter::Filter;
use sickbay_diagnosis::knowledge::DeviceKind;
use sickbay_diagnosis::verdict::{Kept, Severity};
use sickbay_store::{
    DeviceChange, DeviceDetail, DeviceIdentity, DeviceRow, DeviceStatus, DeviceSummary,
    FindingChange, FleetCounts, IssueCount, Scope,
};
use tokio::runtime::Handle;

use crate::fixture::{
    Fixture, accepted, at, deed, filter, first, machine, mark, open, summary, unknown,
};

const ISSUES: [&str; 3] = ["hold", "pause", "reboot"];

/// What devices and machines of the imported list are called.
const NAMES: [&str; 6] = ["new", "named", "NEW", "pc-1", "x", "y"];

/// Something that happens to the fleet.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Enrol {
        approved: bool,
        name: usize,
    },
    Import(Vec<(usize, usize)>),
    Status {
        device: usize,
        status: DeviceStatus,
        late: bool,
    },
    Merge {
        device: usize,
        into: usize,
    },
    Delete {
        device: usize,
    },
    Commit(Vec<Change>),
}

#[derive(Debug, Clone)]
pub(crate) struct Change {
    device: usize,
    stale: bool,
    reports: bool,
    /// Changes with the summary.
    server: bool,
    source: Source,
    name: usize,
    findings: Vec<(usize, After)>,
}

/// The first source of a changed summary.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source {
    SummaryUnchanged,
    NeverReported,
    Is(UpdateSource),
}

/// What becomes of a finding.
#[derive(Debug, Clone, Copy)]
pub(crate) enum After {
    Gone,
    Unknown,
    Open(Severity),
    Accepted(Severity),
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let after = prop_oneof![
        Just(After::Gone),
        Just(After::Unknown),
        Just(After::Open(Severity::Warning)),
        Just(After::Open(Severity::Serious)),
        Just(After::Accepted(Severity::Serious))
    ];
    let finding = (0..ISSUES.len(), after);
    let source = prop_oneof![
        Just(Source::SummaryUnchanged),
        Just(Source::NeverReported),
        Just(Source::Is(UpdateSource::Wsus)),
        Just(Source::Is(UpdateSource::WindowsUpdate))
    ];
    let change = (
        0..12_usize,
        proptest::bool::weighted(0.1),
        any::<(bool, bool)>(),
        source,
        0..NAMES.len(),
        proptest::collection::vec(finding, 0..4),
    )
        .prop_map(
            |(device, stale, (reports, server), source, name, findings)| Change {
                device,
                stale,
                reports,
                server,
                source,
                name,
                findings,
            },
        );
    let status = prop_oneof![
        Just(DeviceStatus::Pending),
        Just(DeviceStatus::Active),
        Just(DeviceStatus::Active),
        Just(DeviceStatus::Retired),
        Just(DeviceStatus::Listed),
        Just(DeviceStatus::Revoked)
    ];
    let step = prop_oneof![
        1 => (any::<bool>(), 0..NAMES.len()).prop_map(|(approved, name)| Step::Enrol { approved, name }),
        2 => proptest::collection::vec((0..NAMES.len(), 0..3_usize), 0..8).prop_map(Step::Import),
        2 => (0..12_usize, status, any::<bool>()).prop_map(|(device, status, late)| Step::Status { device, status, late }),
        1 => (0..12_usize, 0..12_usize).prop_map(|(device, into)| Step::Merge { device, into }),
        1 => (0..12_usize).prop_map(|device| Step::Delete { device }),
        5 => proptest::collection::vec(change, 1..6).prop_map(Step::Commit),
    ];
    proptest::collection::vec(step, 1..12)
}

pub(crate) async fn counters_equal_a_recount_after_anything(store: Fixture) {
    let mut devices = Vec::new();
    for number in 0..4 {
        devices.push(store.active(&format!("pc-{number}")).await);
    }
    let handle = Handle::current();
    let devices = std::sync::Mutex::new(devices);
    let mut runner = TestRunner::new(Config {
        cases: 24,
        failure_persistence: None,
        ..Config::default()
    });
    // The fleet lives on from case to case: the promise holds at any time.
    tokio::task::block_in_place(|| {
        runner.run(&steps(), |steps| {
            handle.block_on(async {
                let mut known = devices.lock().unwrap().clone();
                for step in steps {
                    take(&store, &mut known, step).await;
                }
                recount(&store, &known).await;
                *devices.lock().unwrap() = known;
            });
            Ok(())
        })
    })
    .unwrap();
}

pub(crate) async fn take(store: &Fixture, devices: &mut Vec<DeviceIdentity>, step: Step) {
    match step {
        Step::Enrol { approved, name } => devices.push(if approved {
            store.active(NAMES[name]).await
        } else {
            store.pending_device(NAMES[name]).await
        }),
        Step::Import(rows) => {
            let machines = rows
                .iter()
                .map(|(name, ou)| machine(NAMES[*name], "", ["", "OU=a", "OU=b"][*ou]))
                .collect();
            store
                .import_machines(machines, "test", at(3))
                .await
                .unwrap();
        }
        Step::Status {
            device,
            status,
            late,
        } => {
            let id = devices[device % devices.len()].id;
            // Late enough that whoever is let in takes the places of all others of its name.
            let deed = deed(if late { 100_000_000 } else { 1 });
            store.set_status(&[id], status, &deed).await.unwrap();
        }
        Step::Merge { device, into } => {
            let (id, into) = (
                devices[device % devices.len()].id,
                devices[into % devices.len()].id,
            );
            store.merge(&[id], into, &deed(1)).await.unwrap();
        }
        Step::Delete { device } => {
            let place = device % devices.len();
            // One has to stay for the other steps.
            if devices.len() > 1 {
                let id = devices[place].id;
                let gone = store.delete_devices(&[id], &deed(1)).await.unwrap();
                devices.retain(|device| !gone.iter().any(|gone| gone.id == device.id));
            }
        }
        Step::Commit(changes) => {
            let mut batch = Vec::new();
            for change in changes {
                let key = devices[change.device % devices.len()].key;
                batch.push(of(&change, store.change(key).await));
            }
            store.commit(&batch).await.unwrap();
        }
    }
}

fn of(change: &Change, onto: DeviceChange) -> DeviceChange {
    let findings = change.findings.iter().map(|(issue, after)| {
        let issue = ISSUES[*issue];
        match after {
            After::Gone => FindingChange::Remove {
                issue: issue.to_owned(),
            },
            After::Unknown => FindingChange::Put(unknown(issue)),
            After::Open(severity) => FindingChange::Put(open(issue, *severity, &["cause"])),
            After::Accepted(severity) => FindingChange::Put(accepted(issue, *severity, &["cause"])),
        }
    });
    let named = |source: Option<UpdateSource>| DeviceSummary {
        sources: [
            source.map(|source| ExpectedSource {
                source,
                server: None,
            }),
            None,
            None,
            None,
        ],
        kind: if change.server { "server" } else { "client" }.to_owned(),
        primary_issue: primary(change),
        ..summary(NAMES[change.name])
    };
    DeviceChange {
        expected_version: onto.expected_version - i64::from(change.stale),
        mark: change.reports.then(|| mark(1)),
        summary: match change.source {
            Source::SummaryUnchanged => None,
            Source::NeverReported => Some(named(None)),
            Source::Is(source) => Some(named(Some(source))),
        },
        // Whoever changes findings says what the primary cause then is.
        findings: match change.source {
            Source::SummaryUnchanged => Vec::new(),
            _ => findings.collect(),
        },
        ..onto
    }
}

/// The first issue that the change opens; a primary cause is always open.
fn primary(change: &Change) -> String {
    let last = |issue| {
        change
            .findings
            .iter()
            .rev()
            .find(|(other, _)| *other == issue)
    };
    (0..ISSUES.len())
        .find(|issue| matches!(last(*issue), Some((_, After::Open(_)))))
        .map_or_else(String::new, |issue| ISSUES[issue].to_owned())
}

async fn recount(store: &Fixture, devices: &[DeviceIdentity]) {
    let (mut fleet, mut issues, mut sources) =
        (FleetCounts::default(), BTreeMap::new(), BTreeMap::new());
    let listed = store
        .devices_with_status(
            &Scope::All,
            DeviceStatus::Listed,
            &Filter::Everything,
            &first(1_000),
        )
        .await
        .unwrap();
    let listed: Vec<_> = listed.into_iter().map(|row| row.identity).collect();
    let (mut names, mut listed_names) = (BTreeSet::new(), BTreeSet::new());
    for device in devices.iter().chain(&listed) {
        let detail = store.device(&Scope::All, device.id).await.unwrap().unwrap();
        let name = detail.row.summary.name.to_ascii_lowercase();
        match detail.row.identity.status {
            DeviceStatus::Listed => assert!(listed_names.insert(name), "it stands there twice"),
            _ => {
                names.insert(name);
            }
        }
        match detail.row.identity.status {
            DeviceStatus::Pending => fleet.pending += 1,
            DeviceStatus::Listed => {
                add_findings(&detail, &mut issues);
                fleet.never_enrolled += 1;
            }
            DeviceStatus::Active => {
                add(&detail, &mut fleet, &mut issues);
                for (class, source) in detail.row.summary.sources.iter().enumerate() {
                    if let Some(source) = source {
                        let kind = detail.row.summary.kind.clone();
                        *sources.entry((kind, class, source.source)).or_insert(0) += 1;
                    }
                }
            }
            DeviceStatus::Revoked | DeviceStatus::Retired | DeviceStatus::Replaced => {}
        }
    }
    assert!(
        names.is_disjoint(&listed_names),
        "a device stands for a machine of the list: {names:?} {listed_names:?}"
    );
    assert_eq!(store.fleet_counts(&Scope::All).await.unwrap(), fleet);
    let issues: Vec<IssueCount> = issues.into_values().collect();
    assert_eq!(store.issue_counts(&Scope::All).await.unwrap(), issues);
    let counted: BTreeMap<_, _> = store
        .source_counts()
        .await
        .unwrap()
        .into_iter()
        .map(|row| {
            let kind = row.kind.map_or("", DeviceKind::name).to_owned();
            ((kind, row.class, row.source.source), row.devices)
        })
        .collect();
    assert_eq!(counted, sources);
    let everything = Filter::Everything;
    assert_eq!(
        store.count_devices(&Scope::All, &everything).await.unwrap(),
        fleet.active()
    );
    for row in &issues {
        for (text, expected) in [
            ("state:open", row.open),
            ("state:unknown", row.unknown),
            ("state:accepted", row.accepted),
            ("", row.open + row.unknown + row.accepted),
        ] {
            let filter = filter(text);
            let count = store
                .count_issue_devices(&Scope::All, &row.issue, &filter)
                .await
                .unwrap();
            let listed = store
                .issue_devices(&Scope::All, &row.issue, &filter, &first(1_000))
                .await
                .unwrap();
            assert_eq!(
                (count, listed.len() as u64),
                (expected, expected),
                "{} {text}",
                row.issue
            );
        }
        let causes = store
            .issue_causes(&Scope::All, &row.issue, &everything)
            .await
            .unwrap();
        assert_eq!(
            causes.iter().map(|cause| cause.devices).sum::<u64>(),
            row.open
        );
    }
    // Whoever is shown everything by a filter gets what the counters say, counted.
    let all_by_filter = Scope::Matching(filter("name:*"));
    assert_eq!(store.fleet_counts(&all_by_filter).await.unwrap(), fleet);
    assert_eq!(store.issue_counts(&all_by_filter).await.unwrap(), issues);
}

/// Adds an active device.
fn add(detail: &DeviceDetail, fleet: &mut FleetCounts, issues: &mut BTreeMap<String, IssueCount>) {
    let (open, serious, unknown) = add_findings(detail, issues);
    let place = if detail.mark.epoch.is_empty() {
        &mut fleet.never_reported
    } else if serious > 0 {
        &mut fleet.serious
    } else if open > 0 {
        &mut fleet.warning
    } else if unknown > 0 {
        &mut fleet.unknown
    } else {
        &mut fleet.healthy
    };
    *place += 1;
}

/// Adds the findings; says how many are open, serious and unknown.
fn add_findings(
    detail: &DeviceDetail,
    issues: &mut BTreeMap<String, IssueCount>,
) -> (u32, u32, u32) {
    let (mut open, mut serious, mut unknown, mut accepted) = (0, 0, 0, 0);
    for finding in &detail.findings {
        let row = issues
            .entry(finding.issue.clone())
            .or_insert_with(|| IssueCount {
                issue: finding.issue.clone(),
                open: 0,
                serious: 0,
                unknown: 0,
                accepted: 0,
                primary: 0,
            });
        row.primary += u64::from(detail.row.summary.primary_issue == finding.issue);
        match finding.kept() {
            Kept::Open => {
                (open, row.open) = (open + 1, row.open + 1);
                if finding.severity == Some(Severity::Serious) {
                    (serious, row.serious) = (serious + 1, row.serious + 1);
                }
            }
            Kept::Accepted => (accepted, row.accepted) = (accepted + 1, row.accepted + 1),
            Kept::Unknown => (unknown, row.unknown) = (unknown + 1, row.unknown + 1),
        }
    }
    let row = &detail.row;
    assert_eq!(
        (row.open, row.serious, row.unknown, row.accepted),
        (open, serious, unknown, accepted)
    );
    (open, serious, unknown)
}

pub(crate) async fn copies_are_like_their_originals_and_counted(store: Fixture) {
    let named = store.tagged_device("a", &["berlin"]).await;
    let silent = store.tagged_device("b", &[]).await;
    store
        .report(
            named.key,
            vec![open("hold", Severity::Serious, &["c"]), unknown("pause")],
        )
        .await;
    store.copy_devices(2).await.unwrap();
    let everything = Filter::Everything;
    let rows = store
        .devices(&Scope::All, &everything, &first(100))
        .await
        .unwrap();
    assert_eq!(rows.len(), 6);
    let original = |row: &DeviceRow| {
        let name = row.summary.name.chars().next();
        rows.iter()
            .find(|other| {
                other.summary.name.chars().next() == name && other.summary.name.len() == 1
            })
            .unwrap()
            .clone()
    };
    for row in &rows {
        let mut like = original(row);
        like.identity = row.identity.clone();
        like.summary.name.clone_from(&row.summary.name);
        assert_eq!(format!("{row:?}"), format!("{like:?}"));
    }
    let ids: BTreeSet<_> = rows.iter().map(|row| row.identity.id).collect();
    assert_eq!(ids.len(), 6);
    let all: Vec<DeviceIdentity> = rows.into_iter().map(|row| row.identity).collect();
    assert!(all.contains(&named) && all.contains(&silent));
    recount(&store, &all).await;
    for (text, expected) in [("tag:berlin", 3), ("cause:c", 3), ("name:a-2", 1)] {
        let count = store.count_devices(&Scope::All, &filter(text)).await;
        assert_eq!(count.unwrap(), expected, "{text}");
    }
}

pub(crate) async fn a_scope_counts_only_what_it_shows(store: Fixture) {
    let berlin = store.tagged_device("a", &["berlin"]).await;
    let paris = store.tagged_device("b", &["paris"]).await;
    store
        .report(berlin.key, vec![open("hold", Severity::Warning, &["c"])])
        .await;
    store
        .report(
            paris.key,
            vec![open("hold", Severity::Serious, &["c"]), unknown("pause")],
        )
        .await;
    store.pending_device("c").await;
    let scope = Scope::Matching(filter("tag:berlin"));
    let fleet = store.fleet_counts(&scope).await.unwrap();
    assert_eq!(
        fleet,
        FleetCounts {
            warning: 1,
            ..FleetCounts::default()
        }
    );
    let issues = store.issue_counts(&scope).await.unwrap();
    assert_eq!(issues.len(), 1);
    assert_eq!(
        (issues[0].open, issues[0].serious, issues[0].unknown),
        (1, 0, 0)
    );
    assert_eq!(store.issue_counts(&Scope::All).await.unwrap().len(), 2);
}
