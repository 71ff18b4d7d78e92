//! `quality-updates-paused` (fact sheet section 1).

use super::{APPLY_POLICIES_AND_LOOK, device_evidence, not_known, pauses};
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::verdict::{Severity, Verdict};

/// First build that can pause (Windows 10 1511).
const PAUSES_SINCE: u32 = 10586;

/// Quality updates are paused.
pub(super) const ISSUE: Issue = Issue {
    id: "quality-updates-paused",
    title: "Quality updates paused",
    meaning: "The device takes no monthly updates, security fixes included, until the pause ends. A pause is made by a user in \
              Settings, by group policy or by device management, and lasts 35 days at most; a policy whose date is renewed keeps a \
              device back for ever.",
    severity: Severity::Serious,
    groups_by: "who paused and end date",
    fix: &[
        FixStep {
            text: "A pause by a user: resume in Settings > Windows Update > Resume updates.",
            command: None,
        },
        FixStep {
            text: "A pause by group policy: set \"Select when Quality Updates are received\" without a pause, or remove the value.",
            command: Some(
                r#"reg delete "HKLM\SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate" /v PauseQualityUpdatesStartTime /f"#,
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
    explains: &["behind-on-quality-updates"],
    told_by: Teller::Device,
    says_managed_elsewhere: false,
    never: &[],
    decide,
};

fn decide(case: &Case<'_>) -> Verdict {
    let windows = case.facts.windows();
    if windows.build.is_some_and(|build| build < PAUSES_SINCE) {
        return Verdict::not_applicable("This release of Windows has no pause.")
            .with_evidence(device_evidence(case));
    }
    match &case.facts.pause {
        Ok(facts) => pauses::decide(
            &facts.quality,
            "Quality updates",
            Severity::Serious,
            case.now,
        ),
        Err(why) => not_known(why),
    }
}
