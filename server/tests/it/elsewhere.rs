//! What pages of other sites, and programs that only look at links, make a browser or a server do: nothing.

use sickbay_server::access;
use sickbay_store::{Access, AccountMade};

use crate::people::{PASSWORD, choose};
use crate::site::Site;

#[tokio::test]
async fn a_sign_in_from_another_site_is_refused_and_leads_nowhere_else() {
    let site = Site::start().await;
    let ann = site.person("Ann", Access::ALL).await;
    assert_eq!(choose(&ann, "", PASSWORD, PASSWORD).await.0, 303);
    let form = |next: &str| {
        format!(
            "name=ann&password={}&next={next}",
            PASSWORD.replace(' ', "+")
        )
    };
    let send = async |header: Option<(&'static str, &str)>, next: &str| {
        let request = site
            .stranger()
            .request("POST", "/sign-in")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form(next));
        let request = match header {
            None => request,
            Some((name, value)) => request.header(name, value),
        };
        request.send().await.unwrap()
    };
    for header in [
        ("sec-fetch-site", "cross-site"),
        ("origin", "https://evil.example"),
    ] {
        let answer = send(Some(header), "").await;
        assert_eq!(answer.status(), 403, "{header:?}");
        assert!(answer.headers().get("set-cookie").is_none());
    }
    for (next, to) in [
        ("%2Fdevices%3Ffilter%3Dpc", "/devices?filter=pc"),
        ("%2F%2Fevil.example", "/"),
        ("https%3A%2F%2Fevil.example", "/"),
    ] {
        let answer = send(Some(("sec-fetch-site", "same-origin")), next).await;
        assert_eq!(answer.headers()["location"], to, "{next}");
    }
}

#[tokio::test]
async fn a_page_of_another_site_takes_nothing_away_in_somebodys_name() {
    let site = Site::start().await;
    let browser = site.browser().await;
    let export = "/api/v1/exports/devices/devices.csv";
    let asked = async |headers: &[(&'static str, &'static str)]| {
        let mut request = browser.request("GET", export);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap().status().as_u16()
    };
    let elsewhere = ("sec-fetch-site", "cross-site");
    assert_eq!(
        asked(&[elsewhere, ("sec-fetch-mode", "no-cors")]).await,
        403
    );
    assert_eq!(
        asked(&[elsewhere, ("sec-fetch-mode", "navigate")]).await,
        403
    );
    let record = site.browser().await;
    let lines = record.json("/api/v1/audit?action=exported").await;
    assert_eq!(lines["items"], serde_json::json!([]));
    // A link in a wiki that they clicked themselves.
    assert_eq!(asked(&[elsewhere, ("sec-fetch-user", "?1")]).await, 200);
    assert_eq!(asked(&[("sec-fetch-site", "same-origin")]).await, 200);
    assert_eq!(asked(&[]).await, 200);
}

#[tokio::test]
async fn whoever_only_looks_at_a_link_does_not_use_it_up() {
    let site = Site::start().await;
    let made = site
        .store()
        .create_account("Ann", &Access::ALL, "test", site.now());
    let AccountMade::Made(account) = made.await.unwrap() else {
        panic!("Ann is taken")
    };
    let of_ann = access::create_link(site.store(), Some(&account), "test", site.now());
    let of_ann = of_ann.await.unwrap();
    let stranger = site.stranger();
    // A mail filter, and a preview, which may not even say that it has no wish to sign in.
    for method in ["HEAD", "GET"] {
        let answer = stranger.request(method, &of_ann).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{method}");
        assert!(answer.headers().get("set-cookie").is_none());
    }
    let of_nobody = site.link().await;
    let looked = stranger.request("HEAD", &of_nobody).send().await.unwrap();
    assert!(looked.headers().get("set-cookie").is_none());
    for link in [&of_ann, &of_nobody] {
        let somebody = site.come_by(link).await;
        assert_eq!(somebody.get("/account").await.status(), 200);
    }
    let again = stranger.request("POST", &of_ann).send().await.unwrap();
    assert_eq!(again.status(), 401);
}
