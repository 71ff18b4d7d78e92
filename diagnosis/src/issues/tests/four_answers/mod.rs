//! Every issue with each of the four answers, by enumeration: one machine as it occurs for each answer that a rule can give.
//!
//! The table is whole or the tests fail: an issue of [`ALL`] without a case for an answer that stands not in its `never` is named.

mod holding_back;
mod installing;
mod looking;
mod secure_boot;
mod standing;
mod wanted;

use std::collections::BTreeSet;

use super::properties::{assert_steady, ordinary_client};
use crate::check::Check;
use crate::context::Sighting;
use crate::expectation::Expectations;
use crate::issues::ALL;
use crate::testing::{Machine, cause_keys, healthy_sighting, now};
use crate::verdict::{Severity, State};

/// An issue, a machine, and what is to be said of it.
pub(super) struct Told {
    pub(super) issue: &'static str,
    pub(super) machine: Machine,
    answer: Answer,
    /// Part of the summary that only this case can have.
    says: &'static str,
}

enum Answer {
    Open(Severity, &'static [&'static str]),
    Clear,
    Unknown,
    NotApplicable,
}

impl Told {
    pub(super) const fn state(&self) -> State {
        match self.answer {
            Answer::Open(..) => State::Open,
            Answer::Clear => State::Clear,
            Answer::Unknown => State::Unknown,
            Answer::NotApplicable => State::NotApplicable,
        }
    }
}

/// The whole table.
pub(super) fn table() -> Vec<Told> {
    [
        looking::cases(),
        holding_back::cases(),
        installing::cases(),
        secure_boot::cases(),
        standing::cases(),
        wanted::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn told(issue: &'static str, answer: Answer, says: &'static str, machine: Machine) -> Told {
    Told {
        issue,
        machine,
        answer,
        says,
    }
}

fn open(
    issue: &'static str,
    severity: Severity,
    causes: &'static [&'static str],
    says: &'static str,
    machine: Machine,
) -> Told {
    told(issue, Answer::Open(severity, causes), says, machine)
}

fn clear(issue: &'static str, says: &'static str, machine: Machine) -> Told {
    told(issue, Answer::Clear, says, machine)
}

fn unknown(issue: &'static str, says: &'static str, machine: Machine) -> Told {
    told(issue, Answer::Unknown, says, machine)
}

fn not_applicable(issue: &'static str, says: &'static str, machine: Machine) -> Told {
    told(issue, Answer::NotApplicable, says, machine)
}

/// The ordinary client, but of this check nothing is written down yet.
fn but(check: Check) -> Machine {
    ordinary_client().without(check).on(check)
}

fn wanting(change: impl FnOnce(&mut Expectations)) -> Expectations {
    let mut expectations = Expectations::default();
    change(&mut expectations);
    expectations
}

fn sighted(change: impl FnOnce(&mut Sighting)) -> Sighting {
    let mut sighting = healthy_sighting(now());
    change(&mut sighting);
    sighting
}

#[test]
fn every_case_gets_the_answer_that_it_stands_for() {
    for case in table() {
        let issue = crate::issues::get(case.issue).expect("cases name issues");
        let verdict = case.machine.verdict(case.issue);
        let name = format!("{} {}: {}", case.issue, case.says, verdict.summary);
        assert_eq!(verdict.state(), case.state(), "{name}");
        assert!(verdict.summary.contains(case.says), "{name}");
        assert!(verdict.summary.ends_with('.'), "{name}");
        assert!(verdict.summary.len() >= 20, "{name}");
        if let Answer::Open(severity, causes) = case.answer {
            assert_eq!(verdict.severity(), Some(severity), "{name}");
            assert!(severity <= issue.severity, "{name}");
            assert_eq!(cause_keys(&verdict), causes, "{name}");
            assert!(
                verdict.causes().iter().all(|c| !c.label.is_empty()),
                "{name}"
            );
        }
        let rests_on_something = matches!(verdict.state(), State::Open | State::Clear);
        assert!(
            !rests_on_something || !verdict.evidence.is_empty(),
            "{name} rests on nothing"
        );
        let observations = case.machine.observations();
        let sighting = case.machine.sighting_at(now());
        for at in &verdict.evidence {
            assert!(
                observations.evidence(*at, Some(&sighting)).is_some(),
                "{name}: {at:?} leads nowhere"
            );
        }
    }
}

#[test]
fn no_issue_lacks_a_case_for_an_answer_that_it_can_give() {
    let told: BTreeSet<(&str, State)> = table().iter().map(|c| (c.issue, c.state())).collect();
    let mut wrong = Vec::new();
    for issue in ALL {
        for state in [
            State::Open,
            State::Clear,
            State::Unknown,
            State::NotApplicable,
        ] {
            let has_case = told.contains(&(issue.id, state));
            let never = issue.never.iter().any(|(s, _)| *s == state);
            match (has_case, never) {
                (false, false) => wrong.push(format!("{} lacks {}", issue.id, state.name())),
                (true, true) => wrong.push(format!(
                    "{} says that it never is {}, and a case says that it is",
                    issue.id,
                    state.name()
                )),
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("; "));
}

#[test]
fn what_an_issue_never_answers_has_a_reason_and_is_named_once() {
    for issue in ALL {
        let states: BTreeSet<State> = issue.never.iter().map(|(s, _)| *s).collect();
        assert_eq!(states.len(), issue.never.len(), "{}", issue.id);
        // Machines that were never enrolled are no devices that a rule is asked about; see `never_enrolled::of_listed`.
        assert!(
            !states.contains(&State::Open) || issue.id == crate::issues::never_enrolled::ID,
            "{} is no issue",
            issue.id
        );
        for (_, reason) in issue.never {
            assert!(
                reason.split(' ').count() >= 4 && !reason.ends_with('.'),
                "{}: {reason:?} is no reason",
                issue.id
            );
        }
    }
}

#[test]
fn no_answer_of_a_case_changes_before_it_says_so() {
    for case in table() {
        assert_steady(&case.machine, now());
    }
}
