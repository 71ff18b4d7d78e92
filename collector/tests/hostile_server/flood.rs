//! Servers that say one thing over and over, as fast as the connection takes it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sickbay_proto::limits::TEXT_BYTES;
use sickbay_proto::v1;
use tokio::sync::mpsc;
use tonic::{Status, Streaming};

use crate::dice::Known;
use crate::server::{Mind, learn};

/// What a server says without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flood {
    /// Before it has welcomed the collector.
    RequestsBeforeTheWelcome,
    Requests,
    Inspections,
    /// Acknowledgements of what was never sent.
    StrangeAcknowledgements,
    /// Two that are never the same as before.
    Settings,
    /// Each report is acknowledged, and everything wanted again.
    FullReports,
    /// The CA seems to be rotated again as soon as the collector has moved.
    Rotations,
    /// Messages that take longer to read than to send, so that the next one is always there.
    Piles,
}

impl Flood {
    pub(crate) const ALL: [Self; 8] = [
        Self::RequestsBeforeTheWelcome,
        Self::Requests,
        Self::Inspections,
        Self::StrangeAcknowledgements,
        Self::Settings,
        Self::FullReports,
        Self::Rotations,
        Self::Piles,
    ];
}

/// Says one thing until the collector has gone.
pub(crate) async fn pour(
    mind: Arc<Mind>,
    flood: Flood,
    mut incoming: Streaming<v1::CollectorMessage>,
    outgoing: mpsc::Sender<Result<v1::ServerMessage, Status>>,
) {
    use v1::server_message::Kind;
    let known = Arc::new(Mutex::new(Known::default()));
    let Ok(Some(hello)) = incoming.message().await else {
        return;
    };
    learn(&known, hello);
    let of_hello = known.lock().unwrap().clone();
    let message = |kind| Ok(v1::ServerMessage { kind: Some(kind) });
    if flood != Flood::RequestsBeforeTheWelcome {
        let welcome = v1::Welcome {
            server_time_ms: 0,
            epoch: of_hello.epoch.clone().into(),
            sequence: of_hello.sequence,
            digest: of_hello.digest.clone().into(),
            settings: None,
        };
        let _ = outgoing.send(message(Kind::Welcome(welcome))).await;
    }
    let (news, mut reports) = tokio::sync::watch::channel(());
    tokio::spawn(async move {
        while let Ok(Some(message)) = incoming.message().await {
            let is_report = matches!(message.kind, Some(v1::collector_message::Kind::Report(_)));
            learn(&known, message);
            if is_report {
                news.send_replace(());
            }
        }
    });
    let epoch: prost::bytes::Bytes = of_hello.epoch.into();
    let request = |kind| {
        Kind::Request(v1::Request {
            request_id: "a".repeat(TEXT_BYTES),
            kind,
        })
    };
    for nth in 0_u32.. {
        let kind = match flood {
            Flood::RequestsBeforeTheWelcome | Flood::Requests => request(None),
            Flood::Inspections => request(Some(v1::request::Kind::InspectNow(
                v1::InspectNow::default(),
            ))),
            Flood::StrangeAcknowledgements => Kind::Ack(v1::Ack {
                epoch: epoch.clone(),
                sequence: u64::MAX - u64::from(nth),
            }),
            Flood::Settings | Flood::Piles => Kind::Settings(v1::Settings {
                inspection_interval_s: 1 + nth,
                heartbeat_interval_s: 1 + nth,
                identity_mark: prost::bytes::Bytes::new(),
                renew_within_s: 0,
            }),
            Flood::Rotations => {
                tokio::time::sleep(Duration::from_millis(1)).await;
                Kind::Settings(v1::Settings {
                    inspection_interval_s: 0,
                    heartbeat_interval_s: 0,
                    identity_mark: mind.newest_mark(),
                    renew_within_s: 0,
                })
            }
            Flood::FullReports if nth % 2 == 0 => Kind::FullWanted(v1::FullWanted {
                reason: String::new(),
            }),
            Flood::FullReports => {
                let _ = tokio::time::timeout(Duration::from_millis(100), reports.changed()).await;
                Kind::Ack(v1::Ack {
                    epoch: epoch.clone(),
                    sequence: of_hello.sequence + u64::from(nth).div_ceil(2),
                })
            }
        };
        if outgoing.send(message(kind)).await.is_err() {
            return;
        }
        mind.answer();
    }
}
