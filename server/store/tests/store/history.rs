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
