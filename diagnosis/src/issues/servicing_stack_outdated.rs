//! `servicing-stack-outdated` (fact sheet section 7).

use super::{device_evidence, not_known};
use crate::context::Standing;
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::time::DAY_MS;
use crate::verdict::{Cause, Severity, State, Verdict};

/// The servicing stack is far behind what the fleet has seen.
pub(super) const ISSUE: Issue = Issue {
    id: "servicing-stack-outdated",
    title: "Servicing stack outdated",
    meaning: "The program that installs updates is more than 90 days behind the newest that this fleet has seen for the release. Newer \
              updates may refuse to install with it. On releases whose stack comes inside the monthly update it follows that.",
    severity: Severity::Warning,
    groups_by: "version of the servicing stack",
    fix: &[
        FixStep {
            text: "Where the stack comes by itself (Windows 10 1607, Windows Server 2016, Windows 8.1 and older): install the newest \
                   stack update of the release from WSUS or the catalogue. It needs no restart.",
            command: Some("wusa windows-stack-update.msu /quiet /norestart"),
        },
        FixStep {
            text: "Elsewhere: install the newest cumulative update, which brings its stack.",
            command: Some("UsoClient StartScan"),
        },
    ],
    links: &[Link {
        title: "Servicing stack updates",
        url: "https://learn.microsoft.com/windows/deployment/update/servicing-stack-updates",
    }],
    explains: &["install-failing"],
    told_by: Teller::Fleet,
    says_managed_elsewhere: false,
    never: &[(State::NotApplicable, "every Windows has a servicing stack")],
    decide,
};

/// How far behind it may be, in days.
const BEHIND_DAYS: i64 = 90;

fn decide(case: &Case<'_>) -> Verdict {
    let stack = match &case.facts.servicing_stack {
        Ok(stack) => stack,
        Err(why) => return not_known(why),
    };
    let windows = case.facts.windows();
    let (Some((_, revision)), Some(version), Some(kind), Some(build)) =
        (stack.build, &stack.version, windows.kind, windows.build)
    else {
        return Verdict::unknown(
            "The stack's version, or the release that it is compared within, is not known.",
        )
        .with_evidence(stack.evidence.iter().copied())
        .with_evidence(device_evidence(case));
    };
    let verdict = match case.fleet.stacks.standing(kind, build, revision) {
        Standing::NoBaseline => Verdict::unknown(
            "Fewer than five devices of this release have told the version of their servicing stack.",
        ),
        Standing::Behind { newest, since } => {
            let late_at = since.plus_days(BEHIND_DAYS);
            let newer = format!(
                "revision {} has been in the fleet since {}",
                newest.revision,
                newest.since.day()
            );
            if case.now >= late_at {
                Verdict::open(
                    ISSUE.severity,
                    vec![Cause::new(
                        version.clone(),
                        format!("Servicing stack {version}"),
                    )],
                    format!(
                        "Servicing stack {version} is {} days behind; {newer}.",
                        case.now.since(since) / DAY_MS
                    ),
                )
            } else {
                Verdict::clear(format!(
                    "Servicing stack {version} is less than {BEHIND_DAYS} days behind; {newer}."
                ))
                .until(Some(late_at))
            }
        }
        Standing::Newest(newest) => {
            let stale_at = newest.fresh_until().plus_days(BEHIND_DAYS);
            if case.now >= stale_at {
                Verdict::unknown(format!(
                    "Servicing stack {version} is the newest that the fleet has seen, but that was on {}: nothing newer may have \
                     reached the fleet at all.",
                    newest.since.day()
                ))
            } else {
                Verdict::clear(format!(
                    "Servicing stack {version} is the newest that the fleet has seen for this release."
                ))
                .until(Some(stale_at))
            }
        }
    };
    verdict
        .with_evidence(stack.evidence.iter().copied())
        .with_evidence(device_evidence(case))
}
