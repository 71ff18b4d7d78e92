use super::*;
use crate::check::Check;
use crate::keys;
use crate::knowledge::Knowledge;
use crate::lines;
use crate::observation::{Observation, Observations, Outcome};
use crate::reading::{Data, Reading, Source};

const UPDATE: &str = "2b1ee9a0-0000-4000-8000-000000000001";
const TITLE: &str = "2026-11 Cumulative Update for Windows 11 (KB5070001)";

fn reading(source: Source, path: &str, name: Option<&str>, data: Data) -> Reading {
    Reading {
        source,
        path: path.to_owned(),
        name: name.map(str::to_owned),
        data,
    }
}

fn told(values: &[(&str, &str)]) -> Data {
    lines::data(
        values
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned())),
    )
}

fn event(record: &str, values: &[(&str, &str)]) -> Reading {
    reading(
        Source::EventLog,
        keys::SYSTEM_CHANNEL,
        Some(record),
        told(values),
    )
}

fn entry(record: &str, values: &[(&str, &str)]) -> Reading {
    let path = keys::UPDATE_HISTORY;
    reading(Source::UpdateAgent, path, Some(record), told(values))
}

fn facts(checks: Vec<(Check, Outcome)>) -> Facts {
    let taken_at = Time::parse("2026-11-23T08:00:00Z").expect("a time");
    let mut observations = Observations::new();
    for (check, outcome) in checks {
        observations.put(check, Observation { taken_at, outcome });
    }
    Facts::derive(&observations, Knowledge::built_in())
}

#[test]
fn what_two_sources_tell_of_one_failure_is_one_line_with_the_telling_code() {
    let facts = facts(vec![
        (
            Check::UpdateEvents,
            Outcome::Seen(vec![event(
                "7",
                &[
                    ("id", "20"),
                    ("at", "2026-11-20T10:00:00Z"),
                    ("updateGuid", "{2B1EE9A0-0000-4000-8000-000000000001}"),
                    ("updateTitle", TITLE),
                    ("errorCode", "0x80240022"),
                ],
            )]),
        ),
        (
            Check::UpdateHistory,
            Outcome::Seen(vec![
                entry(
                    "0",
                    &[
                        ("at", "2026-11-20T10:00:04Z"),
                        ("operation", "1"),
                        ("result", "4"),
                        ("code", "0x80240022"),
                        ("unmapped_code", "0x800f081f"),
                        ("update", UPDATE),
                    ],
                ),
                // The same update the month before: another line.
                entry(
                    "1",
                    &[
                        ("at", "2026-10-20T10:00:04Z"),
                        ("operation", "1"),
                        ("result", "4"),
                        ("code", "0x80240022"),
                        ("update", UPDATE),
                    ],
                ),
                entry(
                    "2",
                    &[
                        ("at", "2026-11-21T10:00:00Z"),
                        ("operation", "2"),
                        ("result", "2"),
                        ("title", "Another"),
                    ],
                ),
            ]),
        ),
    ]);
    let log = facts.update_log();
    let told: Vec<_> = log
        .lines
        .iter()
        .map(|line| (line.what, line.code.as_deref(), line.told_by.len()))
        .collect();
    assert_eq!(
        told,
        [
            (Became::Removed, None, 1),
            (Became::InstallFailed, Some("0x800F081F"), 2),
            (Became::InstallFailed, Some("0x80240022"), 1),
        ]
    );
    let failed = &log.lines[1];
    assert_eq!(
        failed.kb().map(|kb| kb.to_string()),
        Some("KB5070001".to_owned())
    );
    assert_eq!(failed.evidence.len(), 2);
    let known = Knowledge::built_in();
    let meaning = failed.meaning(known).expect("a known code");
    assert!(meaning.starts_with("CBS_E_SOURCE_MISSING: "), "{meaning}");
    assert_eq!(log.lines[0].meaning(known), None);
}

#[test]
fn a_source_that_tells_nothing_is_named_with_its_reason() {
    let unreadable = |path: &str, source| {
        let why = Data::Unreadable("access denied (error 5)".to_owned());
        reading(source, path, None, why)
    };
    let facts = facts(vec![
        (
            Check::UpdateEvents,
            Outcome::Seen(vec![unreadable(keys::SYSTEM_CHANNEL, Source::EventLog)]),
        ),
        (
            Check::UpdateHistory,
            Outcome::Seen(vec![unreadable(keys::UPDATE_HISTORY, Source::UpdateAgent)]),
        ),
    ]);
    let log = facts.update_log();
    assert!(log.lines.is_empty());
    let who: Vec<&str> = log.silent.iter().map(|(who, _)| who.as_str()).collect();
    assert_eq!(
        who,
        [keys::SYSTEM_CHANNEL, "update agent", "component store"]
    );
    assert!(
        log.silent[0].1.contains("access denied"),
        "{:?}",
        log.silent
    );
}

#[test]
fn a_package_that_servicing_left_half_done_is_told() {
    let package = |name: &str, state: u32| {
        let path = format!(r"{}\{name}", keys::CBS_PACKAGES);
        reading(
            Source::Registry,
            &path,
            Some("CurrentState"),
            Data::Dword(state),
        )
    };
    let rollup = "Package_for_RollupFix~31bf3856ad364e35~amd64~~26100.4351.1.3";
    let done = "Package_for_KB5042421~31bf3856ad364e35~amd64~~26100.1.1.0";
    let mut readings = vec![package(rollup, 0x65), package(done, 0x70)];
    for name in [rollup, done] {
        let path = format!(r"{}\{name}", keys::CBS_PACKAGES);
        readings.push(reading(Source::Registry, &path, None, Data::Key(None)));
    }
    let log = facts(vec![(Check::Updates, Outcome::Seen(readings))]).update_log();
    assert_eq!(log.lines.len(), 1, "{log:?}");
    assert_eq!(log.lines[0].what.name(), "partially-installed");
    assert!(log.lines[0].what.is_failure());
    assert_eq!(
        log.lines[0].title.as_deref(),
        Some("Package_for_RollupFix 26100.4351.1.3")
    );
}
