//! The life of a device, and what counts in which part of it.

use sickbay_diagnosis::filter::Filter;
use sickbay_diagnosis::verdict::Severity;
use sickbay_store::{Committed, DeviceStatus, FleetCounts, Scope};
use uuid::Uuid;

use crate::fixture::{Fixture, at, first, open, unknown};

pub(crate) async fn revoked_is_for_ever(store: Fixture) {
    let device = store.active("a").await;
    store.put_status(&device, DeviceStatus::Revoked).await;
    for status in [
        DeviceStatus::Pending,
        DeviceStatus::Active,
        DeviceStatus::Retired,
        DeviceStatus::Revoked,
    ] {
        let changed = store.set_status(&[device.id], status, at(9)).await.unwrap();
        assert!(changed.is_empty(), "{status:?}");
    }
    assert_eq!(
        store.state(device.key).await.identity.status,
        DeviceStatus::Revoked
    );
    let unknown = store
        .set_status(&[Uuid::nil()], DeviceStatus::Active, at(9))
        .await
        .unwrap();
    assert!(unknown.is_empty());
}

pub(crate) async fn a_device_that_is_not_active_counts_nowhere(store: Fixture) {
    let (a, b) = (store.active("a").await, store.pending_device("b").await);
    store
        .report(
            a.key,
            vec![open("x", Severity::Serious, &["c"]), unknown("y")],
        )
        .await;
    let everything = Filter::Everything;
    let check = async |active: u64, pending: u64| {
        let counts = store.fleet_counts(&Scope::All).await.unwrap();
        assert_eq!((counts.active(), counts.pending), (active, pending));
        assert_eq!(
            store.count_devices(&Scope::All, &everything).await.unwrap(),
            active
        );
        let listed = store
            .devices(&Scope::All, &everything, &first(9))
            .await
            .unwrap();
        assert_eq!(listed.len() as u64, active);
    };
    check(1, 1).await;

    // Asked for twice in one call, and together with one that is so already.
    let changed = store
        .set_status(&[b.id, b.id, a.id], DeviceStatus::Active, at(1))
        .await
        .unwrap();
    assert_eq!(
        changed.iter().map(|device| device.id).collect::<Vec<_>>(),
        [b.id]
    );
    check(2, 0).await;

    store.put_status(&a, DeviceStatus::Retired).await;
    check(1, 0).await;
    assert!(store.issue_counts(&Scope::All).await.unwrap().is_empty());
    for issue in ["x", "y"] {
        assert_eq!(
            store
                .count_issue_devices(&Scope::All, issue, &everything)
                .await
                .unwrap(),
            0
        );
        assert!(
            store
                .issue_causes(&Scope::All, issue, &everything)
                .await
                .unwrap()
                .is_empty()
        );
        let listed = store
            .issue_devices(&Scope::All, issue, &everything, &first(9))
            .await
            .unwrap();
        assert!(listed.is_empty());
    }
    let retired = store
        .devices_with_status(&Scope::All, DeviceStatus::Retired, &first(9))
        .await
        .unwrap();
    assert_eq!(
        retired
            .iter()
            .map(|row| row.identity.id)
            .collect::<Vec<_>>(),
        [a.id]
    );
    assert_eq!(
        store
            .device(&Scope::All, a.id)
            .await
            .unwrap()
            .unwrap()
            .findings
            .len(),
        2
    );

    store.put_status(&a, DeviceStatus::Active).await;
    check(2, 0).await;
    let counts = store.issue_counts(&Scope::All).await.unwrap();
    let counts: Vec<_> = counts
        .iter()
        .map(|row| (row.issue.as_str(), row.open, row.serious, row.unknown))
        .collect();
    assert_eq!(counts, [("x", 1, 1, 0), ("y", 0, 0, 1)]);
    let fleet = store.fleet_counts(&Scope::All).await.unwrap();
    assert_eq!(
        fleet,
        FleetCounts {
            serious: 1,
            never_reported: 1,
            ..FleetCounts::default()
        }
    );
}

pub(crate) async fn a_report_in_flight_is_not_written_over_a_retired_device(store: Fixture) {
    let device = store.active("a").await;
    let in_flight = store.change(device.key).await;
    store.put_status(&device, DeviceStatus::Retired).await;
    let with_new_version = store.change(device.key).await;
    let answers = store
        .commit(vec![in_flight, with_new_version])
        .await
        .unwrap();
    assert_eq!(answers, [Committed::Conflict, Committed::Conflict]);

    // Nor is one that was loaded while it was retired and comes once it is active again.
    let loaded_while_retired = store.change(device.key).await;
    store.put_status(&device, DeviceStatus::Active).await;
    let answers = store.commit(vec![loaded_while_retired]).await.unwrap();
    assert_eq!(answers, [Committed::Conflict]);
}

pub(crate) async fn another_process_learns_of_a_revocation(store: Fixture) {
    let (a, b) = (store.active("a").await, store.active("b").await);
    assert!(store.status_changed_since(at(0)).await.unwrap().is_empty());
    store
        .set_status(&[a.id], DeviceStatus::Revoked, at(200))
        .await
        .unwrap();
    store
        .set_status(&[b.id], DeviceStatus::Retired, at(100))
        .await
        .unwrap();
    let since = async |millis| {
        let changed = store.status_changed_since(at(millis)).await.unwrap();
        changed
            .into_iter()
            .map(|device| (device.id, device.status))
            .collect::<Vec<_>>()
    };
    let (revoked, retired) = ((a.id, DeviceStatus::Revoked), (b.id, DeviceStatus::Retired));
    assert_eq!(since(100).await, [retired, revoked]);
    assert_eq!(since(200).await, [revoked]);
    assert!(since(201).await.is_empty());
}
