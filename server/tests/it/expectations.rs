//! What the fleet's owner wants: through the API, previewed before it is made.

use serde_json::{Value, json};

use crate::device::{Device, report};
use crate::readings::{client, on_the_wire, scans_at, server};
use crate::site::{Site, Viewer, assert_says, eventually};

pub(crate) const API: &str = "/api/v1/expectations";
pub(crate) const WRONG: &str = "wrong-scan-source";
pub(crate) const WSUS: &str = "https://wsus.example.org:8531";

/// Six clients at the WSUS server, one at another, and two servers at Windows Update. The first of them speaks for itself.
pub(crate) async fn fleet(site: &Site) -> String {
    let spoken = Device::enrol(site, "PC-0").await;
    let mut session = spoken.session(site).await.unwrap();
    let facts = vec![
        on_the_wire(client("PC-0")),
        on_the_wire(scans_at(Some(WSUS))),
    ];
    session.acknowledged(report(1, true, facts)).await;
    let (_, token) = site.token(|_| ()).await;
    let add = async |name: &str, facts, source: Option<&str>| {
        let device = site.stored_device(&token, name).await;
        site.take_in(&device, vec![facts, scans_at(source)]).await;
        device.id.to_string()
    };
    for number in 1..6 {
        let name = format!("PC-{number}");
        add(&name, client(&name), Some(WSUS)).await;
    }
    let odd = add(
        "PC-ODD",
        client("PC-ODD"),
        Some("http://old.example.org:8530"),
    )
    .await;
    for name in ["SRV-1", "SRV-2"] {
        add(name, server(name), None).await;
    }
    // The majority is known within seconds, and then the odd one is the only one that differs from it.
    let api = site.api().await;
    open_becomes(&api, WRONG, 1).await;
    odd
}

pub(crate) async fn open(api: &Viewer) -> std::collections::BTreeMap<String, i64> {
    let issues = api.json("/api/v1/issues").await;
    let issues = issues.as_array().unwrap().iter();
    issues
        .map(|issue| {
            let id = issue["id"].as_str().unwrap().to_owned();
            (id, issue["open"].as_i64().unwrap())
        })
        .collect()
}

pub(crate) async fn open_becomes(api: &Viewer, issue: &str, wanted: i64) {
    eventually(
        &format!("{issue} is open on {wanted}"),
        async || match open(api).await[issue] {
            n if n == wanted => Ok(()),
            n => Err(format!("{n} open")),
        },
    )
    .await;
}

#[tokio::test]
async fn what_is_wished_through_the_api_comes_back_and_is_in_force_at_once() {
    let site = Site::start().await;
    let odd = fleet(&site).await;
    let api = site.api().await;
    let before = api.json(API).await;
    assert_eq!(
        (&before["fleet"], &before["scopes"]),
        (&json!({}), &json!([]))
    );
    assert_eq!(before["defaults"]["clients"]["oldest_scan_days"], 7);
    assert_eq!(before["defaults"]["servers"]["oldest_scan_days"], 3);
    assert_eq!(
        before["provisional"]["clients"][0],
        json!({"source": "wsus", "server": WSUS})
    );
    assert_eq!(
        before["provisional"]["servers"],
        json!([null, null, null, null])
    );

    let wished = json!({
        "fleet": {"quality_source": {"source": "wsus", "server": WSUS}},
        "scopes": [{"name": "Odd", "scope": "name:PC-ODD", "wanted": {"managed_by": "ConfigMgr"}}]
    });
    let answer = api.send_json("PUT", API, &wished.to_string()).await;
    assert_eq!(answer.status(), 200);
    let tag = answer.headers()["etag"].to_str().unwrap().to_owned();
    let after = api.json(API).await;
    assert_eq!(
        (&after["fleet"], &after["scopes"]),
        (&wished["fleet"], &wished["scopes"])
    );
    assert_eq!(after["provisional"]["clients"][0], Value::Null);
    // The servers scan elsewhere than the fleet should; of the managed one it is no longer asked.
    open_becomes(&api, WRONG, 2).await;
    let detail = api.json(&format!("/api/v1/devices/{odd}")).await;
    let verdicts = detail["verdicts"].as_array().unwrap();
    let verdict = verdicts.iter().find(|v| v["issue"] == WRONG).unwrap();
    assert_eq!(verdict["state"], "not-applicable");
    assert_says(
        verdict["summary"].as_str().unwrap(),
        &["ConfigMgr"],
        "summary",
    );

    // Who looked at an older version changes nothing.
    let old = api.request("PUT", API).header("if-match", "\"0000\"");
    let old = old.header("content-type", "application/json").body("{}");
    assert_eq!(old.send().await.unwrap().status(), 412);
    assert_eq!(api.json(API).await["fleet"], wished["fleet"]);
    let new = api.request("PUT", API).header("if-match", tag);
    let new = new.header("content-type", "application/json").body("{}");
    assert_eq!(new.send().await.unwrap().status(), 200);
    open_becomes(&api, WRONG, 1).await;
}

