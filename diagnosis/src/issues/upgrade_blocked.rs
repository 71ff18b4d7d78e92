//! `upgrade-blocked` (fact sheet section 2).

use super::feature_upgrade::{Names, fresh_until, old_appraisals, targets, unreadable};
use crate::check::Check;
use crate::facts::safeguard_hold::Target;
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::observation::EvidenceRef;
use crate::verdict::{Cause, Severity, Verdict};

/// A hardware or software block other than a safeguard hold.
pub(super) const ISSUE: Issue = Issue {
    id: "upgrade-blocked",
    title: "Hardware or software blocks the upgrade",
    meaning: "The compatibility appraiser found something on this device with which a newer Windows release does not install at \
              all, for example a missing TPM or a processor that is not supported. It is no safeguard hold and does not go away by \
              itself.",
    severity: Severity::Serious,
    groups_by: "reason and target release",
    fix: &[
        FixStep {
            text: "Compare the reason with the requirements of the target release: enable TPM and Secure Boot in the firmware, \
                   free memory or disk, remove the program that is named, or replace the device.",
            command: Some("tpmtool getdeviceinformation"),
        },
        FixStep {
            text: "Let the device be appraised again.",
            command: Some(
                r#"schtasks /run /tn "\Microsoft\Windows\Application Experience\Microsoft Compatibility Appraiser""#,
            ),
        },
    ],
    links: &[Link {
        title: "Windows 11 requirements",
        url: "https://learn.microsoft.com/windows/whats-new/windows-11-requirements",
    }],
    explains: &["end-of-service"],
    told_by: Teller::Device,
    says_managed_elsewhere: false,
    never: &[],
    decide,
};

fn decide(case: &Case<'_>) -> Verdict {
    let (facts, targets) = match targets(case) {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    let blocked: Vec<(&Target, Vec<Cause>)> = targets
        .iter()
        .map(|t| (*t, causes(t)))
        .filter(|(_, causes)| !causes.is_empty())
        .collect();
    let old = old_appraisals(&targets, case.now);
    let shown: Vec<&Target> = if blocked.is_empty() {
        targets.clone()
    } else {
        blocked.iter().map(|(t, _)| *t).collect()
    };
    let verdict = if blocked.is_empty() {
        no_block(&targets, &old)
    } else {
        let causes: Vec<Cause> = blocked.into_iter().flat_map(|(_, causes)| causes).collect();
        let labels: Vec<&str> = causes.iter().map(|c| c.label.as_str()).collect();
        let summary = format!("{}.{old}", labels.join("; "));
        Verdict::open(ISSUE.severity, causes, summary)
    };
    verdict
        .with_evidence(shown.iter().flat_map(|t| t.evidence.iter().copied()))
        .with_evidence(facts.pinned.as_ref().map(|p| p.version.at))
        .with_evidence(facts.key.filter(|_| targets.is_empty()))
        .or_evidence(EvidenceRef::Outcome(Check::SafeguardHold))
        .until(fresh_until(&targets, case.now))
}

fn no_block(targets: &[&Target], old: &str) -> Verdict {
    if let Some(why) = unreadable(targets) {
        return Verdict::unknown(format!("Whether something blocks is not known: {why}."));
    }
    if targets.is_empty() {
        return Verdict::clear(
            "The appraiser knows of no release newer than the installed one, and so of no block.",
        );
    }
    Verdict::clear(format!(
        "Nothing on the device blocks {}.{old}",
        Names(targets)
    ))
}

/// One per reason. A red upgrade experience without a reason counts only where no hold explains it.
fn causes(target: &Target) -> Vec<Cause> {
    let release = target.release_name();
    let mut causes: Vec<Cause> = target
        .red
        .iter()
        .map(|reason| {
            let reason = &reason.value;
            Cause::new(
                format!("{reason}/{}", target.code),
                format!("{reason} blocks {release}"),
            )
        })
        .collect();
    if causes.is_empty() && target.holds.is_empty() && target.experience_red.is_some() {
        causes.push(Cause::new(
            format!("UpgEx/{}", target.code),
            format!("The appraiser marks the upgrade to {release} as blocked and gives no reason"),
        ));
    }
    causes
}
