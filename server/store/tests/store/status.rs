//! The life of a device, and what counts in which part of it.

use sickbay_diagnosis::filter::Filter;
use sickbay_diagnosis::verdict::Severity;
use sickbay_store::{
    Approval, AuditQuery, Committed, DeviceStatus, Ended, EnrolOutcome, FleetCounts, NewToken,
    Scope, Touch, action,
};
use uuid::Uuid;

use crate::fixture::{Fixture, at, deed, first, open, request, token, unknown};

pub(crate) async fn revoked_is_for_ever(store: Fixture) {
    let device = store.active("a").await;
    store.put_status(&device, DeviceStatus::Revoked).await;
    for status in [
        DeviceStatus::Pending,
        DeviceStatus::Active,
        DeviceStatus::Retired,
        DeviceStatus::Revoked,
    ] {
        let changed = store
            .set_status(&[device.id], status, &deed(9))
            .await
            .unwrap();
        assert!(changed.is_empty(), "{status:?}");
    }
    assert_eq!(
        store.state(device.key).await.identity.status,
        DeviceStatus::Revoked
    );
    let unknown = store
        .set_status(&[Uuid::nil()], DeviceStatus::Active, &deed(9))
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
        .set_status(&[b.id, b.id, a.id], DeviceStatus::Active, &deed(1))
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
        .devices_with_status(
            &Scope::All,
            DeviceStatus::Retired,
            &Filter::Everything,
            &first(9),
        )
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
    let answers = store.commit(&[in_flight, with_new_version]).await.unwrap();
    assert_eq!(answers, [Committed::Conflict, Committed::Conflict]);

    // Nor is one that was loaded while it was retired and comes once it is active again.
    let loaded_while_retired = store.change(device.key).await;
    store.put_status(&device, DeviceStatus::Active).await;
    let answers = store.commit(&[loaded_while_retired]).await.unwrap();
    assert_eq!(answers, [Committed::Conflict]);
}

pub(crate) async fn an_approved_device_takes_the_place_of_its_own_silent_past(store: Fixture) {
    let former = store.active("PC-1").await;
    let newcomer = store.pending_device("pc-1").await;
    // While the former one lives both stay.
    let beside = store.pending_device("PC-1").await;
    let soon = deed(5_000);
    let changed = store
        .set_status(&[beside.id], DeviceStatus::Active, &soon)
        .await
        .unwrap();
    assert_eq!(changed.len(), 1);
    store.put_status(&beside, DeviceStatus::Retired).await;

    let hours_later = deed(10_000_000);
    let changed = store
        .set_status(&[newcomer.id], DeviceStatus::Active, &hours_later)
        .await
        .unwrap();
    let became: Vec<_> = changed.iter().map(|d| (d.id, d.status)).collect();
    assert_eq!(
        became,
        [
            (newcomer.id, DeviceStatus::Active),
            (former.id, DeviceStatus::Replaced)
        ]
    );
    let counts = store.fleet_counts(&Scope::All).await.unwrap();
    assert_eq!((counts.active(), counts.pending), (1, 0));
    // Replaced is an end: whoever holds that key has to enrol again.
    for status in [DeviceStatus::Active, DeviceStatus::Retired] {
        let changed = store.set_status(&[former.id], status, &deed(1)).await;
        assert!(changed.unwrap().is_empty());
    }
}

pub(crate) async fn a_merged_device_points_to_the_one_that_stands_for_it(store: Fixture) {
    let (kept, old) = (store.active("a").await, store.active("b").await);
    let revoked = store.active("c").await;
    store.put_status(&revoked, DeviceStatus::Revoked).await;
    store
        .report(old.key, vec![open("x", Severity::Serious, &["c"])])
        .await;
    let all = [old.id, revoked.id, kept.id];
    let merged = store.merge(&all, kept.id, &deed(50)).await.unwrap();
    assert_eq!(merged.iter().map(|d| d.id).collect::<Vec<_>>(), [old.id]);
    let detail = store.device(&Scope::All, old.id).await.unwrap().unwrap();
    assert_eq!(detail.row.identity.status, DeviceStatus::Replaced);
    assert_eq!(detail.life.ended, Some(Ended::Merged));
    assert_eq!(detail.life.successor.unwrap().device.id, kept.id);
    assert!(store.issue_counts(&Scope::All).await.unwrap().is_empty());
    // Into what is no device of the fleet nothing is merged.
    let nothing = store.merge(&[kept.id], old.id, &deed(60)).await.unwrap();
    assert!(nothing.is_empty());
}

