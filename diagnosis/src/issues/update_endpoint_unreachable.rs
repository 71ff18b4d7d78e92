//! `update-endpoint-unreachable` (fact sheet section 10).

use super::not_known;
use crate::facts::update_endpoint::{Probe, Way};
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::verdict::{Cause, Severity, Verdict};

/// The update server or service that the device is told to use does not answer it.
pub(super) const ISSUE: Issue = Issue {
    id: "update-endpoint-unreachable",
    title: "The update server does not answer",
    meaning: "The device looks for updates and finds none, and the server that it is told to use, WSUS or Windows Update, gives it \
              no good answer: its name, the network, the proxy, TLS or the server itself is in the way. The collector goes the way \
              only while scans fail or are stale, without credentials, with this machine's own roots and its WinHTTP proxy; a proxy \
              that only a configuration script or a signed-in user knows is not taken.",
    severity: Severity::Serious,
    groups_by: "host and failing step",
    fix: &[
        FixStep {
            text: "On the device: go the same way, with the host and port of the cause.",
            command: Some(
                "Resolve-DnsName wsus.example.com; Test-NetConnection wsus.example.com -Port 8530; \
                 curl.exe -v http://wsus.example.com:8530/ClientWebService/wusserverversion.xml",
            ),
        },
        FixStep {
            text: "DNS: correct the record, or the name in the policy \"Specify intranet Microsoft update service location\"; then \
                   forget what was remembered.",
            command: Some("ipconfig /flushdns"),
        },
        FixStep {
            text: "Proxy: see which one the services use, and set the right one, with the WSUS server among the hosts that are \
                   reached directly. Services cannot sign in: let the proxy pass the update hosts without.",
            command: Some(
                r#"netsh winhttp show proxy && netsh winhttp set proxy proxy-server="proxy.example.com:8080" bypass-list="<local>;wsus.example.com""#,
            ),
        },
        FixStep {
            text: "TCP refused, or HTTP with status 503: on the WSUS server start the web server, WSUS and its application pool.",
            command: Some(
                "Start-Service W3SVC, WsusService; Import-Module WebAdministration; Start-WebAppPool WsusPool",
            ),
        },
        FixStep {
            text: "TCP timed out or blocked: open the port in firewalls on the way and on the device: 8530 or 8531 to WSUS, 443 to \
                   *.update.microsoft.com.",
            command: Some("Test-NetConnection fe2.update.microsoft.com -Port 443"),
        },
        FixStep {
            text: "TLS: set the clock, give the device the root of the server's certificate, renew a certificate that ran out or \
                   is for another name, and leave the update hosts out of TLS inspection.",
            command: Some("w32tm /resync && certutil -addstore -f Root root-ca.cer"),
        },
        FixStep {
            text: "Look for updates again.",
            command: Some("UsoClient StartScan"),
        },
    ],
    links: &[
        Link {
            title: "How the Windows Update client determines which proxy server to use",
            url: "https://learn.microsoft.com/troubleshoot/windows-server/installing-updates-features-roles/windows-update-client-determines-proxy-server-connect",
        },
        Link {
            title: "Windows Update issues troubleshooting",
            url: "https://learn.microsoft.com/troubleshoot/windows-client/installing-updates-features-roles/windows-update-issues-troubleshooting",
        },
    ],
    explains: &["scan-stale", "download-failing"],
    told_by: Teller::Device,
    says_managed_elsewhere: true,
    never: &[],
    decide,
};

fn decide(case: &Case<'_>) -> Verdict {
    let facts = match &case.facts.update_endpoint {
        Ok(facts) => facts,
        Err(why) => return not_known(why),
    };
    let verdict = match &facts.probe {
        Probe::NotMade(why) => {
            Verdict::not_applicable(format!("The update server was not probed: {why}."))
        }
        Probe::Unknown(why) => {
            Verdict::unknown(format!("Whether the update server answers: {why}."))
        }
        Probe::Made(way) => of_way(way),
    };
    verdict.with_evidence(facts.evidence.iter().copied())
}

fn of_way(way: &Way) -> Verdict {
    let (host, told) = (&way.host, way.told());
    if let Some(failed) = way.failed() {
        let cause = Cause::new(
            format!("{host} {}", failed.blamed().name()),
            format!("{host}: {}", failed.told()),
        );
        let summary = format!("{host} gives no good answer: {told}.");
        return Verdict::open(ISSUE.severity, vec![cause], summary);
    }
    if way.leads_there() {
        return Verdict::clear(format!("{host} answers: {told}."));
    }
    Verdict::unknown(format!(
        "The way to {host} was not gone to its end: {told}."
    ))
}
