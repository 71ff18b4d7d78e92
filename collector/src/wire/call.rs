//! The calls to the server, over a channel that is already secured.

use std::time::SystemTime;

use futures::stream::BoxStream;
use futures::{StreamExt as _, TryFutureExt as _};
use prost::bytes::Bytes;
use sickbay_proto::limits::{CSR_BYTES, MESSAGE_BYTES, TEXT_BYTES, TOKEN_BYTES};
use sickbay_proto::v1;
use sickbay_proto::v1::enrolment_client::EnrolmentClient;
use sickbay_proto::v1::fleet_client::FleetClient;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

use super::{WireError, message, refusal, within};
use crate::session::CallError;
use crate::session::message::{FromServer, ToServer};

/// Messages that may wait between the session and its socket: the reports in flight, and as many others again.
const OUTGOING_MESSAGES: usize = 64;

/// What a machine says of itself when it enrols; empty where unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct MachineIdentity {
    pub(crate) host_name: String,
    pub(crate) domain: String,
    pub(crate) organizational_unit: String,
    pub(crate) machine_fingerprint: String,
}

/// A certificate as the server issues it; everything in DER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CertificateIssued {
    pub(crate) device_id: String,
    /// The device's own first.
    pub(crate) chain: Vec<Vec<u8>>,
    pub(crate) trusted_cas: Vec<Vec<u8>>,
    /// Names what the server issued at that time; `None` where it did not say.
    pub(crate) identity_mark: Option<[u8; 32]>,
}

/// The answer to an enrolment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EnrolAnswer {
    Issued(CertificateIssued),
    Pending {
        device_id: String,
        retry_after_ms: u64,
    },
}

/// One server, reached.
#[derive(Debug, Clone)]
pub(crate) struct Rpc {
    channel: Channel,
}

impl Rpc {
    pub(crate) fn new(channel: Channel) -> Self {
        Self { channel }
    }