#[tokio::test]
async fn what_cannot_be_wished_is_refused_with_its_scope_and_its_name() {
    let site = Site::start().await;
    let api = site.api().await;
    let scope = |scope: Value| json!({ "scopes": [{"name": "First", "scope": "tag:a"}, scope] });
    let cases = [
        (json!([]), vec!["JSON object"]),
        (json!({"flete": {}}), vec!["flete"]),
        (
            json!({"fleet": {"oldest_scan_dais": 1}}),
            vec!["the whole fleet", "oldest_scan_dais"],
        ),
        (
            json!({"fleet": {"oldest_scan_days": 0}}),
            vec!["the whole fleet", "oldest_scan_days = 0", "1 to 3650"],
        ),
        (
            json!({"fleet": {"oldest_scan_days": "7"}}),
            vec!["the whole fleet", "oldest_scan_days"],
        ),
        (
            json!({"fleet": {"oldest_scan_days": -1}}),
            vec!["the whole fleet", "oldest_scan_days"],
        ),
        (
            json!({"fleet": {"quality_source": {"source": "blocked"}}}),
            vec!["quality_source"],
        ),
        (
            json!({"fleet": {"quality_source": {"source": "wsus", "sever": "x"}}}),
            vec!["quality_source", "sever"],
        ),
        (
            json!({"fleet": {"quality_source": {"source": "wsus", "server": "wsus"}}}),
            vec!["quality_source", "https://"],
        ),
        (scope(json!({"name": "Kiosks"})), vec!["Kiosks", "scope"]),
        (scope(json!({"scope": "tag:b"})), vec!["scope 2", "name"]),
        (scope(json!({"name": "", "scope": "tag:b"})), vec!["name"]),
        (
            scope(json!({"name": "Kiosks", "scope": "colour:red"})),
            vec!["Kiosks", "scope", "colour"],
        ),
        (
            scope(json!({"name": "Kiosks", "scope": "standing:serious"})),
            vec!["Kiosks", "standing"],
        ),
        (
            scope(json!({"name": "Kiosks", "scope": "tag:b", "wanted": {"silent_days": 0}})),
            vec!["Kiosks", "silent_days"],
        ),
        (
            scope(json!({"name": "Kiosks", "scope": "tag:b", "wanted": {"loud_days": 1}})),
            vec!["Kiosks", "loud_days"],
        ),
        (
            scope(json!({"name": "Kiosks", "scope": "tag:b", "wants": {}})),
            vec!["Kiosks", "wants"],
        ),
    ];
    for (body, says) in cases {
        for (method, path) in [("PUT", API), ("POST", "/api/v1/expectations/preview")] {
            let answer = api.send_json(method, path, &body.to_string()).await;
            assert_eq!(answer.status(), 400, "{body}");
            assert_eq!(answer.headers()["content-type"], "application/problem+json");
            let problem: Value = answer.json().await.unwrap();
            assert_says(problem["detail"].as_str().unwrap(), &says, &body);
        }
    }
    let many: Vec<Value> = (0..201)
        .map(|_| json!({"name": "a", "scope": "tag:a"}))
        .collect();
    let answer = api
        .send_json("PUT", API, &json!({ "scopes": many }).to_string())
        .await;
    assert_eq!(answer.status(), 400);
    assert_eq!(api.json(API).await["scopes"], json!([]));
}

#[tokio::test]
async fn what_was_previewed_comes_true_number_by_number() {
    let site = Site::start().await;
    fleet(&site).await;
    let api = site.api().await;
    let wishes = [
        json!({"fleet": {"quality_source": {"source": "windows-update"}, "behind_days": 1}}),
        json!({"scopes": [
            {"name": "Servers", "scope": "kind:server", "wanted": {"quality_source": {"source": "wsus"}}},
            {"name": "Half", "scope": "name:PC-1 or name:PC-2 or name:PC-3", "wanted": {"managed_by": "ConfigMgr"}}
        ], "fleet": {"quality_source": {"source": "wsus", "server": "https://elsewhere.example.org"}}}),
        json!({}),
    ];
    for wished in wishes {
        let before = open(&api).await;
        let answer = api
            .post_json("/api/v1/expectations/preview", &wished.to_string())
            .await;
        assert_eq!(answer.status(), 200);
        let preview: Value = answer.json().await.unwrap();
        assert_eq!(preview["devices"], 9, "{preview}");
        assert_eq!(open(&api).await, before, "a preview changes nothing");
        let mut expected = before.clone();
        for line in preview["issues"].as_array().unwrap() {
            let count = expected.get_mut(line["issue"].as_str().unwrap()).unwrap();
            *count += line["opens"].as_i64().unwrap() - line["clears"].as_i64().unwrap();
        }
        assert_ne!(
            expected, before,
            "this change makes a difference: {preview}"
        );
        let put = api.send_json("PUT", API, &wished.to_string()).await;
        assert_eq!(put.status(), 200);
        eventually("what was previewed", async || match open(&api).await {
            now if now == expected => Ok(()),
            now => Err(format!("{now:?} instead of {expected:?}")),
        })
        .await;
    }
}
