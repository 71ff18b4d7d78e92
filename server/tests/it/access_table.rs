//! Every route of the web port, and what somebody who is not signed in gets there. A route without a line fails.

use std::collections::BTreeSet;

use reqwest::header::CONTENT_TYPE;
use sickbay_diagnosis::filter::Filter;
use sickbay_server::access::rules::{self, Needs};
use sickbay_server::{api, web};
use sickbay_store::{Access, Role, Scope};

use crate::readings::{client, paused_by_user};
use crate::site::Site;

use Needs::{Nothing, Role as Scoped, WholeFleet};
use Role::{Admin, Operator, Viewer};

/// Every route and what it asks, said a second time: who changes the one has to change the other.
const LINES: &[(&str, &str, Needs)] = &[
    ("GET", "/healthz", Nothing),
    ("GET", "/favicon.ico", Nothing),
    ("GET", "/assets/{name}", Nothing),
    ("GET", "/sign-in", Nothing),
    ("POST", "/sign-in", Nothing),
    ("GET", "/sign-in/openid", Nothing),
    ("GET", "/sign-in/openid/callback", Nothing),
    ("GET", "/sign-in/{link}", Nothing),
    ("GET", "/sign-in/of-account/{link}", Nothing),
    ("POST", "/sign-in/of-account/{link}", Nothing),
    ("POST", "/sign-out", Nothing),
    ("GET", "/", Scoped(Viewer)),
    ("GET", "/issues", Scoped(Viewer)),
    ("GET", "/issues/{issue}", Scoped(Viewer)),
    ("GET", "/devices", Scoped(Viewer)),
    ("GET", "/devices/{id}", Scoped(Viewer)),
    ("GET", "/updates", Scoped(Viewer)),
    ("GET", "/updates/{kb}", Scoped(Viewer)),
    ("GET", "/updates/{kb}/devices/{id}", Scoped(Viewer)),
    ("GET", "/error-codes", Scoped(Viewer)),
    ("GET", "/api", Scoped(Viewer)),
    ("GET", "/search", Scoped(Viewer)),
    ("GET", "/search/suggestions", Scoped(Viewer)),
    ("GET", "/events", Scoped(Viewer)),
    ("GET", "/account", Scoped(Viewer)),
    ("POST", "/account/password", Scoped(Viewer)),
    ("POST", "/account/zone", Scoped(Viewer)),
    ("POST", "/account/sessions/end", Scoped(Viewer)),
    ("GET", "/exports", Scoped(Viewer)),
    ("POST", "/exports", Scoped(Viewer)),
    ("POST", "/exports/remove", Scoped(Viewer)),
    ("POST", "/selection", Scoped(Viewer)),
    ("POST", "/inspect", Scoped(Operator)),
    ("POST", "/views", Scoped(Viewer)),
    ("POST", "/views/remove", Scoped(Viewer)),
    ("GET", "/enrolment", WholeFleet(Operator)),
    ("POST", "/enrolment/approve", WholeFleet(Operator)),
    ("POST", "/enrolment/refuse", WholeFleet(Operator)),
    ("GET", "/enrolment/ca", WholeFleet(Admin)),
    ("POST", "/enrolment/ca", WholeFleet(Admin)),
    ("GET", "/settings", WholeFleet(Viewer)),
    ("GET", "/expectations", WholeFleet(Viewer)),
    ("GET", "/expectations/fleet", WholeFleet(Admin)),
    ("GET", "/expectations/scope", WholeFleet(Admin)),
    ("POST", "/expectations/edit", WholeFleet(Admin)),
    ("POST", "/expectations/preview", WholeFleet(Admin)),
    ("POST", "/expectations/apply", WholeFleet(Admin)),
    ("POST", "/expectations/accept", WholeFleet(Operator)),
    ("POST", "/expectations/end", WholeFleet(Operator)),
    ("GET", "/people", WholeFleet(Admin)),
    ("POST", "/people/add", WholeFleet(Admin)),
    ("POST", "/people/access", WholeFleet(Admin)),
    ("POST", "/people/link", WholeFleet(Admin)),
    ("POST", "/people/disable", WholeFleet(Admin)),
    ("POST", "/people/sessions/end", WholeFleet(Admin)),
    ("POST", "/people/tokens/add", WholeFleet(Admin)),
    ("POST", "/people/tokens/revoke", WholeFleet(Admin)),
    ("GET", "/audit", WholeFleet(Admin)),
    ("GET", "/api/v1/openapi.json", Scoped(Viewer)),
    ("GET", "/api/v1/search", Scoped(Viewer)),
    ("GET", "/api/v1/issues", Scoped(Viewer)),
    ("GET", "/api/v1/issues/{issue}/devices", Scoped(Viewer)),
    ("GET", "/api/v1/issues/{issue}/{file}", Scoped(Viewer)),
    ("GET", "/api/v1/days", Scoped(Viewer)),
    ("GET", "/api/v1/views", Scoped(Viewer)),
    ("POST", "/api/v1/views", Scoped(Viewer)),
    ("DELETE", "/api/v1/views/{id}", Scoped(Viewer)),
    ("GET", "/api/v1/devices", Scoped(Viewer)),
    ("GET", "/api/v1/devices/{id}", Scoped(Viewer)),
    ("POST", "/api/v1/devices/{id}/inspect", Scoped(Operator)),
    ("POST", "/api/v1/inspections", Scoped(Operator)),
    ("GET", "/api/v1/exports/devices/{file}", Scoped(Viewer)),
    ("GET", "/api/v1/exports", Scoped(Viewer)),
    ("POST", "/api/v1/exports", Scoped(Viewer)),
    ("GET", "/api/v1/exports/{id}", Scoped(Viewer)),
    ("DELETE", "/api/v1/exports/{id}", Scoped(Viewer)),
    ("GET", "/api/v1/exports/{id}/{file}", Scoped(Viewer)),
    ("GET", "/api/v1/error-codes", Scoped(Viewer)),
    ("GET", "/api/v1/error-codes/{code}", Scoped(Viewer)),
    ("GET", "/api/v1/events", Scoped(Viewer)),
    ("GET", "/api/v1/knowledge", Scoped(Viewer)),
    ("GET", "/api/v1/updates", Scoped(Viewer)),
    ("GET", "/api/v1/updates/{kb}", Scoped(Viewer)),
    ("GET", "/api/v1/updates/{kb}/devices", Scoped(Viewer)),
    ("GET", "/api/v1/updates/{kb}/devices/{id}", Scoped(Viewer)),
    ("GET", "/api/v1/updates/{kb}/{file}", Scoped(Viewer)),
    ("POST", "/api/v1/machines", WholeFleet(Admin)),
    ("GET", "/api/v1/expectations", WholeFleet(Viewer)),
    ("PUT", "/api/v1/expectations", WholeFleet(Admin)),
    ("POST", "/api/v1/expectations/preview", WholeFleet(Admin)),
    ("GET", "/api/v1/acceptances", WholeFleet(Viewer)),
    ("POST", "/api/v1/acceptances", WholeFleet(Operator)),
    ("DELETE", "/api/v1/acceptances/{id}", WholeFleet(Operator)),
    ("GET", "/api/v1/audit", WholeFleet(Admin)),
    ("GET", "/api/v1/audit/{file}", WholeFleet(Admin)),
];

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

