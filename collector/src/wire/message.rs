//! The messages of a session.

use prost::Message as _;
use prost::bytes::Bytes;
use sickbay_diagnosis::{Check, Time};
use sickbay_proto::limits::{OBSERVATIONS_PER_REPORT, TEXT_BYTES};
use sickbay_proto::v1;

use super::{WireError, exactly, report, within};
use crate::session::message::{
    Asked, Digest, Epoch, FromServer, Hello, RequestOutcome, ServerSettings, ToServer, Welcome,
};

/// How long it is when it is encoded, in bytes.
pub(crate) fn length(message: &ToServer) -> Result<usize, WireError> {
    Ok(write(message)?.encoded_len())
}

pub(super) fn write(message: &ToServer) -> Result<v1::CollectorMessage, WireError> {
    use v1::collector_message::Kind;
    let kind = match message {
        ToServer::Hello(hello) => Kind::Hello(write_hello(hello)),
        ToServer::Report(news) => Kind::Report(report::write(news)?),
        ToServer::Heartbeat {
            device_time,
            confirmed_at,
        } => Kind::Heartbeat(v1::Heartbeat {
            device_time_ms: device_time.millis(),
            confirmed_at_ms: confirmed_at.map_or(0, Time::millis),
        }),
        ToServer::RequestResult {
            request_id,
            outcome,
            message,
        } => Kind::RequestResult(v1::RequestResult {
            request_id: request_id.clone(),
            outcome: write_outcome(*outcome).into(),
            message: message.clone(),
        }),
    };
    Ok(v1::CollectorMessage { kind: Some(kind) })
}

fn write_hello(hello: &Hello) -> v1::Hello {
    v1::Hello {
        minor_version: sickbay_proto::MINOR_VERSION,
        collector_version: env!("CARGO_PKG_VERSION").to_owned(),
        epoch: Bytes::copy_from_slice(&hello.epoch.0),
        acknowledged: hello.acknowledged,
        digest: hello
            .digest
            .map_or_else(Bytes::new, |digest| Bytes::copy_from_slice(&digest.0)),
        newest: hello.newest,
        device_time_ms: hello.device_time.millis(),
        machine_fingerprint: hello.speaker.fingerprint.clone(),
        instance: Bytes::copy_from_slice(&hello.speaker.instance),
    }
}

const fn write_outcome(outcome: RequestOutcome) -> v1::request_result::Outcome {
    match outcome {
        RequestOutcome::Done => v1::request_result::Outcome::Done,
        RequestOutcome::Refused => v1::request_result::Outcome::Refused,
        RequestOutcome::Failed => v1::request_result::Outcome::Failed,
    }
}

pub(super) fn read(wire: v1::ServerMessage) -> Result<FromServer, WireError> {
    use v1::server_message::Kind;
    Ok(match wire.kind {
        None => FromServer::Unknown,
        Some(Kind::Welcome(welcome)) => FromServer::Welcome(read_welcome(&welcome)?),
        Some(Kind::Ack(ack)) => FromServer::Ack {
            epoch: Epoch(exactly("the epoch", &ack.epoch)?),
            sequence: ack.sequence,
        },
        Some(Kind::Settings(settings)) => FromServer::Settings(read_settings(&settings)?),
        Some(Kind::Request(request)) => read_request(request)?,
        Some(Kind::FullWanted(wanted)) => {
            within("a reason", wanted.reason.len(), TEXT_BYTES)?;
            FromServer::FullWanted {
                reason: wanted.reason,
            }
        }
    })
}

fn read_welcome(wire: &v1::Welcome) -> Result<Welcome, WireError> {
    let epoch = if wire.epoch.is_empty() {
        None
    } else {
        Some(Epoch(exactly("the epoch", &wire.epoch)?))
    };
    let digest = if wire.digest.is_empty() {
        None
    } else {
        Some(Digest(exactly("the digest", &wire.digest)?))
    };
    Ok(Welcome {
        server_time: Time::from_millis(wire.server_time_ms),
        epoch,
        sequence: wire.sequence,
        digest,
        settings: wire.settings.as_ref().map(read_settings).transpose()?,
    })
}

fn read_settings(wire: &v1::Settings) -> Result<ServerSettings, WireError> {
    let identity_mark = if wire.identity_mark.is_empty() {
        None
    } else {
        Some(exactly("the identity mark", &wire.identity_mark)?)
    };
    Ok(ServerSettings {
        inspection_interval_s: wire.inspection_interval_s,
        heartbeat_interval_s: wire.heartbeat_interval_s,
        identity_mark,
        renew_within_s: wire.renew_within_s,
    })
}

fn read_request(wire: v1::Request) -> Result<FromServer, WireError> {
    within("a request's id", wire.request_id.len(), TEXT_BYTES)?;
    let asked = match wire.kind {
        Some(v1::request::Kind::InspectNow(wanted)) => {
            within(
                "the list of checks",
                wanted.checks.len(),
                OBSERVATIONS_PER_REPORT,
            )?;
            let known: Vec<Check> = wanted
                .checks
                .iter()
                .filter_map(|name| Check::named(name))
                .collect();
            if wanted.checks.is_empty() {
                Asked::InspectNow(Check::ALL.to_vec())
            } else if known.is_empty() {
                Asked::Unknown
            } else {
                Asked::InspectNow(known)
            }
        }
        None => Asked::Unknown,
    };
    Ok(FromServer::Request {
        request_id: wire.request_id,
        asked,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(checks: &[&str]) -> FromServer {
        let request = v1::Request {
            request_id: "r1".to_owned(),
            kind: Some(v1::request::Kind::InspectNow(v1::InspectNow {
                checks: checks.iter().map(|name| (*name).to_owned()).collect(),
            })),
        };
        read(v1::ServerMessage {
            kind: Some(v1::server_message::Kind::Request(request)),
        })
        .expect("a message")
    }

    fn request(asked: Asked) -> FromServer {
        FromServer::Request {
            request_id: "r1".to_owned(),
            asked,
        }
    }

    #[test]
    fn a_request_for_all_checks_for_some_and_for_none_that_is_known_are_told_apart() {
        assert_eq!(asked(&[]), request(Asked::InspectNow(Check::ALL.to_vec())));
        assert_eq!(
            asked(&["pause", "of_tomorrow"]),
            request(Asked::InspectNow(vec![Check::Pause]))
        );
        assert_eq!(asked(&["of_tomorrow"]), request(Asked::Unknown));
    }

    #[test]
    fn a_message_of_a_newer_server_is_tolerated() {
        assert_eq!(
            read(v1::ServerMessage { kind: None }),
            Ok(FromServer::Unknown)
        );
    }

    #[test]
    fn an_epoch_of_the_wrong_length_is_an_error_and_not_a_new_device() {
        let welcome = v1::Welcome {
            epoch: vec![1; 15].into(),
            ..v1::Welcome::default()
        };
        let read = read(v1::ServerMessage {
            kind: Some(v1::server_message::Kind::Welcome(welcome)),
        });
        assert!(
            matches!(read, Err(WireError::Length { found: 15, .. })),
            "{read:?}"
        );
    }
}
