//! Accounts, passwords, sessions, roles: what people do on the pages, and what the record says of it.

use sickbay_diagnosis::filter::Filter;
use sickbay_diagnosis::time::{DAY_MS, HOUR_MS};
use sickbay_server::audit;
use sickbay_store::{Access, AccountSource, AuditQuery, NewAudit, Role, Scope, Verified, action};

use crate::site::{Site, Viewer, assert_says};

pub(crate) const PASSWORD: &str = "correct horse battery";

async fn sign_in(site: &Site, name: &str, password: &str) -> reqwest::Response {
    let fields = [("name", name), ("password", password)];
    site.stranger().post_form("/sign-in", &fields).await
}

/// Chooses a password, as whoever comes by a link of their own does.
pub(crate) async fn choose(
    person: &Viewer,
    current: &str,
    fresh: &str,
    again: &str,
) -> (u16, String) {
    let csrf = person.csrf().await;
    let fields = [
        ("csrf", csrf.as_str()),
        ("current", current),
        ("fresh", fresh),
        ("again", again),
    ];
    let answer = person.post_form("/account/password", &fields).await;
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Words and actors of the record, newest first.
async fn record(site: &Site) -> Vec<(String, String, String)> {
    let lines = site.store().audit(&AuditQuery::newest(100)).await.unwrap();
    lines
        .into_iter()
        .map(|line| (line.actor, line.action, line.subject))
        .collect()
}

async fn says(site: &Site, actor: &str, action: &str, subject: &str) {
    let record = record(site).await;
    assert!(
        record
            .iter()
            .any(|line| line.0.contains(actor) && line.1 == action && line.2.contains(subject)),
        "{actor} {action} {subject}: {record:#?}"
    );
}

/// The first link on a page.
fn link_on(page: &str) -> String {
    let (_, rest) = page
        .split_once("/sign-in/of-account/")
        .expect("a link of an account");
    let secret: String = rest
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c))
        .collect();
    format!("/sign-in/of-account/{secret}")
}

#[tokio::test]
async fn an_account_begins_with_a_link_and_goes_on_with_a_password() {
    let site = Site::start().await;
    let admin = site.browser().await;
    let csrf = admin.csrf().await;
    let fields = [
        ("csrf", &*csrf),
        ("name", "Ann"),
        ("role", "admin"),
        ("scope", ""),
    ];
    let made = admin.post_form("/people/add", &fields).await;
    assert_eq!(made.status(), 200);
    let page = made.text().await.unwrap();
    assert_says(
        &page,
        &["Give this link to Ann", "no password yet"],
        "the page",
    );
    // No password that could be guessed is there before its owner chose one.
    for guess in ["", "Ann", "admin", "of nobody"] {
        assert_eq!(
            sign_in(&site, "Ann", guess).await.status(),
            401,
            "{guess:?}"
        );
    }
    let ann = site.come_by(&link_on(&page)).await;
    assert_says(
        &ann.page("/account").await,
        &["Choose a password", "admin of all devices"],
        "her page",
    );
    for (fresh, again, why) in [
        ("short", "short", "at least 12"),
        (PASSWORD, "correct horse batteries", "the same twice"),
    ] {
        let (status, page) = choose(&ann, "", fresh, again).await;
        assert_eq!(status, 200);
        assert_says(&page, &[why], fresh);
    }
    assert_eq!(choose(&ann, "", PASSWORD, PASSWORD).await.0, 303);
    let again = sign_in(&site, " ANN ", PASSWORD).await;
    assert_eq!(
        (again.status().as_u16(), &again.headers()["location"]),
        (303, &"/".parse().unwrap())
    );
    let other = site.with_cookie_of(&again);
    assert_eq!(other.get("/people").await.status(), 200);
    // Another password needs the one until now, and ends the other sessions.
    assert_says(
        &choose(
            &ann,
            "wrong one, surely",
            "another long one",
            "another long one",
        )
        .await
        .1,
        &["is another one"],
        "wrong",
    );
    assert_eq!(
        choose(&ann, PASSWORD, "another long one", "another long one")
            .await
            .0,
        303
    );
    assert_eq!(other.get("/").await.status(), 401);
    assert_eq!(ann.get("/").await.status(), 200);
    assert_eq!(sign_in(&site, "ann", PASSWORD).await.status(), 401);
    for (actor, action, subject) in [
        ("sign-in link", "account-created", "Ann"),
        ("sign-in link", "sign-in-link-created", "Ann"),
        ("Ann (local)", "signed-in", "by sign-in link"),
        ("Ann (local)", "password-changed", "Ann"),
        ("Ann (local)", "signed-in", "by password"),
        ("Ann", "sign-in-refused", "by password"),
    ] {
        says(&site, actor, action, subject).await;
    }
    let all = record(&site).await;
    assert!(
        !format!("{all:?}").contains("horse"),
        "a password is in the record"
    );
}

