//! The one door between the generated wire types and the product's own. Every limit is checked here.

use std::sync::Arc;

use prost::Message as _;
use sickbay_diagnosis::observation::{Observation, Outcome};
use sickbay_diagnosis::reading::{Data, Reading, Source};
use sickbay_diagnosis::{Check, Time};
use sickbay_proto::v1::{self, error_detail::Reason};
use sickbay_proto::{ERROR_TRAILER, limits};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

use crate::fleet::twins::Run;

/// Why a call or session is refused, for a collector to branch on.
pub type RefusalReason = Reason;

/// Where a collector says that it stands.
#[derive(Debug, Clone)]
pub struct Hello {
    /// Version of the collector.
    pub collector_version: String,
    /// Its epoch.
    pub epoch: Vec<u8>,
    /// Newest sequence number that it has of it.
    pub newest: u64,
    /// Which run of the program speaks, on which machine.
    pub run: Run,
    /// What its clock says.
    pub device_time: Time,
}

/// A report that kept all limits.
#[derive(Debug, Clone)]
pub struct Report {
    /// Its sequence number.
    pub sequence: u64,
    /// Whether it holds everything.
    pub full: bool,
    /// Whole observations.
    pub observations: Vec<(Check, Arc<Observation>)>,
    /// Digest of the collector's observations after it.
    pub digest: Vec<u8>,
    /// Names of checks that this build does not know; they were skipped.
    pub unknown_checks: usize,
    /// Reports that the collector's full spool had to drop before this one.
    pub dropped: Option<(u64, u64)>,
}

/// A message from a collector that kept all limits.
#[derive(Debug, Clone)]
pub enum FromCollector {
    /// Facts.
    Report(Box<Report>),
    /// A sign of life; when the unchanged facts were last confirmed.
    Heartbeat {
        /// By the device's clock.
        confirmed_at: Option<Time>,
    },
    /// What came of a request.
    RequestResult {
        /// The request.
        request_id: String,
        /// Whether the collector did it.
        done: bool,
    },
    /// Something that this build does not know; tolerated.
    Unknown,
}

/// A message to a collector.
#[derive(Debug, Clone)]
pub enum ToCollector {
    /// Everything up to here is durable.
    Ack {
        /// The epoch.
        epoch: Vec<u8>,
        /// The sequence number.
        sequence: u64,
    },
    /// A full report is needed.
    FullWanted(&'static str),
    /// Other settings.
    Settings(Settings),
    /// Look again now; all checks where none is named.
    InspectNow {
        /// Comes back with the result.
        request_id: String,
        /// Names of checks.
        checks: Vec<String>,
    },
}

/// What a collector is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Time between two full inspections, in seconds.
    pub inspection_interval_s: u32,
    /// Time between two signs of life, in seconds.
    pub heartbeat_interval_s: u32,
    /// Names what certificates are issued and who is trusted now.
    pub identity_mark: [u8; 32],
    /// Within which time a certificate of another mark is to be renewed, in seconds.
    pub renew_within_s: u32,
}

/// What a machine says of itself when it enrols.
#[derive(Debug, Clone)]
pub struct EnrolClaim {
    /// The token.
    pub token: String,
    /// PKCS#10 in DER.
    pub csr_der: Vec<u8>,
    /// Host name.
    pub host_name: String,
    /// DNS domain.
    pub domain: String,
    /// Distinguished name of the OU.
    pub ou: String,
    /// Fingerprint of the machine.
    pub fingerprint: String,
    /// Version of the collector.
    pub collector_version: String,
}

/// A refusal: gRPC status for the class, reason for branching, text for people.
pub fn refusal(
    code: Code,
    reason: RefusalReason,
    message: impl Into<String>,
    retry_after_ms: u64,
) -> Status {
    let detail = v1::ErrorDetail {
        reason: reason.into(),
        retry_after_ms,
    };
    let mut metadata = MetadataMap::new();
    metadata.insert_bin(
        ERROR_TRAILER,
        MetadataValue::from_bytes(&detail.encode_to_vec()),
    );
    Status::with_metadata(code, message, metadata)
}

/// The reason that a refusal tells; `None` for a status that tells none.
pub fn reason_of(status: &Status) -> Option<RefusalReason> {
    let told = status.metadata().get_bin(ERROR_TRAILER)?.to_bytes().ok()?;
    Some(v1::ErrorDetail::decode(told).ok()?.reason())
}