pub(crate) async fn a_deleted_device_is_gone_but_for_the_record(store: Fixture) {
    let (retired, active) = (store.active("a").await, store.active("b").await);
    let revoked = store.active("c").await;
    store.put_status(&retired, DeviceStatus::Retired).await;
    store.put_status(&revoked, DeviceStatus::Revoked).await;
    let all = [retired.id, active.id, revoked.id, Uuid::nil()];
    let gone = store.delete_devices(&all, &deed(70)).await.unwrap();
    assert_eq!(gone.iter().map(|d| d.id).collect::<Vec<_>>(), [retired.id]);
    assert!(
        store
            .device(&Scope::All, retired.id)
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        store
            .device(&Scope::All, revoked.id)
            .await
            .unwrap()
            .is_some()
    );
    let said = store.audit(&AuditQuery::of(retired.id, 9)).await.unwrap();
    assert_eq!(
        (
            said[0].action.as_str(),
            said[0].actor.as_str(),
            said[0].subject.as_str()
        ),
        (action::DELETED, "test", "a")
    );
    assert_eq!(said.last().unwrap().action, action::ENROLLED);
    let whole = store.audit(&AuditQuery::newest(100)).await.unwrap();
    assert!(
        whole
            .iter()
            .any(|line| line.action == action::TOKEN_CREATED)
    );
    let older = store
        .audit(&AuditQuery {
            before: Some(whole[0].id),
            ..AuditQuery::newest(1)
        })
        .await
        .unwrap();
    assert_eq!(older[0], whole[1]);
}

pub(crate) async fn an_ephemeral_device_is_told_once_it_was_silent_for_long_enough(store: Fixture) {
    let token = NewToken {
        approval: Approval::Nobody,
        ephemeral_ms: Some(1_000),
        ..token(b"vdi")
    };
    store.create_token(token, "test").await.unwrap();
    let mut ids = Vec::new();
    for name in ["a", "b"] {
        match store.enrol(request(b"vdi", name.as_bytes(), name)).await {
            Ok(EnrolOutcome::Device(device)) => ids.push(device),
            other => panic!("{other:?}"),
        }
    }
    store.active("stays").await;
    store
        .touch(&[Touch {
            key: ids[1].key,
            seen_at: at(900),
            confirmed_at: None,
            greeting: None,
        }])
        .await
        .unwrap();
    assert!(
        store
            .ephemeral_ended(at(1_099), at(0), 9)
            .await
            .unwrap()
            .is_empty()
    );
    let ended = async |now, listens_since| {
        let ended = store.ephemeral_ended(at(now), at(listens_since), 9);
        let ended = ended.await.unwrap().into_iter();
        ended.map(|device| device.id).collect::<Vec<_>>()
    };
    // Nobody listened for a while: nobody was silent.
    assert!(ended(1_100, 101).await.is_empty());
    assert_eq!(ended(1_100, 100).await, [ids[0].id]);
    assert_eq!(ended(1_900, 900).await.len(), 2);
    let gone = deed(2_000).because(Ended::Ephemeral);
    store
        .set_status(&[ids[0].id], DeviceStatus::Retired, &gone)
        .await
        .unwrap();
    let detail = store.device(&Scope::All, ids[0].id).await.unwrap().unwrap();
    assert_eq!(detail.life.ended, Some(Ended::Ephemeral));
    assert_eq!(detail.life.ephemeral_ms, Some(1_000));
}
