//! The API as programs see it.

use std::collections::BTreeSet;

use serde_json::Value;
use sickbay_proto::v1::server_message::Kind as Down;
use sickbay_server::api;

use crate::device::{Device, report};
use crate::readings::{client, on_the_wire, paused_by_user, server, tagged};
use crate::site::{Site, Viewer, assert_says};

#[test]
fn the_description_changes_only_on_purpose() {
    let mut document = serde_json::to_value(api::routes().1).unwrap();
    document["info"]["version"] = "VERSION".into();
    insta::assert_json_snapshot!("openapi", document);
}

#[test]
fn every_call_describes_its_answers_and_each_error_is_a_problem() {
    let document = serde_json::to_value(api::routes().1).unwrap();
    assert!(
        document["openapi"].as_str().unwrap().starts_with("3."),
        "{}",
        document["openapi"]
    );
    let mut calls = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, call) in item.as_object().unwrap() {
            calls += 1;
            let responses = call["responses"].as_object().unwrap();
            assert!(
                responses.keys().any(|status| status.starts_with('2')),
                "{method} {path}"
            );
            assert!(
                responses.contains_key("401"),
                "{method} {path} does not say 401"
            );
            for (status, response) in responses
                .iter()
                .filter(|(status, _)| status.starts_with(['4', '5']))
            {
                let kinds: Vec<&String> = response["content"].as_object().unwrap().keys().collect();
                assert_eq!(
                    kinds,
                    ["application/problem+json"],
                    "{method} {path} {status}"
                );
            }
            let parameters = path.matches('{').count();
            let described = call["parameters"].as_array().map_or(0, |all| {
                all.iter().filter(|one| one["in"] == "path").count()
            });
            assert_eq!(parameters, described, "{method} {path}");
        }
    }
    assert!(calls > 5);
    let unresolved = references(&document)
        .into_iter()
        .find(|name| document["components"]["schemas"].get(name).is_none());
    assert_eq!(unresolved, None);
}

#[test]
fn every_call_has_a_name_says_who_may_call_it_and_shows_what_goes_in_and_out() {
    let document = serde_json::to_value(api::routes().1).unwrap();
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, call) in item.as_object().unwrap() {
            let what = format!("{method} {path}");
            let name = call["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{what}: {name} is another's");
            let description = call["description"].as_str().unwrap();
            assert!(
                description.contains("Needs the role "),
                "{what}: {description}"
            );
            for (status, answer) in call["responses"].as_object().unwrap() {
                let said = answer["description"].as_str().unwrap_or_default();
                assert!(!said.is_empty(), "{what} {status} says nothing");
                for (kind, content) in answer["content"].as_object().into_iter().flatten() {
                    // A file of devices has the columns that its caller chooses.
                    let is_file = path.ends_with("/{file}") && status == "200";
                    assert!(
                        is_file || content.get("example").is_some(),
                        "{what} {status} {kind}"
                    );
                }
            }
            for (kind, content) in call["requestBody"]["content"]
                .as_object()
                .into_iter()
                .flatten()
            {
                assert!(content.get("example").is_some(), "{what} takes {kind}");
            }
        }
    }
    let examples: Value =
        serde_json::from_str(include_str!("../../src/api/examples.json")).unwrap();
    for name in examples.as_object().unwrap().keys() {
        assert!(names.contains(name), "{name} is an example of no call");
    }
}

/// Names of schemas that anything refers to.
fn references(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Object(fields) => {
            let here = fields.get("$ref").and_then(Value::as_str);
            let name = here.and_then(|path| path.strip_prefix("#/components/schemas/"));
            let below = fields.values().flat_map(references);
            below.chain(name.map(str::to_owned)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => BTreeSet::new(),
    }
}

/// Every row of a list, walked with its cursors.
pub(crate) async fn walk(viewer: &Viewer, path: &str, limit: usize) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut cursor = String::new();
    loop {
        let sign = if path.contains('?') { '&' } else { '?' };
        let after = if cursor.is_empty() {
            String::new()
        } else {
            format!("&cursor={cursor}")
        };
        let page = viewer
            .json(&format!("{path}{sign}limit={limit}{after}"))
            .await;
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit);
        rows.extend(items.iter().cloned());
        match &page["next_cursor"] {
            Value::Null => return rows,
            Value::String(next) => next.clone_into(&mut cursor),
            other => panic!("{other}"),
        }
        assert!(
            !items.is_empty(),
            "a page that is followed by another has rows"
        );
    }
}

