//! Signing in through a real OpenID Connect provider.

use std::net::TcpListener;

use reqwest::Url;
use sickbay_server::access::groups::GroupRole;
use sickbay_server::access::openid::{CALLBACK, OpenId, OpenIdSettings};
use sickbay_server::config::Web;
use sickbay_store::AuditQuery;

use crate::canaille::{CLIENT, Canaille, at_the_provider};
use crate::site::{Site, Viewer, assert_says, encoded};

fn line(group: &str, role: &str, scope: &str) -> GroupRole {
    GroupRole {
        group: group.to_owned(),
        role: role.to_owned(),
        scope: scope.to_owned(),
    }
}

/// A provider, and a server that its people come back to.
async fn both() -> (Canaille, Site) {
    // The provider has to know where people come back to before the server is there.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url = format!("http://127.0.0.1:{port}");
    let canaille = Canaille::start(&format!("{url}{CALLBACK}")).await;
    let settings = OpenIdSettings {
        issuer: canaille.issuer(),
        client_id: CLIENT.to_owned(),
        client_secret_file: canaille.file("client.secret"),
        scopes: ["profile", "email", "groups", "offline_access"]
            .map(str::to_owned)
            .to_vec(),
        name_claim: "email".to_owned(),
        label: "Sign in with Canaille".to_owned(),
        ..OpenIdSettings::default()
    };
    let site = Site::start_with(|config| {
        config.web.listen.set_port(port);
        config.web.external_url = url;
        config.sign_in.openid = settings;
        config.sign_in.groups = vec![
            line("admins", "admin", ""),
            line("berlin", "operator", "tag:berlin"),
        ];
    })
    .await;
    (canaille, site)
}