fn of_stranger(method: &str, path: &str, needs: Needs) -> Stranger {
    match needs {
        // A link that does not work is told by the same page.
        Nothing if path == "/sign-in/{link}" => Stranger::SignInPage,
        // Asks before it looks; then it is told as above.
        Nothing if path == "/sign-in/of-account/{link}" && method == "POST" => Stranger::SignInPage,
        Nothing => Stranger::Open,
        _ if path.starts_with("/api/") || path == "/events" => Stranger::Problem,
        _ => Stranger::SignInPage,
    }
}

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

pub(crate) fn routes() -> BTreeSet<(String, String)> {
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

fn line(method: &str, path: &str) -> Needs {
    let line = LINES.iter().find(|line| (line.0, line.1) == (method, path));
    line.unwrap_or_else(|| panic!("{method} {path} has no line in this table"))
        .2
}

#[test]
fn every_route_has_a_line_that_says_who_may_call_it() {
    let lines: BTreeSet<(String, String)> = LINES
        .iter()
        .map(|line| (line.0.to_owned(), line.1.to_owned()))
        .collect();
    assert_eq!(lines, routes());
    assert_eq!(lines.len(), LINES.len(), "a line stands twice");
    for (method, path, needs) in LINES {
        assert_eq!(rules::needs(method, path), Some(*needs), "{method} {path}");
    }
    assert_eq!(rules::RULES.len(), LINES.len(), "a rule is of no route");
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
                .replace(
                    "{file}",
                    if path.contains("/audit/") {
                        "record.csv"
                    } else {
                        "devices.csv"
                    },
                )
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
            let expected = of_stranger(method, path, line(method, path));
            let status = answer.status().as_u16();
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
                    assert!(
                        body.contains(r#"name="password""#),
                        "{method} {real}: {body}"
                    );
                }
                Stranger::Problem => {
                    assert_eq!(
                        (status, kind.as_deref()),
                        (401, Some("application/problem+json")),
                        "{method} {real}"
                    );
                }
                Stranger::Open => assert!(
                    matches!(status, 200 | 303 | 404) || (path == "/sign-in" && status == 415),
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
        for (method, path, real) in routes
            .iter()
            .filter(|(method, path, _)| method == "GET" && !path.starts_with("/sign-in"))
        {
            let answer = viewer.get(real).await;
            let status = answer.status().as_u16();
            // Of these there is none of that name.
            let is_missing =
                real.starts_with("/assets") || path.starts_with("/api/v1/exports/{id}");
            assert!(
                status == 200 || (status == 404 && is_missing),
                "{method} {real}: {status}"
            );
            for header in HEADERS {
                assert!(
                    answer.headers().contains_key(header),
                    "{method} {real}: no {header}"
                );
            }
            if !real.starts_with("/assets") && real != "/favicon.ico" {
                // Whoever asked may keep an answer of the API that says which one it is, and has to ask again.
                let kept =
                    if answer.headers().contains_key("etag") && path != "/api/v1/expectations" {
                        "private, no-cache"
                    } else {
                        "no-store"
                    };
                assert_eq!(answer.headers()["cache-control"], kept, "{real}");
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

/// Somebody of each role, for all devices and for a scope, in a session and with an API token.
async fn people(site: &Site) -> Vec<(String, Access, crate::site::Viewer)> {
    let mut people = Vec::new();
    for role in Role::ALL {
        let scope = Scope::Matching(Filter::parse("tag:nowhere").unwrap());
        for scope in [Scope::All, scope] {
            let access = Access { role, scope };
            let name = format!("{role} of {:?}", access.scope);
            let (_, api) = site.api_token_that_may(access.clone(), None).await;
            let person = site.person(&name, access.clone()).await;
            people.push((format!("token of {name}"), access.clone(), api));
            people.push((name, access, person));
        }
    }
    people
}

#[tokio::test]
async fn every_route_refuses_whoever_may_not_call_it_by_role_and_scope() {
    let (site, routes) = site_with_secret().await;
    let mut refused = 0;
    for (name, access, person) in people(&site).await {
        for (method, path, real) in &routes {
            let needs = line(method, path);
            let may = match needs {
                // What ends the session would end the test.
                Nothing => continue,
                Scoped(least) => access.role >= least,
                WholeFleet(least) => access.role >= least && access.scope == Scope::All,
            };
            // A body that means nothing, and no CSRF token: whoever may call gets as far as that, whoever may not does not.
            let form = "application/x-www-form-urlencoded";
            let answer = person
                .request(method, real)
                .header("content-type", form)
                .body("")
                .send()
                .await
                .unwrap();
            let status = answer.status().as_u16();
            let what = format!("{name}: {method} {path} asks {needs:?}: {status}");
            if path == "/events" || path == "/api/v1/events" {
                assert_eq!(status, 200, "{what}");
                continue;
            }
            let body = answer.text().await.unwrap();
            let is_refused = status == 403 && body.contains("You may not do this");
            assert_eq!(is_refused, !may, "{what}: {body}");
            refused += usize::from(is_refused);
            if access.scope != Scope::All {
                assert!(!body.contains(SECRET), "{what} tells: {body}");
            }
        }
    }
    assert!(refused > 100, "{refused}");
}