fn bad(message: impl Into<String>) -> Status {
    refusal(Code::InvalidArgument, Reason::BadRequest, message, 0)
}

fn too_large(what: &str, limit: usize) -> Status {
    refusal(
        Code::ResourceExhausted,
        Reason::TooLarge,
        format!("{what} is larger than the limit of {limit}"),
        0,
    )
}

/// A message that could not be decoded, with the reason that a collector can branch on; any other end of a stream stays as it is.
pub fn unreadable(status: Status) -> Status {
    match status.code() {
        Code::OutOfRange => too_large("a message", limits::MESSAGE_BYTES),
        // The same code stands for a broken connection, which is nobody's bad request.
        Code::Internal if status.message().contains("decode Protobuf") => {
            bad("a message cannot be decoded")
        }
        _ => status,
    }
}

fn bounded(what: &str, text: String, limit: usize) -> Result<String, Status> {
    if text.len() > limit {
        return Err(too_large(what, limit));
    }
    Ok(text)
}

/// Checks an enrolment request.
pub fn enrol_claim(request: v1::EnrolRequest) -> Result<EnrolClaim, Status> {
    if request.csr_der.len() > limits::CSR_BYTES {
        return Err(too_large(
            "the certificate signing request",
            limits::CSR_BYTES,
        ));
    }
    let machine = request.machine.unwrap_or_default();
    Ok(EnrolClaim {
        token: bounded("the token", request.token, limits::TOKEN_BYTES)?,
        csr_der: request.csr_der.to_vec(),
        host_name: bounded("the host name", machine.host_name, limits::TEXT_BYTES)?,
        domain: bounded("the domain", machine.domain, limits::TEXT_BYTES)?,
        ou: bounded("the OU", machine.organizational_unit, limits::TEXT_BYTES)?,
        fingerprint: bounded(
            "the machine fingerprint",
            machine.machine_fingerprint,
            limits::TEXT_BYTES,
        )?,
        collector_version: bounded(
            "the collector version",
            request.collector_version,
            limits::TEXT_BYTES,
        )?,
    })
}

/// Checks a renewal; gives the certificate signing request.
pub fn renewal(request: v1::RenewRequest) -> Result<Vec<u8>, Status> {
    signing_request(&request.csr_der)
}

/// Checks a recovery; gives the certificate signing request.
pub fn recovery(request: v1::RecoverRequest) -> Result<Vec<u8>, Status> {
    signing_request(&request.csr_der)
}

fn signing_request(der: &[u8]) -> Result<Vec<u8>, Status> {
    if der.len() > limits::CSR_BYTES {
        return Err(too_large(
            "the certificate signing request",
            limits::CSR_BYTES,
        ));
    }
    Ok(der.to_vec())
}

/// Checks the first message of a session.
pub fn hello(message: v1::CollectorMessage) -> Result<Hello, Status> {
    let Some(v1::collector_message::Kind::Hello(hello)) = message.kind else {
        return Err(bad("the first message of a session must be Hello"));
    };
    if hello.epoch.len() != limits::EPOCH_BYTES {
        return Err(bad(format!("an epoch has {} bytes", limits::EPOCH_BYTES)));
    }
    Ok(Hello {
        collector_version: bounded(
            "the collector version",
            hello.collector_version,
            limits::TEXT_BYTES,
        )?,
        epoch: hello.epoch.to_vec(),
        newest: hello.newest,
        run: Run {
            // One of another length names nothing.
            instance: if hello.instance.len() == limits::EPOCH_BYTES {
                hello.instance.to_vec()
            } else {
                Vec::new()
            },
            fingerprint: bounded(
                "the machine fingerprint",
                hello.machine_fingerprint,
                limits::TEXT_BYTES,
            )?,
        },
        device_time: Time::from_millis(hello.device_time_ms),
    })
}

