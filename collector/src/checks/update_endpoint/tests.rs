use sickbay_diagnosis::Check;
use sickbay_diagnosis::facts::Facts;
use sickbay_diagnosis::knowledge::Knowledge;
use sickbay_diagnosis::observation::{Observation, Outcome};

use super::super::run;
use super::*;
use crate::host::recording::{Description, Recording, Registry};
use crate::inspection::inspect;

const NOW: &str = "now = 2026-11-23T08:00:00Z\n";
const CHANNEL: &str = "Microsoft-Windows-WindowsUpdateClient/Operational";
const ANSWERS: &str = "[[update_endpoint.steps]]\nstep = 'http'\noutcome = 'ok'\nstatus = 200\n";

fn machine(host_toml: &str, policies: &[(&str, &str, Data)]) -> Recording {
    let description = Description::parse(&format!("{NOW}{host_toml}")).expect("it is well-formed");
    let mut registry = Registry::new();
    registry.create_key(keys::WINDOWS_NT);
    for (key, name, data) in policies {
        registry.set_value(key, name, data.clone());
    }
    Recording::new(registry, description)
}

fn seen(host: &Recording, name: &str) -> Option<Data> {
    let observation: Observation = run(Check::UpdateEndpoint, host);
    let found = observation
        .readings()
        .iter()
        .find(|r| r.name.as_deref() == Some(name));
    found.map(|reading| reading.data.clone())
}

fn last_search(at: &str) -> String {
    format!("[update_history]\nlast_search = {at}\n{ANSWERS}")
}

fn event(id: u32, at: &str, service: &str) -> String {
    format!(
        "[[event_channels.\"{CHANNEL}\".events]]\nid = {id}\nat = {at}\nvalues = {{ serviceGuid = '{service}' }}\n"
    )
}

fn probes(host_toml: &str) -> Option<Data> {
    seen(&machine(host_toml, &[]), keys::PROBED)
}

fn reason(host_toml: &str) -> String {
    match seen(&machine(host_toml, &[]), keys::PROBE_REASON) {
        Some(Data::Text(why)) => why,
        other => panic!("a reason: {other:?}"),
    }
}

#[test]
fn nobody_is_asked_while_scans_work() {
    let fresh = last_search("2026-11-17T08:00:00Z");
    assert_eq!(probes(&fresh), Some(Data::Flag(false)));
    assert!(reason(&fresh).contains("within the last 7 days"));
    let host = machine(&fresh, &[]);
    assert_eq!(seen(&host, keys::ENDPOINT_HOST), None);
    let mended = event(25, "2026-11-22T08:00:00Z", "x") + &event(26, "2026-11-23T07:00:00Z", "x");
    assert_eq!(probes(&mended), Some(Data::Flag(false)));
}

#[test]
fn a_failed_or_a_stale_scan_and_none_at_all_have_it_asked() {
    let failed = event(26, "2026-11-22T08:00:00Z", "x") + &event(25, "2026-11-23T07:00:00Z", "x");
    for (scans, why) in [
        (last_search("2026-11-15T08:00:00Z"), "for 7 days"),
        (format!("{failed}{ANSWERS}"), "the newest scan failed"),
        (
            format!("[update_history]\nnever = true\n{ANSWERS}"),
            "no scan has ever worked",
        ),
    ] {
        assert_eq!(probes(&scans), Some(Data::Flag(true)), "{why}");
        assert!(reason(&scans).contains(why), "{}", reason(&scans));
    }
}

#[test]
fn a_server_counts_as_stale_sooner_than_a_client() {
    let five_days = last_search("2026-11-18T08:00:00Z");
    let product = |kind: &str| {
        let kind = Data::Text(kind.to_owned());
        let host = machine(&five_days, &[(keys::PRODUCT_OPTIONS, "ProductType", kind)]);
        seen(&host, keys::PROBED)
    };
    assert_eq!(product("WinNT"), Some(Data::Flag(false)));
    assert_eq!(product("ServerNT"), Some(Data::Flag(true)));
    assert_eq!(product("LanmanNT"), Some(Data::Flag(true)));
}

#[test]
fn scans_of_the_store_tell_nothing() {
    let store = "{855E8A7C-ECB4-4CA3-B045-1DFA50104289}";
    let worked = event(26, "2026-11-22T08:00:00Z", "x");
    let store_failed = worked.clone() + &event(25, "2026-11-23T07:00:00Z", store);
    assert_eq!(probes(&store_failed), Some(Data::Flag(false)));
    let failed = event(25, "2026-11-22T08:00:00Z", "x");
    let only_the_store_works = format!(
        "{failed}{}{ANSWERS}",
        event(26, "2026-11-23T07:00:00Z", store)
    );
    assert_eq!(probes(&only_the_store_works), Some(Data::Flag(true)));
}