#[tokio::test]
async fn walking_with_cursors_meets_every_device_exactly_once_in_order() {
    let site = Site::start().await;
    let (_, token) = site.token(|_| ()).await;
    let end = site.now().plus_days(1);
    // Equal names, names that differ in case alone, and names with the cursor's own sign in them.
    let names = [
        "pc-1", "PC-1", "Pc-1", "a/b", "a/b", "", "ü", "z z", "PC-2", "-1/pc",
    ];
    let mut made = BTreeSet::new();
    for name in names.iter().chain(&names) {
        let device = site.stored_device(&token, name).await;
        made.insert(device.id.to_string());
        site.take_in(&device, vec![client(name), paused_by_user(end)])
            .await;
    }
    let api = site.api().await;
    for path in [
        "/api/v1/devices",
        "/api/v1/issues/quality-updates-paused/devices",
    ] {
        let whole: Vec<Value> = walk(&api, path, 1000)
            .await
            .iter()
            .map(|row| row["id"].clone())
            .collect();
        assert_eq!(whole.len(), made.len());
        for limit in [1, 3, 10, 20, 21] {
            let rows = walk(&api, path, limit).await;
            let ids: Vec<Value> = rows.iter().map(|row| row["id"].clone()).collect();
            assert_eq!(ids, whole, "{path} by {limit}");
        }
        let met: BTreeSet<String> = whole
            .iter()
            .map(|id| id.as_str().unwrap().to_owned())
            .collect();
        assert_eq!(met, made, "{path}");
    }
}

