//! Why an update is on some devices and not on others: by the API and on pages, learned from what devices report.

use sickbay_diagnosis::Time;
use sickbay_store::DeviceIdentity;

use crate::readings::{at_revision, installed_with, paused_by_user, server};
use crate::site::{Site, Viewer, assert_says, eventually};

/// An update that no table knows, and the revision of Windows 11 25H2 that devices say it brings.
const NEW: &str = "KB5999009";
const REVISION: u32 = 9900;

/// Six clients that installed the update, one that paused before, one server, and one that never told anything.
async fn fleet(site: &Site) -> Vec<DeviceIdentity> {
    let (_, token) = site.token(|_| ()).await;
    let mut devices = Vec::new();
    let now = site.now();
    let installed: Time = now.plus_days(-3);
    for number in 0..6 {
        let name = format!("PC-{number}");
        let device = site.stored_device(&token, &name).await;
        let told = installed_with(NEW, 26100, REVISION, installed);
        let mut facts = vec![at_revision(&name, REVISION)];
        facts.extend(told);
        site.take_in(&device, facts).await;
        devices.push(device);
    }
    let paused = site.stored_device(&token, "PC-PAUSED").await;
    let end = now.plus_days(9);
    site.take_in(
        &paused,
        vec![at_revision("PC-PAUSED", 9000), paused_by_user(end)],
    )
    .await;
    devices.push(paused);
    let other = site.stored_device(&token, "SRV-1").await;
    site.take_in(&other, vec![server("SRV-1")]).await;
    devices.push(other);
    devices.push(site.stored_device(&token, "NEVER").await);
    devices
}

async fn learned(api: &Viewer) {
    eventually("the fleet has told of the update", async || {
        let update = api.json(&format!("/api/v1/updates/{NEW}")).await;
        match update["brings"].as_array().unwrap().len() {
            1 => Ok(()),
            n => Err(format!("{n} builds")),
        }
    })
    .await;
}

fn devices_in(update: &serde_json::Value, class: &str) -> u64 {
    let classes = update["classes"].as_array().unwrap();
    let found = classes.iter().find(|c| c["class"] == class).unwrap();
    found["devices"].as_u64().unwrap()
}

