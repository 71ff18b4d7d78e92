//! What only the fleet knows: revisions that enough devices had, shared ids, sources of scopes; and what was accepted for a time.

use sickbay_diagnosis::expectation::{ExpectedSource, UpdateSource};
use sickbay_diagnosis::knowledge::DeviceKind;
use sickbay_store::{
    AcceptanceRow, Baseline, Claim, Concerned, DeviceChange, DeviceStatus, DeviceSummary, Greeting,
    Scope, SeenRevision, Touch,
};
use uuid::Uuid;

use crate::fixture::{Fixture, at, bare_change, filter, summary};

fn claim(revision: u32, since: i64) -> Claim {
    Claim {
        what: Baseline::Windows,
        kind: DeviceKind::Client,
        build: 26100,
        revision,
        at: at(since),
    }
}

async fn claims(store: &Fixture, key: i64, claims: Vec<Claim>) {
    let change = DeviceChange {
        claims,
        ..store.change(key).await
    };
    store.done(change).await;
}

pub(crate) async fn a_revision_is_seen_once_five_devices_had_it(store: Fixture) {
    let mut keys = Vec::new();
    for number in 0..8 {
        keys.push(store.active(&format!("pc-{number}")).await.key);
    }
    for (place, key) in keys.iter().take(4).enumerate() {
        claims(
            &store,
            *key,
            vec![claim(4000, 100 + place as i64), claim(9999, 1)],
        )
        .await;
    }
    // Saying it twice does not make it more, and one device alone with a preview makes nobody late.
    claims(&store, keys[0], vec![claim(4000, 100)]).await;
    assert_eq!(store.seen_revisions().await.unwrap(), []);
    claims(&store, keys[4], vec![claim(4000, 500)]).await;
    let seen = |since| SeenRevision {
        what: Baseline::Windows,
        kind: DeviceKind::Client,
        build: 26100,
        revision: 4000,
        since: at(since),
    };
    assert_eq!(store.seen_revisions().await.unwrap(), [seen(500)]);
    // Devices that had it earlier tell more of when it was to be had than those that came first by chance.
    claims(&store, keys[5], vec![claim(4000, 50)]).await;
    assert_eq!(store.seen_revisions().await.unwrap(), [seen(103)]);
    claims(&store, keys[6], vec![claim(4000, 900)]).await;
    assert_eq!(store.seen_revisions().await.unwrap(), [seen(103)]);
    // Of another kind or build it is another revision.
    let server = Claim {
        kind: DeviceKind::Server,
        ..claim(4000, 1)
    };
    claims(&store, keys[7], vec![server]).await;
    assert_eq!(store.seen_revisions().await.unwrap(), [seen(103)]);
}

pub(crate) async fn a_whole_fleet_that_installs_an_update_in_one_batch_makes_one_baseline(
    store: Fixture,
) {
    let mut changes = Vec::new();
    for number in 0..40 {
        let key = store.active(&format!("pc-{number}")).await.key;
        changes.push(DeviceChange {
            claims: vec![claim(4000, 1000 - number)],
            ..bare_change(key)
        });
    }
    store.commit(&changes).await.unwrap();
    let seen = store.seen_revisions().await.unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].since, at(965), "the fifth earliest says since when");
}

pub(crate) async fn an_id_that_several_active_devices_have_is_shared(store: Fixture) {
    let with_id = |id: &str| DeviceSummary {
        client_id: id.to_owned(),
        ..summary("pc")
    };
    let mut devices = Vec::new();
    for id in ["a", "a", "b", "", ""] {
        let device = store.active("pc").await;
        store
            .done(DeviceChange {
                summary: Some(with_id(id)),
                ..bare_change(device.key)
            })
            .await;
        devices.push(device);
    }
    assert_eq!(store.shared_client_ids().await.unwrap(), ["a"]);
    let ids = Concerned::ClientIds(vec!["a".to_owned(), "c".to_owned()]);
    assert_eq!(
        store.keys_after(&ids, 0, 10).await.unwrap(),
        [devices[0].key, devices[1].key]
    );
    assert_eq!(
        store.keys_after(&ids, devices[0].key, 10).await.unwrap(),
        [devices[1].key]
    );
    store.put_status(&devices[1], DeviceStatus::Retired).await;
    assert_eq!(
        store.shared_client_ids().await.unwrap(),
        Vec::<String>::new()
    );
}

