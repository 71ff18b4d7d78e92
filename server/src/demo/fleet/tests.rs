use std::collections::BTreeSet;

use sickbay_diagnosis::issue::Issue;
use sickbay_diagnosis::issues;
use sickbay_diagnosis::verdict::{State, Verdict};

use super::*;
use crate::judgement::Judgement;
use judging::{Snapshot, judge, judged, open, opens, rules, seen};

mod judging;

fn now() -> Time {
    at("2026-11-25T08:00:00Z")
}

fn at(text: &str) -> Time {
    Time::parse(text).expect("a time")
}

/// Issues that a machine with a collector can have.
fn of_devices() -> impl Iterator<Item = &'static Issue> {
    let all = issues::ALL.iter().copied();
    all.filter(|issue| issue.id != issues::never_enrolled::ID)
}

#[test]
fn the_directory_lists_the_fleet_and_a_few_machines_besides() {
    for (count, besides) in [(200, 4), (60, 2), (1, 1), (0, 0)] {
        let plan = FleetPlan::new(1, count, now());
        let listed = plan.directory();
        assert_eq!(listed.len(), count + besides);
        let names: BTreeSet<&str> = listed.iter().map(|m| &*m.name).collect();
        assert_eq!(names.len(), listed.len());
        assert!(
            plan.machines()
                .iter()
                .all(|m| names.contains(&*m.host_name))
        );
    }
}

#[test]
fn every_issue_opens_somewhere_and_none_nearly_everywhere() {
    for (seed, count, now) in [
        (0, 200, now()),
        (1, 200, now()),
        (2, 200, now()),
        (1, 60, now()),
        (3, 60, now()),
        (1, 200, at("2026-12-13T08:00:00Z")),
        (1, 200, at("2027-02-16T08:00:00Z")),
    ] {
        let plan = FleetPlan::new(seed, count, now);
        let judgements = judged(&plan, now);
        for issue in of_devices() {
            let open = opens(&judgements, issue.id);
            assert!(
                (1..=count / 4).contains(&open),
                "seed {seed}, {now}: {} is open on {open} of {count}",
                issue.id
            );
        }
        let well = judgements
            .iter()
            .filter(|j| open(j) == 0 && j.diagnosis.count(State::Unknown) == 0)
            .count();
        assert!(
            (count * 9 / 20..=count * 3 / 4).contains(&well),
            "seed {seed}, {now}: {well} of {count} are well"
        );
        let unknown = judgements
            .iter()
            .filter(|j| j.diagnosis.count(State::Unknown) > 0)
            .count();
        assert!(
            (1..=count / 10).contains(&unknown),
            "seed {seed}, {now}: of {unknown} something is unknown"
        );
        assert!(
            judgements.iter().any(|j| !j.accepted.is_empty()) || count < 200,
            "seed {seed}, {now}: nothing is accepted"
        );
    }
}

#[test]
fn a_machine_that_nothing_ails_is_well() {
    for now in [
        now(),
        at("2026-12-12T08:00:00Z"),
        at("2027-02-13T08:00:00Z"),
    ] {
        let plan = FleetPlan::new(7, 200, now);
        let judgements = judged(&plan, now);
        let all = plan.machines().iter().zip(&judgements);
        for (machine, judgement) in all.filter(|(machine, _)| machine.ailments.is_empty()) {
            for (issue, verdict) in judgement.diagnosis.iter() {
                assert!(
                    matches!(verdict.state(), State::Clear | State::NotApplicable),
                    "{now}: {} ({}): {} is {}: {}",
                    machine.host_name,
                    machine.profile.release.build,
                    issue.id,
                    verdict.state().name(),
                    verdict.summary
                );
            }
        }
    }
}

