//! What is told, when, and under which number.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use sickbay_diagnosis::observation::Outcome;
use sickbay_diagnosis::reading::{Data, Reading, Source};

use super::*;

fn form(_: Check, observation: &Observation) -> Vec<u8> {
    serde_json::to_vec(&observation.outcome).unwrap()
}

fn seen(text: &str) -> Observation {
    Observation {
        taken_at: Time::from_millis(text.len() as i64),
        outcome: Outcome::Seen(vec![Reading {
            source: Source::Registry,
            path: "HKLM".to_owned(),
            name: None,
            data: Data::Text(text.to_owned()),
        }]),
    }
}

fn observations(pairs: &[(Check, &str)]) -> Observations {
    let mut observations = Observations::new();
    for (check, text) in pairs {
        observations.put(*check, seen(text));
    }
    observations
}

fn outbox(limits: SpoolLimits) -> Outbox {
    let base = Base {
        epoch: Epoch([1; 16]),
        acknowledged: None,
        observations: Observations::new(),
    };
    Outbox::new(base, limits, form)
}

fn push_all(outbox: &mut Outbox) -> Vec<Arc<Report>> {
    let mut pushed = Vec::new();
    while let Some(report) = outbox.staged().cloned() {
        outbox.pushed(report.sequence);
        pushed.push(report);
    }
    pushed
}

const NOW: Time = Time::from_millis(1_000);

#[test]
fn the_first_report_is_full_and_an_unchanged_inspection_makes_none() {
    let mut outbox = outbox(SpoolLimits::default());
    let same = observations(&[(Check::Pause, "a"), (Check::Updates, "b")]);
    assert!(outbox.stage(same.clone(), false, NOW));
    let first = push_all(&mut outbox);
    assert!(first.len() == 1 && first[0].full && first[0].sequence == 1);
    assert!(!outbox.stage(same, false, NOW));
}

#[test]
fn only_changed_checks_are_told_and_each_of_them_whole() {
    let mut outbox = outbox(SpoolLimits::default());
    outbox.stage(
        observations(&[(Check::Pause, "a"), (Check::Updates, "b")]),
        false,
        NOW,
    );
    push_all(&mut outbox);
    outbox.stage(
        observations(&[(Check::Pause, "a2"), (Check::Updates, "b")]),
        false,
        NOW,
    );
    let second = push_all(&mut outbox);
    assert_eq!(
        second[0].observations,
        observations(&[(Check::Pause, "a2")])
    );
    assert!(!second[0].full);
    assert!(outbox.acknowledge(2) && !outbox.acknowledge(2));
    assert_eq!(
        outbox.base().observations,
        observations(&[(Check::Pause, "a2"), (Check::Updates, "b")])
    );
    assert_eq!(outbox.base().acknowledged.unwrap().digest, second[0].digest);
}

#[test]
fn the_digest_is_that_of_everything_known_and_not_of_the_report() {
    let mut one = outbox(SpoolLimits::default());
    one.stage(
        observations(&[(Check::Pause, "x"), (Check::Updates, "b")]),
        false,
        NOW,
    );
    one.stage(observations(&[(Check::Pause, "a")]), false, NOW);
    let mut other = outbox(SpoolLimits::default());
    other.stage(
        observations(&[(Check::Pause, "a"), (Check::Updates, "b")]),
        false,
        NOW,
    );
    assert_eq!(push_all(&mut one)[1].digest, push_all(&mut other)[0].digest);
}

#[test]
fn a_spool_that_would_overflow_is_replaced_by_one_full_report_that_says_what_was_dropped() {
    let limits = SpoolLimits {
        reports: 2,
        ..SpoolLimits::default()
    };
    let mut outbox = outbox(limits);
    for text in ["a", "b"] {
        outbox.stage(
            observations(&[(Check::Pause, text), (Check::Updates, "u")]),
            false,
            NOW,
        );
        push_all(&mut outbox);
    }
    outbox.stage(observations(&[(Check::Pause, "c")]), false, NOW);
    let report = outbox.staged().cloned().unwrap();
    assert!(report.full);
    assert_eq!(report.dropped, Some(Range { first: 1, last: 2 }));
    assert_eq!(
        report.observations,
        observations(&[(Check::Pause, "c"), (Check::Updates, "u")])
    );
    assert_eq!(outbox.pushed(3), Some(2));
    assert_eq!(
        outbox
            .sendable()
            .map(|report| report.sequence)
            .collect::<Vec<_>>(),
        [3]
    );
}

#[test]
fn observations_beyond_one_message_follow_the_full_report() {
    let mut outbox = outbox(SpoolLimits::default());
    let mut large = Observations::new();
    for check in [Check::Pause, Check::Services, Check::Updates] {
        let reading = seen(&"x".repeat(16_000)).readings()[0].clone();
        large.put(
            check,
            Observation {
                taken_at: NOW,
                outcome: Outcome::Seen(vec![reading; 40]),
            },
        );
    }
    outbox.stage(large.clone(), false, NOW);
    let parts = push_all(&mut outbox);
    assert_eq!(
        parts.iter().map(|part| part.full).collect::<Vec<_>>(),
        [true, false, false]
    );
    assert!(parts.iter().all(|part| wire::encode_report(part).is_ok()));
    outbox.acknowledge(3);
    assert_eq!(outbox.base().observations, large);
}

#[test]
fn after_a_gap_in_the_spool_the_useless_rest_is_left_out_and_its_numbers_are_not_used_again() {
    let mut whole = outbox(SpoolLimits::default());
    for text in ["a", "b", "c", "d"] {
        whole.stage(observations(&[(Check::Pause, text)]), false, NOW);
    }
    let mut reports: Vec<Report> = push_all(&mut whole)
        .iter()
        .map(|report| (**report).clone())
        .collect();
    reports.remove(1);
    let mut restored = outbox(SpoolLimits::default());
    assert!(restored.restore(reports));
    assert_eq!((restored.waiting(), restored.newest()), (1, 4));
}
