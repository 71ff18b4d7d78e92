//! `pinned-to-old-release` (fact sheet sections 1 and 2).

use super::feature_upgrade::not_on_servers;
use super::lifecycle::end_of;
use super::{APPLY_POLICIES_AND_LOOK, device_evidence, not_known};
use crate::check::Check;
use crate::facts::DeviceFacts;
use crate::facts::safeguard_hold::Pinned;
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::knowledge::Release;
use crate::observation::EvidenceRef;
use crate::verdict::{Cause, Severity, Verdict};

/// First build that the policy can pin (Windows 10 1803).
const PINS_SINCE: u32 = 17134;

/// Policy keeps the device on a release without updates.
pub(super) const ISSUE: Issue = Issue {
    id: "pinned-to-old-release",
    title: "Pinned to a release that is out of service",
    meaning: "The policy \"Select the target Feature Update version\" keeps the device on a release that gets no updates any more, or \
              soon will not. No newer release is offered while it is set, although nothing else may be in the way.",
    severity: Severity::Serious,
    groups_by: "pinned release",
    fix: &[
        FixStep {
            text: "Set the policy to a release that is in service, or remove it in the policy object that sets it.",
            command: Some("gpresult /scope computer /h gpresult.html"),
        },
        FixStep {
            text: "Where no policy object sets it: remove the values.",
            command: Some(
                r#"reg delete "HKLM\SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate" /v TargetReleaseVersionInfo /f"#,
            ),
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

fn decide(case: &Case<'_>) -> Verdict {
    let windows = case.facts.windows();
    if let Err(verdict) = not_on_servers(case) {
        return verdict;
    }
    if windows.build.is_some_and(|build| build < PINS_SINCE) {
        return Verdict::not_applicable("This release of Windows has no such policy.")
            .with_evidence(device_evidence(case));
    }
    let holds = match &case.facts.safeguard_hold {
        Ok(holds) => holds,
        Err(why) => return not_known(why),
    };
    let Some(pinned) = &holds.pinned else {
        if let Some(why) = &holds.pin_unknown {
            return Verdict::unknown(format!(
                "Whether a policy pins a release is not known: {why}."
            ))
            .with_evidence(holds.pin_looked_at.iter().copied());
        }
        return Verdict::clear("No policy pins the device to a release.")
            .with_evidence(holds.pin_looked_at.iter().copied())
            .or_evidence(EvidenceRef::Outcome(Check::SafeguardHold));
    };
    let verdict = match (&case.facts.device, pinned.release.as_deref()) {
        (Err(why), _) => not_known(why),
        (Ok(_), None) => Verdict::unknown(format!(
            "Policy pins the device to {}, which is no release that the table knows, or of which product it is not told.",
            pinned.version.value
        )),
        (Ok(device), Some(release)) => judge(case, pinned, release, device),
    };
    verdict
        .with_evidence([pinned.version.at])
        .with_evidence(device_evidence(case))
}

fn judge(case: &Case<'_>, pinned: &Pinned, release: &Release, device: &DeviceFacts) -> Verdict {
    let name = &*release.name;
    let Some(end) = end_of(release, device) else {
        return Verdict::unknown(format!(
            "Policy pins the device to {name}, of which the table has no end of service for this edition."
        ));
    };
    let day = end.last_day.day();
    let near_at = end
        .over_at()
        .plus_millis(-case.expectations.end_of_service_near_ms);
    if case.now < near_at {
        return Verdict::clear(format!(
            "Policy pins the device to {name}, which gets updates until {day}."
        ))
        .until(Some(near_at));
    }
    let over = case.now >= end.over_at();
    let (severity, when) = if over {
        (Severity::Serious, "got its last update on")
    } else {
        (Severity::Warning, "gets its last update on")
    };
    Verdict::open(
        severity,
        vec![Cause::new(name, format!("Pinned to {name}"))],
        format!(
            "Policy pins the device to {name} (TargetReleaseVersionInfo {}), which {when} {day} ({}).",
            pinned.version.value, end.of
        ),
    )
    .until((!over).then(|| end.over_at()))
}
