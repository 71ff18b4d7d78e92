//! What reports and time make of a device, without a database.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use sickbay_diagnosis::Check;
use sickbay_diagnosis::context::Sighting;
use sickbay_diagnosis::keys::{
    COLLECTOR_POLICY, TAGS, TCPIP_PARAMETERS, UPDATE_POLICY_SETTINGS, UX_SETTINGS, WINDOWS_NT,
};
use sickbay_diagnosis::observation::{Observation, Outcome};
use sickbay_diagnosis::reading::{Data, Reading, Source};
use sickbay_diagnosis::time::{DAY_MS, HOUR_MS};
use sickbay_store::{DeviceIdentity, DeviceStatus};
use uuid::Uuid;

use super::*;

const ISSUE: &str = "quality-updates-paused";
const EPOCH: [u8; 16] = [1; 16];

fn start() -> Time {
    Time::parse("2026-10-10T00:00:00Z").unwrap()
}

/// A device that never reported.
fn fresh() -> DeviceState {
    DeviceState {
        identity: DeviceIdentity {
            key: 1,
            id: Uuid::nil(),
            status: DeviceStatus::Active,
        },
        version: 3,
        mark: ReportMark::default(),
        packed: Packed::new(),
        findings: Vec::new(),
        summary: DeviceSummary {
            name: "AS-ENROLLED".to_owned(),
            ..DeviceSummary::default()
        },
        tags: Vec::new(),
        sighting: Sighting {
            enrolled_at: start(),
            last_seen_at: Some(start()),
            reported: false,
            collector_version: env!("CARGO_PKG_VERSION").to_owned(),
            clock_ahead_ms: Some(0),
        },
        profile: Vec::new(),
        due_at: None,
    }
}

fn seen(check: Check, values: &[(&str, &str, Data)]) -> (Check, Observation) {
    let reading = |(path, name, data): &(&str, &str, Data)| Reading {
        source: Source::Registry,
        path: (*path).to_owned(),
        name: Some((*name).to_owned()),
        data: data.clone(),
    };
    let observation = Observation {
        taken_at: start(),
        outcome: Outcome::Seen(values.iter().map(reading).collect()),
    };
    (check, observation)
}

fn text(text: &str) -> Data {
    Data::Text(text.to_owned())
}

fn named(name: &str) -> (Check, Observation) {
    let values = [
        (TCPIP_PARAMETERS, "Hostname", text(name)),
        (WINDOWS_NT, "CurrentBuildNumber", text("26100")),
        (WINDOWS_NT, "InstallationType", text("Client")),
        (WINDOWS_NT, "EditionID", text("Enterprise")),
    ];
    seen(Check::Device, &values)
}

fn paused(until: Time) -> (Check, Observation) {
    let values = [
        (
            UPDATE_POLICY_SETTINGS,
            "PausedQualityStatus",
            Data::Dword(1),
        ),
        (
            UX_SETTINGS,
            "PauseUpdatesExpiryTime",
            text(&until.to_string()),
        ),
    ];
    seen(Check::Pause, &values)
}

fn resumed() -> (Check, Observation) {
    seen(
        Check::Pause,
        &[(
            UPDATE_POLICY_SETTINGS,
            "PausedQualityStatus",
            Data::Dword(0),
        )],
    )
}

fn unreadable() -> (Check, Observation) {
    let observation = Observation {
        taken_at: start(),
        outcome: Outcome::Failed("access denied".to_owned()),
    };
    (Check::Pause, observation)
}

fn report(sequence: u64, full: bool, observations: Vec<(Check, Observation)>) -> Report {
    Report {
        sequence,
        full,
        observations: observations
            .into_iter()
            .map(|(check, observation)| (check, Arc::new(observation)))
            .collect(),
        digest: vec![sequence as u8; 32],
        unknown_checks: 0,
        dropped: None,
    }
}

fn rules() -> Rules {
    Rules::default()
}

/// The state after `change`, as the store would give it back.
fn stored(mut state: DeviceState, change: DeviceChange) -> DeviceState {
    assert_eq!(change.expected_version, state.version);
    state.version += 1;
    if let Some(mark) = change.mark {
        state.mark = mark;
    }
    if let Some(packed) = change.packed {
        state.packed = packed;
    }
    if let Some(profile) = change.profile {
        state.profile = profile;
    }
    if let Some(summary) = change.summary {
        state.summary = summary;
    }
    for finding in change.findings {
        match finding {
            FindingChange::Put(finding) => {
                state.findings.retain(|old| old.issue != finding.issue);
                state.findings.push(finding);
            }
            FindingChange::Remove { issue } => {
                let before = state.findings.len();
                state.findings.retain(|old| old.issue != issue);
                assert_eq!(
                    state.findings.len(),
                    before - 1,
                    "only a row that is there is removed"
                );
            }
        }
    }
    state.due_at = change.due_at;
    state
}

