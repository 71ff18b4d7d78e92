//! `not-applicable-superseded` (fact sheet section 9).

use super::wanted_update::judge;
use crate::explanation::Class;
use crate::issue::{Case, FixStep, Issue, Teller};
use crate::verdict::{Cause, Severity, Verdict};

/// Somebody tries to install what a later update replaced.
pub(super) const ISSUE: Issue = Issue {
    id: "not-applicable-superseded",
    title: "Refused: a later update has replaced it",
    meaning: "An update was refused as not applicable because a later one brought all of it. The device lacks nothing; what sends the \
              old update is out of date.",
    severity: Severity::Warning,
    groups_by: "wanted KB and the one that replaced it",
    fix: &[
        FixStep {
            text: "Send the newest update of the release instead, or take the device out of the deployment.",
            command: None,
        },
        FixStep {
            text: "On a WSUS server, decline superseded updates.",
            command: Some(
                "Invoke-WsusServerCleanup -DeclineSupersededUpdates -DeclineExpiredUpdates",
            ),
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
    judge(
        case,
        ISSUE.severity,
        |answer| answer.is_refused,
        |answer, _| answer.class == Some(Class::Superseded),
        |answer| {
            let by = answer.other.as_deref().unwrap_or("a later update");
            Cause::new(
                format!("{} {by}", answer.kb),
                format!("{}, replaced by {by}", answer.kb),
            )
        },
        "No update was refused because a later one has replaced it.",
    )
}