/// What explains the rest on a machine that this alone ails.
fn primary_of(kind: Kind, is_managed_elsewhere: bool) -> &'static str {
    match kind {
        Kind::PausedByUser | Kind::QualityPausedByPolicy => "quality-updates-paused",
        Kind::FeaturePausedByMdm => "feature-updates-paused",
        Kind::DeferredTooLong => "updates-deferred-too-long",
        Kind::Held => "safeguard-hold",
        Kind::HardwareTooOld => "upgrade-blocked",
        Kind::Pinned => "pinned-to-old-release",
        Kind::Outlived => "end-of-service",
        // Accepted, or not known: nothing that is open.
        Kind::NearingEnd | Kind::NotAppraised => "",
        Kind::LostWsus => "wrong-scan-source",
        Kind::PlainHttpWsus if is_managed_elsewhere => "wsus-without-tls",
        Kind::PlainHttpWsus => "wrong-scan-source",
        Kind::WsusNotSwitchedOn | Kind::ClassesNotSwitchedOn => "scan-source-conflict",
        Kind::RecoveryRefused => "wsus-sync-recovery-failing",
        Kind::NoHealthTools | Kind::HealthServiceDisabled => "update-health-tools-missing",
        Kind::RestartPending => "pending-reboot",
        Kind::AgentFails | Kind::StoreUnasked => "checks-failing",
        Kind::AutomaticUpdatesOff => "automatic-updates-disabled",
        Kind::ServiceDisabled => "update-services-disabled",
        Kind::Neglected => "scan-stale",
        Kind::ServerUnreachable => "update-endpoint-unreachable",
        Kind::DownloadFails => "download-failing",
        Kind::DiskLow => "low-disk-space",
        Kind::StoreCorrupt => "component-store-corrupt",
        Kind::StackBroken => "servicing-stack-broken",
        Kind::StackOutdated => "servicing-stack-outdated",
        Kind::InstallFails => "install-failing",
        Kind::SentWhatItHas => "not-applicable-installed",
        Kind::SentWhatIsReplaced => "not-applicable-superseded",
        Kind::SentAnothers => "not-applicable-wrong-target",
        Kind::ImageTooOld => "prerequisite-missing",
        Kind::Cloned => "duplicate-update-client-id",
        Kind::RegistrationBroken | Kind::NotRegistered => "directory-registration-broken",
        Kind::OldCertificates => "secure-boot-certificates-outdated",
        Kind::ClockOff => "clock-skewed",
        Kind::Silent => "silent",
        Kind::OldCollector => "collector-outdated",
    }
}

#[test]
fn what_ails_a_machine_is_its_primary_cause() {
    let mut seen_kinds = BTreeSet::new();
    for seed in 0..6 {
        let plan = FleetPlan::new(seed, 200, now());
        let judgements = judged(&plan, now());
        for (machine, judgement) in plan.machines().iter().zip(&judgements) {
            let [ailment] = machine.ailments.as_slice() else {
                continue;
            };
            seen_kinds.insert(ailment.kind);
            let open: Vec<String> = judgement
                .diagnosis
                .iter()
                .filter(|(_, v)| v.state() == State::Open)
                .map(|(issue, v)| format!("{}: {}", issue.id, v.summary))
                .collect();
            assert_eq!(
                judgement.summary.primary_issue,
                primary_of(ailment.kind, machine.profile.place.is_managed_elsewhere()),
                "{} with {ailment:?}: {open:#?}",
                machine.host_name
            );
        }
    }
    assert_eq!(seen_kinds.len(), Kind::SHARES.len(), "{seen_kinds:?}");
}