/// Takes one report in at `now`; gives the change and the state after it.
fn taken(state: DeviceState, report: Report, now: Time) -> (DeviceChange, DeviceState) {
    let mut working = Working::new(state.clone(), now);
    assert_eq!(working.take(&EPOCH, &report, now), Taken::Applied);
    working.diagnose(&rules(), now);
    let change = working.finish().expect("a report is always written");
    let after = stored(state, change.clone());
    (change, after)
}

fn history_of<'a>(change: &'a DeviceChange, issue: &str) -> Vec<&'a NewHistory> {
    change
        .history
        .iter()
        .filter(|row| row.issue == issue)
        .collect()
}

fn finding<'a>(state: &'a DeviceState, issue: &str) -> Option<&'a Finding> {
    state.findings.iter().find(|finding| finding.issue == issue)
}

/// A device whose first report said that updates are paused for two days.
fn paused_device() -> (DeviceChange, DeviceState) {
    let end = start().plus_days(2);
    taken(
        fresh(),
        report(1, true, vec![named("PC-1"), paused(end)]),
        start(),
    )
}

#[test]
fn the_first_diagnosis_tells_what_is_open_and_not_that_much_is_unknown() {
    let (change, state) = paused_device();
    let told: Vec<(&str, State)> = change
        .history
        .iter()
        .map(|row| (row.issue.as_str(), row.to))
        .collect();
    assert!(told.contains(&(ISSUE, State::Open)), "{told:?}");
    assert!(told.iter().all(|(_, to)| *to == State::Open), "{told:?}");
    assert!(
        state
            .findings
            .iter()
            .any(|finding| finding.state == State::Unknown),
        "unknown is kept all the same"
    );
    assert_eq!(state.summary.name, "PC-1");
    assert_eq!(change.due_at, Some(start().plus_days(2)));
    assert_eq!(change.received_at, Some(start()));
}

#[test]
fn what_becomes_unknown_later_is_news() {
    let (_, state) = paused_device();
    let (change, _) = taken(state, report(2, false, vec![unreadable()]), start());
    let told = history_of(&change, ISSUE);
    assert_eq!(
        (told.len(), told[0].from, told[0].to),
        (1, State::Open, State::Unknown)
    );
}

#[test]
fn a_report_under_a_number_that_somebody_else_took_is_not_acknowledged() {
    let (_, state) = paused_device();
    let number = state.mark.sequence;
    let mut working = Working::new(state, start());
    let mut other = report(number, true, vec![named("COPY"), resumed()]);
    other.digest = vec![0xee; 32];
    let taken = working.take(&EPOCH, &other, start());
    assert!(matches!(taken, Taken::FullWanted(_)), "{taken:?}");
}

#[test]
fn a_report_that_was_taken_before_changes_nothing() {
    let (_, state) = paused_device();
    let mut working = Working::new(state, start());
    for sequence in [0, 1] {
        let again = report(sequence, true, vec![named("OTHER"), resumed()]);
        assert_eq!(working.take(&EPOCH, &again, start()), Taken::Duplicate);
    }
    assert!(working.finish().is_none());
}

#[test]
fn a_gap_needs_a_full_report_and_a_full_one_closes_it() {
    let (_, state) = paused_device();
    let mut working = Working::new(state.clone(), start());
    let gap = working.take(&EPOCH, &report(3, false, vec![resumed()]), start());
    assert!(matches!(gap, Taken::FullWanted(_)), "{gap:?}");
    assert_eq!(working.mark(), &state.mark);
    assert!(
        working.finish().is_none(),
        "what cannot be applied leaves nothing behind"
    );

    let (_, after) = taken(state, report(7, true, vec![named("PC-1")]), start());
    assert_eq!((after.mark.sequence, after.mark.digest), (7, vec![7; 32]));
}

#[test]
fn a_new_epoch_begins_with_a_full_report_of_any_sequence() {
    let (_, state) = paused_device();
    let mut working = Working::new(state, start());
    let part = working.take(&[2; 16], &report(2, false, vec![resumed()]), start());
    assert!(matches!(part, Taken::FullWanted(_)), "{part:?}");
    assert_eq!(
        working.take(&[2; 16], &report(1, true, vec![named("PC-1")]), start()),
        Taken::Applied
    );
    assert_eq!(
        (working.mark().epoch.as_slice(), working.mark().sequence),
        ([2; 16].as_slice(), 1)
    );
    // The epoch that was left does not come back by a late report of its own.
    let late = working.take(&EPOCH, &report(2, false, vec![resumed()]), start());
    assert!(matches!(late, Taken::FullWanted(_)), "{late:?}");
}

