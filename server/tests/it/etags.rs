//! Answers of the API that a caller has already are not sent again.

use reqwest::header::{ACCEPT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use sickbay_diagnosis::filter::Filter;
use sickbay_server::api;
use sickbay_store::{Access, Role, Scope};

use crate::readings::{client, paused_by_user};
use crate::site::{Site, Viewer};

/// Calls of which the answer holds only what stands still in a test.
const STILL: [&str; 9] = [
    "/api/v1/openapi.json",
    "/api/v1/issues",
    "/api/v1/devices",
    "/api/v1/issues/quality-updates-paused/devices",
    "/api/v1/error-codes/0x8024402C",
    "/api/v1/knowledge",
    "/api/v1/updates",
    "/api/v1/updates/KB5063878",
    "/api/v1/search?q=pc",
];

async fn site() -> (Site, String) {
    let site = Site::start().await;
    let (_, token) = site.token(|_| ()).await;
    let device = site.stored_device(&token, "PC-1").await;
    let end = site.now().plus_days(1);
    site.take_in(&device, vec![client("PC-1"), paused_by_user(end)])
        .await;
    (site, device.id.to_string())
}

async fn tag(viewer: &Viewer, path: &str) -> String {
    let answer = viewer.get(path).await;
    assert_eq!(answer.status(), 200, "{path}");
    assert_eq!(answer.headers()["cache-control"], "private, no-cache");
    let tag = answer.headers().get(ETAG);
    let tag = tag.unwrap_or_else(|| panic!("{path} has no tag"));
    tag.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_the_caller_has_is_not_sent_again_until_it_is_another() {
    let (site, id) = site().await;
    for viewer in [site.api().await, site.browser().await] {
        for path in STILL {
            let had = tag(&viewer, path).await;
            let again = viewer.request("GET", path).header(IF_NONE_MATCH, &had);
            let again = again.send().await.unwrap();
            assert_eq!(again.status(), 304, "{path}");
            assert_eq!(again.headers()[ETAG], had.as_str(), "{path}");
            assert_eq!(again.headers()["cache-control"], "private, no-cache");
            assert!(!again.headers().contains_key(CONTENT_TYPE), "{path}");
            assert!(again.headers().contains_key("content-security-policy"));
            assert_eq!(again.bytes().await.unwrap().len(), 0, "{path}");
            let other = viewer
                .request("GET", path)
                .header(IF_NONE_MATCH, "W/\"other\"");
            assert_eq!(other.send().await.unwrap().status(), 200, "{path}");
        }
    }
    // A device that came since makes another answer; what does not tell of it stays.
    let api = site.api().await;
    let (devices, codes) = ("/api/v1/devices", "/api/v1/error-codes/0x8024402C");
    let (had, still) = (tag(&api, devices).await, tag(&api, codes).await);
    let (_, token) = site.token(|_| ()).await;
    site.stored_device(&token, "PC-2").await;
    let changed = api.request("GET", devices).header(IF_NONE_MATCH, &had);
    let changed = changed.send().await.unwrap();
    assert_eq!(changed.status(), 200);
    assert!(changed.text().await.unwrap().contains("PC-2"));
    assert_eq!(tag(&api, codes).await, still);
    tag(&api, &format!("/api/v1/devices/{id}")).await;
}

#[tokio::test]
async fn a_tag_tells_nobody_what_they_may_not_see() {
    let (site, _) = site().await;
    let everybody = tag(&site.api().await, "/api/v1/devices").await;
    let scope = Scope::Matching(Filter::parse("tag:nowhere").unwrap());
    let access = Access {
        role: Role::Viewer,
        scope,
    };
    let (_, other) = site.api_token_that_may(access, None).await;
    let asked = other
        .request("GET", "/api/v1/devices")
        .header(IF_NONE_MATCH, &everybody);
    let answer = asked.send().await.unwrap();
    assert_eq!(answer.status(), 200, "it is another answer for them");
    let stranger = site
        .stranger()
        .request("GET", "/api/v1/devices")
        .header(IF_NONE_MATCH, "*");
    let stranger = stranger.send().await.unwrap();
    assert_eq!(stranger.status(), 401);
    assert!(!stranger.headers().contains_key(ETAG));
}

#[tokio::test]
async fn files_streams_errors_and_changes_have_no_tag() {
    let (site, _) = site().await;
    let api = site.api().await;
    for path in [
        "/api/v1/exports/devices/devices.json",
        "/api/v1/exports/devices/devices.csv",
        "/api/v1/issues/quality-updates-paused/devices.ndjson",
        "/api/v1/events",
        "/api/v1/devices/00000000-0000-0000-0000-000000000000",
    ] {
        let asked = api.request("GET", path).header(IF_NONE_MATCH, "*");
        let answer = asked.send().await.unwrap();
        assert!(matches!(answer.status().as_u16(), 200 | 404), "{path}");
        assert!(!answer.headers().contains_key(ETAG), "{path}");
        assert_eq!(answer.headers()["cache-control"], "no-store", "{path}");
    }
    let preview = api.post_json("/api/v1/expectations/preview", "{}").await;
    assert_eq!(preview.status(), 200);
    assert!(!preview.headers().contains_key(ETAG));
    let head = api.request("HEAD", "/api/v1/issues").send().await.unwrap();
    assert_eq!(head.status(), 200);
    assert!(!head.headers().contains_key(ETAG), "its body is not there");
}

#[tokio::test]
async fn an_answer_has_one_tag_compressed_or_not() {
    let (site, _) = site().await;
    let api = site.api().await;
    let plain = tag(&api, "/api/v1/issues").await;
    let asked = api
        .request("GET", "/api/v1/issues")
        .header(ACCEPT_ENCODING, "gzip");
    let compressed = asked.send().await.unwrap();
    assert_eq!(compressed.headers()["content-encoding"], "gzip");
    assert_eq!(compressed.headers()[ETAG], plain.as_str());
    assert!(plain.starts_with("W/\""), "{plain}");
}

#[test]
fn every_call_that_answers_with_json_alone_says_that_it_has_a_tag() {
    let document = serde_json::to_value(api::routes().1).unwrap();
    let mut with_tag = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(get) = item.get("get") else { continue };
        let kinds = get["responses"]["200"]["content"].as_object().unwrap();
        let is_json = kinds.keys().eq(["application/json"]);
        let says = get["responses"].get("304").is_some();
        if item.get("put").is_some() {
            assert!(!says, "{path} has a tag of what is replaced");
            continue;
        }
        assert_eq!(says, is_json, "{path}");
        with_tag += usize::from(says);
    }
    assert!(with_tag >= 15, "{with_tag}");
}