#[test]
fn causes_have_their_consequences_on_the_same_machine() {
    let plan = FleetPlan::new(1, 200, now());
    let judgements = judged(&plan, now());
    let ailing = |kind: Kind| {
        let machines = plan.machines().iter().zip(&judgements);
        // Where ConfigMgr brings the updates, nobody expects a search of WSUS.
        machines
            .filter(|(m, _)| !m.profile.place.is_managed_elsewhere())
            .filter(move |(m, _)| m.ailments.iter().any(|a| a.kind == kind))
            .map(|(m, j)| (&m.ailments, j))
    };
    let is_open = |j: &Judgement, issue: &str| {
        j.diagnosis
            .get(issue)
            .is_some_and(|v| v.state() == State::Open)
    };
    for (kind, consequences) in [
        (Kind::StoreCorrupt, &["install-failing"][..]),
        (Kind::StackBroken, &["install-failing"]),
        (Kind::StackOutdated, &["install-failing"]),
        (Kind::RecoveryRefused, &["scan-stale"]),
        (
            Kind::Neglected,
            &["behind-on-quality-updates", "servicing-stack-outdated"],
        ),
        (Kind::Pinned, &["end-of-service"]),
    ] {
        for (_, judgement) in ailing(kind) {
            for issue in consequences {
                assert!(is_open(judgement, issue), "{kind:?} without {issue}");
            }
        }
    }
    for (ailments, judgement) in ailing(Kind::ServiceDisabled) {
        let stale = ailments
            .iter()
            .any(|a| a.kind == Kind::ServiceDisabled && a.stops_searches());
        let issue = if stale {
            "scan-stale"
        } else {
            "download-failing"
        };
        assert!(is_open(judgement, issue), "{ailments:?} without {issue}");
    }
    for (ailments, judgement) in ailing(Kind::DiskLow) {
        let full = ailments
            .iter()
            .any(|a| a.kind == Kind::DiskLow && a.disk_is_full());
        assert_eq!(is_open(judgement, "install-failing"), full, "{ailments:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_fleet_and_history() {
    let story = |seed| {
        let mut plan = FleetPlan::new(seed, 40, now());
        let changes: Vec<Option<Change>> = (0..30)
            .map(|minute| plan.change(now().plus_millis(minute * 60_000)))
            .collect();
        let registries: Vec<_> = plan
            .machines()
            .iter()
            .map(|machine| machine.recording.registry().clone())
            .collect();
        (changes, registries)
    };
    assert_eq!(story(1), story(1));
    assert_ne!(story(1).0, story(2).0);
}

#[test]
fn names_are_unique() {
    let plan = FleetPlan::new(3, 1000, now());
    let names: BTreeSet<&str> = plan.machines().iter().map(|m| &*m.host_name).collect();
    assert_eq!(names.len(), 1000);
}

#[test]
fn changes_open_and_clear_issues_and_leave_the_fleet_about_as_well_as_it_was() {
    let mut plan = FleetPlan::new(11, 100, now());
    let mut known: Vec<Snapshot> = plan.machines().iter().map(seen).collect();
    let rules = rules(&known, now());
    let well = |plan: &FleetPlan| {
        let well = plan.machines().iter().filter(|m| m.ailments.is_empty());
        well.count()
    };
    let well_before = well(&plan);
    let (mut opened, mut cleared) = (BTreeSet::new(), BTreeSet::new());
    for minute in 0..400 {
        let at = now().plus_millis(minute * 60_000);
        let Some(change) = plan.change(at) else {
            continue;
        };
        let machine = &plan.machines()[change.machine];
        assert!(
            change.what.starts_with(&machine.host_name),
            "{}",
            change.what
        );
        assert_eq!(machine.away(), None, "{}", change.what);
        let was = judge(machine, &known[change.machine], &rules, at);
        known[change.machine] = seen(machine);
        let is = judge(machine, &known[change.machine], &rules, at);
        for issue in issues::ALL {
            let state = |j: &Judgement| j.diagnosis.get(issue.id).map(Verdict::state);
            match (state(&was), state(&is)) {
                (Some(State::Open), Some(State::Open)) => {}
                (_, Some(State::Open)) => {
                    opened.insert(issue.id);
                }
                (Some(State::Open), _) => {
                    cleared.insert(issue.id);
                }
                _ => {}
            }
        }
    }
    assert!(opened.len() > 15, "{opened:?}");
    assert!(cleared.len() > 15, "{cleared:?}");
    let now_well = well(&plan);
    assert!(
        now_well.abs_diff(well_before) < 30,
        "{well_before} were well, {now_well} are"
    );
    let all = judged(&plan, now().plus_millis(400 * 60_000));
    for issue in of_devices() {
        assert!(opens(&all, issue.id) > 0, "{} is open nowhere", issue.id);
    }
}

#[test]
fn small_fleets_and_empty_ones_are_fleets() {
    assert_eq!(FleetPlan::new(1, 0, now()).change(now()), None);
    for count in 1..12 {
        let mut plan = FleetPlan::new(1, count, now());
        assert_eq!(plan.machines().len(), count);
        plan.change(now());
        plan.go_on(now().plus_days(1));
    }
}
