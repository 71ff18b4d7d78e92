//! The imported list of machines over the API, and who leaves it.

use serde_json::{Value, json};

use crate::api::walk;
use crate::device::Device;
use crate::site::{Site, Viewer, assert_says};

const LIST: &str = "/api/v1/issues/never-enrolled/devices";

async fn post(viewer: &Viewer, kind: &str, body: impl Into<reqwest::Body>) -> (u16, Value) {
    let answer = viewer
        .request("POST", "/api/v1/machines")
        .header("content-type", kind)
        .body(body)
        .send()
        .await
        .unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap())
}

/// What the issue's counter says, after comparing it with list and export.
async fn open(api: &Viewer) -> usize {
    let issues = api.json("/api/v1/issues").await;
    let issue = issues.as_array().unwrap().iter();
    let mut issue = issue.filter(|issue| issue["id"] == "never-enrolled");
    let open = usize::try_from(issue.next().unwrap()["open"].as_u64().unwrap()).unwrap();
    assert_eq!(walk(api, LIST, 2).await.len(), open);
    let csv = api.page(&format!("{LIST}.csv")).await;
    let rows = csv::Reader::from_reader(csv.as_bytes()).into_records();
    assert_eq!(rows.map(Result::unwrap).count(), open);
    open
}

#[tokio::test]
async fn a_machine_of_the_list_is_never_enrolled_until_its_collector_comes() {
    let site = Site::start().await;
    let api = site.api().await;
    let list = "Name;DistinguishedName;OperatingSystem;Enabled\r\n\
        PC-1;\"CN=PC-1,OU=Lab,DC=corp\";Windows 11 Pro;True\r\n\
        PC-2;\"CN=PC-2,OU=Lab,DC=corp\";Windows 11 Pro;True\r\n\
        =cmd;\"CN=x,OU=Desks,DC=corp\";;True\r\n\
        OLD;\"CN=OLD,OU=Lab,DC=corp\";;False\r\n";
    let (status, answer) = post(&api, "text/csv; charset=utf-8", list).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        answer,
        json!({"listed": 3, "unchanged": 0, "spoken_for": 0, "removed": 0, "repeated": 0, "disabled": 1})
    );
    assert_eq!(open(&api).await, 3);

    let rows = walk(&api, LIST, 10).await;
    assert_eq!(rows[1]["name"], "PC-1");
    assert_eq!(rows[1]["status"], "listed");
    assert_eq!(rows[1]["ou"], "OU=Lab,DC=corp");
    assert_eq!(rows[1]["causes"][0]["key"], "OU=Lab,DC=corp");
    let csv = api.page(&format!("{LIST}.csv")).await;
    assert!(csv.contains(",'=cmd,") && !csv.contains(",=cmd"), "{csv}");
    let issue = api.page("/issues/never-enrolled").await;
    assert_says(
        &issue,
        &["PC-1", "OU=Lab", "gpresult", "self-test"],
        "issue",
    );
    assert_eq!(api.json("/api/v1/devices").await["items"], json!([]));

    // Its page says what is known and makes nothing up.
    let id = rows[1]["id"].as_str().unwrap();
    let page = api.page(&format!("/devices/{id}")).await;
    assert_says(
        &page,
        &["PC-1", "listed", "no collector ever spoke for it"],
        "device",
    );
    let detail = api.json(&format!("/api/v1/devices/{id}")).await;
    for verdict in detail["verdicts"].as_array().unwrap() {
        let expected = match verdict["issue"].as_str() {
            Some("never-enrolled") => "open",
            _ => "unknown",
        };
        assert_eq!(verdict["state"], expected, "{verdict}");
    }

    Device::enrol(&site, "pc-1").await;
    assert_eq!(open(&api).await, 2);
    let gone = api.get(&format!("/api/v1/devices/{id}")).await;
    assert_eq!(gone.status(), 404);
    let (_, answer) = post(&api, "text/csv", list).await;
    assert_eq!(
        (
            &answer["listed"],
            &answer["unchanged"],
            &answer["spoken_for"]
        ),
        (&json!(2), &json!(2), &json!(1))
    );
    assert_eq!(open(&api).await, 2);
}

#[tokio::test]
async fn a_list_that_cannot_be_taken_changes_nothing_and_says_why() {
    let site = Site::start().await;
    let api = site.api().await;
    post(&api, "text/csv", "name\nPC-1\n").await;

    let (status, problem) = post(&api, "text/csv", "name,ou\nPC-2,a\nPC-3\n").await;
    assert_eq!(status, 400);
    let said = problem["detail"].as_str().unwrap();
    assert_says(said, &["line 3", "1 cells", "Nothing was imported"], "row");
    let (status, problem) = post(&api, "application/json", "{}").await;
    assert_eq!(status, 415, "{problem}");
    let (status, problem) = post(&api, "text/csv", "").await;
    assert_eq!(status, 400, "{problem}");
    let (status, problem) = post(&api, "text/csv", vec![b'a'; 64 * 1024 * 1024 + 1]).await;
    assert_eq!(status, 413, "{problem}");

    // Somebody else's page cannot make a signed-in browser send one.
    let browser = site.browser().await;
    let (status, problem) = post(&browser, "text/csv", "name\nPC-9\n").await;
    assert_eq!(status, 403, "{problem}");
    let csrf = browser.csrf().await;
    let answer = browser
        .request("POST", "/api/v1/machines")
        .header("content-type", "text/csv")
        .header("x-csrf-token", csrf)
        .body("name\nPC-1\n")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(open(&api).await, 1);
}
