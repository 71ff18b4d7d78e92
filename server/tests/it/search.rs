//! The search box: what one text finds, where it leads, and for whom.

use serde_json::Value;
use sickbay_diagnosis::filter::Filter;
use sickbay_store::{Access, DeviceIdentity, Role, Scope};

use crate::readings::{held, of_domain, paused_by_user, server, tagged};
use crate::site::{Site, Viewer, assert_says, encoded};

const HOLD: u32 = 41_990_788;

/// Three devices that reported, and one that was retired.
async fn site() -> (Site, Vec<DeviceIdentity>) {
    let site = Site::start().await;
    let (_, token) = site
        .token(|token| token.tags = vec!["berlin".to_owned()])
        .await;
    let (_, other) = site
        .token(|token| token.tags = vec!["hamburg".to_owned()])
        .await;
    let end = site.now().plus_days(1);
    let mut devices = Vec::new();
    for (name, token, says) in [
        ("PC-0001", &token, tagged("PC-0001", &["kiosk-desk"])),
        ("PC-00012", &other, of_domain("PC-00012", "contoso.com")),
        ("SRV-0001", &token, server("SRV-0001")),
    ] {
        let device = site.stored_device(token, name).await;
        let held = held("GE26H2", HOLD);
        site.take_in(&device, vec![says, held, paused_by_user(end)])
            .await;
        devices.push(device);
    }
    let gone = site.stored_device(&token, "PC-0009").await;
    let retired = sickbay_store::DeviceStatus::Retired;
    let deed = site.deed();
    site.store()
        .set_status(&[gone.id], retired, &deed)
        .await
        .unwrap();
    devices.push(gone);
    (site, devices)
}

async fn search(viewer: &Viewer, text: &str) -> Value {
    let path = format!("/api/v1/search?q={}", encoded(text));
    viewer.json(&path).await
}

/// Hits of a kind: titles, with how many devices each is of.
fn of_kind(found: &Value, kind: &str) -> Vec<(String, Option<u64>)> {
    let kinds = found["kinds"].as_array().unwrap();
    let Some(hits) = kinds.iter().find(|hits| hits["kind"] == kind) else {
        return Vec::new();
    };
    let hits = hits["items"].as_array().unwrap().iter();
    hits.map(|hit| {
        (
            hit["title"].as_str().unwrap().to_owned(),
            hit["devices"].as_u64(),
        )
    })
    .collect()
}

fn hit(title: &str, devices: impl Into<Option<u64>>) -> (String, Option<u64>) {
    (title.to_owned(), devices.into())
}

#[tokio::test]
async fn one_text_finds_things_of_every_kind() {
    let (site, devices) = site().await;
    let api = site.api().await;
    let id = devices[0].id.to_string();
    for (text, kind, expected) in [
        ("pc-0001", "device", hit("PC-0001", None)),
        ("c-0001", "device", hit("PC-0001", None)),
        ("PC-0001.contoso.com", "device", hit("PC-0001", None)),
        (id.as_str(), "device", hit("PC-0001", None)),
        ("pc-0009", "other-device", hit("PC-0009", None)),
        ("KB5043080", "update", hit("KB5043080", None)),
        ("5043080", "update", hit("KB5043080", None)),
        (
            "windows11.0-kb5043080-x64.msu",
            "update",
            hit("windows11.0-kb5043080-x64", None),
        ),
        (
            "-2145107924",
            "error-code",
            hit("0x8024402C WU_E_PT_WINHTTP_NAME_NOT_RESOLVED", None),
        ),
        (
            "winhttp_name_not",
            "error-code",
            hit("0x8024402C WU_E_PT_WINHTTP_NAME_NOT_RESOLVED", None),
        ),
        (
            "41990788",
            "safeguard-hold",
            hit("Safeguard hold 41990788", 2),
        ),
        (
            "40667045",
            "safeguard-hold",
            hit("Safeguard hold 40667045", 0),
        ),
        ("26200", "build", hit("Build 26200", 2)),
        ("10.0.26200.1", "build", hit("Build 26200.1", 0)),
        ("25h2", "group", hit("Windows 11 25H2", 2)),
        ("berlin", "group", hit("berlin", 2)),
        ("kiosk", "group", hit("kiosk-desk", 1)),
        (
            "safeguard-hold",
            "issue",
            hit("Safeguard hold blocks a feature update", 2),
        ),
        ("audit", "page", hit("Record", None)),
        ("kind:server", "filter", hit("kind:server", 1)),
    ] {
        let found = search(&api, text).await;
        let hits = of_kind(&found, kind);
        assert!(hits.contains(&expected), "{text}: {found:#}");
    }
    let causes = search(&api, "paused by").await;
    let causes = of_kind(&causes, "cause");
    let devices: Vec<Option<u64>> = causes.iter().map(|(_, devices)| *devices).collect();
    assert_eq!(
        devices,
        [Some(3), Some(2)],
        "no feature updates for servers"
    );
    let nothing = search(&api, "nosuchwordanywhere").await;
    assert_eq!(nothing["kinds"], Value::Array(Vec::new()));
    let wrong = search(&api, "kind:").await;
    assert!(wrong["not_a_filter"].is_string(), "{wrong}");
}

