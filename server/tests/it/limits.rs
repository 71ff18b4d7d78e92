//! What a message may hold at most. Whoever sends more loses that stream, with a reason, and harms nobody else.

use std::num::NonZeroU32;
use std::time::Duration;

use prost::Message as _;
use rcgen::KeyPair;
use sickbay_proto::v1::collector_message::Kind as Up;
use sickbay_proto::v1::error_detail::Reason;
use sickbay_proto::v1::{self, reading};
use sickbay_proto::{ERROR_TRAILER, limits};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpSocket;

use crate::device::{Device, EPOCH, ask, hello, reason, report};
use crate::readings::{client, not_paused, on_the_wire};
use crate::site::Site;

/// Values of `bytes` characters each.
pub(crate) fn texts(count: usize, bytes: usize) -> Vec<v1::Reading> {
    let reading = v1::Reading {
        source: v1::Source::Registry.into(),
        path: r"HKLM\SOFTWARE\Test".to_owned(),
        name: Some("a".to_owned()),
        data: Some(reading::Data::Text("x".repeat(bytes))),
    };
    vec![reading; count]
}

/// An observation of the check `pause`.
pub(crate) fn pause_of(readings: Vec<v1::Reading>) -> v1::Observation {
    v1::Observation {
        check: "pause".to_owned(),
        taken_at_ms: 1,
        outcome: Some(v1::observation::Outcome::Seen(v1::Readings { readings })),
    }
}

fn with(change: impl FnOnce(&mut v1::Reading)) -> Up {
    let mut reading = texts(1, 1).remove(0);
    change(&mut reading);
    Up::Report(report(1, true, vec![pause_of(vec![reading])]))
}

