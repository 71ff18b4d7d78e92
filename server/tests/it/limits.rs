//! What a message may hold at most. Whoever sends more loses that stream, with a reason, and harms nobody else.

use sickbay_proto::limits;
use sickbay_proto::v1::collector_message::Kind as Up;
use sickbay_proto::v1::error_detail::Reason;
use sickbay_proto::v1::{self, reading};

use crate::device::{Device, EPOCH, hello, reason, report};
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
