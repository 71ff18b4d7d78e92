use super::*;
use crate::check::Check;
use crate::testing::Machine;

const WSUS: &str = "http://wsus.example:8530/ClientWebService/wusserverversion.xml";

fn step(outcome: &str, more: &[(&str, &str)]) -> Data {
    let own = [("outcome", outcome.to_owned())];
    let more = more
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()));
    lines::data(own.into_iter().chain(more))
}

/// A machine that went the way to `address`, with what came of each step.
fn went(address: &str, host: &str, steps: &[(&str, Data)]) -> UpdateEndpointFacts {
    let text = |text: &str| Data::Text(text.to_owned());
    let machine = Machine::new()
        .on(Check::UpdateEndpoint)
        .system(keys::UPDATE_ENDPOINT, keys::PROBED, Data::Flag(true))
        .system(keys::UPDATE_ENDPOINT, keys::ENDPOINT_ADDRESS, text(address))
        .system(keys::UPDATE_ENDPOINT, keys::ENDPOINT_HOST, text(host));
    let machine = steps.iter().fold(machine, |machine, (name, data)| {
        machine.system(keys::UPDATE_ENDPOINT, name, data.clone())
    });
    machine.facts().update_endpoint.expect("it looked")
}

fn to_wsus(steps: &[(&str, Data)]) -> UpdateEndpointFacts {
    went(WSUS, "wsus.example:8530", steps)
}

fn way(facts: &UpdateEndpointFacts) -> &Way {
    match &facts.probe {
        Probe::Made(way) => way,
        other => panic!("the way was gone: {other:?}"),
    }
}

fn ok() -> Data {
    step("ok", &[])
}

#[test]
fn each_step_is_shown_with_its_code_and_family_and_what_was_not_come_to() {
    let facts = to_wsus(&[
        ("proxy", step("ok", &[("found", "direct")])),
        (
            "dns",
            step("ok", &[("found", "10.1.2.3"), ("took_ms", "12")]),
        ),
        (
            "tcp",
            step("failed", &[("code", "10061"), ("said", "verweigert")]),
        ),
    ]);
    let json = facts.json();
    assert_eq!(json["state"], "unreachable");
    assert_eq!(json["address"], WSUS);
    assert_eq!(json["host"], "wsus.example:8530");
    let steps = &json["steps"];
    assert_eq!(steps["proxy"]["found"], "direct");
    assert_eq!(steps["dns"]["state"], "ok");
    assert_eq!(steps["dns"]["took_ms"], 12);
    assert_eq!(steps["tcp"]["state"], "failed");
    assert_eq!(steps["tcp"]["code"], 10061);
    assert_eq!(steps["tcp"]["family"], "refused");
    assert_eq!(steps["tcp"]["said"], "verweigert");
    assert_eq!(steps["tls"]["state"], "not-needed");
    assert_eq!(steps["http"]["state"], "not-reached");
    assert_eq!(
        way(&facts).told(),
        "no proxy, DNS works, TCP refused (10061), HTTP not reached"
    );
    assert_eq!(facts.evidence.len(), 6, "every reading is evidence");
}

#[test]
fn a_failure_is_blamed_on_the_step_that_its_code_belongs_to() {
    let at = |kind: &str, data: Data| {
        let facts = went("https://wsus.example:8531/", "x", &[(kind, data)]);
        let failed = way(&facts).failed().expect("it failed");
        (failed.blamed(), failed.told())
    };
    let code = |code: &str| step("failed", &[("code", code)]);
    let said = |kind, told: &str| (kind, told.to_owned());
    assert_eq!(
        at("http", code("12175")),
        said(StepKind::Tls, "TLS could not be set up (12175)")
    );
    assert_eq!(
        at("tls", code("12002")),
        said(StepKind::Tls, "TLS timed out (12002)")
    );
    assert_eq!(
        at("http", code("12167")),
        said(
            StepKind::Proxy,
            "proxy could not be found by auto-configuration (12167)"
        )
    );
    assert_eq!(
        at("http", step("ok", &[("status", "407")])),
        said(StepKind::Proxy, "proxy wants a sign-in (407)")
    );
    assert_eq!(
        at("dns", code("11001")),
        said(StepKind::Dns, "DNS finds no such name (11001)")
    );
    assert_eq!(
        at("tcp", code("4294967295")),
        said(StepKind::Tcp, "TCP failed (4294967295)")
    );
    assert_eq!(
        at("tcp", step("failed", &[])),
        said(StepKind::Tcp, "TCP failed")
    );
}

#[test]
fn a_refusal_is_an_answer_of_windows_update_and_none_of_wsus() {
    let answer = |address: &str, status: &str| {
        let http = step("ok", &[("status", status)]);
        let facts = went(address, "x", &[("http", http)]);
        facts.json()["state"].as_str().map(str::to_owned)
    };
    let service = keys::WINDOWS_UPDATE_SERVICE;
    for (address, status, state) in [
        (service, "200", "answers"),
        (service, "403", "answers"),
        (service, "302", "answers"),
        (service, "407", "unreachable"),
        (service, "503", "unreachable"),
        (service, "0", "unreachable"),
        (WSUS, "200", "answers"),
        (WSUS, "302", "unreachable"),
        (WSUS, "401", "unreachable"),
        (WSUS, "503", "unreachable"),
        (WSUS, "70000", "unknown"),
    ] {
        assert_eq!(
            answer(address, status).as_deref(),
            Some(state),
            "{address} {status}"
        );
    }
}

#[test]
fn a_way_that_breaks_off_without_a_failure_is_unknown() {
    let facts = to_wsus(&[("proxy", ok()), ("dns", ok())]);
    assert_eq!(facts.json()["state"], "unknown");
    assert!(!way(&facts).leads_there());
    assert_eq!(to_wsus(&[]).json()["state"], "unknown");
    let nonsense = to_wsus(&[("tcp", Data::Dword(1))]);
    assert_eq!(nonsense.json()["state"], "unknown");
}

#[test]
fn what_was_not_probed_says_why_and_is_no_answer() {
    let with = |data: Data| {
        let machine = Machine::new()
            .on(Check::UpdateEndpoint)
            .system(keys::UPDATE_ENDPOINT, keys::PROBED, data)
            .system(
                keys::UPDATE_ENDPOINT,
                keys::PROBE_REASON,
                Data::Text("scans work".to_owned()),
            );
        machine.facts().update_endpoint.expect("it looked").json()
    };
    let not = with(Data::Flag(false));
    assert_eq!(
        (&not["state"], &not["reason"]),
        (&json!("not-probed"), &json!("scans work"))
    );
    let unreadable = with(Data::Unreadable("the log is shut".to_owned()));
    assert_eq!(unreadable["state"], "unknown");
    assert_eq!(unreadable["reason"], "the log is shut");
    assert_eq!(with(Data::NotRecorded)["state"], "unknown");
    assert_eq!(with(Data::Dword(1))["state"], "unknown");
}
