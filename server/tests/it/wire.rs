//! What a collector may send, what the server does with the rest, and that it harms that collector alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sickbay_proto::limits;
use sickbay_proto::v1::collector_message::Kind as Up;
use sickbay_proto::v1::error_detail::Reason;
use sickbay_proto::v1::server_message::Kind as Down;
use sickbay_proto::v1::{self, CollectorMessage};
use sickbay_server::jobs;
use sickbay_store::Scope;

use crate::device::{Device, EPOCH, Session, hello, reason, report, up};
use crate::limits::{pause_of, texts};
use crate::readings::{client, not_paused, on_the_wire};
use crate::site::{Site, eventually};

#[tokio::test]
async fn a_session_begins_with_a_hello_of_the_right_form() {
    let site = Site::start().await;
    let device = Device::enrol(&site, "PC-1").await;
    let firsts = [
        ("a report first", up(Up::Report(report(1, true, vec![])))),
        (
            "a heartbeat first",
            up(Up::Heartbeat(v1::Heartbeat::default())),
        ),
        ("an empty message first", CollectorMessage { kind: None }),
        ("a short epoch", hello(&[1; 15])),
        ("a long epoch", hello(&[1; 17])),
        ("no epoch", hello(&[])),
    ];
    for (what, first) in firsts {
        let refused = Session::open(&site, Arc::clone(&device.tls), first)
            .await
            .err()
            .expect(what);
        assert_eq!(reason(&refused), Reason::BadRequest, "{what}");
    }
    let mut large = hello(&EPOCH);
    if let Some(Up::Hello(hello)) = &mut large.kind {
        hello.collector_version = "v".repeat(limits::TEXT_BYTES + 1);
    }
    let refused = Session::open(&site, Arc::clone(&device.tls), large)
        .await
        .err()
        .unwrap();
    assert_eq!(reason(&refused), Reason::TooLarge);
}