/// Checks any later message.
pub fn from_collector(message: v1::CollectorMessage) -> Result<FromCollector, Status> {
    use v1::collector_message::Kind;
    match message.kind {
        Some(Kind::Report(r)) => report(r).map(|r| FromCollector::Report(Box::new(r))),
        Some(Kind::Heartbeat(heartbeat)) => Ok(FromCollector::Heartbeat {
            confirmed_at: (heartbeat.confirmed_at_ms > 0)
                .then(|| Time::from_millis(heartbeat.confirmed_at_ms)),
        }),
        Some(Kind::RequestResult(result)) => Ok(FromCollector::RequestResult {
            done: result.outcome() == v1::request_result::Outcome::Done,
            request_id: bounded("the request id", result.request_id, limits::TEXT_BYTES)?,
        }),
        Some(Kind::Hello(_)) => Err(bad("a session has one Hello")),
        None => Ok(FromCollector::Unknown),
    }
}

fn report(report: v1::Report) -> Result<Report, Status> {
    if report.observations.len() > limits::OBSERVATIONS_PER_REPORT {
        return Err(too_large(
            "the number of observations",
            limits::OBSERVATIONS_PER_REPORT,
        ));
    }
    if report.digest.len() != limits::DIGEST_BYTES {
        return Err(bad(format!("a digest has {} bytes", limits::DIGEST_BYTES)));
    }
    if report.sequence == 0 || i64::try_from(report.sequence).is_err() {
        return Err(bad("sequence numbers start at 1 and fit in 63 bits"));
    }
    let mut observations = Vec::with_capacity(report.observations.len());
    let mut unknown_checks = 0;
    for observation in report.observations {
        match Check::named(&observation.check) {
            Some(check) => {
                observations.push((check, Arc::new(self::observation(observation)?)));
            }
            None => unknown_checks += 1,
        }
    }
    Ok(Report {
        sequence: report.sequence,
        full: report.full,
        observations,
        digest: report.digest.to_vec(),
        unknown_checks,
        dropped: report.dropped.map(|d| (d.first_sequence, d.last_sequence)),
    })
}

fn observation(observation: v1::Observation) -> Result<Observation, Status> {
    use v1::observation::Outcome as Wire;
    let outcome = match observation.outcome {
        Some(Wire::Seen(readings)) => {
            if readings.readings.len() > limits::READINGS_PER_OBSERVATION {
                return Err(too_large(
                    "the number of readings",
                    limits::READINGS_PER_OBSERVATION,
                ));
            }
            let readings = readings
                .readings
                .into_iter()
                .filter_map(|r| reading(r).transpose())
                .collect::<Result<Vec<_>, _>>()?;
            Outcome::Seen(readings)
        }
        Some(Wire::Unavailable(reason)) => {
            Outcome::Unavailable(bounded("a reason", reason, limits::TEXT_BYTES)?)
        }
        Some(Wire::Failed(reason)) => {
            Outcome::Failed(bounded("a reason", reason, limits::TEXT_BYTES)?)
        }
        None => Outcome::Failed(
            "the collector sent an outcome that this server does not know".to_owned(),
        ),
    };
    Ok(Observation {
        taken_at: Time::from_millis(observation.taken_at_ms),
        outcome,
    })
}

/// `None` for a kind of reading that this build does not know.
fn reading(reading: v1::Reading) -> Result<Option<Reading>, Status> {
    let source = match reading.source() {
        v1::Source::Registry => Source::Registry,
        v1::Source::ServiceManager => Source::ServiceManager,
        v1::Source::File => Source::File,
        v1::Source::EventLog => Source::EventLog,
        v1::Source::UpdateAgent => Source::UpdateAgent,
        v1::Source::System => Source::System,
        v1::Source::Unspecified => return Ok(None),
    };
    let Some(data) = reading.data.map(data).transpose()? else {
        return Ok(None);
    };
    Ok(Some(Reading {
        source,
        path: bounded("a path", reading.path, limits::PATH_BYTES)?,
        name: reading
            .name
            .map(|name| bounded("a value name", name, limits::NAME_BYTES))
            .transpose()?,
        data,
    }))
}

