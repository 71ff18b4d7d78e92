//! `wsus-without-tls` (fact sheet section 3).

use super::not_known;
use crate::facts::scan_source::{Wsus, WsusAddress};
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::observation::EvidenceRef;
use crate::verdict::{Cause, Severity, Verdict};

/// The WSUS address is plain HTTP.
pub(super) const ISSUE: Issue = Issue {
    id: "wsus-without-tls",
    title: "WSUS without TLS",
    meaning: "The device speaks with its WSUS server over plain HTTP. Whoever is on the path can read what it lacks and feed it \
              updates of their choice.",
    severity: Severity::Warning,
    groups_by: "WSUS address",
    fix: &[
        FixStep {
            text: "On the WSUS server: bind a certificate that the devices trust to port 8531 of the WSUS Administration site, \
                   require SSL for the virtual directories ApiRemoting30, ClientWebService, DssAuthWebService, ServerSyncWebService and \
                   SimpleAuthWebService, then tell WSUS the name in the certificate.",
            command: Some(
                r#""%ProgramFiles%\Update Services\Tools\wsusutil.exe" configuressl wsus.example.com"#,
            ),
        },
        FixStep {
            text: "In the policy \"Specify intranet Microsoft update service location\" write both addresses with https and port 8531; \
                   apply it.",
            command: Some("gpupdate /force"),
        },
    ],
    links: &[Link {
        title: "Configure WSUS: secure WSUS with TLS",
        url: "https://learn.microsoft.com/windows-server/administration/windows-server-update-services/deploy/2-configure-wsus",
    }],
    explains: &[],
    told_by: Teller::Device,
    says_managed_elsewhere: false,
    never: &[],
    decide,
};

fn decide(case: &Case<'_>) -> Verdict {
    let facts = match &case.facts.scan_source {
        Ok(facts) => facts,
        Err(why) => return not_known(why),
    };
    let verdict = match (&facts.unreadable, &facts.wsus) {
        (Some(why), _) => Verdict::unknown(format!("The policies could not be read: {why}.")),
        (None, Wsus::Unset) => Verdict::not_applicable("The device uses no WSUS server."),
        (None, Wsus::WithoutServer) => {
            Verdict::unknown("Policy says to use a WSUS server, but names none.")
        }
        (None, Wsus::InUse { server, .. }) => of_server(server, facts.wsus_address.as_ref()),
    };
    let deciding: &[EvidenceRef] = match &facts.wsus {
        Wsus::InUse { at, .. } => at,
        Wsus::Unset | Wsus::WithoutServer => &facts.evidence,
    };
    verdict.with_evidence(deciding.iter().copied())
}

fn of_server(server: &str, address: Option<&WsusAddress>) -> Verdict {
    match address {
        Some(address) if address.is_tls() => {
            Verdict::clear(format!("The WSUS address {address} uses TLS."))
        }
        Some(address) => Verdict::open(
            ISSUE.severity,
            vec![Cause::new(address.to_string(), format!("WSUS {address}"))],
            format!("The WSUS address {address} is plain HTTP."),
        ),
        None => Verdict::unknown(format!(
            "The WSUS address {server:?} is no URL, so its transport is not known."
        )),
    }
}
