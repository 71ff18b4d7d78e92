//! `checks-failing`.

use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::observation::EvidenceRef;
use crate::verdict::{Cause, Severity, State, Verdict};

/// Checks fail on the device.
pub(super) const ISSUE: Issue = Issue {
    id: "checks-failing",
    title: "Checks fail on this device",
    meaning: "The collector tried to look at something that is there and could not: access was denied, the update agent did not answer in \
              time, a check ended the collector. What rests on it is unknown, not healthy.",
    severity: Severity::Warning,
    groups_by: "check and reason",
    fix: &[
        FixStep {
            text: "Let the collector say on the spot what it can read.",
            command: Some(r#""%ProgramFiles%\Sickbay\Collector\sickbay-collector.exe" inspect"#),
        },
        FixStep {
            text: "Where the update agent does not answer: restart its service.",
            command: Some("net stop wuauserv && net start wuauserv"),
        },
    ],
    links: &[Link {
        title: "Windows Update issues troubleshooting",
        url: "https://learn.microsoft.com/troubleshoot/windows-client/installing-updates-features-roles/windows-update-issues-troubleshooting",
    }],
    explains: &[],
    told_by: Teller::Device,
    says_managed_elsewhere: false,
    never: &[(State::NotApplicable, "every device is checked")],
    decide,
};

/// Longest reason in a cause, in characters: causes group, summaries tell.
const REASON_CHARS: usize = 80;

fn decide(case: &Case<'_>) -> Verdict {
    let facts = case.facts;
    if facts.reported.is_empty() {
        return Verdict::unknown("No check has reported.");
    }
    if facts.failed.is_empty() {
        return Verdict::clear(format!("None of {} checks failed.", facts.reported.len()))
            .with_evidence(
                facts
                    .reported
                    .iter()
                    .map(|check| EvidenceRef::Outcome(*check)),
            );
    }
    let causes = facts.failed.iter().map(|(check, reason)| {
        let short: String = reason.chars().take(REASON_CHARS).collect();
        Cause::new(
            format!("{check}: {short}"),
            format!("Check {check}: {short}"),
        )
    });
    let sentences: Vec<String> = facts
        .failed
        .iter()
        .map(|(check, reason)| format!("check {check} failed: {reason}"))
        .collect();
    Verdict::open(
        ISSUE.severity,
        causes.collect(),
        format!("{}.", sentences.join("; ")),
    )
    .with_evidence(
        facts
            .failed
            .iter()
            .map(|(check, _)| EvidenceRef::Outcome(*check)),
    )
}