#[tokio::test]
async fn what_cannot_be_understood_is_a_problem_that_names_the_place() {
    let site = Site::start().await;
    let api = site.api().await;
    let list = "/api/v1/issues/pending-reboot/devices";
    let cases = [
        (
            format!("/api/v1/devices?filter={}", "name%3Apc%20colour%3Ared"),
            400,
            "character 9",
        ),
        (
            format!("{list}?filter={}", "(kind%3Aserver"),
            400,
            "character",
        ),
        (
            format!("{list}.csv?filter={}", "build%3Eabc"),
            400,
            "character",
        ),
        (format!("{list}?filter={}", "x".repeat(8001)), 400, "8000"),
        (format!("{list}?limit=0"), 400, "limit"),
        (format!("{list}?limit=1001"), 400, "limit"),
        (format!("{list}?limit=many"), 400, "limit"),
        (format!("{list}?cursor=%21%21"), 400, "cursor"),
        (format!("{list}?cursor=AAAA"), 400, "cursor"),
        (format!("{list}.exe"), 404, "devices.csv"),
        (
            "/api/v1/issues/no-such-issue/devices".to_owned(),
            404,
            "no-such-issue",
        ),
        ("/api/v1/devices/PC-1".to_owned(), 404, "PC-1"),
        (
            format!("/api/v1/devices/{}", uuid::Uuid::nil()),
            404,
            "no device",
        ),
        ("/api/v1/nothing".to_owned(), 404, "openapi.json"),
    ];
    for (path, status, says) in cases {
        is_problem(api.get(&path).await, status, says, &path).await;
    }
    for (body, says) in [
        ("{", "JSON"),
        (r#"{"filtre": "x"}"#, "filtre"),
        ("{}", "filter"),
        (r#"{"ids": ["x"]}"#, "device id"),
    ] {
        let status = match body {
            r#"{"filtre": "x"}"# => 422,
            r#"{"ids": ["x"]}"# => 404,
            _ => 400,
        };
        is_problem(
            api.post_json("/api/v1/inspections", body).await,
            status,
            says,
            body,
        )
        .await;
    }
    let wrong_method = api
        .request("DELETE", "/api/v1/devices")
        .send()
        .await
        .unwrap();
    assert!(wrong_method.headers().contains_key("allow"));
    is_problem(wrong_method, 405, "openapi.json", "DELETE").await;
}

async fn is_problem(answer: reqwest::Response, status: u16, says: &str, case: &str) {
    assert_eq!(answer.status(), status, "{case}");
    assert_eq!(
        answer.headers()["content-type"],
        "application/problem+json",
        "{case}"
    );
    let problem: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(problem["status"], status, "{case}");
    assert!(!problem["title"].as_str().unwrap().is_empty(), "{case}");
    assert_says(problem["detail"].as_str().unwrap(), &[says], case);
}

#[tokio::test]
async fn the_lists_counts_and_a_devices_detail_say_the_same() {
    let site = Site::start().await;
    let (_, token) = site.token(|_| ()).await;
    let end = site.now().plus_days(1);
    for (number, facts) in [client("PC-0"), client("PC-1"), server("SRV-2")]
        .into_iter()
        .enumerate()
    {
        let device = site.stored_device(&token, "as enrolled").await;
        let mut report = vec![facts];
        if number > 0 {
            report.push(paused_by_user(end));
        }
        site.take_in(&device, report).await;
    }
    let api = site.api().await;
    let issues = api.json("/api/v1/issues").await;
    for issue in issues.as_array().unwrap() {
        let path = format!("/api/v1/issues/{}/devices", issue["id"].as_str().unwrap());
        let open = walk(&api, &path, 2).await;
        assert_eq!(open.len() as u64, issue["open"].as_u64().unwrap(), "{path}");
        let unknown = walk(&api, &format!("{path}?filter=state:unknown"), 2).await;
        assert_eq!(
            unknown.len() as u64,
            issue["unknown"].as_u64().unwrap(),
            "{path}"
        );
    }
    let paused = walk(&api, "/api/v1/issues/quality-updates-paused/devices", 10).await;
    let names: Vec<&Value> = paused.iter().map(|row| &row["name"]).collect();
    assert_eq!(names, ["PC-1", "SRV-2"]);
    let detail = api
        .json(&format!(
            "/api/v1/devices/{}",
            paused[0]["id"].as_str().unwrap()
        ))
        .await;
    assert_eq!(detail["open_findings"], paused[0]["open_findings"]);
    let verdicts = detail["verdicts"].as_array().unwrap();
    let paused_verdict = verdicts
        .iter()
        .find(|v| v["issue"] == "quality-updates-paused")
        .unwrap();
    assert_eq!(
        (&paused_verdict["state"], &paused_verdict["causes"]),
        (&"open".into(), &paused[0]["causes"])
    );
    let evidence = paused_verdict["evidence"].as_array().unwrap();
    assert!(
        evidence
            .iter()
            .any(|e| e["name"] == "PauseUpdatesExpiryTime" && e["data"] == end.to_string()),
        "{evidence:#?}"
    );
}

#[tokio::test]
async fn a_connected_device_is_asked_to_look_again_and_an_absent_one_is_said_to_be_absent() {
    let site = Site::start().await;
    let api = site.api().await;
    let device = Device::enrol(&site, "PC-1").await;
    let inspect = format!("/api/v1/devices/{}/inspect", device.id);
    is_problem(
        api.post_json(&inspect, "").await,
        409,
        "comes back",
        "not connected",
    )
    .await;
    let mut session = device.session(&site).await.unwrap();
    session
        .acknowledged(report(1, true, vec![on_the_wire(client("PC-1"))]))
        .await;
    assert_eq!(api.post_json(&inspect, "").await.status(), 202);
    assert!(matches!(session.next().await.unwrap(), Down::Request(_)));
    let (_, token) = site.token(|_| ()).await;
    site.stored_device(&token, "PC-2").await;
    let answer = api
        .post_json("/api/v1/inspections", r#"{"filter": ""}"#)
        .await;
    let said: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(
        (&said["asked"], &said["not_connected"]),
        (&1.into(), &1.into())
    );
    assert!(matches!(session.next().await.unwrap(), Down::Request(_)));
}

#[tokio::test]
async fn a_device_is_filed_under_the_tags_of_its_policy_for_as_long_as_they_stand_there() {
    let site = Site::start().await;
    let viewer = site.api().await;
    let device = Device::enrol(&site, "KIOSK-1").await;
    let mut session = device.session(&site).await.unwrap();
    let tags = tagged("KIOSK-1", &["kiosk", "floor-3"]);
    session
        .acknowledged(report(1, true, vec![on_the_wire(tags)]))
        .await;
    let found = walk(&viewer, "/api/v1/devices?filter=tag:kiosk", 10).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["tags"], serde_json::json!(["floor-3", "kiosk"]));
    session
        .acknowledged(report(2, false, vec![on_the_wire(client("KIOSK-1"))]))
        .await;
    assert!(
        walk(&viewer, "/api/v1/devices?filter=tag:kiosk", 10)
            .await
            .is_empty()
    );
}
