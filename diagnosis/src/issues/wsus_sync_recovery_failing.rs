//! `wsus-sync-recovery-failing` (fact sheet section 12).

use super::not_known;
use super::scans::Scans;
use crate::expectation::{UpdateClass, UpdateSource};
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::verdict::{Cause, Severity, Verdict};

/// The code of a WSUS server that refuses a client with too many installed updates.
const TOO_MANY: &str = "0x80244007";

/// The WSUS server refuses the list of installed updates.
pub(super) const ISSUE: Issue = Issue {
    id: "wsus-sync-recovery-failing",
    title: "WSUS refuses the list of installed updates",
    meaning: "Scans against WSUS fail with 0x80244007: the device names more installed updates than the server's web service takes in \
              one request. It stays so until the server's limit is raised, for this device and every other one as old.",
    severity: Severity::Serious,
    groups_by: "WSUS server",
    fix: &[
        FixStep {
            text: "On the WSUS server, take over the web service's settings file and let administrators write it.",
            command: Some(
                r#"takeown /f "%ProgramFiles%\Update Services\WebServices\ClientWebService\web.config" && icacls "%ProgramFiles%\Update Services\WebServices\ClientWebService\web.config" /grant administrators:(F)"#,
            ),
        },
        FixStep {
            text: "In that file raise maxInstalledPrerequisites from 400 to 800, then restart the web server.",
            command: Some("iisreset"),
        },
        FixStep {
            text: "On the device, look for updates again.",
            command: Some("UsoClient StartScan"),
        },
    ],
    links: &[Link {
        title: "Windows Server Update Services best practices",
        url: "https://learn.microsoft.com/troubleshoot/mem/configmgr/update-management/windows-server-update-services-best-practices",
    }],
    explains: &["scan-stale"],
    told_by: Teller::Device,
    says_managed_elsewhere: false,
    never: &[],
    decide,
};

fn decide(case: &Case<'_>) -> Verdict {
    let sources = match &case.facts.scan_source {
        Ok(sources) => sources,
        Err(why) => return not_known(why),
    };
    let quality = sources.of(UpdateClass::Quality);
    match quality.source {
        UpdateSource::Wsus => {}
        UpdateSource::Unknown => {
            return Verdict::unknown(format!(
                "Whether the device scans WSUS could not be told: {}.",
                quality.decided_by
            ))
            .with_evidence(sources.evidence.iter().copied());
        }
        UpdateSource::WindowsUpdate | UpdateSource::Blocked => {
            return Verdict::not_applicable("The device does not scan WSUS.")
                .with_evidence(sources.evidence.iter().copied());
        }
    }
    let scans = Scans::of(case);
    match &scans.error {
        Some(failure) if failure.code == TOO_MANY => {
            let server = quality.address.clone().unwrap_or_default();
            Verdict::open(
                ISSUE.severity,
                vec![Cause::new(server.clone(), format!("Refused by {server}"))],
                format!("The last scan of {server} failed with {TOO_MANY}: the server takes no list of installed updates as long as this device's."),
            )
            .with_evidence([failure.evidence])
        }
        Some(failure) => Verdict::clear(format!(
            "The last scan failed with {}, which is another fault.",
            failure.code
        ))
        .with_evidence([failure.evidence]),
        None => match scans.succeeded {
            Some((at, evidence)) => {
                Verdict::clear(format!("The last scan worked on {at}.")).with_evidence([evidence])
            }
            None => Verdict::unknown(match scans.unknown.first() {
                Some(why) => format!("How the last scan ended is not known: {why}."),
                None => "No scan is known of, neither one that worked nor one that failed.".to_owned(),
            })
            .with_evidence(scans.never.iter().copied()),
        },
    }
    .with_evidence(sources.evidence.iter().copied())
}
