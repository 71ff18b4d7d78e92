//! Every route of the web port, and what somebody who is not signed in gets there. A route without a line fails.

use std::collections::BTreeSet;

use reqwest::header::CONTENT_TYPE;
use sickbay_server::{api, web};

use crate::readings::{client, paused_by_user};
use crate::site::Site;

/// What a stranger gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stranger {
    /// The page that asks to sign in.
    SignInPage,
    /// 401 as problem+json.
    Problem,
    /// The thing itself, which says nothing of the fleet.
    Open,
}

const LINES: &[(&str, &str, Stranger)] = &[
    ("GET", "/", Stranger::SignInPage),
    ("GET", "/issues", Stranger::SignInPage),
    ("GET", "/issues/{issue}", Stranger::SignInPage),
    ("GET", "/devices", Stranger::SignInPage),
    ("GET", "/devices/{id}", Stranger::SignInPage),
    ("GET", "/enrolment", Stranger::SignInPage),
    ("POST", "/enrolment/approve", Stranger::SignInPage),
    ("POST", "/enrolment/refuse", Stranger::SignInPage),
    ("GET", "/enrolment/ca", Stranger::SignInPage),
    ("POST", "/enrolment/ca", Stranger::SignInPage),
    ("GET", "/error-codes", Stranger::SignInPage),
    ("GET", "/updates", Stranger::SignInPage),
    ("GET", "/updates/{kb}", Stranger::SignInPage),
    ("GET", "/updates/{kb}/devices/{id}", Stranger::SignInPage),
    ("GET", "/settings", Stranger::SignInPage),
    ("GET", "/expectations", Stranger::SignInPage),
    ("GET", "/expectations/fleet", Stranger::SignInPage),
    ("GET", "/expectations/scope", Stranger::SignInPage),
    ("POST", "/expectations/edit", Stranger::SignInPage),
    ("POST", "/expectations/preview", Stranger::SignInPage),
    ("POST", "/expectations/apply", Stranger::SignInPage),
    ("POST", "/expectations/accept", Stranger::SignInPage),
    ("POST", "/expectations/end", Stranger::SignInPage),
    ("GET", "/sign-in/{link}", Stranger::SignInPage),
    ("GET", "/events", Stranger::Problem),
    ("POST", "/sign-out", Stranger::Open),
    ("GET", "/healthz", Stranger::Open),
    ("GET", "/favicon.ico", Stranger::Open),
    ("GET", "/assets/{name}", Stranger::Open),
    ("GET", "/api/v1/openapi.json", Stranger::Problem),
    ("GET", "/api/v1/issues", Stranger::Problem),
    ("GET", "/api/v1/issues/{issue}/devices", Stranger::Problem),
    ("GET", "/api/v1/issues/{issue}/{file}", Stranger::Problem),
    ("GET", "/api/v1/devices", Stranger::Problem),
    ("GET", "/api/v1/devices/{id}", Stranger::Problem),
    ("GET", "/api/v1/error-codes", Stranger::Problem),
    ("GET", "/api/v1/error-codes/{code}", Stranger::Problem),
    ("POST", "/api/v1/devices/{id}/inspect", Stranger::Problem),
    ("POST", "/api/v1/machines", Stranger::Problem),
    ("POST", "/api/v1/inspections", Stranger::Problem),
    ("GET", "/api/v1/events", Stranger::Problem),
    ("GET", "/api/v1/expectations", Stranger::Problem),
    ("PUT", "/api/v1/expectations", Stranger::Problem),
    ("POST", "/api/v1/expectations/preview", Stranger::Problem),
    ("GET", "/api/v1/acceptances", Stranger::Problem),
    ("POST", "/api/v1/acceptances", Stranger::Problem),
    ("DELETE", "/api/v1/acceptances/{id}", Stranger::Problem),
    ("GET", "/api/v1/knowledge", Stranger::Problem),
    ("GET", "/api/v1/updates", Stranger::Problem),
    ("GET", "/api/v1/updates/{kb}", Stranger::Problem),
    ("GET", "/api/v1/updates/{kb}/devices", Stranger::Problem),
    (
        "GET",
        "/api/v1/updates/{kb}/devices/{id}",
        Stranger::Problem,
    ),
    ("GET", "/api/v1/updates/{kb}/{file}", Stranger::Problem),
];

/// The API's own description stands in no description.
const UNDESCRIBED: (&str, &str) = ("GET", "/api/v1/openapi.json");

/// Headers that no answer may lack.
const HEADERS: [&str; 7] = [
    "content-security-policy",
    "x-content-type-options",
    "referrer-policy",
    "x-frame-options",
    "cross-origin-opener-policy",
    "permissions-policy",
    "cache-control",
];

fn routes() -> BTreeSet<(String, String)> {
    let pages = web::table().map(|route| (route.method.to_string(), route.path.to_owned()));
    let document = serde_json::to_value(api::routes().1).unwrap();
    let described: Vec<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys();
            methods.map(move |method| (method.to_uppercase(), format!("/api/v1{path}")))
        })
        .collect();
    let itself = (UNDESCRIBED.0.to_owned(), UNDESCRIBED.1.to_owned());
    pages.chain(described).chain([itself]).collect()
}

