//! Accepting: for a time, with a reason, counted apart and never hidden.

use serde_json::{Value, json};
use sickbay_diagnosis::time::HOUR_MS;
use sickbay_store::DeviceIdentity;

use crate::readings::{paused_by_user, server};
use crate::site::{Site, Viewer, assert_says, eventually};

const API: &str = "/api/v1/acceptances";
const ISSUE: &str = "quality-updates-paused";

/// Three devices with a pause and nothing else that is wrong: a release of Windows that is in service for long.
async fn fleet(site: &Site) -> Vec<DeviceIdentity> {
    let (_, token) = site.token(|_| ()).await;
    let end = site.now().plus_days(30);
    let mut devices = Vec::new();
    for name in ["PC-1", "PC-2", "SRV-1"] {
        let device = site.stored_device(&token, name).await;
        site.take_in(&device, vec![server(name), paused_by_user(end)])
            .await;
        devices.push(device);
    }
    devices
}

async fn accept(viewer: &Viewer, scope: &str, until: &str) -> Value {
    let body = json!({"issue": ISSUE, "scope": scope, "reason": "Known", "until": until});
    let answer = viewer.post_json(API, &body.to_string()).await;
    assert_eq!(answer.status(), 201);
    answer.json().await.unwrap()
}

/// Waits until so many are open and accepted, and checks that every view says the same.
async fn becomes(site: &Site, api: &Viewer, open: usize, accepted: usize) {
    let counts = async || {
        let issues = api.json("/api/v1/issues").await;
        let issue = issues
            .as_array()
            .unwrap()
            .iter()
            .find(|i| i["id"] == ISSUE)
            .unwrap()
            .clone();
        (
            issue["open"].as_u64().unwrap(),
            issue["accepted"].as_u64().unwrap(),
            issue["primary"].as_u64().unwrap(),
        )
    };
    eventually(
        &format!("{open} open and {accepted} accepted"),
        async || match counts().await {
            (o, a, _) if (o as usize, a as usize) == (open, accepted) => Ok(()),
            other => Err(format!("{other:?}")),
        },
    )
    .await;
    assert_eq!(
        counts().await.2 as usize,
        open,
        "an accepted one is no primary cause"
    );
    let list = format!("/api/v1/issues/{ISSUE}/devices");
    let rows = async |query: &str| {
        let csv = api.page(&format!("{list}.csv{query}")).await;
        csv.lines().count() - 1
    };
    assert_eq!(
        (rows("").await, rows("?filter=state:accepted").await),
        (open, accepted)
    );
    let items = api.json(&format!("{list}?filter=state:accepted")).await;
    for item in items["items"].as_array().unwrap() {
        assert_eq!(item["state"], "accepted");
        assert_eq!(
            (&item["open_findings"], &item["accepted_findings"]),
            (&json!(0), &json!(1))
        );
        let id = item["id"].as_str().unwrap();
        let detail = api.json(&format!("/api/v1/devices/{id}")).await;
        assert_eq!(
            (&detail["primary_issue"], &detail["accepted_findings"]),
            (&json!(""), &json!(1))
        );
        let verdicts = detail["verdicts"].as_array().unwrap();
        let verdict = verdicts.iter().find(|v| v["issue"] == ISSUE).unwrap();
        assert_eq!(
            (&verdict["state"], &verdict["accepted_until"]),
            (&json!("open"), &item["accepted_until"])
        );
        let page = api.page(&format!("/devices/{id}")).await;
        assert_says(
            &page,
            &["<span class=\"badge is-accepted\">Accepted</span>"],
            "device",
        );
        assert!(!page.contains("Primary cause"), "{page}");
    }
    let serious = site
        .store()
        .fleet_counts(&sickbay_store::Scope::All)
        .await
        .unwrap()
        .serious;
    assert_eq!(
        serious as usize, open,
        "what is accepted makes no device stand as serious"
    );
}

