//! What happens although nobody reports.

use serde_json::Value;
use sickbay_diagnosis::Check;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::observation::Observation;
use sickbay_diagnosis::time::DAY_MS;
use sickbay_store::{DeviceIdentity, Scope};

use crate::device::{Device, report};
use crate::readings::{client, on_the_wire, paused_by_policy, paused_by_user};
use crate::site::{PATIENCE, Site, Viewer, eventually};

const ISSUE: &str = "quality-updates-paused";

async fn open_count(api: &Viewer) -> u64 {
    let issues = api.json("/api/v1/issues").await;
    let issue = issues
        .as_array()
        .unwrap()
        .iter()
        .find(|issue| issue["id"] == ISSUE);
    issue.unwrap()["open"].as_u64().unwrap()
}

async fn state(api: &Viewer, device: &str) -> Value {
    let detail = api.json(&format!("/api/v1/devices/{device}")).await;
    let verdicts = detail["verdicts"].as_array().unwrap();
    verdicts
        .iter()
        .find(|verdict| verdict["issue"] == ISSUE)
        .unwrap()["state"]
        .clone()
}

/// Reads the event stream until an event names all of `wanted`; gives the regions named until then.
async fn told(mut stream: reqwest::Response, wanted: Vec<String>) -> Vec<String> {
    let mut text = String::new();
    let reading = async {
        while !wanted
            .iter()
            .all(|region| text.contains(&format!("\"{region}\"")))
        {
            let chunk = stream.chunk().await.unwrap().expect("the stream goes on");
            text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    };
    let read = tokio::time::timeout(PATIENCE, reading).await;
    assert!(
        read.is_ok(),
        "the page was not told of {wanted:?}, only: {text}"
    );
    text.lines().map(str::to_owned).collect()
}

/// A device that reported a pause and went away.
async fn paused_and_gone(site: &Site, pause: (Check, Observation)) -> Device {
    let device = Device::enrol(site, "PC-PAUSED").await;
    let mut session = device.session(site).await.unwrap();
    let facts = vec![on_the_wire(client("PC-PAUSED")), on_the_wire(pause)];
    session.acknowledged(report(1, true, facts)).await;
    drop(session);
    device
}

/// Moves the clock past `end` and expects that pages, API, counters and history follow without a report.
async fn the_pause_ends_by_itself(site: &Site, device: &Device, end: Time) {
    let api = site.api().await;
    let id = device.id.to_string();
    let before = site.store().fleet_counts(&Scope::All).await.unwrap();
    assert_eq!((open_count(&api).await, before.serious), (1, 1));
    assert_eq!(state(&api, &id).await, "open");
    assert!(
        api.page(&format!("/issues/{ISSUE}"))
            .await
            .contains("PC-PAUSED")
    );
    let ahead = site.store().due(end.plus_millis(-1), 10).await.unwrap();
    assert_eq!(
        ahead,
        Vec::<i64>::new(),
        "the verdict holds until the very end"
    );

    let stream = api.get("/events").await;
    site.clock.advance(end.since(site.now()) + 1);
    let regions = [
        "overview",
        "issues",
        &format!("issue:{ISSUE}"),
        &format!("device:{id}"),
    ]
    .map(str::to_owned);
    let events = told(stream, regions.to_vec()).await;
    assert!(
        events.iter().any(|line| line == "event: change"),
        "{events:?}"
    );

    eventually("the count goes down", async || {
        match open_count(&api).await {
            0 => Ok(()),
            n => Err(format!("{n} open")),
        }
    })
    .await;
    assert_eq!(state(&api, &id).await, "clear");
    assert!(
        !api.page(&format!("/issues/{ISSUE}"))
            .await
            .contains("PC-PAUSED")
    );
    let after = site.store().fleet_counts(&Scope::All).await.unwrap();
    assert_eq!((after.serious, after.active()), (0, before.active()));
    let row = &site
        .store()
        .devices(
            &Scope::All,
            &sickbay_diagnosis::filter::Filter::Everything,
            &all(),
        )
        .await
        .unwrap()[0];
    assert_eq!((row.open, row.serious), (0, 0));

    let detail = api.json(&format!("/api/v1/devices/{id}")).await;
    let history: Vec<&Value> = detail["history"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["issue"] == ISSUE)
        .collect();
    assert_eq!(history.len(), 2, "{history:#?}");
    assert_eq!(
        (&history[0]["from"], &history[0]["to"]),
        (&"open".into(), &"clear".into())
    );
    let at = Time::parse(history[0]["at"].as_str().unwrap()).unwrap();
    assert!(at >= end, "{at} is before {end}");
    let page = api.page(&format!("/devices/{id}")).await;
    assert!(
        page.contains("(was open)"),
        "the page shows its history: {page}"
    );
    assert!(page.contains("ended on"), "{page}");
}

fn all() -> sickbay_store::Page {
    sickbay_store::Page {
        after: None,
        limit: 10,
    }
}

#[tokio::test]
async fn a_users_pause_that_expires_while_nobody_reports_turns_clear_by_itself() {
    let site = Site::start().await;
    let end = Time::from_millis(site.now().plus_days(2).millis() / 1000 * 1000);
    let device = paused_and_gone(&site, paused_by_user(end)).await;
    the_pause_ends_by_itself(&site, &device, end).await;
}

#[tokio::test]
async fn a_policy_pause_ends_by_itself_35_days_after_its_start() {
    let site = Site::start().await;
    // Begun long enough ago that it ends before a device that went away falls silent.
    let date = site.now().plus_days(-33).date();
    let start = Time::parse(&format!("{date}T00:00:00Z")).unwrap();
    let device = paused_and_gone(&site, paused_by_policy(&date)).await;
    the_pause_ends_by_itself(&site, &device, start.plus_days(35)).await;
}

#[tokio::test]
async fn once_expired_nothing_more_is_written() {
    let site = Site::start().await;
    let end = site.now().plus_days(1);
    let (_, token) = site.token(|_| ()).await;
    let device: DeviceIdentity = site.stored_device(&token, "PC-1").await;
    site.take_in(&device, vec![client("PC-1"), paused_by_user(end)])
        .await;
    let written = async || site.store().load_states(&[device.key]).await.unwrap()[0].version;
    let metrics = &site.app().metrics;
    let (before, commits_before) = (written().await, metrics.commits.get());
    site.clock.advance(DAY_MS + 1000);
    // Diagnosed again is not yet written, and written not yet counted.
    eventually("it is diagnosed again", async || {
        if written().await == before || metrics.commits.get() == commits_before {
            return Err("not yet".to_owned());
        }
        Ok(())
    })
    .await;
    let commits = metrics.commits.get();
    let version = written().await;
    // Longer, and the device falls silent.
    site.clock.advance(10 * DAY_MS);
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    assert_eq!(written().await, version);
    assert_eq!(metrics.commits.get(), commits);
}

#[tokio::test]
async fn a_device_that_never_reported_is_counted_so_and_not_as_unknown() {
    let site = Site::start().await;
    let (_, token) = site.token(|_| ()).await;
    let device = site.stored_device(&token, "PC-1").await;
    site.app().ingest.rediagnose(device.key).await.unwrap();
    let other = site.stored_device(&token, "PC-2").await;
    // What is queued later is committed later.
    site.take_in(&other, vec![client("PC-2")]).await;
    let states = site.store().load_states(&[device.key]).await.unwrap();
    assert_eq!(states[0].findings, []);
    let counts = site.store().fleet_counts(&Scope::All).await.unwrap();
    assert_eq!((counts.never_reported, counts.active()), (1, 2));
}