fn line(method: &str, path: &str) -> Stranger {
    let line = LINES.iter().find(|line| (line.0, line.1) == (method, path));
    line.unwrap_or_else(|| panic!("{method} {path} has no line in this table"))
        .2
}

#[test]
fn every_route_has_a_line_that_says_what_a_stranger_gets() {
    let lines: BTreeSet<(String, String)> = LINES
        .iter()
        .map(|line| (line.0.to_owned(), line.1.to_owned()))
        .collect();
    assert_eq!(lines, routes());
    assert_eq!(lines.len(), LINES.len(), "a line stands twice");
}

/// A site with one device that has something open, and the paths of all routes with its ids in them.
async fn site_with_secret() -> (Site, Vec<(String, String, String)>) {
    let site = Site::start().await;
    let (_, token) = site.token(|token| SECRET.clone_into(&mut token.name)).await;
    let device = site.stored_device(&token, SECRET).await;
    let end = site.now().plus_days(1);
    site.take_in(&device, vec![client(SECRET), paused_by_user(end)])
        .await;
    let filled = routes()
        .into_iter()
        .map(|(method, path)| {
            let real = path
                .replace("{kb}", "KB5063878")
                .replace("{issue}", "quality-updates-paused")
                .replace("{id}", &device.id.to_string())
                .replace("{code}", "0x8024402C")
                .replace("{file}", "devices.csv")
                .replace("{name}", "sickbay.css")
                .replace("{link}", "AAAA");
            (method, path, real)
        })
        .collect();
    (site, filled)
}

/// The device's name, which no stranger may learn.
const SECRET: &str = "PC-OF-THE-BOARD";

#[tokio::test]
async fn a_stranger_gets_nothing_but_the_door_on_every_route() {
    let (site, routes) = site_with_secret().await;
    let strangers = [
        site.stranger(),
        site.viewer(Some(("cookie", "sickbay_session=AAAA".to_owned()))),
        site.viewer(Some(("authorization", "Bearer sba_AAAA".to_owned()))),
        site.viewer(Some(("authorization", "Basic c2ljazpiYXk=".to_owned()))),
    ];
    for stranger in strangers {
        for (method, path, real) in &routes {
            // Without a body and with one that means nothing: who asks is looked at before what is asked.
            let answer = stranger
                .request(method, real)
                .body("{}")
                .send()
                .await
                .unwrap();
            let (status, expected) = (answer.status().as_u16(), line(method, path));
            for header in HEADERS {
                assert!(
                    answer.headers().contains_key(header),
                    "{method} {real}: no {header}"
                );
            }
            let kind = answer
                .headers()
                .get(CONTENT_TYPE)
                .map(|kind| kind.to_str().unwrap().to_owned());
            let body = answer.text().await.unwrap();
            assert!(
                !body.contains(SECRET),
                "{method} {real} tells a stranger: {body}"
            );
            match expected {
                Stranger::SignInPage => {
                    assert_eq!(
                        (status, kind.as_deref()),
                        (401, Some("text/html; charset=utf-8")),
                        "{method} {real}"
                    );
                    assert!(body.contains("sign-in link"), "{method} {real}: {body}");
                }
                Stranger::Problem => {
                    assert_eq!(
                        (status, kind.as_deref()),
                        (401, Some("application/problem+json")),
                        "{method} {real}"
                    );
                }
                Stranger::Open => assert!(
                    matches!(status, 200 | 303 | 404),
                    "{method} {real}: {status}"
                ),
            }
        }
        for missing in ["/no-such-page", "/api/v1/no-such-call"] {
            assert_eq!(stranger.get(missing).await.status(), 401, "{missing}");
        }
    }
}

#[tokio::test]
async fn every_route_answers_those_who_may_ask_and_carries_the_security_headers() {
    let (site, routes) = site_with_secret().await;
    for viewer in [site.api().await, site.browser().await] {
        for (method, _, real) in routes
            .iter()
            .filter(|(method, path, _)| method == "GET" && !path.starts_with("/sign-in"))
        {
            let answer = viewer.get(real).await;
            let status = answer.status().as_u16();
            assert!(
                status == 200 || (status == 404 && real.starts_with("/assets")),
                "{method} {real}: {status}"
            );
            for header in HEADERS {
                assert!(
                    answer.headers().contains_key(header),
                    "{method} {real}: no {header}"
                );
            }
            if !real.starts_with("/assets") && real != "/favicon.ico" {
                assert_eq!(answer.headers()["cache-control"], "no-store", "{real}");
            }
        }
        let missing = viewer.get("/no-such-page").await;
        assert_eq!(missing.status(), 404);
        let policy = missing.headers()["content-security-policy"]
            .to_str()
            .unwrap();
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
        let call = viewer.get("/api/v1/no-such-call").await;
        assert_eq!(call.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(call.status(), 404);
    }
}
