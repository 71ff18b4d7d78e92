//! Devices that keep to no rule: enrolled like all others, and then slow, silent, deaf, wrong or restless. A server has to bear them
//! without anybody else noticing.

use std::time::Duration;

use anyhow::Context as _;
use futures::StreamExt as _;
use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _};
use sickbay_collector::session::StandIn;
use sickbay_proto::v1;
use sickbay_proto::v1::collector_message::Kind;
use sickbay_proto::v1::fleet_client::FleetClient;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// Messages that such a device has waiting for its socket.
const OUTGOING: usize = 16;
/// Longest pause between two attempts.
const PAUSE: Duration = Duration::from_secs(2);

/// What is wrong with a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Opens a session and never says who it is.
    Mute,
    /// Reports and never reads what it is told.
    Deaf,
    /// Sends what no collector sends: no hello, digests of a wrong length, sequence numbers that jump, more than fits.
    Wrong,
    /// Says hello and goes away, again and again.
    Restless,
    /// Sends signs of life without a pause.
    Flooding,
}

impl Manner {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Mute,
        Self::Deaf,
        Self::Wrong,
        Self::Restless,
        Self::Flooding,
    ];
}

/// Behaves so for ever.
pub(super) async fn behave(stand_in: StandIn, manner: Manner, mut chance: StdRng) {
    loop {
        // However it ends, it is what such a device is for.
        let _ = once(&stand_in, manner, &mut chance).await;
        let pause = PAUSE.mul_f64(chance.random());
        tokio::time::sleep(pause).await;
    }
}

async fn once(stand_in: &StandIn, manner: Manner, chance: &mut StdRng) -> anyhow::Result<()> {
    let mut fleet = FleetClient::new(stand_in.channel().await?);
    let (say, said) = mpsc::channel(OUTGOING);
    if manner == Manner::Mute {
        let _nothing = fleet.session(ReceiverStream::new(said)).await?;
        return Ok(());
    }
    if manner == Manner::Wrong {
        say.send(wrong(chance)).await?;
    } else {
        say.send(hello(chance)).await?;
    }
    let mut told = fleet.session(ReceiverStream::new(said)).await?.into_inner();
    match manner {
        Manner::Mute => {}
        Manner::Restless => {
            told.next().await.context("a welcome")??;
        }
        Manner::Wrong => {
            told.next().await.context("a refusal")??;
            for _ in 0..10 {
                say.send(wrong(chance)).await?;
                told.next().await.context("a refusal")??;
            }
        }
        Manner::Deaf => {
            for sequence in 1.. {
                say.send(report(sequence, sequence == 1, 32)).await?;
            }
        }
        Manner::Flooding => loop {
            say.send(heartbeat()).await?;
        },
    }
    Ok(())
}

fn message(kind: Kind) -> v1::CollectorMessage {
    v1::CollectorMessage { kind: Some(kind) }
}

fn random(chance: &mut StdRng, bytes: usize) -> bytes::Bytes {
    let mut random = vec![0; bytes];
    chance.fill_bytes(&mut random);
    random.into()
}

fn hello(chance: &mut StdRng) -> v1::CollectorMessage {
    message(Kind::Hello(v1::Hello {
        epoch: random(chance, 16),
        instance: random(chance, 16),
        collector_version: "0.0.0".to_owned(),
        ..v1::Hello::default()
    }))
}

fn heartbeat() -> v1::CollectorMessage {
    message(Kind::Heartbeat(v1::Heartbeat::default()))
}

fn report(sequence: u64, full: bool, digest: usize) -> v1::CollectorMessage {
    message(Kind::Report(v1::Report {
        sequence,
        full,
        digest: vec![7; digest].into(),
        ..v1::Report::default()
    }))
}

fn wrong(chance: &mut StdRng) -> v1::CollectorMessage {
    match chance.random_range(0..5) {
        0 => v1::CollectorMessage { kind: None },
        1 => report(1, true, 5),
        2 => report(u64::MAX, false, 32),
        3 => message(Kind::Hello(v1::Hello {
            epoch: random(chance, 3),
            ..v1::Hello::default()
        })),
        _ => message(Kind::Report(v1::Report {
            sequence: 1,
            full: true,
            digest: vec![7; 32].into(),
            observations: vec![
                v1::Observation {
                    check: "x".repeat(20_000),
                    ..v1::Observation::default()
                };
                60
            ],
            ..v1::Report::default()
        })),
    }
}
