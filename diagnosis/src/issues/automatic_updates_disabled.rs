//! `automatic-updates-disabled` (fact sheet section 3).

use super::{APPLY_POLICIES_AND_LOOK, not_known};
use crate::check::Check;
use crate::facts::automatic_updates::AutomaticUpdates;
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::observation::EvidenceRef;
use crate::verdict::{Cause, Severity, State, Verdict};

/// Automatic updates are turned off by policy.
pub(super) const ISSUE: Issue = Issue {
    id: "automatic-updates-disabled",
    title: "Automatic updates turned off by policy",
    meaning: "A policy turns automatic updates off, or holds a value that Windows does not know. The device looks for updates only \
              when someone asks it to.",
    severity: Severity::Serious,
    groups_by: "deciding value",
    fix: &[
        FixStep {
            text: "Set the policy \"Configure Automatic Updates\" to enabled with an option from 2 to 5 (7 on servers), or to not \
                   configured. By hand, where no policy owns the values:",
            command: Some(
                r#"reg delete "HKLM\SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate\AU" /v NoAutoUpdate /f"#,
            ),
        },
        FixStep {
            text: "The same for an option that Windows does not know.",
            command: Some(
                r#"reg delete "HKLM\SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate\AU" /v AUOptions /f"#,
            ),
        },
        APPLY_POLICIES_AND_LOOK,
    ],
    links: &[Link {
        title: "Manage additional Windows Update settings",
        url: "https://learn.microsoft.com/windows/deployment/update/waas-wu-settings",
    }],
    explains: &[
        "scan-stale",
        "update-health-tools-missing",
        "behind-on-quality-updates",
    ],
    told_by: Teller::Device,
    says_managed_elsewhere: true,
    never: &[(State::NotApplicable, "every Windows reads these policies")],
    decide,
};

fn decide(case: &Case<'_>) -> Verdict {
    let facts = match &case.facts.automatic_updates {
        Ok(facts) => facts,
        Err(why) => return not_known(why),
    };
    let verdict = match &facts.state {
        AutomaticUpdates::Enabled => Verdict::clear("No policy turns automatic updates off."),
        AutomaticUpdates::Disabled { by, intended, .. } => {
            let summary = if *intended {
                format!("Automatic updates are turned off by {by}.")
            } else {
                format!("Automatic updates are off, because {by} is no value that Windows knows.")
            };
            Verdict::open(ISSUE.severity, vec![Cause::new(by, by)], summary)
        }
        AutomaticUpdates::Unknown(why) => Verdict::unknown(format!(
            "Whether policy turns automatic updates off is not known: {why}."
        )),
    };
    let deciding = match &facts.state {
        AutomaticUpdates::Disabled { at, .. } => Some(*at),
        _ => None,
    };
    verdict
        .with_evidence(deciding)
        .with_evidence(
            facts
                .evidence
                .iter()
                .copied()
                .filter(|at| Some(*at) != deciding),
        )
        .or_evidence(EvidenceRef::Outcome(Check::AutomaticUpdates))
}