fn data(data: v1::reading::Data) -> Result<Data, Status> {
    use v1::reading::Data as Wire;
    let text = |text: String| bounded("a text", text, limits::DATA_BYTES);
    let bytes = |bytes: prost::bytes::Bytes| {
        if bytes.len() > limits::DATA_BYTES {
            return Err(too_large("a binary value", limits::DATA_BYTES));
        }
        Ok(bytes.to_vec())
    };
    Ok(match data {
        Wire::Absent(_) => Data::Absent,
        Wire::Unreadable(why) => Data::Unreadable(bounded("a reason", why, limits::TEXT_BYTES)?),
        Wire::NotRecorded(_) => Data::NotRecorded,
        Wire::Key(key) => {
            Data::Key((key.last_write_ms != 0).then(|| Time::from_millis(key.last_write_ms)))
        }
        Wire::Dword(n) => Data::Dword(n),
        Wire::Qword(n) => Data::Qword(n),
        Wire::Text(s) => Data::Text(text(s)?),
        Wire::ExpandText(s) => Data::ExpandText(text(s)?),
        Wire::MultiText(multi) => {
            if multi.lines.iter().map(|line| line.len() + 1).sum::<usize>() > limits::DATA_BYTES {
                return Err(too_large("a list of texts", limits::DATA_BYTES));
            }
            Data::MultiText(multi.lines)
        }
        Wire::Binary(b) => Data::Binary(bytes(b)?),
        Wire::Flag(b) => Data::Flag(b),
        Wire::Other(other) => Data::Other {
            kind: other.r#type,
            bytes: bytes(other.bytes)?,
        },
    })
}

/// The answer to Hello.
pub fn welcome(
    now: Time,
    epoch: &[u8],
    sequence: u64,
    digest: &[u8],
    settings: Settings,
) -> v1::ServerMessage {
    message(v1::server_message::Kind::Welcome(v1::Welcome {
        server_time_ms: now.millis(),
        epoch: epoch.to_vec().into(),
        sequence,
        digest: digest.to_vec().into(),
        settings: Some(settings.into()),
    }))
}

impl From<Settings> for v1::Settings {
    fn from(settings: Settings) -> Self {
        Self {
            inspection_interval_s: settings.inspection_interval_s,
            heartbeat_interval_s: settings.heartbeat_interval_s,
            identity_mark: settings.identity_mark.to_vec().into(),
            renew_within_s: settings.renew_within_s,
        }
    }
}

/// Any later message.
pub fn to_collector(to: ToCollector) -> v1::ServerMessage {
    use v1::server_message::Kind;
    message(match to {
        ToCollector::Ack { epoch, sequence } => Kind::Ack(v1::Ack {
            epoch: epoch.into(),
            sequence,
        }),
        ToCollector::FullWanted(reason) => Kind::FullWanted(v1::FullWanted {
            reason: reason.to_owned(),
        }),
        ToCollector::Settings(settings) => Kind::Settings(settings.into()),
        ToCollector::InspectNow { request_id, checks } => Kind::Request(v1::Request {
            request_id,
            kind: Some(v1::request::Kind::InspectNow(v1::InspectNow { checks })),
        }),
    })
}

fn message(kind: v1::server_message::Kind) -> v1::ServerMessage {
    v1::ServerMessage { kind: Some(kind) }
}

/// A certificate for a device.
pub fn certificate(
    device_id: String,
    chain: Vec<Vec<u8>>,
    trusted: Vec<Vec<u8>>,
    mark: [u8; 32],
) -> v1::Certificate {
    v1::Certificate {
        device_id,
        chain_der: chain.into_iter().map(Into::into).collect(),
        trusted_ca_der: trusted.into_iter().map(Into::into).collect(),
        identity_mark: mark.to_vec().into(),
    }
}

/// The answer to Enrol: a certificate, or how long to wait.
pub fn enrol_response(outcome: Result<v1::Certificate, (String, u64)>) -> v1::EnrolResponse {
    use v1::enrol_response::Outcome;
    v1::EnrolResponse {
        outcome: Some(match outcome {
            Ok(certificate) => Outcome::Issued(certificate),
            Err((device_id, retry_after_ms)) => Outcome::Pending(v1::Pending {
                device_id,
                retry_after_ms,
            }),
        }),
    }
}

/// What comes up a session, before it is checked.
pub type CollectorMessage = v1::CollectorMessage;
/// What goes down a session.
pub type ServerMessage = v1::ServerMessage;

/// That a request was answered, for tests of what carries messages.
#[cfg(test)]
pub(crate) fn answered(request_id: String) -> CollectorMessage {
    let result = v1::RequestResult {
        request_id,
        ..v1::RequestResult::default()
    };
    CollectorMessage {
        kind: Some(v1::collector_message::Kind::RequestResult(result)),
    }
}
