//! What only the fleet or the server itself can tell of a device, told without a report of it.

use sickbay_diagnosis::time::{DAY_MS, HOUR_MS};
use sickbay_diagnosis::verdict::State;
use sickbay_store::{DeviceIdentity, DeviceStatus, Finding};

use crate::device::{Device, Session, hello, report};
use crate::readings::{at_revision, client, known_as, on_the_wire};
use crate::site::{Site, eventually};

const BEHIND: &str = "behind-on-quality-updates";
const DUPLICATE: &str = "duplicate-update-client-id";

async fn finding(site: &Site, key: i64, issue: &str) -> Option<Finding> {
    let state = site.store().load_states(&[key]).await.unwrap().remove(0);
    state.findings.into_iter().find(|f| f.issue == issue)
}

/// Waits until the finding of a device is in a state; `None` means that it has none, so that the issue is clear or does not arise.
async fn becomes(site: &Site, key: i64, issue: &str, state: Option<State>) {
    eventually(&format!("{issue} becomes {state:?}"), async || {
        // What has to be computed of the fleet is computed now and not at the next round.
        site.app().rules_news.notify_one();
        let found = finding(site, key, issue).await;
        if found.as_ref().map(|f| f.state) == state {
            return Ok(());
        }
        Err(format!("{found:?}"))
    })
    .await;
}

async fn at(site: &Site, token: &str, name: &str, revision: u32) -> DeviceIdentity {
    let device = site.stored_device(token, name).await;
    site.take_in(&device, vec![at_revision(name, revision)])
        .await;
    device
}

#[tokio::test]
async fn five_devices_make_a_newest_revision_and_one_preview_machine_makes_nobody_late() {
    let site = Site::start().await;
    let (_, token) = site.token(|_| ()).await;
    let late = at(&site, &token, "PC-LATE", 3775).await;
    becomes(&site, late.key, BEHIND, Some(State::Unknown)).await;
    for number in 0..4 {
        at(&site, &token, &format!("PC-{number}"), 4061).await;
    }
    at(&site, &token, "PC-PREVIEW", 5551).await;
    site.clock.advance(15 * DAY_MS);
    becomes(&site, late.key, BEHIND, Some(State::Unknown)).await;
    // The fifth, fifteen days after the first: from now on the revision counts as seen.
    let fifth = at(&site, &token, "PC-4", 4061).await;
    becomes(&site, late.key, BEHIND, None).await;
    becomes(&site, fifth.key, BEHIND, None).await;
    site.clock.advance(14 * DAY_MS + HOUR_MS);
    becomes(&site, late.key, BEHIND, Some(State::Open)).await;
    let open = finding(&site, late.key, BEHIND).await.unwrap();
    assert_eq!(open.causes[0].key, "26200.3775");
    assert!(open.summary.contains("26200.4061"), "{}", open.summary);
    becomes(&site, fifth.key, BEHIND, None).await;
    // Nobody got anything newer for 40 days: being on the newest proves nothing any more, being behind it does.
    site.clock.advance(27 * DAY_MS);
    becomes(&site, fifth.key, BEHIND, Some(State::Unknown)).await;
    becomes(&site, late.key, BEHIND, Some(State::Open)).await;
}

#[tokio::test]
async fn devices_of_one_image_are_found_and_cleared_without_a_report_of_theirs() {
    let site = Site::start().await;
    let (_, token) = site.token(|_| ()).await;
    let id = "3F2504E0-4F89-11D3-9A0C-0305E82C3301";
    let mut clones = Vec::new();
    for (name, id) in [("PC-1", id), ("PC-2", id), ("PC-3", "another")] {
        let device = site.stored_device(&token, name).await;
        site.take_in(&device, vec![client(name), known_as(id)])
            .await;
        clones.push(device);
    }
    for clone in &clones[..2] {
        becomes(&site, clone.key, DUPLICATE, Some(State::Open)).await;
    }
    becomes(&site, clones[2].key, DUPLICATE, None).await;
    let open = finding(&site, clones[0].key, DUPLICATE).await.unwrap();
    assert_eq!(open.causes[0].key, "3f2504e0", "never the whole id");
    let retired = DeviceStatus::Retired;
    site.store()
        .set_status(&[clones[1].id], retired, &site.deed())
        .await
        .unwrap();
    becomes(&site, clones[0].key, DUPLICATE, None).await;
}

async fn key_of(site: &Site, device: &Device) -> i64 {
    let scope = sickbay_store::Scope::All;
    let detail = site.store().device(&scope, device.id).await.unwrap();
    detail.unwrap().row.identity.key
}