#[tokio::test]
async fn an_accepted_finding_counts_apart_everywhere_and_comes_back_when_its_end_passes() {
    let site = Site::start().await;
    fleet(&site).await;
    let api = site.api().await;
    becomes(&site, &api, 3, 0).await;
    let until = site.now().plus_millis(3 * HOUR_MS).to_string();
    let made = accept(&api, "name:PC-*", &until).await;
    assert_eq!(
        (&made["made_by"], &made["holds"]),
        (&json!("API token test"), &json!(true))
    );
    becomes(&site, &api, 1, 2).await;
    // Nobody does anything, but time passes.
    site.clock.advance(3 * HOUR_MS + 1000);
    becomes(&site, &api, 3, 0).await;
    let listed = api.json(API).await;
    assert_eq!(
        (&listed[0]["id"], &listed[0]["holds"]),
        (&made["id"], &json!(false))
    );
}

#[tokio::test]
async fn an_acceptance_of_one_device_ends_when_somebody_ends_it() {
    let site = Site::start().await;
    let devices = fleet(&site).await;
    let (api, person) = (site.api().await, site.browser().await);
    becomes(&site, &api, 3, 0).await;
    let device = format!("/devices/{}", devices[0].id);
    let page = person.page(&device).await;
    let scope = format!("id:{}", devices[0].id);
    assert_says(
        &page,
        &["Accept…", &format!("name=\"scope\" value=\"{scope}\"")],
        "device",
    );
    let csrf = person.csrf().await;
    let until = site.now().plus_days(10).date();
    let mut fields = vec![
        ("csrf", csrf.as_str()),
        ("issue", ISSUE),
        ("scope", &scope),
        ("until", &until),
    ];
    // Without a reason it is shown again, with what was typed.
    let refused = person.post_form("/expectations/accept", &fields).await;
    assert_eq!(refused.status(), 400);
    assert_says(
        &refused.text().await.unwrap(),
        &["say why", &scope, &until],
        "form",
    );
    fields.push(("reason", "<b>On loan</b>"));
    let answer = person.post_form("/expectations/accept", &fields).await;
    assert_eq!(answer.status(), 303);
    becomes(&site, &api, 2, 1).await;
    let page = person.page("/expectations").await;
    assert_says(
        &page,
        &["&#60;b&#62;On loan", &scope, "session "],
        "expectations",
    );
    assert_says(
        &person
            .page(&format!("/issues/{ISSUE}?filter=state:accepted"))
            .await,
        &["PC-1", "is-accepted"],
        "issue",
    );

    let listed = api.json(API).await;
    let id = listed[0]["id"].as_str().unwrap().to_owned();
    let end = [("csrf", csrf.as_str()), ("id", &id)];
    assert_eq!(
        person.post_form("/expectations/end", &end).await.status(),
        303
    );
    becomes(&site, &api, 3, 0).await;
    assert_eq!(
        person.post_form("/expectations/end", &end).await.status(),
        404
    );
    let again = api
        .request("DELETE", &format!("{API}/{id}"))
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), 404);

    let other = accept(&api, "name:PC-2", &until).await;
    becomes(&site, &api, 2, 1).await;
    let ended = api.request(
        "DELETE",
        &format!("{API}/{}", other["id"].as_str().unwrap()),
    );
    assert_eq!(ended.send().await.unwrap().status(), 204);
    becomes(&site, &api, 3, 0).await;
}

#[tokio::test]
async fn what_cannot_be_accepted_is_refused_by_its_part() {
    let site = Site::start().await;
    let api = site.api().await;
    let good = json!({"issue": ISSUE, "scope": "", "reason": "Known", "until": site.now().plus_days(9).date()});
    let bad = [
        ("issue", json!("no-such-issue")),
        ("scope", json!("colour:red")),
        ("scope", json!("state:open")),
        ("reason", json!("")),
        ("reason", json!("x".repeat(501))),
        ("until", json!("someday")),
        ("until", json!(site.now().plus_days(-2).date())),
        ("until", json!(site.now().plus_days(800).date())),
    ];
    for (part, value) in bad {
        let mut body = good.clone();
        body[part] = value;
        let answer = api.post_json(API, &body.to_string()).await;
        assert_eq!(answer.status(), 400, "{body}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let problem: Value = answer.json().await.unwrap();
        assert_says(problem["detail"].as_str().unwrap(), &[part], &body);
    }
    let mut odd = good.clone();
    odd["color"] = json!("red");
    assert_eq!(api.post_json(API, &odd.to_string()).await.status(), 422);
    assert_eq!(api.json(API).await, json!([]));
    assert_eq!(api.post_json(API, &good.to_string()).await.status(), 201);
}
