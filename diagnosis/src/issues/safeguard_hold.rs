//! `safeguard-hold` (fact sheet section 2).

use super::feature_upgrade::{Names, fresh_until, old_appraisals, targets, unreadable};
use crate::check::Check;
use crate::facts::safeguard_hold::Target;
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::knowledge::Knowledge;
use crate::observation::EvidenceRef;
use crate::verdict::{Cause, Severity, Verdict};

/// A safeguard hold blocks a feature update.
pub(super) const ISSUE: Issue = Issue {
    id: "safeguard-hold",
    title: "Safeguard hold blocks a feature update",
    meaning: "Microsoft found that a program or driver on this device does not go well with a newer Windows release, and does not \
              offer that release until the program or driver, or Windows, is mended. Monthly updates go on.",
    severity: Severity::Serious,
    groups_by: "hold id and target release",
    fix: &[
        FixStep {
            text: "Look up the hold id among the known issues of the target release; update or remove what it names.",
            command: None,
        },
        FixStep {
            text: "Let the device be appraised again; after Microsoft lifts a hold it may take 48 hours until the offer comes.",
            command: Some(
                r#"schtasks /run /tn "\Microsoft\Windows\Application Experience\Microsoft Compatibility Appraiser""#,
            ),
        },
        FixStep {
            text: "On test devices only, the hold can be passed over; the release may then not work well.",
            command: Some(
                r#"reg add "HKLM\SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate" /v DisableWUfBSafeguards /t REG_DWORD /d 1 /f"#,
            ),
        },
    ],
    links: &[
        Link {
            title: "Safeguard holds for Windows",
            url: "https://learn.microsoft.com/windows/deployment/update/safeguard-holds",
        },
        Link {
            title: "Opt out of safeguard holds",
            url: "https://learn.microsoft.com/windows/deployment/update/safeguard-opt-out",
        },
        Link {
            title: "Windows release health",
            url: "https://learn.microsoft.com/windows/release-health/",
        },
    ],
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
    let held: Vec<&Target> = targets
        .iter()
        .copied()
        .filter(|t| !t.holds.is_empty())
        .collect();
    let old = old_appraisals(&targets, case.now);
    let verdict = if held.is_empty() {
        no_hold(&targets, &old)
    } else {
        let causes: Vec<Cause> = held
            .iter()
            .flat_map(|t| causes(case.knowledge(), t))
            .collect();
        let labels: Vec<&str> = causes.iter().map(|c| c.label.as_str()).collect();
        let labels = labels.join("; ");
        match facts.opt_out {
            Some(_) => Verdict::clear(format!(
                "Holds are turned off by DisableWUfBSafeguards, so these do not block: {labels}.{old}"
            )),
            None => Verdict::open(ISSUE.severity, causes, format!("{labels}.{old}")),
        }
    };
    let shown = if held.is_empty() { &targets } else { &held };
    verdict
        .with_evidence(shown.iter().flat_map(|t| t.evidence.iter().copied()))
        .with_evidence(facts.opt_out)
        .with_evidence(facts.pinned.as_ref().map(|p| p.version.at))
        .with_evidence(facts.key.filter(|_| targets.is_empty()))
        .or_evidence(EvidenceRef::Outcome(Check::SafeguardHold))
        .until(fresh_until(&targets, case.now))
}

fn no_hold(targets: &[&Target], old: &str) -> Verdict {
    if let Some(why) = unreadable(targets) {
        return Verdict::unknown(format!("Whether a hold is set is not known: {why}."));
    }
    if targets.is_empty() {
        return Verdict::clear(
            "The appraiser knows of no release newer than the installed one, and so of no hold.",
        );
    }
    Verdict::clear(format!("No safeguard hold for {}.{old}", Names(targets)))
}

/// One per hold of a target.
fn causes(known: &Knowledge, target: &Target) -> Vec<Cause> {
    let cause = |id: u32| {
        let about = known
            .hold(id)
            .map(|h| format!(" ({})", h.affected))
            .unwrap_or_default();
        Cause::new(
            format!("{id}/{}", target.code),
            format!("Hold {id} for {}{about}", target.release_name()),
        )
    };
    let mut ids: Vec<u32> = target.holds.iter().map(|h| h.value).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter().map(cause).collect()
}
