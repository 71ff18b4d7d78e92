//! `prerequisite-missing` (fact sheet section 9).

use super::wanted_update::judge;
use crate::explanation::Class;
use crate::issue::{Case, FixStep, Issue, Teller};
use crate::verdict::{Cause, Severity, Verdict};

/// Something must be installed before what is wanted.
pub(super) const ISSUE: Issue = Issue {
    id: "prerequisite-missing",
    title: "A prerequisite of the wanted update is missing",
    meaning: "The wanted update is for this device and cannot be installed, because another one must be there first: a servicing stack, \
              a service pack, the update that all later ones of an old release rest on. Windows says no more than that the update is not \
              applicable.",
    severity: Severity::Serious,
    groups_by: "missing KB",
    fix: &[
        FixStep {
            text: "Install the missing update from the catalogue, then look for updates.",
            command: Some("wusa windows-update-file.msu /quiet /norestart"),
        },
        FixStep {
            text: "On Windows 8.1 and Server 2012 R2 see what of the chain is there.",
            command: Some("powershell Get-HotFix KB3173424,KB2919355,KB2919442"),
        },
    ],
    links: &[super::wanted_update::LINK],
    explains: &["install-failing", "behind-on-quality-updates"],
    told_by: Teller::Device,
    says_managed_elsewhere: false,
    never: &[],
    decide,
};

fn decide(case: &Case<'_>) -> Verdict {
    judge(
        case,
        ISSUE.severity,
        |_| true,
        |answer, _| answer.class == Some(Class::PrerequisiteMissing),
        |answer| {
            let missing = answer.other.as_deref().unwrap_or("a prerequisite");
            Cause::new(missing, format!("{missing} is missing for {}", answer.kb))
        },
        "No prerequisite of an update that is asked for is missing.",
    )
}
