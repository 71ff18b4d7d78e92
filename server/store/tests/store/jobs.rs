//! What the background jobs rest on: signs of life, what is due, walking through the fleet, sources.

use sickbay_diagnosis::expectation::{ExpectedSource, UpdateSource};
use sickbay_diagnosis::filter::Filter;
use sickbay_store::{Concerned, DeviceChange, DeviceStatus, DeviceSummary, Scope, Touch};

use crate::fixture::{Fixture, at, bare_change, first, summary};

pub(crate) async fn touch_never_moves_backwards(store: Fixture) {
    let device = store.active("a").await;
    let touch = |seen, confirmed: Option<i64>| Touch {
        key: device.key,
        seen_at: at(seen),
        confirmed_at: confirmed.map(at),
        greeting: None,
    };
    let seen = async || {
        let detail = store.device(&Scope::All, device.id).await.unwrap().unwrap();
        (detail.row.last_seen_at, detail.confirmed_at)
    };
    assert_eq!(seen().await, (None, None));
    store.touch(&[touch(100, None)]).await.unwrap();
    assert_eq!(seen().await, (Some(at(100)), None));
    // Two of one device in a batch, in the wrong order.
    store
        .touch(&[touch(300, Some(250)), touch(200, Some(150))])
        .await
        .unwrap();
    assert_eq!(seen().await, (Some(at(300)), Some(at(250))));
    store.touch(&[touch(250, Some(240))]).await.unwrap();
    store.touch(&[touch(260, None)]).await.unwrap();
    assert_eq!(seen().await, (Some(at(300)), Some(at(250))));

    // A report that was received earlier than the newest heartbeat moves nothing back either.
    let late = DeviceChange {
        received_at: Some(at(290)),
        ..store.change(device.key).await
    };
    store.done(late).await;
    let row = store
        .device(&Scope::All, device.id)
        .await
        .unwrap()
        .unwrap()
        .row;
    assert_eq!(
        (row.last_seen_at, row.last_report_at),
        (Some(at(300)), Some(at(290)))
    );
    // A heartbeat is no change: whoever loaded the device may still write.
    let change = store.change(device.key).await;
    store.touch(&[touch(400, None)]).await.unwrap();
    store.done(change).await;
    store.touch(&[]).await.unwrap();
}

pub(crate) async fn due_devices_come_oldest_first(store: Fixture) {
    let mut keys = Vec::new();
    for (name, due) in [
        ("a", Some(300)),
        ("b", Some(100)),
        ("c", None),
        ("d", Some(200)),
        ("e", Some(301)),
    ] {
        let device = store.active(name).await;
        store
            .done(DeviceChange {
                due_at: due.map(at),
                ..bare_change(device.key)
            })
            .await;
        keys.push(device);
    }
    assert_eq!(
        store.due(at(300), 10).await.unwrap(),
        [keys[1].key, keys[3].key, keys[0].key]
    );
    assert_eq!(
        store.due(at(300), 2).await.unwrap(),
        [keys[1].key, keys[3].key]
    );
    assert!(store.due(at(99), 10).await.unwrap().is_empty());
    store.put_status(&keys[1], DeviceStatus::Retired).await;
    assert_eq!(store.due(at(300), 1).await.unwrap(), [keys[3].key]);
}

pub(crate) async fn the_walk_through_the_fleet_meets_each_active_device_once(store: Fixture) {
    let mut wanted = Vec::new();
    for number in 0..7 {
        wanted.push(store.active(&format!("pc-{number}")).await.key);
    }
    store.pending_device("waiting").await;
    let mut met = Vec::new();
    let mut after = 0;
    loop {
        let keys = store.keys_after(&Concerned::All, after, 3).await.unwrap();
        let Some(last) = keys.last() else { break };
        after = *last;
        met.extend(keys);
    }
    assert_eq!(met, wanted);
}

pub(crate) async fn sources_are_counted_per_class(store: Fixture) {
    let wsus = |server: &str| {
        Some(ExpectedSource {
            source: UpdateSource::Wsus,
            server: Some(server.to_owned()),
        })
    };
    let sources = |first| DeviceSummary {
        sources: [first, None, None, wsus("w")],
        ..summary("pc")
    };
    let mut devices = Vec::new();
    for server in ["w", "w", "v"] {
        let device = store.active("pc").await;
        let change = DeviceChange {
            summary: Some(sources(wsus(server))),
            ..bare_change(device.key)
        };
        store.done(change).await;
        devices.push(device);
    }
    let counts = async || {
        let rows = store.source_counts().await.unwrap();
        rows.into_iter()
            .map(|row| (row.class, row.source.server.unwrap(), row.devices))
            .collect::<Vec<_>>()
    };
    let row = |class, server: &str, devices| (class, server.to_owned(), devices);
    assert_eq!(
        counts().await,
        [row(0, "w", 2), row(0, "v", 1), row(3, "w", 3)]
    );
    let moved = DeviceChange {
        summary: Some(sources(wsus("v"))),
        ..store.change(devices[0].key).await
    };
    store.done(moved).await;
    store.put_status(&devices[1], DeviceStatus::Revoked).await;
    assert_eq!(counts().await, [row(0, "v", 2), row(3, "w", 2)]);
    assert_eq!(
        store
            .devices(&Scope::All, &Filter::Everything, &first(10))
            .await
            .unwrap()
            .len(),
        2
    );
}
