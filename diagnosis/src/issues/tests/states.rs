//! Unknown is a state of its own, and nothing is healthy by default.

use crate::check::Check;
use crate::context::FleetContext;
use crate::diagnose_listed;
use crate::expectation::Expectations;
use crate::issue::{Case, Shared, Teller};
use crate::issues::{ALL, never_enrolled};
use crate::observation::Outcome;
use crate::testing::Machine;
use crate::verdict::State::{Clear, NotApplicable, Open, Unknown};

#[test]
fn a_device_that_never_reported_is_healthy_in_nothing() {
    let diagnosis = Machine::new().diagnose_at(crate::testing::now());
    let wished: [&str; 2] = ["updates-deferred-too-long", "directory-registration-broken"];
    for (issue, verdict) in diagnosis.iter() {
        assert!(!verdict.summary.is_empty());
        // What the server sees needs no report, and what nobody wishes for is no question whatever the device says.
        match issue.told_by {
            Teller::Server => assert_eq!(verdict.state(), Clear, "{}", issue.id),
            _ if wished.contains(&issue.id) => {
                assert_eq!(verdict.state(), NotApplicable, "{}", issue.id);
            }
            _ => assert_eq!(verdict.state(), Unknown, "{}", issue.id),
        }
    }
    let facts = Machine::new().facts();
    let alone = crate::diagnose(&Case {
        facts: &facts,
        expectations: &Expectations::default(),
        fleet: &FleetContext::default(),
        sighting: None,
        now: crate::testing::now(),
        shared: Shared::default(),
    });
    let told: Vec<&str> = alone.iter().map(|(issue, _)| issue.id).collect();
    assert!(!told.contains(&"silent") && !told.contains(&"behind-on-quality-updates"));
}

#[test]
fn a_check_that_failed_or_had_nothing_to_look_at_says_why() {
    for outcome in [
        Outcome::Failed("the moon was full".to_owned()),
        Outcome::Unavailable("the moon was full".to_owned()),
    ] {
        let expectations = Expectations {
            longest_quality_deferral_days: Some(1),
            directory_registration_wanted: true,
            ..Expectations::default()
        };
        let machine = Check::ALL
            .iter()
            .fold(Machine::client(), |m, check| {
                m.outcome(*check, outcome.clone())
            })
            .expecting(expectations);
        let failed = matches!(outcome, Outcome::Failed(_));
        for issue in ALL.iter().filter(|i| i.told_by != Teller::Server) {
            let verdict = machine.verdict(issue.id);
            let expected = match issue.id {
                "checks-failing" if failed => Open,
                "checks-failing" => Clear,
                _ => Unknown,
            };
            assert_eq!(verdict.state(), expected, "{}", issue.id);
            assert!(
                expected == Clear
                    || verdict.summary.contains("moon")
                    || issue.id == "install-failing",
                "{}: {}",
                issue.id,
                verdict.summary
            );
        }
    }
}

#[test]
fn of_a_listed_machine_only_its_absence_is_known() {
    for (ou, cause) in [
        ("OU=Lab,DC=corp", "OU=Lab,DC=corp"),
        ("", never_enrolled::NO_OU),
    ] {
        let diagnosis = diagnose_listed(ou);
        for (issue, verdict) in diagnosis.iter() {
            let expected = match issue.id {
                never_enrolled::ID => Open,
                _ => Unknown,
            };
            assert_eq!(verdict.state(), expected, "{}", issue.id);
            assert!(verdict.evidence.is_empty() && verdict.valid_until.is_none());
        }
        let verdict = diagnosis.get(never_enrolled::ID);
        let keys: Vec<&str> = verdict
            .iter()
            .flat_map(|verdict| verdict.causes())
            .map(|cause| cause.key.as_str())
            .collect();
        assert_eq!(keys, [cause]);
        assert_eq!(diagnosis.primary().map(|i| i.id), Some(never_enrolled::ID));
    }
    let reporting = Machine::client().verdict(never_enrolled::ID);
    assert_eq!(reporting.state(), Clear);
}

#[test]
fn verdicts_that_are_clear_or_open_carry_evidence() {
    let machine = crate::issues::tests::properties::ordinary_client();
    let diagnosis = machine.diagnose_at(crate::testing::now());
    let observations = machine.observations();
    for (issue, verdict) in diagnosis.iter() {
        assert!(
            matches!(verdict.state(), Clear | NotApplicable),
            "{}: {}",
            issue.id,
            verdict.summary
        );
        // That it reports is no reading.
        if verdict.state() == Clear && issue.id != never_enrolled::ID {
            assert!(
                !verdict.evidence.is_empty(),
                "{} rests on nothing",
                issue.id
            );
        }
        for at in &verdict.evidence {
            let sighting = crate::testing::healthy_sighting(crate::testing::now());
            assert!(observations.evidence(*at, Some(&sighting)).is_some());
        }
    }
    assert_eq!(diagnosis.count(Open), 0);
    assert!(diagnosis.primary().is_none());
}

#[test]
fn the_primary_cause_explains_the_others() {
    let machine = Machine::windows("26100", "Client", "Enterprise")
        .on(Check::AutomaticUpdates)
        .dword(crate::keys::POLICY_AU, "NoAutoUpdate", 1)
        .on(Check::UpdateHealthTools)
        .key(crate::keys::UNINSTALL);
    let diagnosis = machine.diagnose_at(crate::testing::now());
    assert_eq!(diagnosis.count(Open), 2);
    assert_eq!(
        diagnosis.primary().map(|i| i.id),
        Some("automatic-updates-disabled")
    );
}
