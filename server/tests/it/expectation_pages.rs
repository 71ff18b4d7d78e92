//! What the fleet's owner wants, through the pages: nothing changes before a person has seen what would.

use serde_json::json;

use crate::expectations::{API, WRONG, WSUS, fleet, open, open_becomes};
use crate::site::{Site, assert_says, encoded, eventually};

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