#[test]
fn where_it_cannot_be_told_whether_scans_work_nobody_is_asked_and_it_says_why() {
    let denied = format!("[event_channels.\"{CHANNEL}\"]\nerror = 'access is denied'\n");
    let outcome = run(Check::UpdateEndpoint, &machine(&denied, &[])).outcome;
    assert!(
        matches!(&outcome, Outcome::Failed(why) if why.contains("access is denied")),
        "{outcome:?}"
    );
    let agent = "[update_agent]\nerror = '0x8024001E'\n";
    let outcome = run(Check::UpdateEndpoint, &machine(agent, &[])).outcome;
    assert!(
        matches!(&outcome, Outcome::Failed(why) if why.contains("0x8024001E")),
        "{outcome:?}"
    );
    let outcome = run(Check::UpdateEndpoint, &machine("", &[])).outcome;
    assert!(matches!(outcome, Outcome::Unavailable(_)), "{outcome:?}");
}

#[test]
fn policy_says_who_is_asked() {
    let text = |text: &str| Data::Text(text.to_owned());
    let stale = last_search("2026-11-01T08:00:00Z");
    let asked = |policies: &[(&str, &str, Data)]| {
        let host = machine(&stale, policies);
        (
            seen(&host, keys::PROBED),
            seen(&host, keys::ENDPOINT_ADDRESS),
        )
    };
    let wsus = (keys::POLICY, "WUServer", text("http://wsus.example:8530/"));
    let on = (keys::POLICY_AU, "UseWUServer", Data::Dword(1));
    let mdm = (
        keys::MDM_UPDATE,
        "UpdateServiceUrl",
        text("https://mdm.example:8531"),
    );
    let yes = Some(Data::Flag(true));
    let service = Some(text(keys::WINDOWS_UPDATE_SERVICE));
    assert_eq!(asked(&[]), (yes.clone(), service.clone()));
    assert_eq!(asked(std::slice::from_ref(&wsus)), (yes.clone(), service));
    let version = text("http://wsus.example:8530/ClientWebService/wusserverversion.xml");
    assert_eq!(
        asked(&[wsus, on.clone(), mdm.clone()]),
        (yes.clone(), Some(version))
    );
    let version = text("https://mdm.example:8531/ClientWebService/wusserverversion.xml");
    assert_eq!(asked(&[mdm]), (yes, Some(version)));

    let off = (keys::POLICY, "DisableWindowsUpdateAccess", Data::Dword(1));
    assert_eq!(asked(&[off]), (Some(Data::Flag(false)), None));
    let bad = (keys::POLICY, "WUServer", text("wsus"));
    for (policies, why) in [(vec![on.clone()], "names none"), (vec![bad, on], "no URL")] {
        let outcome = run(Check::UpdateEndpoint, &machine(&stale, &policies)).outcome;
        assert!(
            matches!(&outcome, Outcome::Failed(said) if said.contains(why)),
            "{outcome:?}"
        );
    }
}

#[test]
fn what_a_recording_tells_of_each_step_comes_to_a_verdict() {
    let stale = "[update_history]\nlast_search = 2026-11-01T08:00:00Z\n";
    let went = |steps: &str| {
        let host = machine(&format!("{stale}{steps}"), &[]);
        let facts = Facts::derive(
            &inspect(&host, &[Check::UpdateEndpoint]),
            Knowledge::built_in(),
        );
        facts.to_json(host.now())["update_endpoint"].clone()
    };
    let refused = went(
        "[[update_endpoint.steps]]\nstep = 'proxy'\noutcome = 'ok'\nfound = 'direct'\n\
         [[update_endpoint.steps]]\nstep = 'dns'\noutcome = 'ok'\ntook_ms = 3\n\
         [[update_endpoint.steps]]\nstep = 'tcp'\noutcome = 'failed'\ncode = 10061\nsaid = 'refused'\n",
    );
    assert_eq!(refused["state"], "unreachable", "{refused:#}");
    assert_eq!(refused["host"], "fe2.update.microsoft.com:443");
    assert_eq!(refused["steps"]["tcp"]["family"], "refused");
    assert_eq!(went(ANSWERS)["state"], "answers");
    let hangs = went("[update_endpoint]\nerror = 'it hangs'\n");
    assert_eq!(
        (&hangs["state"], &hangs["reason"]),
        (&"unknown".into(), &"it hangs".into())
    );
    assert_eq!(went("")["state"], "unknown");
}
