//! History is appended and read backwards.

use sickbay_diagnosis::verdict::{Cause, State};
use sickbay_store::{DeviceChange, DeviceStatus, NewHistory, Scope};
use uuid::Uuid;

use crate::fixture::{Fixture, at, filter};

fn row(number: i64) -> NewHistory {
    NewHistory {
        issue: format!("issue-{number}"),
        from: State::Clear,
        to: State::Open,
        causes: vec![Cause::new(format!("k{number}"), "label")],
        summary: format!("change {number}"),
    }
}

async fn write(store: &Fixture, key: i64, now: i64, rows: Vec<NewHistory>) {
    let change = DeviceChange {
        history: rows,
        now: at(now),
        ..store.change(key).await
    };
    store.done(change).await;
}

pub(crate) async fn history_pages_backwards_and_keeps_every_change(store: Fixture) {
    let (device, other) = (store.active("a").await, store.active("b").await);
    for number in 0..5 {
        write(
            &store,
            device.key,
            100 + number,
            vec![row(2 * number), row(2 * number + 1)],
        )
        .await;
        write(&store, other.key, 100 + number, vec![row(99)]).await;
    }
    // A commit in which no verdict changed adds nothing.
    write(&store, device.key, 900, Vec::new()).await;

    let (mut read, mut before) = (Vec::new(), None);
    loop {
        let page = store
            .history(&Scope::All, device.id, before, 3)
            .await
            .unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.id);
        read.extend(page);
    }
    let changes: Vec<NewHistory> = read.iter().map(|entry| entry.change.clone()).collect();
    assert_eq!(changes, (0..10).rev().map(row).collect::<Vec<_>>());
    assert_eq!((read[0].at, read[9].at), (at(104), at(100)));
    let outside = Scope::Matching(filter("name:b"));
    assert!(
        store
            .history(&outside, device.id, None, 3)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        store
            .history(&Scope::All, Uuid::nil(), None, 3)
            .await
            .unwrap()
            .is_empty()
    );
}

pub(crate) async fn the_fleets_history_names_devices_in_scope(store: Fixture) {
    let (a, b, c) = (
        store.active("A").await,
        store.active("B").await,
        store.active("C").await,
    );
    for (now, device) in [(1, &a), (2, &b), (3, &c), (4, &a)] {
        write(&store, device.key, now, vec![row(now)]).await;
    }
    store.put_status(&c, DeviceStatus::Retired).await;
    let seen = async |scope: &Scope, limit| {
        let rows = store.recent_history(scope, limit).await.unwrap();
        rows.into_iter()
            .map(|(identity, name, entry)| (identity.id, name, entry.change.summary))
            .collect::<Vec<_>>()
    };
    let line = |device: &sickbay_store::DeviceIdentity, name: &str, number| {
        (device.id, name.to_owned(), format!("change {number}"))
    };
    assert_eq!(
        seen(&Scope::All, 10).await,
        [line(&a, "A", 4), line(&b, "B", 2), line(&a, "A", 1)]
    );
    assert_eq!(seen(&Scope::All, 1).await, [line(&a, "A", 4)]);
    assert_eq!(
        seen(&Scope::Matching(filter("name:b")), 10).await,
        [line(&b, "B", 2)]
    );
}

pub(crate) async fn old_history_goes_in_steps_the_oldest_first(store: Fixture) {
    let (device, other) = (store.active("a").await, store.active("b").await);
    for number in 0..6 {
        write(&store, device.key, 100 + number, vec![row(number)]).await;
        write(&store, other.key, 100 + number, vec![row(number)]).await;
    }
    let kept = async |device: Uuid| -> Vec<i64> {
        let rows = store.history(&Scope::All, device, None, 100).await.unwrap();
        rows.iter().map(|row| row.at.millis()).collect()
    };
    assert_eq!(store.forget_history(at(100), 100).await.unwrap(), 0);
    // Those of three moments are old enough: six rows, in steps of four and two.
    for went in [4, 2, 0] {
        assert_eq!(store.forget_history(at(103), 4).await.unwrap(), went);
    }
    for id in [device.id, other.id] {
        assert_eq!(kept(id).await, [105, 104, 103]);
    }
    // What comes next is told as ever.
    write(&store, device.key, 106, vec![row(6)]).await;
    assert_eq!(kept(device.id).await, [106, 105, 104, 103]);
}