#[tokio::test]
async fn a_fleet_without_internet_learns_what_an_update_brings_and_puts_each_device_into_one_class()
{
    let site = Site::start().await;
    fleet(&site).await;
    let api = site.api().await;
    learned(&api).await;
    let update = api.json(&format!("/api/v1/updates/{NEW}")).await;
    assert_eq!(update["brings"][0]["revision"], REVISION);
    assert_eq!(update["brings"][0]["told_by"], "fleet");
    assert_eq!(update["brings"][0]["told_by_devices"], 6);
    assert_eq!(update["devices"], 9);
    for (class, devices) in [
        ("installed", 6),
        ("paused", 1),
        ("not-for-this-release", 1),
        ("unknown", 1),
    ] {
        assert_eq!(devices_in(&update, class), devices, "{class}: {update}");
    }
    let all: u64 = update["classes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["devices"].as_u64().unwrap())
        .sum();
    assert_eq!(all, 9, "the classes add up to the fleet");

    let filtered = api
        .json(&format!("/api/v1/updates/{NEW}?filter=kind:server"))
        .await;
    assert_eq!(filtered["devices"], 1);
    let updates = api.json("/api/v1/updates").await;
    assert_eq!(updates["learned"][0]["kb"], NEW);
    assert_eq!(updates["learned"][0]["believed"], true);
    let release = &updates["releases"][0];
    assert_eq!(release["release"], "Windows 11 25H2");
    assert_eq!(release["newest"][0]["revision"], "26200.9900");
    assert_eq!(release["newest"][0]["kb"], NEW);
    // One device alone with another revision makes none that the fleet has seen.
    assert_eq!(release["others"], 1);
    assert_eq!(updates["without_release"], 1);
}

#[tokio::test]
async fn a_device_is_told_with_the_raw_value_and_the_way_out() {
    let site = Site::start().await;
    let devices = fleet(&site).await;
    let api = site.api().await;
    learned(&api).await;
    let paused = &devices[6];
    let told = api
        .json(&format!("/api/v1/updates/{NEW}/devices/{}", paused.id))
        .await;
    assert_eq!(told["class"], "paused");
    let evidence = told["decisive"]["evidence"].to_string();
    assert_says(&evidence, &["PausedQualityStatus", "REG_DWORD"], "evidence");
    assert_eq!(told["primary_issue"], "quality-updates-paused");
    let steps = told["way_out"].to_string();
    assert_says(
        &steps,
        &[
            "DISM",
            "windows11.0-kb5999009",
            "catalog.update.microsoft.com",
        ],
        "way out",
    );
    let installed = api
        .json(&format!("/api/v1/updates/{NEW}/devices/{}", devices[0].id))
        .await;
    assert_eq!(installed["class"], "installed");
    assert!(installed["way_out"].is_null());
    let evidence = installed["decisive"]["evidence"].to_string();
    assert_says(&evidence, &["Package_for_RollupFix", "UBR"], "evidence");
}

#[tokio::test]
async fn lists_page_by_class_and_exports_hold_every_row() {
    let site = Site::start().await;
    fleet(&site).await;
    let api = site.api().await;
    learned(&api).await;
    let mut names = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!(
            "/api/v1/updates/{NEW}/devices?class=installed&limit=4{}",
            if cursor.is_empty() {
                String::new()
            } else {
                format!("&cursor={cursor}")
            }
        );
        let page = api.json(&path).await;
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 4);
        names.extend(items.iter().map(|i| i["name"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!(names, ["PC-0", "PC-1", "PC-2", "PC-3", "PC-4", "PC-5"]);
    let csv = api
        .page(&format!("/api/v1/updates/{NEW}/devices.csv"))
        .await;
    let rows: Vec<_> = csv::Reader::from_reader(csv.as_bytes())
        .into_records()
        .map(Result::unwrap)
        .collect();
    assert_eq!(rows.len(), 9);
    assert!(csv.starts_with("device_id,name,"), "{csv}");
    let paused = api
        .page(&format!(
            "/api/v1/updates/{NEW}/devices.ndjson?class=paused"
        ))
        .await;
    assert_eq!(paused.lines().count(), 1);
    let wrong = api
        .get(&format!("/api/v1/updates/{NEW}/devices?class=lazy"))
        .await;
    assert_eq!(wrong.status(), 400);
    for text in ["soon", "setup.msu"] {
        let answer = api.get(&format!("/api/v1/updates/{text}")).await;
        assert_eq!(answer.status(), 404, "{text}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
}

/// The page to which a question leads.
async fn led_to(browser: &Viewer, path: &str) -> String {
    let answer = browser.get(path).await;
    assert_eq!(answer.status(), 303, "{path}");
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    browser.page(&location).await
}

#[tokio::test]
async fn a_pasted_or_dropped_file_leads_to_its_update_and_tells_the_wrong_targets() {
    let site = Site::start().await;
    let devices = fleet(&site).await;
    let browser = site.browser().await;
    learned(&site.api().await).await;
    let page = browser.page("/updates").await;
    assert_says(&page, &["Who is where", "26200.9900", NEW], "/updates");
    let dropped = led_to(
        &browser,
        "/updates?q=&file=windows10.0-kb5999009-x64_0123456789.msu",
    )
    .await;
    assert_says(
        &dropped,
        &[
            "KB5999009",
            "For another release",
            "windows10.0-kb5999009-x64",
        ],
        "a dropped file",
    );
    let typed = led_to(&browser, "/updates?q=kb5999009").await;
    assert_says(&typed, &["Every device in one class", "Paused"], "a number");
    let none = browser.page("/updates?q=last+week").await;
    assert_says(&none, &["This names no update", "last week"], "no update");
    let one = browser
        .page(&format!("/updates/{NEW}/devices/{}", devices[6].id))
        .await;
    assert_says(
        &one,
        &["PausedQualityStatus", "What shows it", "By hand"],
        "one device",
    );
    let missing = browser.get("/updates/soon").await;
    assert_eq!(missing.status(), 404);
}
