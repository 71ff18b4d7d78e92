//! Sessions, sign-in links, API tokens, forged forms.

use rcgen::KeyPair;
use sickbay_diagnosis::time::HOUR_MS;
use sickbay_proto::v1::enrol_response;
use sickbay_server::access::{LINK_HOURS, SESSION_HOURS};
use sickbay_store::{Approval, AuditQuery, DeviceStatus, Scope};
use uuid::Uuid;

use crate::device::ask;
use crate::site::Site;

#[tokio::test]
async fn a_sign_in_link_works_once() {
    let site = Site::start().await;
    let link = site.link().await;
    let first = site.stranger().get(&link).await;
    assert_eq!(
        (
            first.status().as_u16(),
            first.headers()["location"].to_str().unwrap()
        ),
        (303, "/")
    );
    let cookie = first.headers()["set-cookie"].to_str().unwrap();
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(attribute), "{attribute}: {cookie}");
    }
    let second = site.stranger().get(&link).await;
    assert_eq!(second.status(), 401);
    assert!(second.headers().get("set-cookie").is_none());
    assert!(second.text().await.unwrap().contains("used already"));
}

#[tokio::test]
async fn a_sign_in_link_does_not_work_after_24_hours() {
    let site = Site::start().await;
    let links = [site.link().await, site.link().await];
    site.clock.advance(LINK_HOURS * HOUR_MS - 60_000);
    assert_eq!(site.stranger().get(&links[0]).await.status(), 303);
    site.clock.advance(60_000);
    assert_eq!(site.stranger().get(&links[1]).await.status(), 401);
}

#[tokio::test]
async fn a_session_ends_when_it_is_signed_out_and_by_its_age() {
    let site = Site::start().await;
    let (leaving, staying) = (site.browser().await, site.browser().await);
    let out = leaving.post_form("/sign-out", &[]).await;
    assert_eq!(out.status(), 303);
    assert!(
        out.headers()["set-cookie"]
            .to_str()
            .unwrap()
            .contains("Max-Age=0")
    );
    assert_eq!(leaving.get("/").await.status(), 401);
    assert_eq!(leaving.get("/api/v1/issues").await.status(), 401);
    assert_eq!(staying.get("/").await.status(), 200);
    site.clock.advance(SESSION_HOURS * HOUR_MS - 60_000);
    assert_eq!(staying.get("/").await.status(), 200);
    site.clock.advance(60_000);
    assert_eq!(staying.get("/").await.status(), 401);
    assert_eq!(staying.get("/events").await.status(), 401);
}

#[tokio::test]
async fn an_api_token_ends_at_once_when_it_is_revoked_and_by_its_age() {
    let site = Site::start().await;
    let (id, revoked) = site.api_token(None).await;
    let (_, ageing) = site.api_token(Some(site.now().plus_millis(HOUR_MS))).await;
    assert_eq!(revoked.get("/api/v1/issues").await.status(), 200);
    // By another handle, as `api-token revoke` does beside a running server.
    assert!(
        site.other_handle()
            .await
            .revoke_api_token(id, "test", site.now())
            .await
            .unwrap()
    );
    assert_eq!(revoked.get("/api/v1/issues").await.status(), 401);
    assert_eq!(revoked.get("/").await.status(), 401);
    assert_eq!(ageing.get("/api/v1/issues").await.status(), 200);
    site.clock.advance(HOUR_MS);
    assert_eq!(ageing.get("/api/v1/issues").await.status(), 401);
}

/// A device that waits for a person.
async fn pending(site: &Site, name: &str) -> Uuid {
    let (_, token) = site.token(|token| token.approval = Approval::Person).await;
    let key = KeyPair::generate().unwrap();
    match ask(site, &token, &key, name).await.unwrap() {
        enrol_response::Outcome::Pending(pending) => pending.device_id.parse().unwrap(),
        enrol_response::Outcome::Issued(_) => panic!("not pending"),
    }
}

async fn status(site: &Site, id: Uuid) -> DeviceStatus {
    let device = site.store().device(&Scope::All, id).await.unwrap();
    device.unwrap().row.identity.status
}

#[tokio::test]
async fn a_form_without_its_sessions_token_changes_nothing() {
    let site = Site::start().await;
    let (person, other) = (site.browser().await, site.browser().await);
    let device = pending(&site, "PC-1").await;
    let id = device.to_string();
    let foreign = other.csrf().await;
    for path in ["/enrolment/approve", "/enrolment/refuse"] {
        let forms: [&[(&str, &str)]; 4] = [
            &[("device", &id)],
            &[("csrf", ""), ("device", &id)],
            &[("csrf", "AAAA"), ("device", &id)],
            &[("csrf", &foreign), ("device", &id)],
        ];
        for form in forms {
            let answer = person.post_form(path, form).await;
            assert_eq!(answer.status(), 403, "{path} {form:?}");
            assert_eq!(status(&site, device).await, DeviceStatus::Pending);
        }
    }
    let csrf = person.csrf().await;
    let done = person
        .post_form("/enrolment/approve", &[("csrf", &csrf), ("device", &id)])
        .await;
    assert_eq!(
        (
            done.status().as_u16(),
            done.headers()["location"].to_str().unwrap()
        ),
        (303, "/enrolment?approved=1")
    );
    assert_eq!(status(&site, device).await, DeviceStatus::Active);

    let unwanted = pending(&site, "PC-2").await.to_string();
    let done = person
        .post_form(
            "/enrolment/refuse",
            &[("csrf", &csrf), ("device", &unwanted)],
        )
        .await;
    assert_eq!(done.status(), 303);
    assert_eq!(
        status(&site, unwanted.parse().unwrap()).await,
        DeviceStatus::Revoked
    );
}

