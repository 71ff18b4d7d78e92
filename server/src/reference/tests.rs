use std::collections::BTreeSet;

use super::*;

fn place() -> Place {
    Place {
        server: "https://sickbay.contoso.com:8443".to_owned(),
        device: "019aaf3e-5c1e-7d20-9b1e-3f6a2c4d8e01".to_owned(),
        day_ahead: "2099-12-31".to_owned(),
    }
}

fn all() -> (Value, Vec<Call>) {
    let document = serde_json::to_value(crate::api::routes().1).expect("it is JSON");
    let resources = resources(&document, &place());
    let calls = resources.into_iter().flat_map(|resource| resource.calls);
    let calls = calls.collect();
    (document, calls)
}

fn one(method: &str, path: &str) -> Call {
    let (_, calls) = all();
    let found = calls
        .into_iter()
        .find(|call| (call.method.as_str(), call.path.as_str()) == (method, path));
    found.unwrap_or_else(|| panic!("{method} {path} is told"))
}

#[test]
fn every_call_of_the_document_is_told_once() {
    let (document, calls) = all();
    let told: BTreeSet<(String, String)> = calls
        .iter()
        .map(|call| (call.method.clone(), call.path.clone()))
        .collect();
    assert_eq!(told.len(), calls.len(), "a call is told twice");
    let paths = document["paths"].as_object().expect("paths");
    let described: BTreeSet<(String, String)> = paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().expect("methods").keys();
            methods.map(move |method| (method.to_uppercase(), format!("/api/v1{path}")))
        })
        .collect();
    assert_eq!(told, described);
    for call in calls {
        assert!(!call.summary.is_empty(), "{}", call.path);
        assert_ne!(call.needs, "nobody", "{}", call.path);
        assert!(
            call.answers.iter().all(|(_, meaning)| !meaning.is_empty()),
            "{}",
            call.path
        );
        assert!(
            !call.curl.contains('{') || call.body.is_some(),
            "{}",
            call.curl
        );
    }
}

#[test]
fn a_list_is_walked_and_a_file_is_kept() {
    let list = one("GET", "/api/v1/issues/{issue}/devices");
    let begins = "curl --fail-with-body --header \"Authorization: Bearer $SICKBAY_TOKEN\" \
                  'https://sickbay.contoso.com:8443/api/v1/issues/safeguard-hold/devices?filter=kind:server";
    assert!(list.curl.starts_with(begins), "{}", list.curl);
    assert!(
        list.powershell.contains("&cursor=$cursor"),
        "{}",
        list.powershell
    );
    assert!(list.answer.contains("\"next_cursor\""), "{}", list.answer);
    let file = one("GET", "/api/v1/exports/devices/{file}");
    assert!(file.curl.contains("--remote-name"), "{}", file.curl);
    assert!(
        file.powershell.ends_with("-OutFile 'devices.csv'"),
        "{}",
        file.powershell
    );
}

#[test]
fn a_body_says_what_must_be_said_and_ends_ahead() {
    let made = one("POST", "/api/v1/acceptances");
    let body = made.body.expect("a body");
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(body["until"], "2099-12-31");
    assert!(
        body["reason"].is_string() && body["issue"] == "pending-reboot",
        "{body}"
    );
    assert_eq!(one("GET", "/api/v1/devices").body, None);
}
