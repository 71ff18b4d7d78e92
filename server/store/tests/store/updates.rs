//! What is kept about updates: profiles beside devices, what devices said of updates, revisions counted.

use sickbay_diagnosis::Kb;
use sickbay_diagnosis::filter::Filter;
use sickbay_diagnosis::knowledge::DeviceKind;
use sickbay_store::{
    DeviceChange, DeviceStatus, DeviceSummary, LearnedRow, Page, RevisionCount, Scope,
};

use crate::fixture::{Fixture, at, filter, first, summary};

async fn profiled(store: &Fixture, name: &str, profile: &[u8]) -> sickbay_store::DeviceIdentity {
    let device = store.active(name).await;
    let change = DeviceChange {
        profile: Some(profile.to_vec()),
        ..store.change(device.key).await
    };
    store.done(change).await;
    device
}

pub(crate) async fn a_profile_is_kept_beside_its_device_and_each_is_met_once(store: Fixture) {
    let b = profiled(&store, "b", b"of b").await;
    let a = profiled(&store, "a", b"of a").await;
    let bare = store.active("c").await;
    store.pending_device("waiting").await;
    let gone = profiled(&store, "gone", b"of gone").await;
    store.put_status(&gone, DeviceStatus::Retired).await;
    assert_eq!(store.state(a.key).await.profile, b"of a");
    assert_eq!(store.state(bare.key).await.profile, b"");

    let everyone = Scope::All;
    let mut met = Vec::new();
    let mut after = 0;
    loop {
        let part = store
            .profiles_after(&everyone, &Filter::Everything, after, 2)
            .await
            .unwrap();
        let Some(last) = part.last() else { break };
        after = last.key;
        met.extend(part.into_iter().map(|kept| (kept.key, kept.profile)));
    }
    let expected = [
        (b.key, b"of b".to_vec()),
        (a.key, b"of a".to_vec()),
        (bare.key, Vec::new()),
    ];
    assert_eq!(met, expected);

    let mut listed = Vec::new();
    let mut page = first(2);
    loop {
        let part = store
            .profiled_devices(&everyone, &Filter::Everything, &page)
            .await
            .unwrap();
        let Some(last) = part.last() else { break };
        page = Page {
            after: Some(last.cursor.clone()),
            limit: 2,
        };
        listed.extend(part.into_iter().map(|row| (row.name, row.profile)));
    }
    let names: Vec<&str> = listed.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(listed[1].1, b"of b");

    let some = Scope::Matching(filter("name:b"));
    let seen = store
        .profiles_after(&some, &Filter::Everything, 0, 10)
        .await
        .unwrap();
    assert_eq!(seen.len(), 1, "what is outside the scope does not exist");
    let changed = DeviceChange {
        profile: Some(b"anew".to_vec()),
        ..store.change(b.key).await
    };
    store.done(changed).await;
    assert_eq!(store.state(b.key).await.profile, b"anew");
}

pub(crate) async fn revisions_are_counted_of_active_devices_in_scope(store: Fixture) {
    for (name, ubr) in [
        ("a", Some(4000)),
        ("b", Some(4000)),
        ("c", Some(4100)),
        ("d", None),
    ] {
        let device = store.active(name).await;
        let change = DeviceChange {
            summary: Some(DeviceSummary {
                kind: "client".to_owned(),
                build: Some(26100),
                ubr,
                ..summary(name)
            }),
            ..store.change(device.key).await
        };
        store.done(change).await;
    }
    store.active("says nothing").await;
    let count = |ubr, devices| RevisionCount {
        kind: DeviceKind::Client,
        build: 26100,
        ubr,
        devices,
    };
    assert_eq!(
        store.revision_counts(&Scope::All).await.unwrap(),
        [count(None, 1), count(Some(4000), 2), count(Some(4100), 1)]
    );
    let some = Scope::Matching(filter("name:a"));
    assert_eq!(
        store.revision_counts(&some).await.unwrap(),
        [count(Some(4000), 1)]
    );
}

fn told(number: u32, revision: u32, devices: u64, since: i64, imported: bool) -> LearnedRow {
    LearnedRow {
        kb: Kb::of_number(number).expect("a number"),
        kind: DeviceKind::Server,
        package_build: 20348,
        revision,
        devices,
        by_title: devices / 2,
        since: at(since),
        learned_at: at(9_000),
        imported,
    }
}

pub(crate) async fn what_was_told_of_updates_only_grows_and_imports_replace_imports(
    store: Fixture,
) {
    let row = told(5_000_001, 4000, 7, 500, false);
    store
        .learn_updates(std::slice::from_ref(&row))
        .await
        .unwrap();
    assert_eq!(
        store.learned_updates().await.unwrap(),
        std::slice::from_ref(&row)
    );
    // Fewer devices say it now, and one had it earlier: the most and the earliest stay, and when it was first heard of.
    let later = LearnedRow {
        learned_at: at(99_000),
        ..told(5_000_001, 4000, 2, 300, false)
    };
    store.learn_updates(&[later]).await.unwrap();
    let grown = LearnedRow {
        since: at(300),
        ..row
    };
    assert_eq!(
        store.learned_updates().await.unwrap(),
        std::slice::from_ref(&grown)
    );

    let imported = told(5_000_002, 4100, 0, 800, true);
    store
        .import_updates(std::slice::from_ref(&imported), "test", at(1))
        .await
        .unwrap();
    assert_eq!(
        store.learned_updates().await.unwrap(),
        [grown.clone(), imported]
    );
    let other = told(5_000_003, 4200, 0, 900, true);
    store
        .import_updates(std::slice::from_ref(&other), "test", at(1))
        .await
        .unwrap();
    assert_eq!(store.learned_updates().await.unwrap(), [grown, other]);
}