#[test]
fn a_full_report_replaces_everything_and_a_partial_one_only_what_it_holds() {
    let (_, state) = paused_device();
    let (_, partial) = taken(state, report(2, false, vec![named("RENAMED")]), start());
    assert_eq!(
        (
            partial.packed.checks().count(),
            partial.summary.name.as_str()
        ),
        (2, "RENAMED")
    );
    assert_eq!(finding(&partial, ISSUE).unwrap().state, State::Open);

    let (change, full) = taken(partial, report(3, true, vec![named("PC-1")]), start());
    assert_eq!(full.packed.checks().count(), 1);
    assert_eq!(
        finding(&full, ISSUE).unwrap().state,
        State::Unknown,
        "what is not in it is not known any more"
    );
    assert_eq!(history_of(&change, ISSUE).len(), 1);
}

#[test]
fn since_is_kept_while_the_state_stays_and_starts_anew_with_another() {
    let (_, state) = paused_device();
    let later = start().plus_millis(HOUR_MS);
    let longer = vec![paused(start().plus_days(5))];
    let (change, state) = taken(state, report(2, false, longer), later);
    let changed = finding(&state, ISSUE).unwrap();
    assert_eq!((changed.since, changed.changed_at), (start(), later));
    let told = history_of(&change, ISSUE);
    assert_eq!(
        (told.len(), told[0].from, told[0].to),
        (1, State::Open, State::Open),
        "another cause is news"
    );
    assert_eq!(change.due_at, Some(start().plus_days(5)));

    let latest = later.plus_millis(HOUR_MS);
    let (_, state) = taken(state, report(3, false, vec![unreadable()]), latest);
    assert_eq!(finding(&state, ISSUE).unwrap().since, latest);
}

#[test]
fn an_unchanged_device_writes_no_finding_and_no_history() {
    let (_, state) = paused_device();
    let same = report(2, true, vec![named("PC-1"), paused(start().plus_days(2))]);
    let (change, _) = taken(state.clone(), same, start().plus_millis(HOUR_MS));
    assert_eq!(
        (change.findings, change.history, change.summary),
        (vec![], vec![], None)
    );

    let mut working = Working::new(state, start().plus_millis(HOUR_MS));
    working.diagnose(&rules(), start().plus_millis(HOUR_MS));
    assert!(
        working.finish().is_none(),
        "a diagnosis that finds nothing new costs no write"
    );
}

#[test]
fn time_alone_closes_what_has_ended_and_then_rests() {
    let (_, state) = paused_device();
    let end = start().plus_days(2);
    let mut working = Working::new(state.clone(), end);
    working.diagnose(&rules(), end);
    let change = working.finish().expect("the pause is over");
    assert_eq!(
        (
            change.mark.clone(),
            change.packed.clone(),
            change.received_at
        ),
        (None, None, None)
    );
    let removed = FindingChange::Remove {
        issue: ISSUE.to_owned(),
    };
    assert!(change.findings.contains(&removed), "{:?}", change.findings);
    let told = history_of(&change, ISSUE);
    assert_eq!(
        (told.len(), told[0].from, told[0].to),
        (1, State::Open, State::Clear)
    );
    let due = change.due_at.expect("the device may fall silent");
    assert!(due > end.plus_days(2), "{due}");

    let after = stored(state, change);
    let mut again = Working::new(after, end.plus_millis(DAY_MS));
    again.diagnose(&rules(), end.plus_millis(DAY_MS));
    assert!(again.finish().is_none());
}

#[test]
fn reports_of_one_batch_leave_the_last_finding_and_every_step_of_history() {
    let now = start();
    let mut working = Working::new(fresh(), now);
    let end = now.plus_days(2);
    for next in [
        report(1, true, vec![named("PC-1"), paused(end)]),
        report(2, false, vec![resumed()]),
        report(3, false, vec![paused(end)]),
    ] {
        assert_eq!(working.take(&EPOCH, &next, now), Taken::Applied);
        working.diagnose(&rules(), now);
    }
    let change = working.finish().unwrap();
    let steps: Vec<State> = history_of(&change, ISSUE)
        .iter()
        .map(|row| row.to)
        .collect();
    assert_eq!(steps, [State::Open, State::Clear, State::Open]);
    let puts = change.findings.iter().filter(|change| match change {
        FindingChange::Put(finding) => finding.issue == ISSUE,
        FindingChange::Remove { issue } => issue == ISSUE,
    });
    assert_eq!(puts.count(), 1);
    assert_eq!(change.mark.unwrap().sequence, 3);
}