    pub(crate) async fn enrol(
        &self,
        token: &str,
        csr_der: Vec<u8>,
        machine: MachineIdentity,
    ) -> Result<EnrolAnswer, CallError> {
        within("the enrolment token", token.len(), TOKEN_BYTES)?;
        within("the certificate request", csr_der.len(), CSR_BYTES)?;
        let request = v1::EnrolRequest {
            token: token.to_owned(),
            csr_der: Bytes::from(csr_der),
            machine: Some(v1::MachineIdentity {
                host_name: short(machine.host_name),
                domain: short(machine.domain),
                organizational_unit: short(machine.organizational_unit),
                machine_fingerprint: short(machine.machine_fingerprint),
            }),
            collector_version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let mut client = EnrolmentClient::new(self.channel.clone())
            .max_decoding_message_size(MESSAGE_BYTES)
            .max_encoding_message_size(MESSAGE_BYTES);
        let answer = client
            .enrol(request)
            .await
            .map_err(|status| call_error(&status))?;
        match answer.into_inner().outcome {
            Some(v1::enrol_response::Outcome::Issued(certificate)) => {
                read_certificate(certificate).map(EnrolAnswer::Issued)
            }
            Some(v1::enrol_response::Outcome::Pending(pending)) => Ok(EnrolAnswer::Pending {
                device_id: pending.device_id,
                retry_after_ms: pending.retry_after_ms,
            }),
            None => Err(WireError::Missing("the outcome of the enrolment").into()),
        }
    }

    pub(crate) async fn renew(&self, csr_der: Vec<u8>) -> Result<CertificateIssued, CallError> {
        within("the certificate request", csr_der.len(), CSR_BYTES)?;
        let request = v1::RenewRequest {
            csr_der: Bytes::from(csr_der),
        };
        let answer = self
            .fleet()
            .renew(request)
            .await
            .map_err(|status| call_error(&status))?;
        read_certificate(answer.into_inner())
    }

    /// Exchanges a certificate that has ended for a new one.
    pub(crate) async fn recover(&self, csr_der: Vec<u8>) -> Result<CertificateIssued, CallError> {
        within("the certificate request", csr_der.len(), CSR_BYTES)?;
        let request = v1::RecoverRequest {
            csr_der: Bytes::from(csr_der),
        };
        let answer = EnrolmentClient::new(self.channel.clone())
            .max_decoding_message_size(MESSAGE_BYTES)
            .max_encoding_message_size(MESSAGE_BYTES)
            .recover(request)
            .await
            .map_err(|status| call_error(&status))?;
        read_certificate(answer.into_inner())
    }

    /// Asks for what is refused to everybody, a certificate without a request, to see how the server refuses.
    pub(crate) async fn knock(&self) -> Knock {
        let answer = self.fleet().renew(v1::RenewRequest::default()).await;
        let date = match &answer {
            Ok(answer) => answer.metadata().get("date"),
            Err(status) => status.metadata().get("date"),
        };
        let date = date.and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
        Knock {
            date,
            answer: answer.map(|_| ()).map_err(|status| call_error(&status)),
        }
    }

    /// Tells that the collector is uninstalled.
    pub(crate) async fn goodbye(&self) -> Result<(), CallError> {
        let answer = self.fleet().goodbye(v1::GoodbyeRequest {}).await;
        answer.map(|_| ()).map_err(|status| call_error(&status))
    }

    /// Opens a session. What the sender takes goes up; the stream is what comes down, and says why the session ended.
    pub(crate) fn session(&self) -> (Outgoing, ServerMessages) {
        let (sender, receiver) = mpsc::channel(OUTGOING_MESSAGES);
        let mut client = self.fleet();
        let opening = async move {
            let answer = client.session(ReceiverStream::new(receiver)).await;
            let messages = answer.map_err(|status| call_error(&status))?.into_inner();
            Ok(messages.map(|received| match received {
                Ok(wire) => message::read(wire).map_err(CallError::from),
                Err(status) => Err(call_error(&status)),
            }))
        };
        (Outgoing(sender), opening.try_flatten_stream().boxed())
    }

    fn fleet(&self) -> FleetClient<Channel> {
        FleetClient::new(self.channel.clone())
            .max_decoding_message_size(MESSAGE_BYTES)
            .max_encoding_message_size(MESSAGE_BYTES)
    }
}

/// What came of knocking.
#[derive(Debug)]
pub(crate) struct Knock {
    /// The server's clock, to the second, where it told.
    pub(crate) date: Option<SystemTime>,
    pub(crate) answer: Result<(), CallError>,
}

/// The collector's side of a session.
#[derive(Debug)]
pub(crate) struct Outgoing(mpsc::Sender<v1::CollectorMessage>);

impl Outgoing {
    /// Hands `message` to the socket without waiting.
    pub(crate) fn send(&self, message: &ToServer) -> Result<Sent, WireError> {
        let wire = message::write(message)?;
        Ok(match self.0.try_send(wire) {
            Ok(()) => Sent::Yes,
            Err(mpsc::error::TrySendError::Full(_)) => Sent::Stuck,
            Err(mpsc::error::TrySendError::Closed(_)) => Sent::Ended,
        })
    }
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It is on its way.
    Yes,
    /// The server has read nothing for so long that there is no room.
    Stuck,
    /// The session has ended; its stream says why.
    Ended,
}

/// The server's side of a session.
pub(crate) type ServerMessages = BoxStream<'static, Result<FromServer, CallError>>;

fn call_error(status: &tonic::Status) -> CallError {
    refusal::read(status).map_or_else(|| CallError::broken(status), CallError::Refused)
}

fn read_certificate(wire: v1::Certificate) -> Result<CertificateIssued, CallError> {
    within("the device id", wire.device_id.len(), TEXT_BYTES)?;
    if wire.chain_der.is_empty() {
        return Err(WireError::Missing("the device's certificate").into());
    }
    if wire.trusted_ca_der.is_empty() {
        return Err(WireError::Missing("the CA to trust").into());
    }
    let bytes = |list: Vec<Bytes>| list.into_iter().map(|der| der.to_vec()).collect();
    Ok(CertificateIssued {
        device_id: wire.device_id,
        chain: bytes(wire.chain_der),
        trusted_cas: bytes(wire.trusted_ca_der),
        // One of another length is that of a newer server, which will ask to renew.
        identity_mark: (*wire.identity_mark).try_into().ok(),
    })
}

/// Cuts what the machine says of itself to the limit; a longer host name is no host name.
fn short(mut text: String) -> String {
    if text.len() > TEXT_BYTES {
        let mut end = TEXT_BYTES;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    text
}