#[tokio::test]
async fn a_device_that_falls_silent_opens_by_itself_and_clears_as_soon_as_it_is_heard_again() {
    let site = Site::start().await;
    let device = Device::enrol(&site, "PC-1").await;
    let key = key_of(&site, &device).await;
    let mut session = device.session(&site).await.unwrap();
    session
        .acknowledged(report(1, true, vec![on_the_wire(client("PC-1"))]))
        .await;
    drop(session);
    becomes(&site, key, "silent", None).await;
    site.clock.advance(15 * DAY_MS);
    becomes(&site, key, "silent", Some(State::Open)).await;
    let open = finding(&site, key, "silent").await.unwrap();
    assert_eq!(open.causes[0].key, "up to 30 days");
    let _session = device.session(&site).await.unwrap();
    becomes(&site, key, "silent", None).await;
}

#[tokio::test]
async fn a_device_that_never_reports_falls_silent_too_and_is_known_to_have_said_nothing() {
    let site = Site::start().await;
    let device = Device::enrol(&site, "PC-1").await;
    let key = key_of(&site, &device).await;
    site.clock.advance(15 * DAY_MS);
    becomes(&site, key, "silent", Some(State::Open)).await;
    let open = finding(&site, key, "silent").await.unwrap();
    assert_eq!(open.causes[0].key, "never reported, up to 30 days");
    let states = site.store().load_states(&[key]).await.unwrap();
    assert_eq!(states[0].findings.len(), 1, "{:?}", states[0].findings);
}

#[tokio::test]
async fn a_clock_that_is_off_and_an_old_collector_are_told_when_the_device_connects() {
    let site = Site::start().await;
    let device = Device::enrol(&site, "PC-1").await;
    let key = key_of(&site, &device).await;
    let mut odd = hello(&crate::device::EPOCH);
    if let Some(sickbay_proto::v1::collector_message::Kind::Hello(hello)) = &mut odd.kind {
        hello.device_time_ms -= 2 * DAY_MS;
        hello.collector_version = "0.1.9".to_owned();
    }
    let mut session = Session::open(&site, device.tls.clone(), odd).await.unwrap();
    session
        .acknowledged(report(1, true, vec![on_the_wire(client("PC-1"))]))
        .await;
    becomes(&site, key, "clock-skewed", Some(State::Open)).await;
    becomes(&site, key, "collector-outdated", Some(State::Open)).await;
    let open = finding(&site, key, "clock-skewed").await.unwrap();
    assert_eq!(open.causes[0].key, "behind more than a day");
    let outdated = finding(&site, key, "collector-outdated").await.unwrap();
    assert_eq!(outdated.causes[0].key, "0.1.9");
    // The page shows what the server saw.
    let api = site.api().await;
    let detail = api.json(&format!("/api/v1/devices/{}", device.id)).await;
    let verdicts = detail["verdicts"].as_array().unwrap();
    let verdict = verdicts
        .iter()
        .find(|v| v["issue"] == "clock-skewed")
        .unwrap();
    assert_eq!(verdict["evidence"][0]["source"], "server");
    assert_eq!(verdict["evidence"][0]["name"], "clock_ahead_ms");
    drop(session);
    let _session = device.session(&site).await.unwrap();
    becomes(&site, key, "clock-skewed", None).await;
    becomes(&site, key, "collector-outdated", None).await;
}

#[tokio::test]
async fn a_release_that_leaves_service_opens_on_its_day_without_a_report() {
    let site = Site::start().await;
    let (_, token) = site.token(|_| ()).await;
    let device = site.stored_device(&token, "PC-1").await;
    site.take_in(&device, vec![client("PC-1")]).await;
    becomes(&site, device.key, "end-of-service", None).await;
    // Windows 11 25H2 Enterprise: 2028-10-10.
    let end = sickbay_diagnosis::Time::parse("2028-10-11T00:00:01Z").unwrap();
    site.clock.advance(end.since(site.now()) - 30 * DAY_MS);
    becomes(&site, device.key, "end-of-service", Some(State::Open)).await;
    let near = finding(&site, device.key, "end-of-service").await.unwrap();
    assert!(
        near.summary.contains("gets its last update on"),
        "{}",
        near.summary
    );
    site.clock.advance(31 * DAY_MS);
    eventually("it is past its end", async || {
        let found = finding(&site, device.key, "end-of-service").await.unwrap();
        if found.summary.contains("got its last update on") {
            return Ok(());
        }
        Err(found.summary)
    })
    .await;
}