#[tokio::test]
async fn a_report_sent_again_is_acknowledged_again_and_stored_once() {
    let site = Site::start().await;
    let device = Device::enrol(&site, "PC-1").await;
    let mut session = device.session(&site).await.unwrap();
    let first = report(
        1,
        true,
        vec![on_the_wire(client("PC-1")), on_the_wire(not_paused())],
    );
    assert_eq!(session.acknowledged(first.clone()).await, 1);
    let second = report(2, false, vec![on_the_wire(client("PC-1-RENAMED"))]);
    assert_eq!(session.acknowledged(second.clone()).await, 2);
    let before = site
        .store()
        .device(&sickbay_store::Scope::All, device.id)
        .await
        .unwrap()
        .unwrap();

    // A sequence that goes backwards is nothing new: everything up to the newest one is durable.
    assert_eq!(session.acknowledged(first).await, 2);
    assert_eq!(session.acknowledged(second).await, 2);
    let mut again = device.session(&site).await.unwrap();
    assert_eq!(
        (again.welcome.sequence, again.welcome.epoch.to_vec()),
        (2, EPOCH.to_vec())
    );
    assert_eq!(again.welcome.digest.to_vec(), vec![2; 32]);
    assert_eq!(
        again
            .acknowledged(report(1, true, vec![on_the_wire(client("OLD"))]))
            .await,
        2
    );

    let after = site
        .store()
        .device(&sickbay_store::Scope::All, device.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(after.row.summary.name, "PC-1-RENAMED");
    assert_eq!(
        (after.mark, after.observations, after.findings),
        (before.mark, before.observations, before.findings)
    );
    assert_eq!(site.app().metrics.reports.get(), 2);
    assert_eq!(site.app().metrics.duplicates.get(), 3);
}

#[tokio::test]
async fn a_gap_and_a_new_epoch_need_a_full_report() {
    let site = Site::start().await;
    let device = Device::enrol(&site, "PC-1").await;
    let mut session = device.session(&site).await.unwrap();
    let part = |sequence| report(sequence, false, vec![on_the_wire(not_paused())]);
    let full = |sequence| report(sequence, true, vec![on_the_wire(client("PC-1"))]);
    assert!(
        matches!(session.report(part(1)).await.unwrap(), Down::FullWanted(_)),
        "nothing is known yet"
    );
    assert_eq!(session.acknowledged(full(1)).await, 1);
    assert_eq!(session.acknowledged(part(2)).await, 2);
    assert!(
        matches!(session.report(part(4)).await.unwrap(), Down::FullWanted(_)),
        "3 is missing"
    );
    assert_eq!(session.acknowledged(full(5)).await, 5);

    let mut other = Session::open(&site, Arc::clone(&device.tls), hello(&[9; 16]))
        .await
        .unwrap();
    assert_eq!(other.welcome.epoch.to_vec(), EPOCH.to_vec());
    assert!(
        matches!(other.report(part(6)).await.unwrap(), Down::FullWanted(_)),
        "another epoch"
    );
    assert_eq!(other.acknowledged(full(1)).await, 1);
    let stored = site
        .store()
        .device(&sickbay_store::Scope::All, device.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((stored.mark.epoch, stored.mark.sequence), (vec![9; 16], 1));
    assert_eq!(
        stored.observations.len(),
        1,
        "a full report leaves nothing of what was before"
    );
}

#[tokio::test]
async fn what_a_newer_collector_says_is_skipped_and_the_rest_is_taken() {
    let site = Site::start().await;
    let device = Device::enrol(&site, "PC-1").await;
    let mut session = device.session(&site).await.unwrap();
    session
        .up
        .send(CollectorMessage { kind: None })
        .await
        .unwrap();

    let mut of_tomorrow = pause_of(texts(1, 1));
    of_tomorrow.check = "check_of_tomorrow".to_owned();
    let mut pause = on_the_wire(not_paused());
    let Some(v1::observation::Outcome::Seen(seen)) = &mut pause.outcome else {
        panic!("the pause was seen");
    };
    let [unknown_kind, mut unknown_source] = [texts(1, 1).remove(0), texts(1, 1).remove(0)];
    unknown_source.source = 99;
    seen.readings.insert(
        0,
        v1::Reading {
            data: None,
            ..unknown_kind
        },
    );
    seen.readings.insert(0, unknown_source);
    let readings = seen.readings.len();
    let no_outcome = v1::Observation {
        check: "services".to_owned(),
        taken_at_ms: 1,
        outcome: None,
    };
    let observations = vec![of_tomorrow, pause, no_outcome, on_the_wire(client("PC-1"))];
    assert_eq!(session.acknowledged(report(1, true, observations)).await, 1);

    let stored = site
        .store()
        .device(&sickbay_store::Scope::All, device.id)
        .await
        .unwrap()
        .unwrap();
    let names: Vec<&str> = stored
        .observations
        .iter()
        .map(|(check, _)| check.name())
        .collect();
    assert_eq!(names, ["device", "pause", "services"]);
    let pause = stored
        .observations
        .get(sickbay_diagnosis::Check::Pause)
        .unwrap();
    assert_eq!(pause.readings().len(), readings - 2);
    let verdict = site
        .api()
        .await
        .json(&format!("/api/v1/devices/{}", device.id))
        .await;
    let state = |issue: &str| {
        let verdicts = verdict["verdicts"].as_array().unwrap();
        verdicts.iter().find(|v| v["issue"] == issue).unwrap()["state"].clone()
    };
    assert_eq!(state("quality-updates-paused"), "clear");
    assert_eq!(state("update-services-disabled"), "unknown");
}

#[tokio::test]
async fn a_flood_from_one_device_slows_that_device_alone() {
    /// More than a device may send at once.
    const FLOOD: u64 = 400;
    let site = Site::start().await;
    let (loud, quiet) = (
        Device::enrol(&site, "LOUD").await,
        Device::enrol(&site, "QUIET").await,
    );
    let mut flooding = loud.session(&site).await.unwrap();
    let started = Instant::now();
    let flood = tokio::spawn(async move {
        let up = flooding.up.clone();
        let sending = tokio::spawn(async move {
            for sequence in 1..=FLOOD {
                let full = vec![on_the_wire(client("LOUD"))];
                let _ = up
                    .send(crate::device::up(Up::Report(report(sequence, true, full))))
                    .await;
            }
        });
        while !matches!(flooding.next().await.unwrap(), Down::Ack(ack) if ack.sequence == FLOOD) {}
        sending.await.unwrap();
        started.elapsed()
    });
    let mut session = quiet.session(&site).await.unwrap();
    let mut slowest = Duration::ZERO;
    let mut sequence = 0;
    while !flood.is_finished() {
        sequence += 1;
        let asked = Instant::now();
        session
            .acknowledged(report(sequence, true, vec![on_the_wire(client("QUIET"))]))
            .await;
        slowest = slowest.max(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let took = flood.await.unwrap();
    assert!(
        took > Duration::from_millis(1500),
        "nothing slowed the flood down: {took:?}"
    );
    assert!(
        slowest < Duration::from_secs(1),
        "the quiet device waited {slowest:?}"
    );
    assert!(sequence > 3, "both were at work at the same time");
}

#[tokio::test]
async fn signs_of_life_of_many_devices_are_one_write() {
    const DEVICES: usize = 20;
    const BEATS: usize = 50;
    let site = Site::start().await;
    let mut sessions = Vec::new();
    for number in 0..DEVICES {
        let device = Device::enrol(&site, &format!("PC-{number}")).await;
        let mut session = device.session(&site).await.unwrap();
        session
            .acknowledged(report(1, true, vec![on_the_wire(client("PC"))]))
            .await;
        sessions.push((device, session));
    }
    let app = site.app();
    jobs::write_signs_of_life(app).await;
    let (began, before) = (site.now(), app.store.writes());
    let since = Instant::now();
    for _ in 0..BEATS {
        for (_, session) in &sessions {
            session.send(Up::Heartbeat(v1::Heartbeat::default())).await;
        }
    }
    eventually("every device was heard of since", || async {
        jobs::write_signs_of_life(app).await;
        for (device, _) in &sessions {
            let stored = app.store.device(&Scope::All, device.id).await.unwrap();
            let seen = stored.unwrap().row.last_seen_at;
            if seen.is_none_or(|seen| seen < began) {
                return Err(format!("{seen:?}"));
            }
        }
        Ok(())
    })
    .await;
    let writes = app.store.writes() - before;
    // Jobs write by the clock, whoever is there: a few in a second at most, and the one asked for here at each look.
    let looks = 20 * (1 + since.elapsed().as_millis() as u64 / 1_000);
    let beats = (DEVICES * BEATS) as u64;
    assert!(
        writes <= looks && writes < beats / 10,
        "{writes} writes for {beats} heartbeats"
    );
}