#[test]
fn of_a_device_that_never_reported_only_its_silence_is_told() {
    let mut working = Working::new(fresh(), start());
    working.diagnose(&rules(), start());
    let change = working.finish().expect("it may fall silent");
    assert_eq!((&change.findings, &change.history), (&vec![], &vec![]));
    let silent_at = start().plus_days(14);
    assert_eq!(change.due_at, Some(silent_at));

    let mut later = Working::new(stored(fresh(), change), silent_at);
    later.diagnose(&rules(), silent_at);
    let change = later.finish().expect("it fell silent");
    let opened: Vec<&str> = change
        .findings
        .iter()
        .filter_map(|change| match change {
            FindingChange::Put(finding) => Some(finding.issue.as_str()),
            FindingChange::Remove { .. } => None,
        })
        .collect();
    assert_eq!(opened, ["silent"]);
}

#[test]
fn what_a_machine_was_called_stays_where_a_report_does_not_say() {
    let (_, state) = taken(fresh(), report(1, true, vec![resumed()]), start());
    assert_eq!(state.summary.name, "AS-ENROLLED");
}

/// A device that was given tags by policy.
fn tagged(tags: &[&str]) -> (Check, Observation) {
    let lines = tags.iter().map(|tag| (*tag).to_owned()).collect();
    let values = [
        (TCPIP_PARAMETERS, "Hostname", text("PC-1")),
        (COLLECTOR_POLICY, TAGS, Data::MultiText(lines)),
    ];
    seen(Check::Device, &values)
}

#[test]
fn reported_tags_are_those_of_the_last_report_that_tells_what_the_device_is() {
    let first = report(1, true, vec![tagged(&["kiosk", "Hamburg"]), resumed()]);
    let (_, state) = taken(fresh(), first, start());
    assert_eq!(state.summary.reported_tags, ["Hamburg", "kiosk"]);

    // A report of something else, a look that failed, and time leave them.
    let (change, state) = taken(state, report(2, false, vec![resumed()]), start());
    assert_eq!(change.summary, None);
    let failed = (Check::Device, unreadable().1);
    let (_, state) = taken(state, report(3, false, vec![failed]), start());
    assert_eq!(state.summary.reported_tags, ["Hamburg", "kiosk"]);
    let mut working = Working::new(state.clone(), start());
    working.diagnose(&rules(), start());
    assert!(working.finish().is_none());

    let (_, state) = taken(state, report(4, false, vec![tagged(&["x"])]), start());
    assert_eq!(state.summary.reported_tags, ["x"]);
    let (_, state) = taken(state, report(5, false, vec![named("PC-1")]), start());
    assert!(state.summary.reported_tags.is_empty());
}

#[test]
fn tags_in_another_order_are_no_news() {
    let first = report(1, true, vec![tagged(&["b", "a", "c"])]);
    let (_, state) = taken(fresh(), first, start());
    let again = report(2, false, vec![tagged(&["c", "b", "a"])]);
    let (change, _) = taken(state, again, start());
    assert_eq!(change.summary, None);
}

#[test]
fn a_device_whose_facts_are_older_than_its_tags_gets_them_by_a_diagnosis_alone() {
    let (_, mut state) = taken(fresh(), report(1, true, vec![tagged(&["kiosk"])]), start());
    // As an earlier version stored it.
    state.summary.reported_tags.clear();
    let mut working = Working::new(state, start());
    working.diagnose(&rules(), start());
    let change = working.finish().expect("its tags are new");
    assert_eq!(change.summary.unwrap().reported_tags, ["kiosk"]);
    assert!(change.packed.is_none() && change.findings.is_empty());
}

#[test]
fn what_cannot_be_read_any_more_is_asked_for_in_full_and_mended_by_it() {
    let damaged = DeviceState {
        packed: Packed::damaged(),
        mark: ReportMark {
            epoch: EPOCH.to_vec(),
            sequence: 4,
            digest: vec![4; 32],
        },
        ..fresh()
    };
    let mut working = Working::new(damaged.clone(), start());
    working.diagnose(&rules(), start());
    assert!(
        working.finish().is_none(),
        "nobody knows what is wrong with it"
    );

    let mut working = Working::new(damaged, start());
    let part = working.take(&EPOCH, &report(5, false, vec![resumed()]), start());
    assert!(matches!(part, Taken::FullWanted(_)), "{part:?}");
    let all = report(6, true, vec![named("PC-1"), resumed()]);
    assert_eq!(working.take(&EPOCH, &all, start()), Taken::Applied);
    working.diagnose(&rules(), start());
    let change = working.finish().unwrap();
    assert_eq!(change.packed.unwrap().checks().count(), 2);
    assert_eq!(change.summary.unwrap().name, "PC-1");
}
