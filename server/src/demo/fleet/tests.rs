use std::collections::{BTreeMap, BTreeSet};

use sickbay_collector::inspection;
use sickbay_diagnosis::context::{FleetContext, majority_of};
use sickbay_diagnosis::expectation::{Expectations, ExpectedSource, UpdateClass};
use sickbay_diagnosis::facts::Facts;
use sickbay_diagnosis::issue::Case;
use sickbay_diagnosis::verdict::State;
use sickbay_diagnosis::{Check, Diagnosis, diagnose, issues};

use super::*;

fn now() -> Time {
    Time::parse("2026-11-23T08:00:00Z").expect("a time")
}

fn facts(machine: &DemoMachine) -> Facts {
    Facts::derive(&inspection::inspect(&machine.recording, Check::ALL))
}

/// What the server would know of the whole fleet.
fn context(fleet: &[Facts]) -> FleetContext {
    let mut counts: [BTreeMap<ExpectedSource, u64>; 4] = Default::default();
    for facts in fleet {
        for (class, source) in facts.sources().into_iter().enumerate() {
            if let Some(source) = source {
                *counts[class].entry(source).or_default() += 1;
            }
        }
    }
    let mut context = FleetContext::default();
    for class in UpdateClass::ALL {
        let counts: Vec<_> = counts[class as usize].clone().into_iter().collect();
        context.client_sources[class as usize] = majority_of(&counts);
    }
    context
}

fn diagnosis(facts: &Facts, fleet: &FleetContext, now: Time) -> Diagnosis {
    diagnose(&Case {
        facts,
        expectations: &Expectations::default(),
        fleet,
        sighting: None,
        now,
    })
}

#[test]
fn a_fleet_of_200_shows_every_issue_and_most_of_it_is_well() {
    for seed in 0..2 {
        let plan = FleetPlan::new(seed, 200, now());
        let facts: Vec<Facts> = plan.machines().iter().map(facts).collect();
        let fleet = context(&facts);
        let diagnoses: Vec<Diagnosis> = facts
            .iter()
            .map(|facts| diagnosis(facts, &fleet, now()))
            .collect();
        // Machines of the fleet report, and so none of them never enrolled.
        let of_devices = issues::ALL.iter();
        for issue in of_devices.filter(|issue| issue.id != issues::never_enrolled::ID) {
            let states = |state| {
                diagnoses
                    .iter()
                    .filter(|d| d.get(issue.id).is_some_and(|v| v.state() == state))
                    .count()
            };
            assert!(
                states(State::Open) > 0,
                "seed {seed}: {} opens nowhere",
                issue.id
            );
            assert!(
                states(State::Open) < 50,
                "seed {seed}: {} is open nearly everywhere",
                issue.id
            );
        }
        let well = diagnoses
            .iter()
            .filter(|d| d.count(State::Open) == 0 && d.count(State::Unknown) == 0)
            .count();
        assert!(
            (100..=150).contains(&well),
            "seed {seed}: {well} of 200 are well"
        );
        assert!(
            diagnoses.iter().any(|d| d.count(State::Unknown) > 0),
            "seed {seed}: nothing is unknown"
        );
    }
}

#[test]
fn a_machine_that_nothing_ails_is_well() {
    let plan = FleetPlan::new(7, 200, now());
    let facts: Vec<Facts> = plan.machines().iter().map(facts).collect();
    let fleet = context(&facts);
    let all = plan.machines().iter().zip(&facts);
    for (machine, facts) in all.filter(|(machine, _)| machine.ailments.is_empty()) {
        let diagnosis = diagnosis(facts, &fleet, now());
        for (issue, verdict) in diagnosis.iter() {
            assert!(
                matches!(verdict.state(), State::Clear | State::NotApplicable),
                "{} ({}): {} is {}: {}",
                machine.host_name,
                machine.profile.release.build,
                issue.id,
                verdict.state().name(),
                verdict.summary
            );
        }
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
    let mut plan = FleetPlan::new(11, 40, now());
    let mut known: Vec<Facts> = plan.machines().iter().map(facts).collect();
    let fleet = context(&known);
    let well = |plan: &FleetPlan| {
        plan.machines()
            .iter()
            .filter(|m| m.ailments.is_empty())
            .count()
    };
    let well_before = well(&plan);
    let (mut opened, mut cleared) = (0, 0);
    for minute in 0..150 {
        let at = now().plus_millis(minute * 60_000);
        let change = plan.change(at).expect("the fleet has machines");
        let machine = &plan.machines()[change.machine];
        assert!(
            change.what.starts_with(&machine.host_name),
            "{}",
            change.what
        );
        let was = diagnosis(&known[change.machine], &fleet, at).count(State::Open);
        known[change.machine] = facts(machine);
        let is = diagnosis(&known[change.machine], &fleet, at).count(State::Open);
        opened += usize::from(is > was);
        cleared += usize::from(is < was);
    }
    assert!(
        opened > 25 && cleared > 25,
        "{opened} opened, {cleared} cleared"
    );
    assert!(well(&plan).abs_diff(well_before) < 20);
    assert_eq!(FleetPlan::new(1, 0, now()).change(now()), None);
}