#[tokio::test]
async fn whoever_guesses_is_slowed_down_and_told_when_to_come_again() {
    let site = Site::start().await;
    let mut statuses = Vec::new();
    for _ in 0..8 {
        let answer = sign_in(&site, "ann", "a wrong password").await;
        let retry = answer.headers().get("retry-after").cloned();
        assert_eq!(retry.is_some(), answer.status() == 429);
        statuses.push(answer.status().as_u16());
    }
    assert_eq!(statuses[..6], [401; 6]);
    assert_eq!(statuses[6..], [429; 2]);
    let refused = record(&site).await;
    let refused: Vec<_> = refused
        .iter()
        .filter(|line| line.1 == "sign-in-refused")
        .collect();
    assert_eq!(refused.len(), 6, "what was not looked at is no line");
    // Nobody has this name: it may be somebody's password, typed into the wrong field.
    assert!(
        refused.iter().all(|line| line.0 == "somebody"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn what_an_administrator_takes_away_is_gone_at_the_next_click() {
    let site = Site::start().await;
    let admin = site.person("Ann", Access::ALL).await;
    let csrf = admin.csrf().await;
    let bob = site.person("Bob", Access::ALL).await;
    let id = async |name: &str| {
        let found = site.store().account_of(AccountSource::Local, name).await;
        found.unwrap().unwrap().id.to_string()
    };
    let bob_id = id("bob").await;
    assert_eq!(bob.get("/people").await.status(), 200);
    let fields = [
        ("csrf", &*csrf),
        ("id", &*bob_id),
        ("role", "viewer"),
        ("scope", "tag:berlin"),
    ];
    assert_eq!(
        admin.post_form("/people/access", &fields).await.status(),
        303
    );
    let refused = bob.get("/people").await;
    assert_eq!(refused.status(), 403);
    assert_says(
        &refused.text().await.unwrap(),
        &["You may not do this", "role admin"],
        "the refusal",
    );
    let settings = bob.get("/settings").await;
    assert_eq!(settings.status(), 403);
    assert_says(
        &bob.page("/account").await,
        &["viewer of devices that match tag:berlin"],
        "his page",
    );
    // Bad words change nothing and say why.
    for (role, scope, why) in [
        ("king", "", "is no role"),
        ("viewer", "issue:silent", "cannot ask for"),
        ("viewer", "tag:(", "scope"),
    ] {
        let fields = [
            ("csrf", &*csrf),
            ("id", &*bob_id),
            ("role", role),
            ("scope", scope),
        ];
        let answer = admin.post_form("/people/access", &fields).await;
        assert_says(&answer.text().await.unwrap(), &[why], (role, scope));
    }
    let fields = [("csrf", &*csrf), ("id", &*bob_id), ("disabled", "yes")];
    assert_eq!(
        admin.post_form("/people/disable", &fields).await.status(),
        303
    );
    assert_eq!(bob.get("/").await.status(), 401);
    // A session of somebody else is ended by its id.
    let eve = site.person("Eve", Access::ALL).await;
    let sessions = site.store().sessions(site.now()).await.unwrap();
    let of_eve = sessions
        .iter()
        .find(|one| one.account.as_ref().is_some_and(|a| a.name == "Eve"));
    let session = of_eve.unwrap().id.to_string();
    let fields = [("csrf", &*csrf), ("id", &*session)];
    // Not by whoever is not asked, on the page of one's own sessions.
    assert_eq!(
        admin
            .post_form("/account/sessions/end", &fields)
            .await
            .status(),
        404
    );
    assert_eq!(eve.get("/").await.status(), 200);
    assert_eq!(
        admin
            .post_form("/people/sessions/end", &fields)
            .await
            .status(),
        303
    );
    assert_eq!(eve.get("/").await.status(), 401);
    for (action, subject) in [
        ("access-changed", "Bob"),
        ("account-disabled", "Bob"),
        ("signed-out", "the session of Eve"),
    ] {
        says(&site, "Ann (local)", action, subject).await;
    }
}

#[tokio::test]
async fn an_api_token_is_shown_once_says_when_it_was_used_and_does_no_more_than_it_may() {
    let site = Site::start().await;
    let admin = site.person("Ann", Access::ALL).await;
    let csrf = admin.csrf().await;
    let fields = [
        ("csrf", &*csrf),
        ("name", "nightly"),
        ("role", "viewer"),
        ("scope", ""),
        ("days", "30"),
    ];
    let page = admin
        .post_form("/people/tokens/add", &fields)
        .await
        .text()
        .await
        .unwrap();
    let (_, rest) = page.split_once("sba_").expect("the secret");
    let secret: String = rest
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c))
        .collect();
    assert!(
        !admin.page("/people").await.contains(&secret),
        "it is shown again"
    );
    let program = site.viewer(Some(("authorization", format!("Bearer sba_{secret}"))));
    assert_eq!(program.get("/api/v1/issues").await.status(), 200);
    let body = r#"{"filter": ""}"#;
    let refused = program.post_json("/api/v1/inspections", body).await;
    assert_eq!(refused.status(), 403);
    assert_eq!(
        refused.headers()["content-type"],
        "application/problem+json"
    );
    let token = site.store().api_tokens().await.unwrap().remove(0);
    assert_eq!(token.made_by, "Ann (local)");
    assert!(token.used_at.is_some());
    // Looking again and again writes nothing, until a few minutes have gone by.
    site.clock.advance(60_000);
    program.get("/api/v1/issues").await;
    let used = async || site.store().api_tokens().await.unwrap().remove(0).used_at;
    assert_eq!(used().await, token.used_at);
    site.clock.advance(5 * 60_000);
    program.get("/api/v1/issues").await;
    assert!(used().await > token.used_at);
    let id = token.id.to_string();
    let fields = [("csrf", &*csrf), ("id", &*id)];
    assert_eq!(
        admin
            .post_form("/people/tokens/revoke", &fields)
            .await
            .status(),
        303
    );
    assert_eq!(program.get("/api/v1/issues").await.status(), 401);
    says(&site, "Ann (local)", "api-token-created", "nightly").await;
    says(&site, "Ann (local)", "api-token-revoked", "nightly").await;
}

#[tokio::test]
async fn what_leaves_the_server_and_what_changes_it_stands_in_the_record() {
    let site = Site::start().await;
    let ann = site.person("Ann", Access::ALL).await;
    let csrf = ann.csrf().await;
    let file = ann
        .get("/api/v1/issues/silent/devices.csv?filter=kind:server")
        .await;
    assert_eq!(file.status(), 200);
    let send = async |method: &str, path: &str, kind: &str, body: String| {
        let answer = ann
            .request(method, path)
            .header("x-csrf-token", &csrf)
            .header("content-type", kind)
            .body(body)
            .send()
            .await
            .unwrap();
        assert!(
            answer.status().is_success(),
            "{path}: {}",
            answer.text().await.unwrap()
        );
    };
    let json = "application/json";
    let until = site.now().plus_millis(10 * DAY_MS).to_string();
    let accepted = format!(
        r#"{{"issue": "silent", "scope": "kind:server", "reason": "a move", "until": "{until}"}}"#
    );
    send("POST", "/api/v1/acceptances", json, accepted).await;
    send(
        "POST",
        "/api/v1/inspections",
        json,
        r#"{"filter": "kind:server"}"#.to_owned(),
    )
    .await;
    send("PUT", "/api/v1/expectations", json, "{}".to_owned()).await;
    send(
        "POST",
        "/api/v1/machines",
        "text/csv",
        "Name\nPC-1\n".to_owned(),
    )
    .await;
    ann.get("/api/v1/audit/record.ndjson").await;
    for (action, subject) in [
        (action::EXPORTED, "devices of silent"),
        (action::ACCEPTED, "silent"),
        (action::INSPECTED, "kind:server"),
        (action::SETTING_CHANGED, "expectations"),
        (action::MACHINES_IMPORTED, "list of machines"),
        (action::EXPORTED, "the record"),
    ] {
        says(&site, "Ann (local)", action, subject).await;
    }
}

#[tokio::test]
async fn the_record_is_read_filtered_taken_away_and_verified_on_its_page() {
    let site = Site::start().await;
    let ann = site.person("Ann", Access::ALL).await;
    let lines = (0..250).map(|n| {
        NewAudit::new(
            site.now(),
            if n % 2 == 0 { "Bob" } else { "Eve" },
            action::EXPORTED,
            format!("list {n}"),
        )
        .with("=1+1")
    });
    site.store().record(lines.collect()).await.unwrap();
    let page = ann
        .page("/audit?actor=bob&action=exported&text=list+24")
        .await;
    assert_says(&page, &["list 248", "list 24<"], "the page");
    assert!(!page.contains("list 247") && !page.contains("list 100"));
    let whole = ann.page("/audit?verify=yes").await;
    assert_says(
        &whole,
        &["lines are as they were recorded", "Older lines"],
        "the whole",
    );
    let bad = ann.page("/audit?since=yesterday").await;
    assert_says(&bad, &["is a day such as"], "a bad day");
    // The API pages through all of it, and the file has the same lines.
    let mut met = Vec::new();
    let mut before = String::new();
    loop {
        let part = ann
            .json(&format!("/api/v1/audit?limit=100&text=list&{before}"))
            .await;
        let items = part["items"].as_array().unwrap();
        met.extend(items.iter().map(|item| item["line"].as_i64().unwrap()));
        match part["next_before"].as_i64() {
            Some(next) => before = format!("before={next}"),
            None => break,
        }
    }
    assert_eq!(met.len(), 250);
    let file = ann.page("/api/v1/audit/record.csv?text=list").await;
    let mut reader = csv::Reader::from_reader(file.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let from_file: Vec<i64> = rows.iter().map(|row| row[0].parse().unwrap()).collect();
    assert_eq!(from_file, met);
    assert_eq!(&rows[0][5], "'=1+1", "a formula in the record");
    let unknown = ann.get("/api/v1/audit?action=nonsense").await;
    assert_eq!(unknown.status(), 400);
}

#[tokio::test]
async fn old_lines_go_by_policy_and_the_record_stays_proven() {
    let site = Site::start().await;
    let lines =
        (0..2_500).map(|n| NewAudit::new(site.now(), "Bob", action::EXPORTED, format!("list {n}")));
    site.store().record(lines.collect()).await.unwrap();
    site.clock.advance(40 * DAY_MS);
    site.store()
        .record(vec![NewAudit::new(
            site.now(),
            "Bob",
            action::EXPORTED,
            "today",
        )])
        .await
        .unwrap();
    assert_eq!(audit::cut(site.store(), 41, site.now()).await.unwrap(), 0);
    let removed = audit::cut(site.store(), 30, site.now()).await.unwrap();
    assert!(removed >= 2_500, "{removed}");
    let Verified::Sound { lines, since, .. } = site.store().verify_audit().await.unwrap() else {
        panic!("not sound")
    };
    assert!(lines >= 2 && since.is_some());
    says(&site, "server", "record-cut", &removed.to_string()).await;
    site.clock.advance(HOUR_MS);
}

#[tokio::test]
async fn a_scoped_viewer_hears_of_their_own_devices_alone() {
    use futures::StreamExt as _;

    let site = Site::start().await;
    let tagged = async |tag: &str, name: &str| {
        let (_, token) = site.token(|token| token.tags = vec![tag.to_owned()]).await;
        site.stored_device(&token, name).await
    };
    let (mine, other) = (
        tagged("berlin", "PC-B").await,
        tagged("hamburg", "PC-H").await,
    );
    let access = Access {
        role: Role::Viewer,
        scope: Scope::Matching(Filter::parse("tag:berlin").unwrap()),
    };
    let bob = site.person("Bob", access).await;
    let mut events = bob.get("/events").await.bytes_stream();
    let end = site.now().plus_days(1);
    let paused = || {
        vec![
            crate::readings::client("PC"),
            crate::readings::paused_by_user(end),
        ]
    };
    site.take_in(&other, paused()).await;
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    site.take_in(&mine, paused()).await;
    let mut heard = String::new();
    while !heard.contains("data:") {
        let part = tokio::time::timeout(crate::site::PATIENCE, events.next()).await;
        heard.push_str(&String::from_utf8_lossy(&part.unwrap().unwrap().unwrap()));
    }
    assert!(heard.contains(&mine.id.to_string()), "{heard}");
    assert!(!heard.contains(&other.id.to_string()), "{heard}");
    assert_eq!(heard.matches("event:").count(), 1, "{heard}");
}

#[tokio::test]
async fn a_lost_password_ends_when_its_owner_is_given_a_link_for_another() {
    let site = Site::start().await;
    let admin = site.person("Ann", Access::ALL).await;
    let bob = site.person("Bob", Access::ALL).await;
    assert_eq!(choose(&bob, "", PASSWORD, PASSWORD).await.0, 303);
    let found = site.store().account_of(AccountSource::Local, "bob").await;
    let id = found.unwrap().unwrap().id.to_string();
    let csrf = admin.csrf().await;
    let fields = [("csrf", &*csrf), ("id", &*id)];
    let page = admin.post_form("/people/link", &fields).await;
    let page = page.text().await.unwrap();
    assert_eq!(bob.get("/").await.status(), 401);
    assert_eq!(sign_in(&site, "bob", PASSWORD).await.status(), 401);
    let bob = site.come_by(&link_on(&page)).await;
    let fresh = "another long one";
    assert_eq!(choose(&bob, "", fresh, fresh).await.0, 303);
    assert_eq!(sign_in(&site, "bob", fresh).await.status(), 303);
}

#[tokio::test]
async fn a_stream_ends_with_what_its_listener_may_see() {
    use futures::StreamExt as _;

    let site = Site::start().await;
    let (_, token) = site.token(|_| ()).await;
    let device = site.stored_device(&token, "PC-1").await;
    let bob = site.person("Bob", Access::ALL).await;
    let mut events = bob.get("/events").await.bytes_stream();
    let found = site.store().account_of(AccountSource::Local, "bob").await;
    let id = found.unwrap().unwrap().id;
    let disabled = site.store().set_disabled(id, true, "test", site.now());
    assert!(disabled.await.unwrap());
    site.take_in(&device, vec![crate::readings::client("PC-1")])
        .await;
    let rest = async {
        let mut rest = String::new();
        while let Some(Ok(part)) = events.next().await {
            rest.push_str(&String::from_utf8_lossy(&part));
        }
        rest
    };
    let rest = tokio::time::timeout(crate::site::PATIENCE, rest).await;
    assert!(!rest.expect("the stream ends").contains("data:"));
}

#[tokio::test]
async fn times_are_told_in_the_zone_that_a_browser_is_in_or_its_reader_chose() {
    let site = Site::start().await;
    let reader = site.browser().await;
    let session = reader.cookie().expect("a session");
    let in_zone =
        |zone: &str| site.viewer(Some(("cookie", format!("{session}; sickbay-zone={zone}"))));

    assert_says(
        &reader.page("/account").await,
        &[" UTC", "it is UTC"],
        "no zone",
    );
    let here = in_zone("here:Asia/Kolkata").page("/account").await;
    assert_says(&here, &["+05:30", "Asia/Kolkata"], "the browser's");
    assert!(!here.contains(" selected>"), "nobody chose it");
    for hostile in ["Europe/Nowhere", "../../etc/passwd", "here:"] {
        assert_says(&in_zone(hostile).page("/").await, &[" UTC"], hostile);
    }

    let csrf = reader.csrf().await;
    let choose = async |zone: &str| {
        let fields = [("csrf", csrf.as_str()), ("zone", zone)];
        reader.post_form("/account/zone", &fields).await
    };
    let chosen = choose("America/St_Johns").await;
    assert_eq!(chosen.status(), 303);
    let cookie = chosen.headers()["set-cookie"].to_str().unwrap();
    assert!(
        cookie.starts_with("sickbay-zone=America/St_Johns; Path=/;"),
        "{cookie}"
    );
    let page = in_zone("America/St_Johns").page("/account").await;
    let selected = r#"<option value="America/St_Johns" selected>"#;
    assert_says(&page, &[selected], "chosen");

    let unknown = choose("Mars/Olympus").await;
    assert!(unknown.headers().get("set-cookie").is_none());
    let page = unknown.text().await.unwrap();
    assert_says(&page, &["There is no such time zone"], "unknown");
    let forgotten = choose("").await;
    let cookie = forgotten.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("Max-Age=0"), "{cookie}");
}
