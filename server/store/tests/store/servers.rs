//! Several servers of one database: what they tell each other, what they learn of each other's writing, and which one leads.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use sickbay_diagnosis::verdict::Severity;
use sickbay_store::{DeviceChange, DeviceStatus, FindingChange, NewAudit, News};

use crate::fixture::{Fixture, at, bare_change, deed, mark, open, postgres};

fn bodies(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

pub(crate) async fn bulletins_are_read_once_in_one_order_and_what_was_missed_is_told(
    store: Fixture,
) {
    let other = store.another_handle().await;
    store.post("a", &bodies(&["before"]), at(1)).await.unwrap();
    let start = other.bulletins(None, 10).await.unwrap();
    assert!(start.posted.is_empty() && !start.missed);

    store.post("a", &bodies(&["1", "2"]), at(2)).await.unwrap();
    other
        .post("b", &bodies(&["3", "a \0 b"]), at(3))
        .await
        .unwrap();
    let some = other.bulletins(Some(start.read), 3).await.unwrap();
    let said = |posted: &[sickbay_store::Bulletin]| -> Vec<String> {
        let said = posted.iter().map(|b| format!("{}: {}", b.sender, b.body));
        said.collect()
    };
    assert_eq!(said(&some.posted), ["a: 1", "a: 2", "b: 3"]);
    let rest = other.bulletins(Some(some.read), 3).await.unwrap();
    assert_eq!(rest.posted.len(), 1);
    assert!(!rest.missed);
    let none = other.bulletins(Some(rest.read), 3).await.unwrap();
    assert_eq!((none.posted.len(), none.read), (0, rest.read));

    // The newest stays, so that whoever was away for long can tell.
    assert_eq!(store.forget_bulletins(at(100)).await.unwrap(), 4);
    assert_eq!(store.forget_bulletins(at(100)).await.unwrap(), 0);
    let late = other.bulletins(Some(start.read), 10).await.unwrap();
    assert!(late.missed);
    assert_eq!(late.read, rest.read);
    // As after a database that was put back from a backup.
    let ahead = other.bulletins(Some(rest.read + 50), 10).await.unwrap();
    assert!(ahead.missed);
    assert_eq!(ahead.read, rest.read);
}

pub(crate) async fn whoever_ceases_to_be_active_is_told_once_whatever_the_clock_says(
    store: Fixture,
) {
    let (a, b, c) = (
        store.active("a").await,
        store.active("b").await,
        store.pending_device("c").await,
    );
    let start = store.ended_since(None).await.unwrap();
    assert!(start.devices.is_empty());
    let other = store.another_handle().await;
    // Reports change no status, and the clock of whoever revokes may be years behind.
    store.report(b.key, Vec::new()).await;
    other
        .set_status(&[a.id], DeviceStatus::Revoked, &deed(-1_000_000))
        .await
        .unwrap();
    store.put_status(&c, DeviceStatus::Active).await;
    let ended = store.ended_since(Some(start.seen)).await.unwrap();
    let told: Vec<_> = ended.devices.iter().map(|d| (d.id, d.status)).collect();
    assert_eq!(told, [(a.id, DeviceStatus::Revoked)]);
    assert!(!ended.missed);
    let after = store.ended_since(Some(ended.seen)).await.unwrap();
    assert!(after.devices.is_empty() && !after.missed);
    store.put_status(&b, DeviceStatus::Retired).await;
    store.put_status(&c, DeviceStatus::Retired).await;
    other.delete_devices(&[c.id], &deed(9)).await.unwrap();
    let ended = store.ended_since(Some(after.seen)).await.unwrap();
    let told: Vec<_> = ended.devices.iter().map(|d| (d.id, d.status)).collect();
    assert_eq!(told, [(b.id, DeviceStatus::Retired)]);
    assert_eq!(ended.deleted, [c.key]);
}

pub(crate) async fn what_another_process_wrote_is_told_with_the_issues_that_differ(store: Fixture) {
    let device = store.active("a").await;
    // It is read for the first time, which is no news.
    for follow in [true, true, false] {
        assert_eq!(store.news(follow).await.unwrap(), News::default());
    }

    let other = store.another_handle().await;
    let report = |issues: &[(&str, &str)], version: i64| DeviceChange {
        expected_version: version,
        findings: issues
            .iter()
            .map(|(issue, cause)| FindingChange::Put(open(issue, Severity::Serious, &[cause])))
            .collect(),
        mark: Some(mark(version as u64)),
        ..bare_change(device.key)
    };
    let version = store.state(device.key).await.version;
    other
        .commit(&[report(&[("hold", "1"), ("paused", "x")], version)])
        .await
        .unwrap();
    let told = async || {
        assert_eq!(store.news(false).await.unwrap(), News::default());
        let news = store.news(true).await.unwrap();
        assert!(!news.anything);
        let issues = news.devices.get(&device.key).cloned().unwrap_or_default();
        (issues, news.statuses)
    };
    let set = |issues: &[&str]| -> BTreeSet<String> {
        issues.iter().map(|issue| (*issue).to_owned()).collect()
    };
    assert_eq!(told().await, (set(&["hold", "paused"]), false));
    // Another cause of one of them; the other one is written as it is.
    let version = store.state(device.key).await.version;
    let again = report(&[("hold", "2"), ("paused", "x")], version);
    other.commit(&[again]).await.unwrap();
    assert_eq!(told().await, (set(&["hold"]), false));
    // One is over.
    let version = store.state(device.key).await.version;
    let over = DeviceChange {
        findings: vec![FindingChange::Remove {
            issue: "paused".to_owned(),
        }],
        ..report(&[], version)
    };
    other.commit(&[over]).await.unwrap();
    assert_eq!(told().await, (set(&["paused"]), false));
    // A status says that findings come or go, and that the lists of who waits are others.
    store.put_status(&device, DeviceStatus::Retired).await;
    let (_, statuses) = told().await;
    assert!(statuses);
    other.delete_devices(&[device.id], &deed(9)).await.unwrap();
    assert_eq!(told().await, (set(&["hold"]), true));
    assert_eq!(store.news(true).await.unwrap(), News::default());
}

pub(crate) async fn of_two_who_replace_a_setting_one_is_told_that_it_changed(store: Fixture) {
    let line = || NewAudit::new(at(1), "test", "setting changed", "x");
    assert!(store.replace_setting("x", None, "1", line()).await.unwrap());
    assert!(!store.replace_setting("x", None, "2", line()).await.unwrap());
    assert!(
        store
            .replace_setting("x", Some("1"), "3", line())
            .await
            .unwrap()
    );
    assert_eq!(store.setting("x").await.unwrap().as_deref(), Some("3"));
}

pub(crate) async fn whoever_waits_learns_soon_that_another_process_wrote(store: Fixture) {
    let other = store.another_handle().await;
    // The first wait only begins to listen.
    store.written(Duration::from_secs(30)).await;
    let began = Instant::now();
    let waiting = store.written(Duration::from_secs(30));
    let writing = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        other.post("b", &bodies(&["x"]), at(1)).await.unwrap();
    };
    tokio::join!(waiting, writing);
    assert!(began.elapsed() < Duration::from_secs(5), "{began:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server_leads_and_the_next_one_when_it_is_gone() {
    let store = postgres().await;
    let other = store.another_handle().await;
    assert!(store.lead().await.unwrap());
    assert!(!other.lead().await.unwrap());
    assert!(store.lead().await.unwrap());
    // Its connection is lost, as with the machine that it runs on.
    store
        .behind_its_back(&[
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = (6001512030492 & 4294967295)::OID",
        ])
        .await;
    let began = Instant::now();
    while !other.lead().await.unwrap() {
        assert!(began.elapsed() < Duration::from_secs(10));
    }
    // It learns that it lost the lead, and stands in line again.
    assert!(store.lead().await.is_err());
    assert!(!store.lead().await.unwrap());
    other.close().await;
    while !store.lead().await.unwrap() {
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}
