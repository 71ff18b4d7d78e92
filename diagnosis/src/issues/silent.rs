//! `silent`.

use crate::context::{Sighted, Sighting};
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::observation::EvidenceRef;
use crate::time::{DAY_MS, Time};
use crate::verdict::{Cause, Severity, State, Verdict};

/// Its public id.
pub const ID: &str = "silent";

/// The collector has not been heard of for too long.
pub(super) const ISSUE: Issue = Issue {
    id: ID,
    title: "Not heard of for too long",
    meaning: "The collector has not been heard of within the expected time. The device may be switched off, gone or unable to reach the \
              server; what is shown of it are its last words, which say nothing of today.",
    severity: Severity::Serious,
    groups_by: "how long, and whether it ever reported",
    fix: &[
        FixStep {
            text: "See whether the machine is there at all, and whether the collector runs on it.",
            command: Some(r"sc \\HOST query sickbay-collector"),
        },
        FixStep {
            text: "On the machine: let the collector say why it does not report.",
            command: Some(r#""%ProgramFiles%\Sickbay\Collector\sickbay-collector.exe" self-test"#),
        },
        FixStep {
            text: "Where the machine is gone for good: retire it, so that it counts no more.",
            command: Some("sickbay-server device retire DEVICE"),
        },
    ],
    links: &[Link {
        title: "sc.exe query",
        url: "https://learn.microsoft.com/windows-server/administration/windows-commands/sc-query",
    }],
    // What was not heard of since then did not come to pass as far as anybody knows: it is old word, not a fault of its own.
    explains: &["scan-stale", "behind-on-quality-updates"],
    told_by: Teller::Server,
    says_managed_elsewhere: false,
    never: &[
        (State::NotApplicable, "every device is expected to report"),
        (
            State::Unknown,
            "it is asked by a server alone, which knows when it last heard of a device",
        ),
    ],
    decide,
};

/// Upper edges of the bands with their names, in days.
const BANDS: [(i64, &str); 3] = [
    (30, "up to 30 days"),
    (90, "30 to 90 days"),
    (365, "90 days to a year"),
];
const LONGEST: &str = "more than a year";
/// Silent for this long it is serious, in days.
const SERIOUS_DAYS: i64 = 30;

fn decide(case: &Case<'_>) -> Verdict {
    let Some(sighting) = case.sighting else {
        return Verdict::unknown("No server has seen the device.");
    };
    let last = last_word(sighting);
    let silent_at = last.plus_millis(case.expectations.silent_after_ms);
    if case.now < silent_at {
        return Verdict::clear(format!("Last heard of on {last}."))
            .with_evidence(evidence(sighting))
            .until(Some(silent_at));
    }
    let days = case.now.since(last) / DAY_MS;
    let edge = BANDS.into_iter().find(|(edge, _)| days < *edge);
    let band = edge.map_or(LONGEST, |(_, name)| name);
    let (key, label, told) = if sighting.reported {
        (
            band.to_owned(),
            format!("Silent for {band}"),
            format!("Last heard of on {}, {days} days ago.", last.day()),
        )
    } else {
        (
            format!("never reported, {band}"),
            format!("Never reported, silent for {band}"),
            format!(
                "Enrolled and never reported; last heard of on {}, {days} days ago.",
                last.day()
            ),
        )
    };
    let serious_at = last.plus_days(SERIOUS_DAYS).max(silent_at);
    let severity = if case.now >= last.plus_days(SERIOUS_DAYS) {
        Severity::Serious
    } else {
        Severity::Warning
    };
    Verdict::open(severity, vec![Cause::new(key, label)], told)
        .with_evidence(evidence(sighting))
        .until(Some(serious_at).filter(|at| *at > case.now))
        .until(edge.map(|(edge, _)| last.plus_days(edge)))
}

/// What was seen of it: a device that was never heard of has no last word to show.
fn evidence(sighting: &Sighting) -> impl Iterator<Item = EvidenceRef> {
    let last_seen = sighting.last_seen_at.map(|_| Sighted::LastSeenAt);
    last_seen
        .into_iter()
        .chain([Sighted::EnrolledAt])
        .map(EvidenceRef::Sighted)
}

/// A device that was never heard of since it was enrolled was heard of then.
fn last_word(sighting: &Sighting) -> Time {
    sighting
        .last_seen_at
        .map_or(sighting.enrolled_at, |seen| seen.max(sighting.enrolled_at))
}
