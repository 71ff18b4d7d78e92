//! Unknown is a state of its own, and nothing is healthy by default.

use crate::check::Check;
use crate::issues::ALL;
use crate::observation::Outcome;
use crate::testing::Machine;
use crate::verdict::State::{Clear, NotApplicable, Open, Unknown};

#[test]
fn a_device_that_never_reported_is_healthy_in_nothing() {
    let diagnosis = Machine::new().diagnose_at(crate::testing::now());
    for (issue, verdict) in diagnosis.iter() {
        assert_eq!(verdict.state(), Unknown, "{}", issue.id);
        assert!(!verdict.summary.is_empty());
    }
}

#[test]
fn a_check_that_failed_or_had_nothing_to_look_at_says_why() {
    for outcome in [
        Outcome::Failed("the moon was full".to_owned()),
        Outcome::Unavailable("the moon was full".to_owned()),
    ] {
        let machine = Check::ALL.iter().fold(Machine::client(), |m, check| {
            m.outcome(*check, outcome.clone())
        });
        for issue in ALL {
            let verdict = machine.verdict(issue.id);
            assert_eq!(verdict.state(), Unknown, "{}", issue.id);
            assert!(
                verdict.summary.contains("moon"),
                "{}: {}",
                issue.id,
                verdict.summary
            );
        }
    }
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
        if verdict.state() == Clear {
            assert!(
                !verdict.evidence.is_empty(),
                "{} rests on nothing",
                issue.id
            );
        }
        for at in &verdict.evidence {
            assert!(observations.evidence(*at).is_some());
        }
    }
    assert_eq!(diagnosis.count(Open), 0);
    assert!(diagnosis.primary().is_none());
}

#[test]
fn the_primary_cause_explains_the_others() {
    let machine = Machine::client()
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