pub(crate) async fn sources_of_a_scope_are_those_of_its_devices(store: Fixture) {
    let wsus = Some(ExpectedSource {
        source: UpdateSource::Wsus,
        server: None,
    });
    for (site, kind) in [
        ("Berlin", "client"),
        ("Berlin", "server"),
        ("Munich", "client"),
    ] {
        let device = store.active("pc").await;
        store
            .done(DeviceChange {
                summary: Some(DeviceSummary {
                    site: site.to_owned(),
                    kind: kind.to_owned(),
                    sources: [wsus.clone(), None, None, wsus.clone()],
                    ..summary("pc")
                }),
                ..bare_change(device.key)
            })
            .await;
    }
    let counted = async |text: &str| {
        let rows = store.source_counts_of(&filter(text)).await.unwrap();
        rows.into_iter()
            .map(|row| (row.kind, row.class, row.devices))
            .collect::<Vec<_>>()
    };
    let (client, server) = (Some(DeviceKind::Client), Some(DeviceKind::Server));
    assert_eq!(
        counted("site:Berlin").await,
        [
            (client, 0, 1),
            (server, 0, 1),
            (client, 3, 1),
            (server, 3, 1)
        ]
    );
    assert_eq!(
        counted("kind:client").await,
        [(client, 0, 2), (client, 3, 2)]
    );
    assert_eq!(counted("site:Rome").await, []);
    let of_clients = Concerned::Matching(filter("kind:client"));
    assert_eq!(store.keys_after(&of_clients, 0, 10).await.unwrap().len(), 2);
}

pub(crate) async fn what_a_collector_says_when_it_connects_is_kept(store: Fixture) {
    let device = store.active("pc").await;
    let greeting = |ahead| Greeting {
        collector_version: "0.9.1".to_owned(),
        clock_ahead_ms: ahead,
    };
    let touch = |seen, greeting| Touch {
        key: device.key,
        seen_at: at(seen),
        confirmed_at: None,
        greeting,
    };
    store
        .touch(&[touch(100, Some(greeting(-7_000))), touch(200, None)])
        .await
        .unwrap();
    let seen = async || {
        let state = store.load_states(&[device.key]).await.unwrap().remove(0);
        let detail = store.device(&Scope::All, device.id).await.unwrap().unwrap();
        assert_eq!(state.sighting, detail.sighting);
        state.sighting
    };
    let sighting = seen().await;
    assert_eq!(sighting.clock_ahead_ms, Some(-7_000));
    assert_eq!(sighting.collector_version, "0.9.1");
    assert_eq!(sighting.last_seen_at, Some(at(200)));
    assert!(!sighting.reported);
    // A heartbeat says nothing of clock and version, and takes nothing away.
    store.touch(&[touch(300, None)]).await.unwrap();
    assert_eq!(seen().await.clock_ahead_ms, Some(-7_000));
}

pub(crate) async fn an_acceptance_is_kept_and_ends_once(store: Fixture) {
    let row = AcceptanceRow {
        id: Uuid::now_v7(),
        issue: "safeguard-hold".to_owned(),
        scope: "ou:*Lab*".to_owned(),
        reason: "The lab waits for the vendor\u{0}".to_owned(),
        made_by: "somebody".to_owned(),
        made_at: at(10),
        until: at(1_000),
        ended_at: None,
    };
    store.create_acceptance(row.clone()).await.unwrap();
    let kept = store.acceptances().await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(
        (kept[0].id, &kept[0].scope, kept[0].until),
        (row.id, &row.scope, row.until)
    );
    assert!(kept[0].reason.starts_with("The lab waits"));
    assert!(
        !store
            .end_acceptance(Uuid::now_v7(), "test", at(20))
            .await
            .unwrap()
    );
    assert!(store.end_acceptance(row.id, "test", at(20)).await.unwrap());
    assert!(
        !store.end_acceptance(row.id, "test", at(30)).await.unwrap(),
        "it has ended"
    );
    assert_eq!(store.acceptances().await.unwrap()[0].ended_at, Some(at(20)));
    let over = AcceptanceRow {
        id: Uuid::now_v7(),
        ..row
    };
    store.create_acceptance(over.clone()).await.unwrap();
    assert!(
        !store
            .end_acceptance(over.id, "test", at(1_000))
            .await
            .unwrap(),
        "its time is over"
    );
}
