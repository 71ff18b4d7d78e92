//! `feature-updates-paused` (fact sheet section 1).

use super::feature_upgrade::not_on_servers;
use super::{APPLY_POLICIES_AND_LOOK, device_evidence, not_known, pauses};
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::verdict::{Severity, Verdict};

/// First build that can pause (Windows 10 1511).
const PAUSES_SINCE: u32 = 10586;

/// Feature updates are paused.
pub(super) const ISSUE: Issue = Issue {
    id: "feature-updates-paused",
    title: "Feature updates paused",
    meaning: "The device takes no new Windows release until the pause ends. A pause is made by a user in Settings, by group policy \
              or by device management, and lasts 35 days at most.",
    severity: Severity::Warning,
    groups_by: "who paused and end date",
    fix: &[
        FixStep {
            text: "A pause by a user: resume in Settings > Windows Update > Resume updates.",
            command: None,
        },
        FixStep {
            text: "A pause by group policy: set \"Select when Preview Builds and Feature Updates are received\" without a pause, or \
                   remove the value.",
            command: Some(
                r#"reg delete "HKLM\SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate" /v PauseFeatureUpdatesStartTime /f"#,
            ),
        },
        FixStep {
            text: "A pause by device management: resume the update ring there; the device follows at its next synchronisation.",
            command: None,
        },
        APPLY_POLICIES_AND_LOOK,
    ],
    links: &[Link {
        title: "Configure Windows Update client policies",
        url: "https://learn.microsoft.com/windows/deployment/update/waas-configure-wufb",
    }],
    explains: &["end-of-service"],
    told_by: Teller::Device,
    says_managed_elsewhere: false,
    never: &[],
    decide,
};

/// Where the kind is not known, the device is judged all the same: a pause of feature updates is made on clients.
fn decide(case: &Case<'_>) -> Verdict {
    let windows = case.facts.windows();
    if let Err(verdict) = not_on_servers(case) {
        return verdict;
    }
    if windows.build.is_some_and(|build| build < PAUSES_SINCE) {
        return Verdict::not_applicable("This release of Windows has no pause.")
            .with_evidence(device_evidence(case));
    }
    match &case.facts.pause {
        Ok(facts) => pauses::decide(
            &facts.feature,
            "Feature updates",
            Severity::Warning,
            case.now,
        ),
        Err(why) => not_known(why),
    }
}