#[tokio::test]
async fn a_call_in_a_session_needs_its_token_and_one_with_an_api_token_does_not() {
    let site = Site::start().await;
    let person = site.browser().await;
    let body = r#"{"filter": "kind:server"}"#;
    let forged = person.post_json("/api/v1/inspections", body).await;
    assert_eq!(forged.status(), 403);
    assert_eq!(forged.headers()["content-type"], "application/problem+json");
    let honest = person
        .request("POST", "/api/v1/inspections")
        .header("x-csrf-token", person.csrf().await)
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(honest.status(), 202);
    assert_eq!(
        site.api()
            .await
            .post_json("/api/v1/inspections", body)
            .await
            .status(),
        202
    );
}

#[tokio::test]
async fn all_who_wait_and_match_are_let_in_at_once_also_those_that_are_not_shown() {
    let site = Site::start().await;
    let (_, token) = site.token(|token| token.approval = Approval::Person).await;
    for number in 0..620 {
        let name = if number % 2 == 0 { "BER" } else { "HAM" };
        site.stored_device(&token, &format!("{name}-{number:04}"))
            .await;
    }
    let browser = site.browser().await;
    let page = browser.page("/enrolment?filter=name:BER-*").await;
    assert!(page.contains("The first 200 of 310 are shown"), "{page}");
    assert!(
        page.contains("its token asks for a person&#39;s approval")
            || page.contains("its token asks for a person's approval"),
        "no reason is told"
    );
    let csrf = browser.csrf().await;
    let (_, rest) = page.split_once(r#"name="all" value=""#).unwrap();
    let seen_at = rest.split_once('"').unwrap().0;
    let fields = |filter| {
        [
            ("csrf", csrf.as_str()),
            ("all", seen_at),
            ("filter", filter),
        ]
    };
    // One that asks while the page is looked at, nobody has looked at.
    site.clock.advance(1_000);
    site.stored_device(&token, "BER-LATE").await;
    browser
        .post_form("/enrolment/approve", &fields("name:BER-*"))
        .await;
    let counts = site.store().fleet_counts(&Scope::All).await.unwrap();
    assert_eq!((counts.active(), counts.pending), (310, 311));
    // What is no filter approves nobody.
    let refused = browser
        .post_form("/enrolment/approve", &fields("name:("))
        .await;
    assert_eq!(refused.status(), 400);
    let counts = site.store().fleet_counts(&Scope::All).await.unwrap();
    assert_eq!(counts.pending, 311);
}

#[tokio::test]
async fn the_ca_is_rotated_by_the_page_and_a_step_that_is_not_possible_says_why() {
    let site = Site::start().await;
    let browser = site.browser().await;
    let csrf = browser.csrf().await;
    let step = async |step: &str, csrf: &str| {
        browser
            .post_form("/enrolment/ca", &[("csrf", csrf), ("step", step)])
            .await
    };
    let pin = site.app().ca.in_force().pin();
    assert_eq!(step("announce", "AAAA").await.status(), 403);
    let early = step("retire", &csrf).await;
    assert_eq!(early.status(), 409);
    assert!(early.text().await.unwrap().contains("comes first"));
    assert_eq!(step("nonsense", &csrf).await.status(), 400);
    for (taken, shows) in [
        ("announce", "Switch to it"),
        ("switch", "Retire the old CA"),
        ("back-out", "Switch to it"),
        ("switch", "Retire the old CA"),
        ("retire", "Announce another CA"),
    ] {
        let answer = if taken == "retire" {
            // Devices that came before hold certificates of the old CA.
            assert_eq!(step(taken, &csrf).await.status(), 409);
            let fields = [("csrf", &*csrf), ("step", taken), ("force", "yes")];
            browser.post_form("/enrolment/ca", &fields).await
        } else {
            step(taken, &csrf).await
        };
        assert!(
            answer.status().is_success() || answer.status().is_redirection(),
            "{taken}"
        );
        let page = browser.page("/enrolment/ca").await;
        assert!(page.contains(shows), "after {taken}: {page}");
        // A machine that comes now is let in.
        crate::device::Device::enrol(&site, taken).await;
    }
    assert_ne!(site.app().ca.in_force().pin(), pin);
    let page = browser.page("/enrolment/ca").await;
    assert!(page.contains(&site.app().ca.in_force().pin()) && page.contains("retired"));
    let said = site.store().audit(&AuditQuery::newest(100)).await.unwrap();
    let newest = said.iter().find(|line| line.action == "ca-rotation");
    assert!(newest.unwrap().actor.starts_with("session "), "{said:?}");
}
