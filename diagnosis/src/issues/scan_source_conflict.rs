//! `scan-source-conflict` (fact sheet section 3).

use super::not_known;
use crate::check::Check;
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::observation::EvidenceRef;
use crate::verdict::{Cause, Severity, State, Verdict};

/// Policies about the scan source contradict each other or are malformed.
pub(super) const ISSUE: Issue = Issue {
    id: "scan-source-conflict",
    title: "Policies about the update source contradict each other",
    meaning: "Settings that decide where updates come from do not go together, have no effect on this release or are malformed. \
              The device takes updates from somewhere, but not from where someone who reads the policies would think.",
    severity: Severity::Warning,
    groups_by: "the contradicting values",
    fix: &[
        FixStep {
            text: "See which group policy sets the values that are shown as evidence.",
            command: Some("gpresult /scope computer /h gpresult.html"),
        },
        FixStep {
            text: "Correct it: WUServer, WUStatusServer and UseWUServer go together; with WSUS and deferrals on Windows 11 set the \
                   source of all four classes under \"Specify source service for specific classes of Windows Updates\"; remove \
                   values that a former tool left.",
            command: None,
        },
        FixStep {
            text: "Apply the policies, restart the update service and look for updates.",
            command: Some(
                "gpupdate /force && net stop wuauserv && net start wuauserv && UsoClient StartScan",
            ),
        },
    ],
    links: &[Link {
        title: "Use Windows Update client policies and WSUS together",
        url: "https://learn.microsoft.com/windows/deployment/update/wufb-wsus",
    }],
    explains: &["wrong-scan-source", "scan-stale"],
    told_by: Teller::Device,
    says_managed_elsewhere: false,
    never: &[(
        State::NotApplicable,
        "every Windows takes updates from somewhere by policy or without",
    )],
    decide,
};

fn decide(case: &Case<'_>) -> Verdict {
    let facts = match &case.facts.scan_source {
        Ok(facts) => facts,
        Err(why) => return not_known(why),
    };
    if !facts.contradictions.is_empty() {
        let found = &facts.contradictions;
        let causes = found.iter().map(|c| Cause::new(&c.key, &c.label)).collect();
        let labels: Vec<&str> = found.iter().map(|c| c.label.as_str()).collect();
        let mut evidence: Vec<_> = found.iter().flat_map(|c| c.evidence.clone()).collect();
        let rest: Vec<_> = facts
            .evidence
            .iter()
            .filter(|at| !evidence.contains(at))
            .copied()
            .collect();
        evidence.extend(rest);
        return Verdict::open(ISSUE.severity, causes, format!("{}.", labels.join("; ")))
            .with_evidence(evidence);
    }
    if let Some(why) = &facts.unreadable {
        return Verdict::unknown(format!("The policies could not be read: {why}."));
    }
    if let Some(possible) = facts.possible_contradictions.first() {
        return Verdict::unknown(format!(
            "It depends on the release, which is not known: {}.",
            possible.label
        ))
        .with_evidence(possible.evidence.iter().copied());
    }
    Verdict::clear("The policies about the update source go together.")
        .with_evidence(facts.evidence.iter().copied())
        .or_evidence(EvidenceRef::Outcome(Check::ScanSource))
}
