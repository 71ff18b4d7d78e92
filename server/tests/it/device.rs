//! A collector's side of the wire, without a collector's good manners.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use prost::Message as _;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use sickbay_proto::ERROR_TRAILER;
use sickbay_proto::v1::collector_message::Kind as Up;
use sickbay_proto::v1::enrolment_client::EnrolmentClient;
use sickbay_proto::v1::error_detail::Reason;
use sickbay_proto::v1::fleet_client::FleetClient;
use sickbay_proto::v1::server_message::Kind as Down;
use sickbay_proto::v1::{self, CollectorMessage, ServerMessage, enrol_response};
use sickbay_server::identity::tls::provider;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Status, Streaming};
use uuid::Uuid;

use crate::site::{PATIENCE, Site};

/// The epoch of sessions that say nothing else.
pub(crate) const EPOCH: [u8; 16] = [7; 16];

/// TLS of a collector that trusts the site's CA and shows `certificate`, if any.
pub(crate) fn tls(
    site: &Site,
    certificate: Option<(&[CertificateDer<'static>], &KeyPair)>,
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for trusted in site.app().ca.in_force().trusted() {
        roots.add(trusted.into()).unwrap();
    }
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match certificate {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
            builder.with_client_auth_cert(chain.to_vec(), key).unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

async fn handshake(
    address: SocketAddr,
    tls: Arc<ClientConfig>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(tls).connect(name, tcp).await
}

/// Why the handshake is refused; `None` where the server speaks on. With TLS 1.3 a client learns of it only when it reads.
pub(crate) async fn refused_in_handshake(site: &Site, tls: Arc<ClientConfig>) -> Option<String> {
    let reading = async {
        let mut stream = handshake(site.server.collectors, tls).await?;
        stream.read_u8().await
    };
    let read = tokio::time::timeout(PATIENCE, reading).await.unwrap();
    read.err().map(|error| error.to_string())
}

/// A connection for calls, and whether its handshake was a full one.
pub(crate) async fn connect(site: &Site, tls: Arc<ClientConfig>) -> (Channel, HandshakeKind) {
    let stream = handshake(site.server.collectors, tls).await.unwrap();
    let kind = stream.get_ref().1.handshake_kind().unwrap();
    let mut stream = Some(TokioIo::new(stream));
    let connector = tower::service_fn(move |_: Uri| {
        let stream = stream
            .take()
            .ok_or_else(|| std::io::Error::other("the connection ended"));
        async move { stream }
    });
    let endpoint = Endpoint::from_static("http://sickbay");
    (
        endpoint.connect_with_connector(connector).await.unwrap(),
        kind,
    )
}

/// A certificate signing request over `key`.
pub(crate) fn request_over(key: &KeyPair) -> Vec<u8> {
    CertificateParams::default()
        .serialize_request(key)
        .unwrap()
        .der()
        .to_vec()
}

/// Why the server refused, for branching.
#[track_caller]
pub(crate) fn reason(status: &Status) -> Reason {
    let bytes = status
        .metadata()
        .get_bin(ERROR_TRAILER)
        .unwrap_or_else(|| panic!("no typed reason came with {status:?}"))
        .to_bytes()
        .unwrap();
    v1::ErrorDetail::decode(bytes).unwrap().reason()
}

/// Asks for enrolment once.
pub(crate) async fn ask(
    site: &Site,
    token: &str,
    key: &KeyPair,
    name: &str,
) -> Result<enrol_response::Outcome, Status> {
    let request = v1::EnrolRequest {
        token: token.to_owned(),
        csr_der: request_over(key).into(),
        machine: Some(v1::MachineIdentity {
            host_name: name.to_owned(),
            ..v1::MachineIdentity::default()
        }),
        collector_version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let (channel, _) = connect(site, tls(site, None)).await;
    let answer = EnrolmentClient::new(channel).enrol(request).await?;
    Ok(answer.into_inner().outcome.unwrap())
}

/// An enrolled device.
pub(crate) struct Device {
    pub(crate) id: Uuid,
    pub(crate) key: KeyPair,
    pub(crate) tls: Arc<ClientConfig>,
}

impl Device {
    /// Enrols with a token that approves.
    pub(crate) async fn enrol(site: &Site, name: &str) -> Self {
        let (_, token) = site.token(|_| ()).await;
        let key = KeyPair::generate().unwrap();
        match ask(site, &token, &key, name).await.unwrap() {
            enrol_response::Outcome::Issued(issued) => Self::new(site, issued, key),
            enrol_response::Outcome::Pending(pending) => panic!("{pending:?}"),
        }
    }

    pub(crate) fn new(site: &Site, issued: v1::Certificate, key: KeyPair) -> Self {
        Self {
            id: issued.device_id.parse().unwrap(),
            tls: tls(site, Some((&chain(&issued), &key))),
            key,
        }
    }

    /// Opens a session and is welcomed.
    pub(crate) async fn session(&self, site: &Site) -> Result<Session, Status> {
        Session::open(site, Arc::clone(&self.tls), hello(&EPOCH)).await
    }

    /// A new certificate over the same key.
    pub(crate) async fn renew(&self, site: &Site) -> Result<v1::Certificate, Status> {
        let (channel, _) = connect(site, Arc::clone(&self.tls)).await;
        let request = v1::RenewRequest {
            csr_der: request_over(&self.key).into(),
        };
        let renewed = FleetClient::new(channel).renew(request).await?;
        Ok(renewed.into_inner())
    }
}

impl Device {
    /// The same device with another certificate.
    pub(crate) fn with(&self, site: &Site, issued: &v1::Certificate) -> Self {
        let key = KeyPair::from_pem(&self.key.serialize_pem()).unwrap();
        Self::new(site, issued.clone(), key)
    }

    /// A new certificate for one that has ended.
    pub(crate) async fn recover(&self, site: &Site) -> Result<v1::Certificate, Status> {
        recover(site, Arc::clone(&self.tls), &self.key).await
    }
}

/// Asks for a new certificate over `key` in the place of the one that `tls` shows.
pub(crate) async fn recover(
    site: &Site,
    tls: Arc<ClientConfig>,
    key: &KeyPair,
) -> Result<v1::Certificate, Status> {
    let (channel, _) = connect(site, tls).await;
    let request = v1::RecoverRequest {
        csr_der: request_over(key).into(),
    };
    let recovered = EnrolmentClient::new(channel).recover(request).await?;
    Ok(recovered.into_inner())
}

/// The certificates of an answer.
pub(crate) fn chain(issued: &v1::Certificate) -> Vec<CertificateDer<'static>> {
    let der = issued.chain_der.iter();
    der.map(|der| CertificateDer::from(der.to_vec())).collect()
}

/// The first message of a session.
pub(crate) fn hello(epoch: &[u8]) -> CollectorMessage {
    up(Up::Hello(v1::Hello {
        minor_version: 1,
        collector_version: env!("CARGO_PKG_VERSION").to_owned(),
        epoch: epoch.to_vec().into(),
        device_time_ms: sickbay_server::clock::Clock::system().now().millis(),
        ..v1::Hello::default()
    }))
}

/// A report with a digest of the right length.
pub(crate) fn report(sequence: u64, full: bool, observations: Vec<v1::Observation>) -> v1::Report {
    v1::Report {
        sequence,
        full,
        observations,
        digest: vec![sequence as u8; 32].into(),
        ..v1::Report::default()
    }
}

/// A message up.
pub(crate) fn up(kind: Up) -> CollectorMessage {
    CollectorMessage { kind: Some(kind) }
}

/// An open session.
pub(crate) struct Session {
    pub(crate) welcome: v1::Welcome,
    pub(crate) up: mpsc::Sender<CollectorMessage>,
    down: Streaming<ServerMessage>,
}

impl Session {
    /// Sends `first` and waits for the welcome.
    pub(crate) async fn open(
        site: &Site,
        tls: Arc<ClientConfig>,
        first: CollectorMessage,
    ) -> Result<Self, Status> {
        let (channel, _) = connect(site, tls).await;
        let (up, messages) = mpsc::channel(1024);
        up.send(first).await.unwrap();
        Self::over(channel, up, messages).await
    }

    /// A session whose first message may come later through `up`.
    pub(crate) async fn over(
        channel: Channel,
        up: mpsc::Sender<CollectorMessage>,
        messages: mpsc::Receiver<CollectorMessage>,
    ) -> Result<Self, Status> {
        let opening = async {
            let mut client = FleetClient::new(channel);
            let mut down = client
                .session(ReceiverStream::new(messages))
                .await?
                .into_inner();
            let first = down.message().await?.and_then(|message| message.kind);
            let Some(Down::Welcome(welcome)) = first else {
                panic!("no welcome but {first:?}");
            };
            Ok(Self { welcome, up, down })
        };
        tokio::time::timeout(PATIENCE, opening).await.unwrap()
    }

    pub(crate) async fn send(&self, kind: Up) {
        self.up.send(up(kind)).await.unwrap();
    }

    /// The next message; fails where none comes.
    pub(crate) async fn next(&mut self) -> Result<Down, Status> {
        let message = tokio::time::timeout(PATIENCE, self.down.message()).await;
        let message = message.expect("the server answers in time")?;
        Ok(message
            .and_then(|message| message.kind)
            .expect("the server ends no session without a reason"))
    }

    /// Sends a report and waits for its answer.
    pub(crate) async fn report(&mut self, report: v1::Report) -> Result<Down, Status> {
        self.send(Up::Report(report)).await;
        self.next().await
    }

    /// Sends a report that has to be acknowledged; says up to where.
    pub(crate) async fn acknowledged(&mut self, report: v1::Report) -> u64 {
        match self.report(report).await.unwrap() {
            Down::Ack(ack) => ack.sequence,
            other => panic!("no acknowledgement but {other:?}"),
        }
    }

    /// Why the server ends the session.
    pub(crate) async fn ended(&mut self) -> Reason {
        reason(&self.next().await.expect_err("the session ends"))
    }
}