#[tokio::test]
async fn every_hit_leads_to_a_page_with_as_many_devices_as_it_says() {
    let (site, _) = site().await;
    let api = site.api().await;
    let mut followed = 0;
    for text in [
        "pc",
        "41990788",
        "berlin",
        "safeguard",
        "windows",
        "26200",
        "kind:server",
        "pause",
        "e",
    ] {
        let found = search(&api, text).await;
        for hits in found["kinds"].as_array().unwrap() {
            let all = api.get(hits["all"].as_str().unwrap()).await;
            assert_eq!(all.status(), 200, "{text}: {hits}");
            for hit in hits["items"].as_array().unwrap() {
                let page = api.page(hit["href"].as_str().unwrap()).await;
                let Some(devices) = hit["devices"].as_u64() else {
                    continue;
                };
                // Builds and holds that no device has lead to an empty list.
                let said = match devices {
                    1 => "<strong>1 device</strong>".to_owned(),
                    n => format!("<strong>{n} devices</strong>"),
                };
                assert!(page.contains(&said), "{text}: {hit} leads to {page}");
                followed += 1;
            }
        }
    }
    assert!(followed > 20, "{followed}");
}

#[tokio::test]
async fn what_names_one_thing_is_gone_to_and_listed_where_that_is_asked() {
    let (site, devices) = site().await;
    let browser = site.browser().await;
    let device = |place: usize| format!("/devices/{}", devices[place].id);
    for (text, goes_to) in [
        ("pc-0001", Some(device(0))),
        (" PC-0001 ", Some(device(0))),
        ("PC-0009", Some(device(3))),
        (&devices[2].id.to_string(), Some(device(2))),
        ("KB5043080", Some("/updates/KB5043080".to_owned())),
        ("5043080", Some("/updates/KB5043080".to_owned())),
        ("2149859372", Some("/error-codes?q=0x8024402C".to_owned())),
        (
            "wu_e_no_service",
            Some("/error-codes?q=0x80240001".to_owned()),
        ),
        ("pc-000", None),
        ("PC-0001*", None),
        ("pc-00012.CONTOSO.com", Some(device(1))),
        ("PC-00012.contoso", None),
        ("PC-00012.fabrikam.com", None),
        // Its domain is not known, so that nothing speaks against it.
        ("PC-0001.contoso.com", Some(device(0))),
        ("41990788", None),
        ("26200", None),
        ("audit", None),
        ("0001", None),
        ("404", None),
        ("", None),
    ] {
        let answer = browser.get(&format!("/search?q={}", encoded(text))).await;
        let location = answer.headers().get("location");
        let location = location.map(|to| to.to_str().unwrap().to_owned());
        assert_eq!(location, goes_to, "{text:?}");
        let wanted = if goes_to.is_some() { 303 } else { 200 };
        assert_eq!(answer.status(), wanted, "{text:?}");
        let named = search(&browser, text).await["names"]["href"].clone();
        assert_eq!(named.as_str(), goes_to.as_deref(), "{text:?}");
    }
    let listed = browser.page("/search?q=PC-0001&list=all").await;
    assert_says(
        &listed,
        &[
            "Its host name is this",
            "Its host name begins so",
            &device(0),
            "value=\"PC-0001\"",
        ],
        "list=all",
    );
    // Two of one name are no longer one that it names.
    let (_, token) = site.token(|_| ()).await;
    site.stored_device(&token, "pc-0001").await;
    let two = browser.get("/search?q=pc-0001").await;
    assert_eq!(two.status(), 200);
}

