//! What the fleet's owner wants: through the API and through the pages, previewed before it is made.

use serde_json::{Value, json};

use crate::device::{Device, report};
use crate::readings::{client, on_the_wire, scans_at, server};
use crate::site::{Site, Viewer, assert_says, encoded, eventually};

const API: &str = "/api/v1/expectations";
const WRONG: &str = "wrong-scan-source";
const WSUS: &str = "https://wsus.example.org:8531";

/// Six clients at the WSUS server, one at another, and two servers at Windows Update. The first of them speaks for itself.
async fn fleet(site: &Site) -> String {
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

async fn open(api: &Viewer) -> std::collections::BTreeMap<String, i64> {
    let issues = api.json("/api/v1/issues").await;
    let issues = issues.as_array().unwrap().iter();
    issues
        .map(|issue| {
            let id = issue["id"].as_str().unwrap().to_owned();
            (id, issue["open"].as_i64().unwrap())
        })
        .collect()
}

async fn open_becomes(api: &Viewer, issue: &str, wanted: i64) {
    eventually(
        &format!("{issue} is open on {wanted}"),
        async || match open(api).await[issue] {
            n if n == wanted => Ok(()),
            n => Err(format!("{n} open")),
        },
    )
    .await;
}

/// The value of a hidden field of a page, as a browser would send it.
fn hidden(page: &str, name: &str) -> String {
    let (_, after) = page
        .split_once(&format!("name=\"{name}\" value=\""))
        .unwrap_or_else(|| panic!("no {name} in {page}"));
    let raw = after.split('"').next().unwrap();
    let quoted = raw.replace("&#34;", "\"").replace("&#39;", "'");
    quoted
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#38;", "&")
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

#[tokio::test]
async fn one_preview_walks_the_fleet_at_a_time_and_others_are_told_when_to_come_back() {
    let site = Site::start().await;
    let person = site.browser().await;
    let api = site.api().await;
    let page = person.page("/expectations/fleet").await;
    let under_way = site.app().previewing.try_acquire().unwrap();
    let answer = api.post_json("/api/v1/expectations/preview", "{}").await;
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "5");
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let csrf = hidden(&page, "csrf");
    let mark = hidden(&page, "mark");
    let fields = [
        ("csrf", csrf.as_str()),
        ("mark", &mark),
        ("change", "fleet"),
        ("silent_days", "3"),
    ];
    let refused = person.post_form("/expectations/preview", &fields).await;
    assert_eq!(refused.status(), 503);
    drop(under_way);
    assert_eq!(
        person
            .post_form("/expectations/preview", &fields)
            .await
            .status(),
        200
    );
    assert_eq!(
        api.post_json("/api/v1/expectations/preview", "{}")
            .await
            .status(),
        200
    );
}

#[tokio::test]
async fn a_person_writes_a_scope_sees_what_would_come_of_it_and_applies_it() {
    let site = Site::start().await;
    fleet(&site).await;
    let person = site.browser().await;
    let api = site.api().await;
    let page = person.page("/expectations/scope?place=new").await;
    let (csrf, mark) = (hidden(&page, "csrf"), hidden(&page, "mark"));
    let own = [
        ("csrf", csrf.as_str()),
        ("mark", &mark),
        ("change", "scope"),
        ("place", "new"),
    ];

    // What cannot be is told beside its field, and nothing that was typed is lost.
    let mut typed = own.to_vec();
    typed.extend([
        ("name", "Kiosks & \"more\""),
        ("scope", "state:open"),
        ("silent_days", "soon"),
        ("managed_by", "ConfigMgr"),
    ]);
    let answer = person.post_form("/expectations/preview", &typed).await;
    assert_eq!(answer.status(), 400);
    let form = answer.text().await.unwrap();
    assert_says(
        &form,
        &[
            "2 fields",
            "whole number of days",
            "value=\"soon\"",
            "value=\"ConfigMgr\"",
            "Kiosks &#38; &#34;more&#34;",
        ],
        "form",
    );

    let mut typed = own.to_vec();
    typed.extend([
        ("name", "Kiosks & \"more\""),
        ("scope", "name:PC-ODD"),
        ("managed_by", "ConfigMgr"),
    ]);
    let answer = person.post_form("/expectations/preview", &typed).await;
    assert_eq!(answer.status(), 200);
    let preview = answer.text().await.unwrap();
    assert_says(
        &preview,
        &[
            "1 device would change",
            "Updates come from the wrong source",
            "Apply",
        ],
        "preview",
    );
    assert_eq!(
        api.json(API).await["scopes"],
        json!([]),
        "nothing is kept by a preview"
    );
    // Back leads to the form as it was typed.
    let edited = person
        .post_form("/expectations/edit", &typed)
        .await
        .text()
        .await
        .unwrap();
    assert_says(
        &edited,
        &["value=\"name:PC-ODD\"", "value=\"ConfigMgr\""],
        "form again",
    );

    let wishes = hidden(&preview, "wishes");
    let applied = [
        ("csrf", csrf.as_str()),
        ("mark", &mark),
        ("wishes", &wishes),
    ];
    let answer = person.post_form("/expectations/apply", &applied).await;
    assert_eq!(answer.status(), 303);
    open_becomes(&api, WRONG, 0).await;
    let page = person.page("/expectations").await;
    assert_says(
        &page,
        &["Kiosks &#38; &#34;more&#34;", "ConfigMgr", "name:PC-ODD"],
        "page",
    );

    // The same form once more rests on expectations that are no longer there.
    for path in ["/expectations/apply", "/expectations/preview"] {
        let mut fields = typed.clone();
        fields.push(("wishes", &wishes));
        let answer = person.post_form(path, &fields).await;
        assert_eq!(answer.status(), 409, "{path}");
        assert_says(
            &answer.text().await.unwrap(),
            &["Somebody else changed"],
            path,
        );
    }

    let mark = hidden(&page, "mark");
    let remove = [
        ("csrf", csrf.as_str()),
        ("mark", &mark),
        ("change", "remove"),
        ("place", "0"),
    ];
    let preview = person
        .post_form("/expectations/preview", &remove)
        .await
        .text()
        .await
        .unwrap();
    let wishes = hidden(&preview, "wishes");
    let applied = [
        ("csrf", csrf.as_str()),
        ("mark", &mark),
        ("wishes", &wishes),
    ];
    assert_eq!(
        person
            .post_form("/expectations/apply", &applied)
            .await
            .status(),
        303
    );
    open_becomes(&api, WRONG, 1).await;
}

#[tokio::test]
async fn confirming_what_most_devices_use_makes_it_a_wish_and_changes_nothing_else() {
    let site = Site::start().await;
    fleet(&site).await;
    let person = site.browser().await;
    let api = site.api().await;
    assert_says(
        &person.page("/").await,
        &["Please confirm", "/expectations#provisional"],
        "overview",
    );
    let page = person.page("/expectations").await;
    assert_says(&page, &["Please confirm", WSUS], "page");
    let (csrf, mark) = (hidden(&page, "csrf"), hidden(&page, "mark"));
    let confirm = [
        ("csrf", csrf.as_str()),
        ("mark", &mark),
        ("change", "confirm"),
    ];
    let preview = person
        .post_form("/expectations/preview", &confirm)
        .await
        .text()
        .await
        .unwrap();
    assert_says(&preview, &["Nothing would change"], "preview");
    let wishes = hidden(&preview, "wishes");
    let applied = [
        ("csrf", csrf.as_str()),
        ("mark", &mark),
        ("wishes", &wishes),
    ];
    assert_eq!(
        person
            .post_form("/expectations/apply", &applied)
            .await
            .status(),
        303
    );
    // There are too few servers for a majority of theirs, so clients alone are wished for.
    let kept = api.json(API).await;
    assert_eq!(kept["scopes"][0]["scope"], "kind:client");
    assert_eq!(
        kept["scopes"][0]["wanted"]["quality_source"],
        json!({"source": "wsus", "server": WSUS})
    );
    eventually("nobody is asked any more", async || {
        let page = person.page("/").await;
        if page.contains("Please confirm") {
            Err("still asked".to_owned())
        } else {
            Ok(())
        }
    })
    .await;
    assert_eq!(open(&api).await[WRONG], 1);
}

#[tokio::test]
async fn a_form_or_call_without_its_sessions_token_changes_no_expectation() {
    let site = Site::start().await;
    let (person, other) = (site.browser().await, site.browser().await);
    let mark = hidden(&person.page("/expectations/fleet").await, "mark");
    let foreign = other.csrf().await;
    for csrf in [None, Some(""), Some(foreign.as_str())] {
        for path in ["edit", "preview", "apply", "accept", "end"] {
            let mut fields = vec![
                ("mark", mark.as_str()),
                ("change", "fleet"),
                ("wishes", r#"{"fleet":{"silent_days":2}}"#),
                ("issue", "silent"),
                ("scope", ""),
                ("reason", "none"),
                ("until", "2099-01-01"),
            ];
            fields.extend(csrf.map(|csrf| ("csrf", csrf)));
            let answer = person
                .post_form(&format!("/expectations/{path}"), &fields)
                .await;
            assert_eq!(answer.status(), 403, "{path} {csrf:?}");
        }
        for (method, path, body) in [
            ("PUT", API.to_owned(), "{}"),
            ("POST", format!("{API}/preview"), "{}"),
            (
                "POST",
                "/api/v1/acceptances".to_owned(),
                r#"{"issue":"silent","scope":"","reason":"x","until":"2099-01-01"}"#,
            ),
            (
                "DELETE",
                format!("/api/v1/acceptances/{}", uuid::Uuid::nil()),
                "",
            ),
        ] {
            let request = person
                .request(method, &path)
                .header("content-type", "application/json");
            let request = match csrf {
                Some(csrf) => request.header("x-csrf-token", csrf),
                None => request,
            };
            let answer = request.body(body).send().await.unwrap();
            assert_eq!(answer.status(), 403, "{method} {path} {csrf:?}");
        }
    }
    assert_eq!(site.store().setting("wishes").await.unwrap(), None);
    assert_eq!(site.store().acceptances().await.unwrap(), []);
}

#[tokio::test]
async fn the_scope_links_to_its_devices() {
    let site = Site::start().await;
    let api = site.api().await;
    let wished = json!({"scopes": [{"name": "<b>Berlin</b>", "scope": "ou:\"*Berlin, Mitte*\""}]});
    assert_eq!(
        api.send_json("PUT", API, &wished.to_string())
            .await
            .status(),
        200
    );
    let page = api.page("/expectations").await;
    let href = format!("/devices?filter={}", encoded("ou:\"*Berlin, Mitte*\""));
    assert_says(&page, &[&href, "&#60;b&#62;Berlin"], "page");
}