/// Somebody who has begun to sign in: where the provider is, and the browser with its cookie.
async fn begun(site: &Site, next: &str) -> (Url, Viewer) {
    let path = format!("/sign-in/openid?next={}", encoded(next));
    let answer = site.stranger().get(&path).await;
    assert_eq!(answer.status(), 303);
    let to = answer.headers()["location"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/sign-in"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    (to, site.with_cookie_of(&answer))
}

/// The way back as a path of the server.
fn path_of(back: &Url) -> String {
    format!("{CALLBACK}?{}", back.query().unwrap())
}

async fn sign_in(site: &Site, name: &str, next: &str) -> (String, Viewer) {
    let (to, browser) = begun(site, next).await;
    let back = at_the_provider(to, &site.url(CALLBACK), name, &format!("{name}-secret")).await;
    let answer = browser.get(&path_of(&back)).await;
    assert_eq!(answer.status(), 303, "{name}");
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    (location, site.with_cookie_of(&answer))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_of_a_provider_get_what_their_groups_give_for_as_long_as_they_are_in_them() {
    let (mut canaille, site) = both().await;
    let door = site.stranger().get("/sign-in").await.text().await.unwrap();
    assert_says(
        &door,
        &["Sign in with Canaille", "/sign-in/openid"],
        "the door",
    );
    let (location, alice) = sign_in(&site, "alice", "/devices?filter=pc").await;
    assert_eq!(location, "/devices?filter=pc");
    assert_says(
        &alice.page("/account").await,
        &[
            "alice@example.org",
            "openid account",
            "admin of all devices",
        ],
        "hers",
    );
    let (location, bob) = sign_in(&site, "bob", "//evil.example").await;
    assert_eq!(location, "/");
    assert_says(
        &bob.page("/account").await,
        &["operator of devices that match tag:berlin"],
        "his",
    );
    assert_eq!(bob.get("/people").await.status(), 403);

    let next_look = || site.clock.advance(60_000);
    canaille.members("admins", &[]);
    assert_eq!(alice.get("/people").await.status(), 200);
    next_look();
    let refused = alice.get("/people").await;
    assert_eq!(refused.status(), 401);
    assert_says(
        &refused.text().await.unwrap(),
        &["no role, or none any more"],
        "the refusal",
    );
    // Given back, it is there in the same session: it was asked with what the provider granted the last time.
    canaille.members("admins", &["alice", "bob"]);
    next_look();
    assert_eq!(alice.get("/people").await.status(), 200);
    assert_eq!(bob.get("/people").await.status(), 200);

    // Away, its last word counts for an hour.
    canaille.stop();
    next_look();
    assert_eq!(alice.get("/people").await.status(), 200);
    canaille.run().await;
    canaille.lock("bob");
    tokio::time::sleep(std::time::Duration::from_secs(16)).await;
    next_look();
    assert_eq!(bob.get("/").await.status(), 401);
    let query = AuditQuery {
        action: "signed-out".to_owned(),
        ..AuditQuery::newest(1)
    };
    let told = site.store().audit(&query).await.unwrap().remove(0);
    assert_says(&told.detail, &["the provider ended it"], &told);
    assert_eq!(alice.get("/people").await.status(), 200);
    // What the provider granted stands nowhere in the clear.
    let sessions = site.store().sessions(site.now()).await.unwrap();
    let grant = &sessions
        .iter()
        .find(|session| !session.grant_sealed.is_empty())
        .unwrap()
        .grant_sealed;
    assert!(String::from_utf8(grant.clone()).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_not_to_this_sign_in_lets_nobody_in() {
    let (_canaille, site) = both().await;
    let (to, browser) = begun(&site, "/").await;
    let back = at_the_provider(to, &site.url(CALLBACK), "alice", "alice-secret").await;
    let good = path_of(&back);
    let changed = |name: &str, value: &str| {
        let pairs = back.query_pairs().map(|(found, said)| {
            let said = if found == name { value.into() } else { said };
            format!("{found}={}", encoded(&said))
        });
        format!("{CALLBACK}?{}", pairs.collect::<Vec<_>>().join("&"))
    };
    // Another browser; one that began another sign-in; a forged cookie; another state, provider, code; an error.
    let (_, other) = begun(&site, "/").await;
    let forged = site.viewer(Some(("cookie", "sickbay_sign_in=AAAA".to_owned())));
    for (who, path) in [
        (&site.stranger(), good.clone()),
        (&other, good.clone()),
        (&forged, good.clone()),
        (&browser, changed("state", "other")),
        (&browser, changed("iss", "https://evil.example")),
        (&browser, changed("code", "other")),
        (
            &browser,
            format!("{CALLBACK}?error=access_denied&state={}", state(&back)),
        ),
    ] {
        let answer = who.get(&path).await;
        assert_eq!(answer.status(), 401, "{path}");
        let cookies = answer.headers().get_all("set-cookie");
        assert!(
            cookies
                .iter()
                .all(|cookie| !cookie.to_str().unwrap().starts_with("sickbay_session=")),
            "{path}"
        );
    }
    assert!(site.store().accounts().await.unwrap().is_empty());
    // It has not been used up by all that, and takes no longer than it may.
    site.clock.advance(16 * 60_000);
    assert_eq!(browser.get(&good).await.status(), 401);
}

fn state(back: &Url) -> String {
    let mut pairs = back.query_pairs();
    pairs
        .find(|(name, _)| name == "state")
        .unwrap()
        .1
        .into_owned()
}

#[test]
fn settings_that_cannot_work_say_so_at_the_start() {
    let web = Web {
        external_url: "https://sickbay.example".to_owned(),
        ..Web::default()
    };
    let usable = || OpenIdSettings {
        issuer: "https://login.example".to_owned(),
        client_id: CLIENT.to_owned(),
        ..OpenIdSettings::default()
    };
    for (bad, web, why) in [
        (
            OpenIdSettings {
                issuer: "nonsense".to_owned(),
                ..usable()
            },
            web.clone(),
            "is no address",
        ),
        (
            OpenIdSettings {
                issuer: "http://login.example".to_owned(),
                ..usable()
            },
            web.clone(),
            "is not https",
        ),
        (
            OpenIdSettings {
                client_id: String::new(),
                ..usable()
            },
            web.clone(),
            "client_id",
        ),
        (
            OpenIdSettings {
                client_secret_file: "/no/such/file".into(),
                ..usable()
            },
            web.clone(),
            "client_secret_file",
        ),
        (
            OpenIdSettings {
                ca: "/no/such/file".into(),
                ..usable()
            },
            web,
            "sign_in.openid.ca",
        ),
        (usable(), Web::default(), "external_url"),
    ] {
        let error = OpenId::open(&bad, &web).expect_err(why);
        assert_says(&format!("{error:#}"), &[why], &bad);
    }
}
