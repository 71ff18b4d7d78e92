//! The page of a device: what became of updates, and of looking again.

use sickbay_proto::v1;
use sickbay_proto::v1::collector_message::Kind as Up;
use sickbay_proto::v1::server_message::Kind as Down;

use crate::device::{Device, report};
use crate::readings::{failed_to_install, on_the_wire, server};
use crate::site::{Site, assert_says, eventually};

#[tokio::test]
async fn the_page_of_a_device_says_what_became_of_looking_again() {
    let site = Site::start().await;
    let device = Device::enrol(&site, "PC-1").await;
    let mut session = device.session(&site).await.unwrap();
    session
        .acknowledged(report(1, true, vec![on_the_wire(server("PC-1"))]))
        .await;
    let person = site.browser().await;
    let csrf = person.csrf().await;
    let page = format!("/devices/{}", device.id);
    assert!(!person.page(&page).await.contains("id=\"looked\""));
    let id = device.id.to_string();
    let fields = [("csrf", csrf.as_str()), ("id", id.as_str())];
    let asked = person.post_form("/inspect", &fields).await;
    assert_eq!(asked.headers()["location"], page.as_str());
    assert!(person.page(&page).await.contains("Looking again."));
    let request = loop {
        if let Down::Request(request) = session.next().await.unwrap() {
            break request;
        }
    };
    session
        .send(Up::RequestResult(v1::RequestResult {
            request_id: request.request_id,
            outcome: v1::request_result::Outcome::Done.into(),
            message: String::new(),
        }))
        .await;
    eventually("the page says that it looked", || async {
        person
            .page(&page)
            .await
            .contains("It looked again")
            .then_some(())
            .ok_or_else(|| "not yet".to_owned())
    })
    .await;
    // The record of the device says who asked.
    assert!(
        person.page(&page).await.contains("inspection-asked"),
        "its record"
    );
    drop(session);
    let away = eventually("it is away", || async {
        let asked = person.post_form("/inspect", &fields).await;
        let to = asked.headers()["location"].to_str().unwrap().to_owned();
        if to.ends_with("?away=yes") {
            Ok(to)
        } else {
            Err(to)
        }
    })
    .await;
    assert!(person.page(&away).await.contains("It is not connected,"));
}

#[tokio::test]
async fn what_became_of_updates_is_told_with_the_code_its_meaning_and_what_could_not_be_told() {
    let site = Site::start().await;
    let (_, token) = site.token(|_| {}).await;
    let device = site.stored_device(&token, "PC-2").await;
    let mut says = vec![server("PC-2")];
    let at = site.now().plus_days(-1);
    says.extend(failed_to_install("KB5070001", "0x800f081f", at));
    site.take_in(&device, says).await;

    let told = site
        .api()
        .await
        .json(&format!("/api/v1/devices/{}", device.id))
        .await;
    let lines = told["update_log"]["lines"].as_array().unwrap();
    assert_eq!(lines.len(), 2);
    let newest = &lines[0];
    assert_eq!(newest["at"], at.to_string());
    assert_eq!(newest["what"], "install-failed");
    assert_eq!(newest["kb"], "KB5070001");
    assert_eq!(newest["code"], "0x800F081F");
    let meaning = newest["meaning"].as_str().unwrap();
    assert!(meaning.starts_with("CBS_E_SOURCE_MISSING"), "{meaning}");
    let raw = newest["evidence"][0]["data"].as_str().unwrap();
    assert!(raw.contains("unmapped_code=0x800f081f"), "{raw}");
    let silent = told["update_log"]["silent"].as_array().unwrap();
    assert!(
        silent.iter().any(|one| one["source"] == "System"
            && one["reason"].as_str().unwrap().contains("access denied")),
        "{silent:?}"
    );

    let page = site
        .browser()
        .await
        .page(&format!("/devices/{}", device.id))
        .await;
    assert_says(
        &page,
        &[
            "Updates and failures",
            "Installation failed",
            "2 times, first ",
            "Kumulatives Update &#60;b&#62;(KB5070001)",
            "/error-codes?q=0x800F081F",
            "CBS_E_SOURCE_MISSING",
            "Told by update agent",
            "access denied (error 5)",
        ],
        "the page",
    );
}
