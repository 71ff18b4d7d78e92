//! `pending-reboot` (fact sheet section 5).

use super::not_known;
use crate::check::Check;
use crate::facts::PendingRebootFacts;
use crate::facts::pending_reboot::{Pending, Signal};
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::observation::EvidenceRef;
use crate::time::{DAY_MS, Time};
use crate::verdict::{Cause, Severity, State, Verdict};

/// A restart is pending.
pub(super) const ISSUE: Issue = Issue {
    id: "pending-reboot",
    title: "A restart is pending",
    meaning: "Updates are installed in part and wait for a restart. Until then their fixes are not in force, and further updates \
              may not install. File renames at the next start, a domain join and a rename of the machine are no restarts for updates \
              and only noted.",
    severity: Severity::Serious,
    groups_by: "signal",
    fix: &[
        FixStep {
            text: "Restart in the maintenance window.",
            command: Some("shutdown /r /t 0"),
        },
        FixStep {
            text: "Where it comes back after a restart: look for the failing package in the servicing log.",
            command: Some(r"notepad %windir%\Logs\CBS\CBS.log"),
        },
        FixStep {
            text: "As a last resort, from the recovery environment with C: as the system drive: take back what is pending.",
            command: Some(r"DISM /Image:C:\ /Cleanup-Image /RevertPendingActions"),
        },
    ],
    links: &[Link {
        title: "Common Windows Update errors",
        url: "https://learn.microsoft.com/troubleshoot/windows-client/installing-updates-features-roles/common-windows-update-errors",
    }],
    explains: &["install-failing", "behind-on-quality-updates"],
    told_by: Teller::Device,
    says_managed_elsewhere: false,
    never: &[(
        State::NotApplicable,
        "every Windows can have a restart pending",
    )],
    decide,
};

fn decide(case: &Case<'_>) -> Verdict {
    let facts = match &case.facts.pending_reboot {
        Ok(facts) => facts,
        Err(why) => return not_known(why),
    };
    match facts.pending() {
        Pending::Yes => open(case, facts),
        Pending::No => Verdict::clear(nothing(facts))
            .with_evidence(facts.others().flat_map(|s| s.evidence.iter().copied()))
            .with_evidence(facts.looked_at.iter().copied())
            .or_evidence(EvidenceRef::Outcome(Check::PendingReboot)),
        Pending::Unknown => Verdict::unknown(format!(
            "Nothing pending was seen, but {}.",
            facts.why_unknown()
        ))
        .with_evidence(facts.looked_at.iter().copied()),
    }
}

fn open(case: &Case<'_>, facts: &PendingRebootFacts) -> Verdict {
    let since = facts.since();
    let serious_at =
        since.map(|s| s.plus_millis(case.expectations.pending_reboot_serious_after_ms));
    let serious = serious_at.is_some_and(|at| at <= case.now);
    let severity = if serious {
        Severity::Serious
    } else {
        Severity::Warning
    };
    let mut causes: Vec<Cause> = facts.deciding().map(cause).collect();
    causes.sort();
    causes.dedup();
    Verdict::open(severity, causes, summary(facts, since, case.now))
        .with_evidence(facts.deciding().flat_map(|s| s.evidence.iter().copied()))
        .with_evidence(facts.others().flat_map(|s| s.evidence.iter().copied()))
        .until(serious_at.filter(|_| !serious))
}

fn cause(signal: &Signal) -> Cause {
    // One owner may leave several signals, each a group of its own.
    let which = signal.name.replace('-', " ");
    Cause::new(
        signal.name,
        format!("Asked for by {} ({which})", signal.owner),
    )
}

fn summary(facts: &PendingRebootFacts, since: Option<Time>, now: Time) -> String {
    let mut owners: Vec<&str> = facts.deciding().map(|s| s.owner).collect();
    owners.sort_unstable();
    owners.dedup();
    // A moment ahead of now means that a clock is wrong, not that the restart has waited a negative time.
    let waited = since
        .filter(|since| *since <= now)
        .map_or_else(String::new, |since| {
            format!(
                ", since {} ({} days)",
                since.day(),
                now.since(since) / DAY_MS
            )
        });
    let survived = if facts.survived_a_restart() {
        " The device has restarted since, and the signals stayed."
    } else {
        ""
    };
    let planned = facts
        .planned_at
        .filter(|at| *at > now)
        .map_or_else(String::new, |at| format!(" Windows plans it for {at}."));
    format!(
        "A restart is pending, asked for by {}{waited}.{survived}{planned}",
        owners.join(" and ")
    )
}

fn nothing(facts: &PendingRebootFacts) -> String {
    let named = |intro: &str, names: &[&str]| {
        if names.is_empty() {
            String::new()
        } else {
            format!(" {intro}: {}.", names.join(", "))
        }
    };
    let others: Vec<&str> = facts.others().map(|s| s.name).collect();
    format!(
        "No restart is pending for updates.{}{}",
        named("Something else waits for one", &others),
        named("Not recorded, so not looked at", &facts.not_recorded)
    )
}