/// All of a device, a few rows at a time.
async fn told(store: &Fixture, device: Uuid) -> Vec<(i64, i64, NewHistory)> {
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let page = store.history(&Scope::All, device, before, 7).await.unwrap();
        let Some(last) = page.last() else { return all };
        before = Some(last.id);
        all.extend(
            page.into_iter()
                .map(|row| (row.id, row.at.millis(), row.change)),
        );
    }
}

/// Two devices with two hundred rows each, of which all but the fleet's newest can be packed.
async fn long_lives(store: &Fixture) -> [sickbay_store::DeviceIdentity; 2] {
    let devices = [store.active("a").await, store.active("b").await];
    for number in 0..200 {
        for device in &devices {
            write(store, device.key, 1_000 + number, vec![row(number)]).await;
        }
    }
    devices
}

/// Packs all that can be, in steps of so many; says how many rows that were.
async fn pack(store: &Fixture, at_once: u32) -> u64 {
    let mut packed = 0;
    loop {
        match store.pack_history(at_once).await.unwrap() {
            0 => return packed,
            now => packed += now,
        }
    }
}

pub(crate) async fn packed_history_reads_as_it_did(store: Fixture) {
    let devices = long_lives(&store).await;
    let before = [
        told(&store, devices[0].id).await,
        told(&store, devices[1].id).await,
    ];
    assert_eq!(before[0].len(), 200);
    let recent = store.recent_history(&Scope::All, 250).await.unwrap();
    let of_b = Scope::Matching(filter("name:b"));
    let recent_of_b = store.recent_history(&of_b, 250).await.unwrap();
    // Twice, so that pages that are there already take more.
    for (steps, expected) in [(1, 70), (90, 230)] {
        let mut packed = 0;
        while packed < expected {
            let now = store
                .pack_history(steps.min((expected - packed) as u32))
                .await;
            packed += now.unwrap();
        }
        for (device, before) in devices.iter().zip(&before) {
            assert_eq!(&told(&store, device.id).await, before);
        }
    }
    assert_eq!(pack(&store, 50).await, 0, "the newest stay as they are");
    let same = |one: &[(
        sickbay_store::DeviceIdentity,
        String,
        sickbay_store::HistoryRow,
    )],
                other: &[(
        sickbay_store::DeviceIdentity,
        String,
        sickbay_store::HistoryRow,
    )]| {
        assert_eq!(format!("{one:?}"), format!("{other:?}"));
    };
    same(
        &store.recent_history(&Scope::All, 250).await.unwrap(),
        &recent,
    );
    same(
        &store.recent_history(&of_b, 250).await.unwrap(),
        &recent_of_b,
    );
    // Nobody sees more for it.
    let outside = Scope::Matching(filter("name:b"));
    let hidden = store.history(&outside, devices[0].id, None, 300).await;
    assert!(hidden.unwrap().is_empty());
    // What comes next stands before it, also where nothing is left but pages.
    store.behind_its_back(&["DELETE FROM history"]).await;
    write(&store, devices[0].key, 5_000, vec![row(7)]).await;
    let after = told(&store, devices[0].id).await;
    assert_eq!(after[0].1, 5_000);
    assert!(after.windows(2).all(|pair| pair[0].0 > pair[1].0));
    assert_eq!(after.len(), 151);
}

pub(crate) async fn old_history_goes_out_of_pages_too(store: Fixture) {
    let devices = long_lives(&store).await;
    assert_eq!(pack(&store, 1_000).await, 300);
    let oldest = async |device: Uuid| told(&store, device).await.last().unwrap().1;
    assert_eq!(store.forget_history(at(1_000), 1_000).await.unwrap(), 0);
    // Rows of a hundred moments are old enough, two of each moment.
    let mut went = Vec::new();
    loop {
        match store.forget_history(at(1_100), 60).await.unwrap() {
            0 => break,
            now => went.push(now),
        }
    }
    assert_eq!(went.iter().sum::<u64>(), 200);
    assert!(went.iter().all(|went| *went <= 60), "{went:?}");
    for device in &devices {
        assert_eq!(oldest(device.id).await, 1_100);
        assert_eq!(told(&store, device.id).await.len(), 100);
    }
    // The rest, and a device that goes takes its pages along.
    store.put_status(&devices[1], DeviceStatus::Retired).await;
    let gone = store
        .delete_devices(&[devices[1].id], &crate::fixture::deed(9_000))
        .await;
    assert_eq!(gone.unwrap().len(), 1);
    while store.forget_history(at(9_999), 1_000).await.unwrap() > 0 {}
    assert!(told(&store, devices[0].id).await.is_empty());
    let left = store.recent_history(&Scope::All, 9).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
}
