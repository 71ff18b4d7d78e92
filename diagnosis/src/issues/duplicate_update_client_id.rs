//! `duplicate-update-client-id` (fact sheet section 13).

use super::not_known;
use crate::expectation::{UpdateClass, UpdateSource};
use crate::facts::update_agent::ClientId;
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::verdict::{Cause, Severity, State, Verdict};

/// Several devices call themselves the same before WSUS.
pub(super) const ISSUE: Issue = Issue {
    id: "duplicate-update-client-id",
    title: "Several devices share one update client id",
    meaning: "The machines were cloned from an image that already had an update client id. Before WSUS they are one computer: each \
              overwrites what the others reported, approvals reach them by chance, and most do not show up in its console.",
    severity: Severity::Serious,
    groups_by: "the id",
    fix: &[
        FixStep {
            text: "On each of the devices: stop the update service and remove the id.",
            command: Some(
                r"net stop wuauserv && reg delete HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate /v SusClientId /f && reg delete HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate /v SusClientIdValidation /f",
            ),
        },
        FixStep {
            text: "Start it again and let it make itself known anew.",
            command: Some(
                "net start wuauserv && wuauclt /resetauthorization /detectnow && wuauclt /reportnow",
            ),
        },
        FixStep {
            text: "Prepare the image so that its copies get ids of their own.",
            command: Some("sysprep /generalize /oobe /shutdown"),
        },
    ],
    links: &[Link {
        title: "Troubleshoot issues with WSUS client agents",
        url: "https://learn.microsoft.com/troubleshoot/mem/configmgr/update-management/troubleshoot-issues-with-wsus-client-agents",
    }],
    explains: &["scan-stale"],
    told_by: Teller::Fleet,
    says_managed_elsewhere: false,
    never: &[(State::NotApplicable, "every update agent may have an id")],
    decide,
};

/// Characters of an id that others may see: enough to tell it from others, too few to pass for it.
const SHOWN: usize = 8;

fn decide(case: &Case<'_>) -> Verdict {
    let agent = match &case.facts.update_agent {
        Ok(agent) => agent,
        Err(why) => return not_known(why),
    };
    let id = match &agent.client_id {
        ClientId::Is(id) => id,
        ClientId::None(at) => {
            return Verdict::clear("The update agent has no id yet.").with_evidence([*at]);
        }
        ClientId::Unknown(why) => {
            return Verdict::unknown(format!("The update agent's id is not known: {why}."));
        }
    };
    if !case.fleet.shared_client_ids.contains(&id.value) {
        return Verdict::clear("No other device has this device's update client id.")
            .with_evidence([id.at]);
    }
    let start: String = id.value.chars().take(SHOWN).collect();
    // Windows Update does not mind; WSUS does.
    let on_wsus = case
        .facts
        .scan_source
        .as_ref()
        .is_ok_and(|s| s.of(UpdateClass::Quality).source == UpdateSource::Wsus);
    let severity = if on_wsus {
        Severity::Serious
    } else {
        Severity::Warning
    };
    Verdict::open(
        severity,
        vec![Cause::new(start.clone(), format!("Id {start}…"))],
        "Another device has the same update client id, so one was cloned from the other or both from one image.",
    )
    .with_evidence([id.at])
}
