//! `not-applicable-installed` (fact sheet section 9).

use super::wanted_update::judge;
use crate::explanation::Class;
use crate::issue::{Case, FixStep, Issue, Teller};
use crate::verdict::{Cause, Severity, Verdict};

/// Somebody tries to install what is installed.
pub(super) const ISSUE: Issue = Issue {
    id: "not-applicable-installed",
    title: "Refused: the update is installed already",
    meaning: "An update was refused as not applicable because the device has it. Whoever sent it there counts a failure that is none: a \
              script or a deployment tool goes by its own list instead of the build that the device runs.",
    severity: Severity::Warning,
    groups_by: "wanted KB",
    fix: &[
        FixStep {
            text: "Take the device out of whatever keeps sending the update, or let that look at the build first.",
            command: Some("cmd /c ver"),
        },
        FixStep {
            text: "Where only the list of packages is doubted, read it.",
            command: Some("DISM /Online /Get-Packages /Format:Table"),
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
        |answer, _| answer.class == Some(Class::Installed),
        |answer| Cause::new(answer.kb.to_string(), format!("{} is installed", answer.kb)),
        "No update was refused because it is installed already.",
    )
}
