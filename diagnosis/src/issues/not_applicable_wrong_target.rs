//! `not-applicable-wrong-target` (fact sheet section 9).

use super::wanted_update::{Answer, judge};
use crate::explanation::Class;
use crate::facts::DeviceFacts;
use crate::issue::{Case, FixStep, Issue, Teller};
use crate::verdict::{Cause, Severity, Verdict};

/// What is wanted is for other devices.
pub(super) const ISSUE: Issue = Issue {
    id: "not-applicable-wrong-target",
    title: "The wanted update is for other devices",
    meaning: "None of the updates that are wanted of this device is for its release, architecture or edition, or one that is not was \
              tried and refused. Cumulative updates of different releases have different numbers, and the same file prefix serves \
              several releases.",
    severity: Severity::Warning,
    groups_by: "wanted KB and the device's release",
    fix: &[
        FixStep {
            text: "Look the update up on its page here: it shows for which devices it is right and names the right file.",
            command: None,
        },
        FixStep {
            text: "Want the update of each release, or narrow the scope of the wish.",
            command: None,
        },
        FixStep {
            text: "See which Windows the device runs.",
            command: Some("winver"),
        },
    ],
    links: &[super::wanted_update::LINK],
    explains: &["install-failing"],
    told_by: Teller::Device,
    says_managed_elsewhere: false,
    never: &[],
    decide,
};

fn decide(case: &Case<'_>) -> Verdict {
    let release = || {
        let device = case.facts.device.as_ref().ok();
        device
            .and_then(DeviceFacts::release_name)
            .unwrap_or_else(|| "an unknown release".to_owned())
    };
    judge(
        case,
        ISSUE.severity,
        |_| true,
        |answer, all| {
            // Of several that are wanted, one for each release, only one can be the device's.
            let none_fits = || {
                all.iter()
                    .filter(|other| other.is_wanted)
                    .all(Answer::is_elsewhere)
            };
            answer.is_elsewhere() && (answer.is_refused || answer.is_wanted && none_fits())
        },
        |answer| {
            let release = release();
            let reason = match answer.class {
                Some(Class::OtherRelease) => format!("is for {}", answer.is_for),
                _ => "is for another architecture or edition".to_owned(),
            };
            Cause::new(
                format!("{} {release}", answer.kb),
                format!("{} {reason}; the device runs {release}", answer.kb),
            )
        },
        "An update that is asked for is for this device.",
    )
}