/// Reports that break a limit or the form, with the reason that the server has to give.
fn bad_messages() -> Vec<(&'static str, Up, Reason)> {
    let whole = |change: fn(&mut v1::Report)| {
        let mut report = report(1, true, vec![]);
        change(&mut report);
        Up::Report(report)
    };
    let outcome = |outcome| {
        let mut observation = pause_of(vec![]);
        observation.outcome = Some(outcome);
        Up::Report(report(1, true, vec![observation]))
    };
    let long = || "x".repeat(limits::TEXT_BYTES + 1);
    vec![
        (
            "a message of more than the limit",
            Up::Report(report(
                1,
                true,
                vec![pause_of(texts(limits::MESSAGE_BYTES / 1000, 1100))],
            )),
            Reason::TooLarge,
        ),
        (
            "too many observations",
            Up::Report(report(
                1,
                true,
                vec![pause_of(vec![]); limits::OBSERVATIONS_PER_REPORT + 1],
            )),
            Reason::TooLarge,
        ),
        (
            "too many readings",
            Up::Report(report(
                1,
                true,
                vec![pause_of(texts(limits::READINGS_PER_OBSERVATION + 1, 1))],
            )),
            Reason::TooLarge,
        ),
        (
            "a path",
            with(|r| r.path = "x".repeat(limits::PATH_BYTES + 1)),
            Reason::TooLarge,
        ),
        (
            "a name",
            with(|r| r.name = Some("x".repeat(limits::NAME_BYTES + 1))),
            Reason::TooLarge,
        ),
        (
            "a text",
            with(|r| r.data = Some(reading::Data::Text("x".repeat(limits::DATA_BYTES + 1)))),
            Reason::TooLarge,
        ),
        (
            "bytes",
            with(|r| {
                r.data = Some(reading::Data::Binary(
                    vec![0; limits::DATA_BYTES + 1].into(),
                ));
            }),
            Reason::TooLarge,
        ),
        (
            "lines",
            with(|r| {
                let lines = vec![String::new(); limits::DATA_BYTES + 1];
                r.data = Some(reading::Data::MultiText(v1::MultiText { lines }));
            }),
            Reason::TooLarge,
        ),
        (
            "bytes of another type",
            with(|r| {
                let bytes = vec![0; limits::DATA_BYTES + 1].into();
                r.data = Some(reading::Data::Other(v1::OtherData { r#type: 11, bytes }));
            }),
            Reason::TooLarge,
        ),
        (
            "a reason",
            outcome(v1::observation::Outcome::Failed(long())),
            Reason::TooLarge,
        ),
        (
            "another reason",
            outcome(v1::observation::Outcome::Unavailable(long())),
            Reason::TooLarge,
        ),
        (
            "why it is unreadable",
            with(|r| {
                r.data = Some(reading::Data::Unreadable(
                    "x".repeat(limits::TEXT_BYTES + 1),
                ));
            }),
            Reason::TooLarge,
        ),
        (
            "a request id",
            Up::RequestResult(v1::RequestResult {
                request_id: long(),
                ..v1::RequestResult::default()
            }),
            Reason::TooLarge,
        ),
        (
            "a short digest",
            whole(|r| r.digest = vec![0; limits::DIGEST_BYTES - 1].into()),
            Reason::BadRequest,
        ),
        (
            "a long digest",
            whole(|r| r.digest = vec![0; limits::DIGEST_BYTES + 1].into()),
            Reason::BadRequest,
        ),
        ("sequence 0", whole(|r| r.sequence = 0), Reason::BadRequest),
        (
            "a sequence of 64 bits",
            whole(|r| r.sequence = u64::MAX),
            Reason::BadRequest,
        ),
        (
            "a second hello",
            hello(&EPOCH).kind.unwrap(),
            Reason::BadRequest,
        ),
    ]
}

#[tokio::test]
async fn every_broken_limit_ends_that_stream_with_its_reason_and_no_other() {
    let site = Site::start().await;
    let witness = Device::enrol(&site, "WITNESS").await;
    let mut live = witness.session(&site).await.unwrap();
    live.acknowledged(report(1, true, vec![on_the_wire(client("WITNESS"))]))
        .await;
    let device = Device::enrol(&site, "PC-1").await;
    for (what, message, expected) in bad_messages() {
        let mut session = device.session(&site).await.unwrap();
        assert_eq!(
            session.welcome.sequence, 0,
            "{what}: nothing of the ones before was stored"
        );
        session.send(message).await;
        let refused = session.next().await.expect_err(what);
        assert_eq!(reason(&refused), expected, "{what}: {refused:?}");
    }
    let next = report(2, false, vec![on_the_wire(not_paused())]);
    assert_eq!(live.acknowledged(next).await, 2);
    let mut session = device.session(&site).await.unwrap();
    assert_eq!(
        session
            .acknowledged(report(1, true, vec![on_the_wire(client("PC-1"))]))
            .await,
        1
    );
}

#[tokio::test]
async fn what_is_exactly_as_large_as_allowed_is_taken() {
    let site = Site::start().await;
    let device = Device::enrol(&site, "PC-1").await;
    let mut session = device.session(&site).await.unwrap();
    let mut readings = texts(1, limits::DATA_BYTES);
    readings[0].path = "p".repeat(limits::PATH_BYTES);
    readings[0].name = Some("n".repeat(limits::NAME_BYTES));
    readings.extend(texts(limits::READINGS_PER_OBSERVATION - 1, 1));
    assert_eq!(
        session
            .acknowledged(report(1, true, vec![pause_of(readings)]))
            .await,
        1
    );
}

fn few(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

#[tokio::test]
async fn an_address_that_enrols_too_many_is_told_when_to_come_again_and_others_are_not() {
    let site = Site::start_with(|config| {
        config.limits.exempt.clear();
        config.limits.enrolments_per_second = few(1);
        config.limits.enrolments_at_once = few(3);
    })
    .await;
    let live = Device::enrol(&site, "PC-0").await;
    let mut session = live.session(&site).await.unwrap();
    let (_, token) = site.token(|_| ()).await;
    let mut refused = None;
    for number in 1..=5 {
        let key = KeyPair::generate().unwrap();
        if let Err(status) = ask(&site, &token, &key, &format!("PC-{number}")).await {
            refused = Some(status);
            break;
        }
    }
    let refused = refused.expect("nobody was held back");
    assert_eq!(reason(&refused), Reason::RateLimited);
    let detail = refused.metadata().get_bin(ERROR_TRAILER).unwrap();
    let detail = v1::ErrorDetail::decode(detail.to_bytes().unwrap()).unwrap();
    assert!(
        (1_000..=3_000).contains(&detail.retry_after_ms),
        "{detail:?}"
    );
    assert!(site.app().metrics.enrolments_throttled.get() >= 1);
    // It cost the token nothing, and whoever is in notices nothing.
    let uses = site.store().tokens().await.unwrap()[0].uses;
    assert!(uses <= 3, "{uses} uses");
    session
        .acknowledged(report(1, true, vec![on_the_wire(client("PC-0"))]))
        .await;
    // After the time that it was told, it is let in.
    tokio::time::sleep(Duration::from_millis(detail.retry_after_ms)).await;
    let key = KeyPair::generate().unwrap();
    ask(&site, &token, &key, "PC-9").await.unwrap();
}

/// Whether the server speaks to a new connection from `source`: it closes one of an address that made too many at once.
async fn is_spoken_to(site: &Site, source: [u8; 4]) -> bool {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((source, 0).into()).unwrap();
    let mut stream = socket.connect(site.server.collectors).await.unwrap();
    let mut byte = [0];
    // Nobody says anything before the client does; an end comes at once.
    let reading = tokio::time::timeout(Duration::from_millis(300), stream.read(&mut byte));
    reading.await.is_err()
}

#[tokio::test]
async fn an_address_that_connects_too_often_is_left_alone_and_no_other() {
    let site = Site::start_with(|config| {
        config.limits.exempt = vec!["127.0.0.3/32".parse().unwrap()];
        config.limits.handshakes_per_second = few(1);
        config.limits.handshakes_at_once = few(4);
    })
    .await;
    let device = Device::enrol(&site, "PC-0").await;
    let mut session = device.session(&site).await.unwrap();
    let mut flood = Vec::new();
    for _ in 0..10 {
        flood.push(is_spoken_to(&site, [127, 0, 0, 2]));
    }
    let spoken = futures::future::join_all(flood).await;
    let spoken = spoken.into_iter().filter(|spoken| *spoken).count();
    assert!((4..=5).contains(&spoken), "{spoken} of 10 were let in");
    assert!(site.app().metrics.connections_throttled.get() >= 5);
    // Another address is, an exempt one always, and a session that is open goes on.
    assert!(is_spoken_to(&site, [127, 0, 0, 4]).await);
    for _ in 0..8 {
        assert!(is_spoken_to(&site, [127, 0, 0, 3]).await);
    }
    session
        .acknowledged(report(1, true, vec![on_the_wire(client("PC-0"))]))
        .await;
}
