//! `download-failing` (fact sheet sections 10 and 14).

use super::failures::open;
use super::not_known;
use crate::facts::failing::{self, Failing};
use crate::facts::update_events::Channel;
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::keys;
use crate::verdict::{Cause, Severity, State, Verdict};

/// Updates do not download.
pub(super) const ISSUE: Issue = Issue {
    id: "download-failing",
    title: "Updates do not download",
    meaning: "The device found updates and cannot fetch their files. The code says why: a name that does not resolve, a proxy or filter \
              that refuses range requests, a certificate that is not trusted, no room.",
    severity: Severity::Serious,
    groups_by: "error code",
    fix: &[
        FixStep {
            text: "See whether the system's proxy is the right one; the update service downloads as the system, not as a user.",
            command: Some("netsh winhttp show proxy"),
        },
        FixStep {
            text: "Let proxies and filters pass HTTP range requests to the update endpoints without inspection; then drop what hangs in \
                   the queue.",
            command: Some("bitsadmin /reset /allusers"),
        },
        FixStep {
            text: "Where files on disk are damaged: empty the download cache.",
            command: Some(
                r"net stop wuauserv && rd /s /q %windir%\SoftwareDistribution\Download && net start wuauserv",
            ),
        },
    ],
    links: &[Link {
        title: "Windows Update issues troubleshooting",
        url: "https://learn.microsoft.com/troubleshoot/windows-client/installing-updates-features-roles/windows-update-issues-troubleshooting",
    }],
    explains: &["behind-on-quality-updates", "servicing-stack-outdated"],
    told_by: Teller::Device,
    says_managed_elsewhere: false,
    never: &[(State::NotApplicable, "every device downloads its updates")],
    decide,
};

/// Codes that pass by themselves; only when they come again are they an issue.
const PASSING: [&str; 4] = ["0x00248001", "0x8024402D", "0x80244022", "0x80072EE2"];

fn decide(case: &Case<'_>) -> Verdict {
    let events = match &case.facts.update_events {
        Ok(events) => events,
        Err(why) => return not_known(why),
    };
    let all = failing::downloads(events);
    let counts =
        |f: &&Failing| f.counts(case.now) && (f.times > 1 || !PASSING.contains(&f.code.as_str()));
    let failing: Vec<&Failing> = all.iter().filter(counts).collect();
    if failing.is_empty() {
        let passing: Vec<&Failing> = all.iter().filter(|f| f.counts(case.now)).collect();
        return clear(case, events.channel(keys::UPDATE_CHANNEL), &passing)
            .with_evidence(
                events
                    .channel_evidence(keys::UPDATE_CHANNEL)
                    .iter()
                    .copied(),
            )
            .with_evidence(passing.iter().flat_map(|f| f.evidence.iter().copied()));
    }
    open(
        case,
        ISSUE.severity,
        &failing,
        &all,
        "failed to download",
        |f| Cause::new(f.code.clone(), case.in_words(&f.code)),
    )
}

/// Nothing failed but what passes by itself: which says something only where it would have been written down.
fn clear(case: &Case<'_>, channel: &Channel, passing: &[&Failing]) -> Verdict {
    let name = keys::UPDATE_CHANNEL;
    match channel {
        Channel::Read => match passing.first() {
            None => Verdict::clear("No download failed in the last 30 days without working later."),
            Some(failing) => Verdict::clear(format!(
                "{} failed to download once with {}, which passes by itself.",
                failing.name(),
                case.in_words(&failing.code)
            )),
        },
        Channel::Disabled => Verdict::unknown(format!(
            "The event channel {name} is disabled, so failed downloads leave no trace."
        )),
        Channel::Absent => Verdict::unknown(format!("This Windows has no event channel {name}.")),
        Channel::Unreadable(why) => Verdict::unknown(format!(
            "The event channel {name} could not be read: {why}."
        )),
        Channel::NotRecorded => {
            Verdict::unknown(format!("The event channel {name} was not recorded."))
        }
    }
}
