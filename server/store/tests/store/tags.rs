//! A device's tags: those of its token, which a person gave, and those that it reports, which are a claim.

use sickbay_diagnosis::filter::Filter;
use sickbay_store::{Committed, DeviceChange, DeviceIdentity, DeviceRow, DeviceSummary, Scope};

use crate::fixture::{Fixture, bare_change, filter, first, summary};

/// A summary with reported tags.
fn reporting(tags: &[&str]) -> DeviceSummary {
    DeviceSummary {
        reported_tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        ..summary("pc")
    }
}

async fn report(store: &Fixture, device: &DeviceIdentity, tags: &[&str]) {
    let change = DeviceChange {
        summary: Some(reporting(tags)),
        ..store.change(device.key).await
    };
    store.done(change).await;
}

async fn listed(store: &Fixture, text: &str) -> Vec<DeviceRow> {
    store
        .devices(&Scope::All, &filter(text), &first(10))
        .await
        .unwrap()
}

/// The tags that lists show, of which each must find the device.
async fn tags_of(store: &Fixture, device: &DeviceIdentity) -> Vec<String> {
    let detail = store.device(&Scope::All, device.id).await.unwrap().unwrap();
    for tag in &detail.row.tags {
        let found = listed(store, &format!("tag:\"{tag}\"")).await;
        assert!(found.iter().any(|row| row.identity == *device), "{tag}");
    }
    detail.row.tags
}

pub(crate) async fn a_device_has_the_tags_of_its_token_and_those_it_reports(store: Fixture) {
    let device = store
        .tagged_device("pc", &["pilot", "berlin", "pilot"])
        .await;
    assert_eq!(tags_of(&store, &device).await, ["berlin", "pilot"]);

    report(&store, &device, &["kiosk", "pilot", "a"]).await;
    let all = ["a", "berlin", "kiosk", "pilot"];
    assert_eq!(tags_of(&store, &device).await, all);
    // What it reported is read back as it said it, apart from what it was given.
    let summary = store.state(device.key).await.summary;
    assert_eq!(summary.reported_tags, ["kiosk", "pilot", "a"]);

    // A change that says nothing of the summary leaves them.
    let change = store.change(device.key).await;
    store.done(change).await;
    assert_eq!(tags_of(&store, &device).await, all);
}

pub(crate) async fn tags_of_a_batch_reach_their_own_devices_only(store: Fixture) {
    // More than the longest list of rows, with as many tags as a device may report.
    let names: Vec<String> = (0..32).map(|number| format!("t{number:02}")).collect();
    let many: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut devices = Vec::new();
    for _ in 0..13 {
        devices.push(store.tagged_device("pc", &["t00"]).await);
    }
    let change = |device: &DeviceIdentity, version, tags: &[&str]| DeviceChange {
        expected_version: version,
        summary: Some(reporting(tags)),
        ..bare_change(device.key)
    };
    let mut batch: Vec<DeviceChange> = devices
        .iter()
        .map(|device| change(device, 0, &many))
        .collect();
    // The second change of one device follows its first, and one that came too late moves nothing.
    batch.push(change(&devices[0], 1, &["last"]));
    batch.push(change(&devices[1], 0, &["stale"]));
    let answers = store.commit(&batch).await.unwrap();
    assert_eq!(answers.last(), Some(&Committed::Conflict));

    assert_eq!(tags_of(&store, &devices[0]).await, ["last", "t00"]);
    assert_eq!(tags_of(&store, &devices[1]).await, many);
    for (tag, count) in [("t00", 13), ("t31", 12), ("last", 1), ("stale", 0)] {
        let found = store
            .count_devices(&Scope::All, &filter(&format!("tag:{tag}")))
            .await
            .unwrap();
        assert_eq!(found, count, "{tag}");
    }
}

pub(crate) async fn a_strange_tag_harms_nobody(store: Fixture) {
    let (device, other) = (
        store.tagged_device("pc", &["n\0m"]).await,
        store.active("other").await,
    );
    for tags in [
        &["n\0m", "it's", "a, b", "[\"x\"]"][..],
        &["n\u{fffd}m", "ä"],
    ] {
        report(&store, &device, tags).await;
        let found = listed(&store, "tag:n*m").await;
        assert_eq!(found.len(), 1);
        let state = store.state(device.key).await;
        assert_eq!(state.summary.reported_tags, tags);
        assert!(found[0].tags.contains(&"n\u{fffd}m".to_owned()));
    }
    assert!(tags_of(&store, &other).await.is_empty());
    let everyone = store.count_devices(&Scope::All, &Filter::Everything);
    assert_eq!(everyone.await.unwrap(), 2);
}

pub(crate) async fn a_tag_that_a_device_gives_itself_puts_it_into_nobodys_scope_and_out_of_none(
    store: Fixture,
) {
    let berlin = store.tagged_device("a", &["berlin"]).await;
    let liar = store.tagged_device("b", &["hamburg"]).await;
    report(&store, &liar, &["berlin"]).await;
    report(&store, &berlin, &["secret"]).await;
    let seen = async |scope: &str, asked: &str| -> Vec<DeviceIdentity> {
        let scope = Scope::Matching(filter(scope));
        let rows = store
            .devices(&scope, &filter(asked), &first(10))
            .await
            .unwrap();
        rows.into_iter().map(|row| row.identity).collect()
    };
    // Whoever looks for a tag finds both kinds; a scope goes by those that the server gave.
    assert_eq!(listed(&store, "tag:berlin").await.len(), 2);
    assert_eq!(
        seen("tag:berlin", "()").await,
        std::slice::from_ref(&berlin)
    );
    assert_eq!(seen("-tag:secret", "()").await.len(), 2);
    assert_eq!(seen("tag:hamburg", "tag:berlin").await, [liar]);
    assert_eq!(seen("tag:berlin", "tag:secret").await, [berlin]);
}
