use std::collections::{BTreeMap, BTreeSet};

use sickbay_collector::inspection;
use sickbay_diagnosis::context::{
    BASELINE_QUORUM, Baselines, FleetContext, Seen, Sighting, majority_of,
};
use sickbay_diagnosis::expectation::{ExpectedSource, UpdateClass};
use sickbay_diagnosis::facts::Facts;
use sickbay_diagnosis::facts::update_agent::ClientId;
use sickbay_diagnosis::observation::Observations;
use sickbay_diagnosis::verdict::{State, Verdict};
use sickbay_diagnosis::{Check, issues};
use sickbay_store::DeviceSummary;
use uuid::Uuid;

use super::*;
use crate::demo::owner;
use crate::judgement::{Device, Judgement};
use crate::rules::{Acceptances, Rules};

fn now() -> Time {
    at("2026-11-25T08:00:00Z")
}

fn at(text: &str) -> Time {
    Time::parse(text).expect("a time")
}

/// A machine as the server has it.
struct Snapshot {
    observations: Observations,
    facts: Facts,
}

fn seen(machine: &DemoMachine) -> Snapshot {
    let observations = inspection::inspect(&machine.recording, Check::ALL);
    Snapshot {
        facts: Facts::derive(&observations),
        observations,
    }
}

fn sighting(machine: &DemoMachine, now: Time) -> Sighting {
    let away = machine.away();
    Sighting {
        enrolled_at: now.plus_days(-200),
        last_seen_at: Some(away.map_or(now, |away| away.last_heard)),
        reported: true,
        collector_version: away
            .map_or(env!("CARGO_PKG_VERSION"), |away| away.collector_version)
            .to_owned(),
        clock_ahead_ms: Some(machine.clock_ahead_ms()),
    }
}

/// What the server would know of the whole fleet, and what the demo's owner wants.
fn rules(fleet: &[Snapshot], now: Time) -> Rules {
    let mut context = FleetContext::default();
    for (kind, sources) in [
        (DeviceKind::Client, &mut context.client_sources),
        (DeviceKind::Server, &mut context.server_sources),
    ] {
        let of_kind = fleet
            .iter()
            .filter(|s| s.facts.windows().kind == Some(kind));
        let mut counts: [BTreeMap<ExpectedSource, u64>; 4] = Default::default();
        for (class, source) in of_kind.flat_map(|s| s.facts.sources().into_iter().enumerate()) {
            if let Some(source) = source {
                *counts[class].entry(source).or_default() += 1;
            }
        }
        for class in UpdateClass::ALL {
            let counts: Vec<_> = counts[class as usize].clone().into_iter().collect();
            sources[class as usize] = majority_of(&counts);
        }
    }
    let mut ids: BTreeMap<&str, usize> = BTreeMap::new();
    for seen in fleet {
        if let Ok(agent) = &seen.facts.update_agent
            && let ClientId::Is(id) = &agent.client_id
        {
            *ids.entry(&id.value).or_default() += 1;
        }
    }
    let shared = ids.into_iter().filter(|(_, devices)| *devices > 1);
    context.shared_client_ids = shared.map(|(id, _)| id.to_owned()).collect();
    (context.revisions, context.stacks) = baselines(now);
    Rules {
        wishes: owner::wishes().expect("the wishes can be"),
        fleet: context,
        acceptances: Acceptances::of(&[owner::acceptance(now)], now),
    }
}

fn baselines(now: Time) -> (Baselines, Baselines) {
    let mut since: BTreeMap<(Baseline, DeviceKind, u32, u32), Vec<Time>> = BTreeMap::new();
    for claim in remembered(now).into_iter().flatten() {
        let key = (claim.what, claim.kind, claim.build, claim.revision);
        since.entry(key).or_default().push(claim.at);
    }
    let (mut windows, mut stacks) = (Baselines::default(), Baselines::default());
    for ((what, kind, build, revision), at) in since {
        assert_eq!(at.len(), BASELINE_QUORUM);
        let since = at.into_iter().max().expect("five of them");
        let seen = Seen { revision, since };
        match what {
            Baseline::Windows => windows.add(kind, build, seen),
            Baseline::ServicingStack => stacks.add(kind, build, seen),
        }
    }
    (windows, stacks)
}

fn judge(machine: &DemoMachine, seen: &Snapshot, rules: &Rules, now: Time) -> Judgement {
    let summary = DeviceSummary::default();
    let device = Device {
        id: Uuid::nil(),
        observations: &seen.observations,
        summary: &summary,
        tags: &[],
        sighting: &sighting(machine, now),
    };
    Judgement::of(&device, rules, now)
}

fn judged(plan: &FleetPlan, now: Time) -> Vec<Judgement> {
    let all: Vec<Snapshot> = plan.machines().iter().map(seen).collect();
    let rules = rules(&all, now);
    let machines = plan.machines().iter().zip(&all);
    machines
        .map(|(machine, seen)| judge(machine, seen, &rules, now))
        .collect()
}

/// Open findings that are not accepted.
fn open(judgement: &Judgement) -> usize {
    judgement.diagnosis.count(State::Open) - judgement.accepted.len()
}

fn opens(judgements: &[Judgement], issue: &str) -> usize {
    let is_open = |j: &&Judgement| {
        !j.accepted.contains_key(issue)
            && j.diagnosis
                .get(issue)
                .is_some_and(|v| v.state() == State::Open)
    };
    judgements.iter().filter(is_open).count()
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
        for issue in issues::ALL {
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
            (count / 2..=count * 3 / 4).contains(&well),
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
        Kind::Cloned => "duplicate-update-client-id",
        Kind::RegistrationBroken | Kind::NotRegistered => "directory-registration-broken",
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
    for issue in issues::ALL {
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
