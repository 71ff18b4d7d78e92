//! The way to the update server.

use crate::check::Check;
use crate::keys;
use crate::lines;
use crate::observation::Outcome;
use crate::reading::Data;
use crate::testing::{Machine, cause_keys};
use crate::verdict::Severity;
use crate::verdict::State::{Clear, NotApplicable, Open, Unknown};

const ISSUE: &str = "update-endpoint-unreachable";

fn text(text: &str) -> Data {
    Data::Text(text.to_owned())
}

pub(super) fn step(parts: &[(&str, &str)]) -> Data {
    lines::data(
        parts
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned())),
    )
}

pub(super) fn told(probed: Data) -> Machine {
    Machine::client()
        .on(Check::UpdateEndpoint)
        .system(keys::UPDATE_ENDPOINT, keys::PROBED, probed)
}

fn went(address: &str, host: &str) -> Machine {
    told(Data::Flag(true))
        .system(keys::UPDATE_ENDPOINT, keys::ENDPOINT_ADDRESS, text(address))
        .system(keys::UPDATE_ENDPOINT, keys::ENDPOINT_HOST, text(host))
        .system(
            keys::UPDATE_ENDPOINT,
            "proxy",
            step(&[("outcome", "ok"), ("found", keys::DIRECT)]),
        )
}

pub(super) fn to_wsus() -> Machine {
    let address = format!("https://wsus.example:8531{}", keys::WSUS_VERSION_FILE);
    went(&address, "wsus.example:8531")
}

pub(super) fn works(machine: Machine, names: &[&str]) -> Machine {
    names.iter().fold(machine, |m, name| {
        m.system(keys::UPDATE_ENDPOINT, name, step(&[("outcome", "ok")]))
    })
}

#[test]
fn a_server_that_refuses_is_open_by_host_and_step_and_shows_every_step() {
    let refused = step(&[("outcome", "failed"), ("code", "10061")]);
    let machine = works(to_wsus(), &["dns"]).system(keys::UPDATE_ENDPOINT, "tcp", refused);
    let verdict = machine.verdict(ISSUE);
    assert_eq!(verdict.state(), Open);
    assert_eq!(verdict.severity(), Some(Severity::Serious));
    assert_eq!(cause_keys(&verdict), ["wsus.example:8531 tcp"]);
    assert_eq!(
        verdict.causes()[0].label,
        "wsus.example:8531: TCP refused (10061)"
    );
    assert_eq!(
        verdict.summary,
        "wsus.example:8531 gives no good answer: no proxy, DNS works, TCP refused (10061), TLS not reached, HTTP not reached."
    );
    let observations = machine.observations();
    let shown: Vec<String> = verdict
        .evidence
        .iter()
        .filter_map(|at| Some(observations.evidence(*at, None)?.name))
        .collect();
    for name in ["proxy", "dns", "tcp", keys::ENDPOINT_ADDRESS] {
        assert!(shown.iter().any(|shown| shown == name), "{name}: {shown:?}");
    }
}

#[test]
fn a_certificate_a_status_and_a_proxy_are_causes_of_their_own() {
    let after_tcp = |name: &str, parts: &[(&str, &str)]| {
        let machine = works(to_wsus(), &["dns", "tcp"]);
        machine
            .system(keys::UPDATE_ENDPOINT, name, step(parts))
            .verdict(ISSUE)
    };
    let root = after_tcp("tls", &[("outcome", "failed"), ("code", "12045")]);
    assert_eq!(cause_keys(&root), ["wsus.example:8531 tls"]);
    let busy = after_tcp("http", &[("outcome", "ok"), ("status", "503")]);
    assert_eq!(cause_keys(&busy), ["wsus.example:8531 http"]);
    assert!(
        busy.summary.contains("HTTP answers with status 503"),
        "{}",
        busy.summary
    );
    let sign_in = after_tcp("http", &[("outcome", "ok"), ("status", "407")]);
    assert_eq!(cause_keys(&sign_in), ["wsus.example:8531 proxy"]);
}

#[test]
fn a_server_that_answers_is_clear() {
    let answered = step(&[("outcome", "ok"), ("status", "200")]);
    let machine = works(to_wsus(), &["dns", "tcp", "tls"]);
    let verdict = machine
        .system(keys::UPDATE_ENDPOINT, "http", answered)
        .verdict(ISSUE);
    assert_eq!(verdict.state(), Clear);
    assert!(!verdict.evidence.is_empty());
    let service = went(keys::WINDOWS_UPDATE_SERVICE, "fe2.update.microsoft.com:443");
    let forbidden = step(&[("outcome", "ok"), ("status", "403")]);
    let verdict = service
        .system(keys::UPDATE_ENDPOINT, "http", forbidden)
        .verdict(ISSUE);
    assert_eq!(verdict.state(), Clear, "{}", verdict.summary);
}

#[test]
fn a_server_that_was_not_probed_is_no_question_and_says_why() {
    let verdict = told(Data::Flag(false))
        .system(
            keys::UPDATE_ENDPOINT,
            keys::PROBE_REASON,
            text("the last scan worked"),
        )
        .verdict(ISSUE);
    assert_eq!(verdict.state(), NotApplicable);
    assert!(
        verdict.summary.contains("the last scan worked"),
        "{}",
        verdict.summary
    );
    assert_eq!(verdict.evidence.len(), 2);
}

#[test]
fn what_could_not_look_or_broke_off_is_unknown() {
    let hangs = told(Data::Unreadable("it hangs".to_owned())).verdict(ISSUE);
    assert_eq!(hangs.state(), Unknown);
    assert!(hangs.summary.contains("it hangs"), "{}", hangs.summary);
    let unrecorded = told(Data::NotRecorded).verdict(ISSUE);
    assert_eq!(unrecorded.state(), Unknown);
    let halfway = works(to_wsus(), &["dns"]).verdict(ISSUE);
    assert_eq!(halfway.state(), Unknown);
    assert!(
        halfway.summary.contains("TCP not reached"),
        "{}",
        halfway.summary
    );
    let failed = Machine::client()
        .outcome(Check::UpdateEndpoint, Outcome::Failed("no".to_owned()))
        .verdict(ISSUE);
    assert_eq!(failed.state(), Unknown);
}
