//! The calls to the server, over a channel that is already secured.

use std::time::SystemTime;

use futures::stream::BoxStream;
use futures::{StreamExt as _, TryFutureExt as _};
use prost::bytes::Bytes;
use sickbay_proto::limits::{
    CERTIFICATES, CERTIFICATES_BYTES, CSR_BYTES, DEVICE_ID_BYTES, MESSAGE_BYTES, TEXT_BYTES,
    TOKEN_BYTES,
};
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

    /// What it speaks over.
    pub(crate) fn into_channel(self) -> Channel {
        self.channel
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
                device_id: read_device_id(pending.device_id)?,
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
    Ok(CertificateIssued {
        device_id: read_device_id(wire.device_id)?,
        chain: read_certificates("the device's certificate", &wire.chain_der)?,
        trusted_cas: read_certificates("the CA to trust", &wire.trusted_ca_der)?,
        // One of another length is that of a newer server, which will ask to renew.
        identity_mark: (*wire.identity_mark).try_into().ok(),
    })
}

/// At least one; few enough that the file which keeps them can be read again.
fn read_certificates(what: &'static str, wire: &[Bytes]) -> Result<Vec<Vec<u8>>, WireError> {
    if wire.is_empty() {
        return Err(WireError::Missing(what));
    }
    within(what, wire.len(), CERTIFICATES)?;
    within(what, wire.iter().map(Bytes::len).sum(), CERTIFICATES_BYTES)?;
    Ok(wire.iter().map(|der| der.to_vec()).collect())
}

/// A UUID, of which only matters that it can be shown anywhere.
fn read_device_id(wire: String) -> Result<String, WireError> {
    let what = "the device id";
    within(what, wire.len(), DEVICE_ID_BYTES)?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if wire.is_empty() || !wire.bytes().all(fits) {
        let of = "letters, digits and hyphens";
        return Err(WireError::Form { what, of });
    }
    Ok(wire)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(device_id: &str, chain: Vec<Bytes>) -> v1::Certificate {
        v1::Certificate {
            device_id: device_id.to_owned(),
            chain_der: chain,
            trusted_ca_der: vec![Bytes::from_static(b"ca")],
            identity_mark: Bytes::new(),
        }
    }

    #[test]
    fn a_device_id_is_a_name_and_neither_a_path_nor_a_command_to_a_terminal() {
        let read = |id| read_certificate(certificate(id, vec![Bytes::new()])).map_err(|_| ());
        read("018f2f6e-93a1-7c4b-8a55-1f0b8f1f2a3b").expect("a UUID");
        for bad in ["", "../../identity", "a\u{1b}[2J", "C:\\Windows", "a b"] {
            read(bad).expect_err(bad);
        }
        read(&"a".repeat(DEVICE_ID_BYTES + 1)).expect_err("too long");
    }

    #[test]
    fn certificates_that_no_file_should_hold_are_refused() {
        for chain in [
            vec![],
            vec![Bytes::new(); CERTIFICATES + 1],
            vec![Bytes::from(vec![0; CERTIFICATES_BYTES / 2 + 1]); 2],
        ] {
            read_certificate(certificate("d", chain)).expect_err("refused");
        }
    }
}
