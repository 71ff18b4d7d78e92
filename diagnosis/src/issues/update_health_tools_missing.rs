//! `update-health-tools-missing` (fact sheet section 4).

use super::{device_evidence, not_known};
use crate::facts::device::EditionClass;
use crate::facts::services::StartType;
use crate::facts::update_health_tools::{ToolsState, UpdateHealthToolsFacts, compare_versions};
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::knowledge::DeviceKind;
use crate::verdict::{Cause, Severity, Verdict};

/// First build that can have the tools (1809).
const SINCE: u32 = 17763;

/// Update Health Tools are missing, outdated or their service is disabled.
pub(super) const ISSUE: Issue = Issue {
    id: "update-health-tools-missing",
    title: "Update Health Tools missing or disabled",
    meaning: "Expedited quality updates need Microsoft Update Health Tools and their service on the device. Without them an \
              expedited update arrives no sooner than an ordinary one.",
    severity: Severity::Warning,
    groups_by: "state and version",
    fix: &[
        FixStep {
            text: "Let KB4023057 come from Windows Update, or install the package from the Microsoft Download Center (id 103324), \
                   the folder of the device's release.",
            command: Some("msiexec /i UpdHealthTools.msi /qn REBOOT=ReallySuppress"),
        },
        FixStep {
            text: "Where only the service is disabled: start it again.",
            command: Some("sc config uhssvc start= delayed-auto && net start uhssvc"),
        },
    ],
    links: &[Link {
        title: "Prerequisites for the deployment service",
        url: "https://learn.microsoft.com/windows/deployment/update/deployment-service-prerequisites",
    }],
    explains: &[],
    told_by: Teller::Device,
    says_managed_elsewhere: true,
    never: &[],
    decide,
};

fn decide(case: &Case<'_>) -> Verdict {
    if let Some(why) = not_wanted(case) {
        return Verdict::not_applicable(why).with_evidence(device_evidence(case));
    }
    let facts = match &case.facts.update_health_tools {
        Ok(facts) => facts,
        Err(why) => return not_known(why),
    };
    let verdict = match &facts.state {
        ToolsState::Present => present(case, facts),
        ToolsState::Absent => absent(case),
        ToolsState::Unknown(why) => Verdict::unknown(format!(
            "Whether Update Health Tools are installed is not known: {why}."
        )),
    };
    verdict.with_evidence(facts.evidence.iter().copied())
}

fn not_wanted(case: &Case<'_>) -> Option<&'static str> {
    let windows = case.facts.windows();
    if !case.expectations.update_health_tools_wanted {
        return Some("Update Health Tools are not expected on this device.");
    }
    if windows.kind == Some(DeviceKind::Server) {
        return Some("Servers get no expedited updates.");
    }
    if windows.build.is_some_and(|build| build < SINCE) {
        return Some("This release of Windows gets no expedited updates.");
    }
    match windows.edition {
        Some(EditionClass::Home) => Some("Home editions get no expedited updates."),
        Some(EditionClass::LongTerm) => {
            Some("Long-term servicing editions get no expedited updates.")
        }
        Some(EditionClass::Server) => Some("Servers get no expedited updates."),
        Some(EditionClass::Business) | None => None,
    }
}

fn present(case: &Case<'_>, facts: &UpdateHealthToolsFacts) -> Verdict {
    let version = facts.version.as_ref().map(|v| v.value.as_str());
    let named = version.unwrap_or("of an unknown version");
    if facts.service == StartType::Disabled {
        return Verdict::open(
            ISSUE.severity,
            vec![Cause::new(
                "service disabled",
                "The service uhssvc is disabled",
            )],
            format!(
                "Update Health Tools {named} are installed, but their service uhssvc is disabled."
            ),
        );
    }
    match (&case.expectations.update_health_tools_minimum, version) {
        (Some(minimum), Some(version)) if compare_versions(version, minimum).is_lt() => {
            Verdict::open(
                ISSUE.severity,
                vec![Cause::new(
                    format!("outdated {version}"),
                    format!("Version {version} is below {minimum}"),
                )],
                format!("Update Health Tools {version} are older than the wanted {minimum}."),
            )
        }
        (Some(minimum), None) => Verdict::unknown(format!(
            "Update Health Tools are installed, but not in the list of programs, so whether they are at least {minimum} is not known."
        )),
        _ => Verdict::clear(format!("Update Health Tools {named} are installed.")),
    }
}

/// Missing is an issue only where the device is known to be one that should have them.
fn absent(case: &Case<'_>) -> Verdict {
    let windows = case.facts.windows();
    if windows.kind.is_none() || windows.build.is_none() || windows.edition.is_none() {
        return Verdict::unknown(
            "Update Health Tools are not installed, but whether this release and edition should have them is not known.",
        )
        .with_evidence(device_evidence(case));
    }
    Verdict::open(
        ISSUE.severity,
        vec![Cause::new("missing", "Not installed")],
        "Update Health Tools are not installed.",
    )
}