#[tokio::test]
async fn a_search_shows_what_scope_and_role_show() {
    let (site, devices) = site().await;
    let scope = Scope::Matching(Filter::parse("tag:hamburg").unwrap());
    let access = Access {
        role: Role::Viewer,
        scope,
    };
    let viewer = site.person("Ann", access).await;
    for text in ["SRV-0001", "pc-0001", "pc-0009", &devices[0].id.to_string()] {
        let found = search(&viewer, text).await;
        assert_eq!(of_kind(&found, "other-device"), [], "{text}: {found}");
        for (title, _) in of_kind(&found, "device") {
            assert_eq!(title, "PC-00012", "{text}");
        }
        let page = viewer
            .page(&format!("/search?q={}&list=all", encoded(text)))
            .await;
        assert!(
            !page.contains(&format!("/devices/{}", devices[0].id)),
            "{text}"
        );
    }
    // The only one of it in sight, and not called so.
    assert_eq!(search(&viewer, "pc-0001").await["names"], Value::Null);
    let held = search(&viewer, "41990788").await;
    let expected = [hit("Safeguard hold 41990788", 1)];
    assert_eq!(of_kind(&held, "safeguard-hold"), expected);
    assert_eq!(of_kind(&search(&viewer, "berlin").await, "group"), []);
    let filter = search(&viewer, "kind:server").await;
    assert_eq!(of_kind(&filter, "filter"), [hit("kind:server", 0)]);
    let build = search(&viewer, "26200").await;
    assert_eq!(of_kind(&build, "build"), [hit("Build 26200", 1)]);
    // Pages that they may not open are no hits.
    for (text, may) in [
        ("audit", false),
        ("people", false),
        ("settings", false),
        ("devices", true),
    ] {
        let pages = of_kind(&search(&viewer, text).await, "page");
        assert_eq!(!pages.is_empty(), may, "{text}: {pages:?}");
    }
    let admin = site.browser().await;
    assert!(!of_kind(&search(&admin, "people").await, "page").is_empty());
}

#[tokio::test]
async fn a_text_that_is_too_long_is_refused_and_limits_hold() {
    let (site, _) = site().await;
    let api = site.api().await;
    let long = "x".repeat(501);
    let answer = api.get(&format!("/api/v1/search?q={long}")).await;
    assert_eq!(answer.status(), 400);
    let page = api.page(&format!("/search?q={long}")).await;
    assert_says(
        &page,
        &["This was not looked for.", "501 characters"],
        "too long",
    );
    let none = api.page(&format!("/search/suggestions?q={long}")).await;
    assert_says(&none, &["Nothing found for"], "too long");
    for refused in ["limit=0", "limit=201", "limit=x", "kind=thing"] {
        let answer = api.get(&format!("/api/v1/search?q=pc&{refused}")).await;
        assert_eq!(answer.status(), 400, "{refused}");
    }
    let one = api
        .json("/api/v1/search?q=wu_e&limit=1&kind=error-code")
        .await;
    let kinds = one["kinds"].as_array().unwrap();
    assert_eq!(kinds.len(), 1);
    assert_eq!(kinds[0]["items"].as_array().unwrap().len(), 1);
    assert!(kinds[0]["total"].as_u64().unwrap() > 100);
    // What is left out is one link away.
    let page = api.page("/search?q=wu_e").await;
    assert_says(&page, &["more</a>", "/error-codes?q=wu_e"], "wu_e");
}

#[tokio::test]
async fn suggestions_are_options_that_lead_to_pages_and_to_the_whole_list() {
    let (site, devices) = site().await;
    let browser = site.browser().await;
    let part = browser.page("/search/suggestions?q=pc-0001").await;
    let id = devices[0].id;
    assert!(part.starts_with("<div role=\"listbox\""), "{part}");
    assert_says(
        &part,
        &[
            "role=\"group\" aria-labelledby=\"search-kind-device\"",
            &format!("href=\"/devices/{id}\""),
            "href=\"/search?q=pc-0001&#38;list=all\"",
        ],
        "suggestions",
    );
    let options = part.matches("role=\"option\"").count();
    assert_eq!(part.matches("aria-selected=\"false\"").count(), options);
    assert!(options >= 3, "{part}");
    let many = browser.page("/search/suggestions?q=e").await;
    assert!(many.matches("role=\"option\"").count() <= 15, "{many}");
}
