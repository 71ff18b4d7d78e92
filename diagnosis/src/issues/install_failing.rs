//! `install-failing` (fact sheet section 14).

use super::failures::{next_end, open};
use super::not_known;
use crate::facts::failing::Failing;
use crate::facts::update_events::Channel;
use crate::facts::update_history::Told;
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::keys;
use crate::verdict::{Cause, Severity, State, Verdict};

/// The same update fails again and again.
pub(super) const ISSUE: Issue = Issue {
    id: "install-failing",
    title: "The same update fails again and again",
    meaning: "An update is offered, downloaded and tried, and does not install; Windows tries it again at every chance and fails the same \
              way. The code says what stands in the way: a damaged store, too little room, a file in use, a prerequisite that is missing.",
    severity: Severity::Serious,
    groups_by: "error code and KB",
    fix: &[
        FixStep {
            text: "Read what servicing says of the failing package.",
            command: Some(r#"findstr /c:"Error" %windir%\Logs\CBS\CBS.log"#),
        },
        FixStep {
            text: "Where the store is damaged: repair it, then look again.",
            command: Some("DISM /Online /Cleanup-Image /RestoreHealth"),
        },
        FixStep {
            text: "Install the update by hand from the catalogue, which shows the error at once.",
            command: Some("wusa windows-update-file.msu /quiet /norestart /log:wusa.evtx"),
        },
    ],
    links: &[
        Link {
            title: "Common Windows Update errors",
            url: "https://learn.microsoft.com/troubleshoot/windows-client/installing-updates-features-roles/common-windows-update-errors",
        },
        Link {
            title: "Fix Windows Update errors",
            url: "https://learn.microsoft.com/troubleshoot/windows-server/installing-updates-features-roles/fix-windows-update-errors",
        },
    ],
    explains: &["behind-on-quality-updates"],
    told_by: Teller::Device,
    says_managed_elsewhere: false,
    never: &[(State::NotApplicable, "every device installs updates")],
    decide,
};

fn decide(case: &Case<'_>) -> Verdict {
    if let (Err(why), Err(_)) = (&case.facts.update_events, &case.facts.update_history) {
        return not_known(why);
    }
    let all = case.facts.failing_installs.as_slice();
    let enough = case.expectations.install_failures as usize;
    let failing: Vec<&Failing> = all
        .iter()
        .filter(|f| f.counts(case.now) && f.times >= enough)
        .collect();
    if failing.is_empty() {
        return nothing(case, all);
    }
    open(case, ISSUE.severity, &failing, all, "failed", |failing| {
        cause(case, failing)
    })
}

fn cause(case: &Case<'_>, failing: &Failing) -> Cause {
    let kb = failing.kb();
    Cause::new(
        format!("{} {kb}", failing.code),
        format!("{kb}: {}", case.in_words(&failing.code)),
    )
}

/// Few failures or none: clear where a source that would know was read. An emptied memory says nothing, the event log does.
fn nothing(case: &Case<'_>, all: &[Failing]) -> Verdict {
    let log = case
        .facts
        .update_events
        .as_ref()
        .ok()
        .filter(|events| *events.channel(keys::SYSTEM_CHANNEL) == Channel::Read);
    let memory = case
        .facts
        .update_history
        .as_ref()
        .ok()
        .filter(|h| h.history == Told::Whole && h.total.is_some_and(|total| total > 0));
    if log.is_none() && memory.is_none() {
        return Verdict::unknown(
            "Neither the event log nor the update agent's memory could tell whether updates failed.",
        );
    }
    let few = match all.iter().filter(|f| f.counts(case.now)).count() {
        0 => "No update failed in the last 30 days without installing later.".to_owned(),
        n => format!(
            "{n} failed of late, none {} times in a row.",
            case.expectations.install_failures
        ),
    };
    let log = log.map(|events| {
        events
            .channel_evidence(keys::SYSTEM_CHANNEL)
            .iter()
            .copied()
    });
    let memory = memory.map(|h| h.read.iter().copied());
    Verdict::clear(few)
        .with_evidence(log.into_iter().flatten())
        .with_evidence(memory.into_iter().flatten())
        .until(next_end(all, case.now))
}
