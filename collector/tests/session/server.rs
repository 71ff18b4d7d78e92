//! A small server of the wire's other side: real TLS from a CA of its own, a store in memory that can be copied and put back.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use prost::Message as _;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, IsCa, Issuer,
    KeyPair, PublicKeyData as _,
};
use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use sickbay_collector::session::CaPin;
use sickbay_proto::v1;
use sickbay_proto::v1::enrolment_server::{Enrolment, EnrolmentServer};
use sickbay_proto::v1::error_detail::Reason;
use sickbay_proto::v1::fleet_server::{Fleet, FleetServer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::{BinaryMetadataValue, MetadataMap};
use tonic::transport::server::Connected;
use tonic::{Code, Request, Response, Status, Streaming};

pub(crate) const TOKEN: &str = "right-token";

/// What the server keeps of a device.
#[derive(Debug, Clone, Default)]
pub(crate) struct Device {
    pub(crate) epoch: Vec<u8>,
    pub(crate) sequence: u64,
    pub(crate) digest: Vec<u8>,
    pub(crate) observations: BTreeMap<String, v1::Observation>,
    pub(crate) applied: BTreeSet<(Vec<u8>, u64)>,
    pub(crate) heartbeats: usize,
    pub(crate) sessions: usize,
    pub(crate) full_reports: usize,
    pub(crate) results: Vec<v1::RequestResult>,
}

impl Device {
    /// Whether any reading holds `text`.
    pub(crate) fn has_text(&self, text: &str) -> bool {
        self.observations.values().any(|observation| {
            let Some(v1::observation::Outcome::Seen(seen)) = &observation.outcome else {
                return false;
            };
            seen.readings
                .iter()
                .any(|reading| matches!(&reading.data, Some(v1::reading::Data::Text(found)) if found == text))
        })
    }
}

/// How the server behaves.
#[derive(Debug, Clone)]
pub(crate) struct Behaviour {
    pub(crate) pending: bool,
    /// So many keys that ask from now on have ended.
    pub(crate) keys_end: usize,
    /// Those that have.
    pub(crate) keys_ended: BTreeSet<Vec<u8>>,
    pub(crate) acknowledge: bool,
    pub(crate) refuse: Option<Reason>,
    pub(crate) certificate_life: Duration,
}

pub(crate) struct Ca {
    pub(crate) issuer: Issuer<'static, KeyPair>,
    pub(crate) der: Vec<u8>,
}

impl Ca {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "Test CA");
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Self {
            issuer: Issuer::new(params, key),
            der,
        }
    }

    pub(crate) fn pin(&self) -> CaPin {
        CaPin::of_certificate(&self.der).unwrap()
    }

    pub(crate) fn issue(&self, device_id: &str, csr: &[u8], life: Duration) -> v1::Certificate {
        let mut request = CertificateSigningRequestParams::from_der(&csr.to_vec().into()).unwrap();
        request
            .params
            .distinguished_name
            .push(DnType::CommonName, device_id);
        let now = time::OffsetDateTime::now_utc();
        request.params.not_before = now;
        request.params.not_after = now + life;
        let certificate = request.signed_by(&self.issuer).unwrap();
        v1::Certificate {
            device_id: device_id.to_owned(),
            chain_der: vec![certificate.der().to_vec().into()],
            trusted_ca_der: vec![self.der.clone().into()],
            ..v1::Certificate::default()
        }
    }

    /// For a server of these names and addresses.
    pub(crate) fn tls(&self, names: &[&str]) -> rustls::ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = CertificateParams::new(names).unwrap();
        let leaf = params.signed_by(&key, &self.issuer).unwrap();
        let chain = vec![leaf.der().clone(), self.der.clone().into()];
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone().into()).unwrap();
        let clients =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .allow_unauthenticated()
                .build()
                .unwrap();
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_client_cert_verifier(clients)
            .with_single_cert(
                chain,
                rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        config
    }
}

pub(crate) struct Shared {
    pub(crate) ca: Ca,
    pub(crate) devices: Mutex<BTreeMap<String, Device>>,
    pub(crate) behaviour: Mutex<Behaviour>,
    pub(crate) issued: Mutex<usize>,
    pub(crate) recovered: Mutex<usize>,
    /// Devices that said goodbye.
    pub(crate) goodbyes: Mutex<Vec<String>>,
    /// Goes up when live sessions have to end.
    refuse_live: watch::Sender<Option<Reason>>,
    requests: Mutex<Vec<mpsc::Sender<Result<v1::ServerMessage, Status>>>>,
}

/// A server that is up while this lives.
pub(crate) struct Server {
    pub(crate) shared: Arc<Shared>,
    pub(crate) port: u16,
    /// A runtime of its own, because only its end also ends connections that are served.
    runtime: Option<Runtime>,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        let shared = Arc::new(Shared {
            ca: Ca::new(),
            devices: Mutex::default(),
            behaviour: Mutex::new(Behaviour {
                pending: false,
                keys_end: 0,
                keys_ended: BTreeSet::new(),
                acknowledge: true,
                refuse: None,
                certificate_life: Duration::from_hours(1),
            }),
            issued: Mutex::new(0),
            recovered: Mutex::new(0),
            goodbyes: Mutex::default(),
            refuse_live: watch::channel(None).0,
            requests: Mutex::default(),
        });
        Self::start_with(shared, 0).await
    }

    pub(crate) async fn start_with(shared: Arc<Shared>, port: u16) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let served = Arc::clone(&shared);
        let port = runtime.spawn(serve(served, port)).await.unwrap();
        Self {
            shared,
            port,
            runtime: Some(runtime),
        }
    }

    /// Ends at once, without a word to anybody; every connection is gone when this returns.
    pub(crate) async fn kill(mut self) -> (Arc<Shared>, u16) {
        let runtime = self.runtime.take().unwrap();
        tokio::task::spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(5)))
            .await
            .unwrap();
        (Arc::clone(&self.shared), self.port)
    }

    pub(crate) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    pub(crate) fn only_device(&self) -> Device {
        self.shared
            .devices
            .lock()
            .unwrap()
            .values()
            .next()
            .cloned()
            .unwrap_or_default()
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.shared.behaviour.lock().unwrap());
    }

    pub(crate) fn revoke(&self) {
        self.set(|behaviour| behaviour.refuse = Some(Reason::DeviceRevoked));
        self.shared
            .refuse_live
            .send_replace(Some(Reason::DeviceRevoked));
    }

    pub(crate) fn ask(&self, kind: v1::server_message::Kind) {
        for session in self.shared.requests.lock().unwrap().iter() {
            let _ = session.try_send(Ok(v1::ServerMessage {
                kind: Some(kind.clone()),
            }));
        }
    }
}

async fn serve(shared: Arc<Shared>, port: u16) -> u16 {
    let listener = bind(port).await;
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(Arc::new(shared.ca.tls(&["127.0.0.1"])));
    let service = Service(shared);
    let (sender, incoming) = mpsc::channel(64);
    tokio::spawn(accept(listener, acceptor, sender));
    tokio::spawn(async move {
        tonic::transport::Server::builder()
            .add_service(EnrolmentServer::new(service.clone()))
            .add_service(FleetServer::new(service))
            .serve_with_incoming(ReceiverStream::new(incoming))
            .await
    });
    port
}

/// Takes the port again after a kill, as soon as the old listener is gone.
pub(crate) async fn bind(port: u16) -> TcpListener {
    for _ in 0..100 {
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)).await {
            return listener;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("port {port} never became free");
}

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    sender: mpsc::Sender<std::io::Result<Secured>>,
) {
    loop {
        let Ok((tcp, _)) = listener.accept().await else {
            return;
        };
        let (acceptor, sender) = (acceptor.clone(), sender.clone());
        tokio::spawn(async move {
            if let Ok(stream) = acceptor.accept(tcp).await {
                let _ = sender.send(Ok(Secured(stream))).await;
            }
        });
    }
}

pub(crate) struct Secured(pub(crate) tokio_rustls::server::TlsStream<TcpStream>);

#[derive(Clone)]
pub(crate) struct Peer(Option<String>);

impl Connected for Secured {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        let name = self.0.get_ref().1.peer_certificates().and_then(|chain| {
            let (_, certificate) = x509_parser::parse_x509_certificate(&chain[0]).ok()?;
            let name = certificate
                .subject()
                .iter_common_name()
                .next()?
                .as_str()
                .ok()?
                .to_owned();
            Some(name)
        });
        Peer(name)
    }
}

impl AsyncRead for Secured {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Secured {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[derive(Clone)]
struct Service(Arc<Shared>);

fn key_of(csr: &[u8]) -> Vec<u8> {
    let request = CertificateSigningRequestParams::from_der(&csr.to_vec().into()).unwrap();
    request.public_key.subject_public_key_info()
}

fn refusal(reason: Reason) -> Status {
    let detail = v1::ErrorDetail {
        reason: reason.into(),
        retry_after_ms: 0,
    };
    let mut metadata = MetadataMap::new();
    let value = BinaryMetadataValue::from_bytes(&detail.encode_to_vec());
    metadata.insert_bin(sickbay_proto::ERROR_TRAILER, value);
    Status::with_metadata(Code::PermissionDenied, "refused", metadata)
}

fn device_of<T>(request: &Request<T>) -> Result<String, Status> {
    let peer = request
        .extensions()
        .get::<Peer>()
        .and_then(|peer| peer.0.clone());
    peer.ok_or_else(|| refusal(Reason::CertificateMissing))
}

#[tonic::async_trait]
impl Enrolment for Service {
    async fn enrol(
        &self,
        request: Request<v1::EnrolRequest>,
    ) -> Result<Response<v1::EnrolResponse>, Status> {
        let request = request.into_inner();
        if request.token != TOKEN {
            return Err(refusal(Reason::TokenUnknown));
        }
        let behaviour = {
            let mut behaviour = self.0.behaviour.lock().unwrap();
            let key = key_of(&request.csr_der);
            if behaviour.keys_end > 0 && behaviour.keys_ended.insert(key.clone()) {
                behaviour.keys_end -= 1;
            }
            if behaviour.keys_ended.contains(&key) {
                return Err(refusal(Reason::KeyEnded));
            }
            behaviour.clone()
        };
        let host = request.machine.unwrap_or_default().host_name;
        let device_id = format!("device-of-{host}");
        let outcome = if behaviour.pending {
            v1::enrol_response::Outcome::Pending(v1::Pending {
                device_id,
                retry_after_ms: 100,
            })
        } else {
            *self.0.issued.lock().unwrap() += 1;
            let certificate =
                self.0
                    .ca
                    .issue(&device_id, &request.csr_der, behaviour.certificate_life);
            v1::enrol_response::Outcome::Issued(certificate)
        };
        Ok(Response::new(v1::EnrolResponse {
            outcome: Some(outcome),
        }))
    }

    async fn recover(
        &self,
        request: Request<v1::RecoverRequest>,
    ) -> Result<Response<v1::Certificate>, Status> {
        let device_id = device_of(&request)?;
        *self.0.recovered.lock().unwrap() += 1;
        let mut behaviour = self.0.behaviour.lock().unwrap();
        if behaviour.refuse == Some(Reason::CertificateEnded) {
            behaviour.refuse = None;
        }
        let life = behaviour.certificate_life;
        let csr = request.into_inner().csr_der;
        Ok(Response::new(self.0.ca.issue(&device_id, &csr, life)))
    }
}

#[tonic::async_trait]
impl Fleet for Service {
    type SessionStream = ReceiverStream<Result<v1::ServerMessage, Status>>;

    async fn session(
        &self,
        request: Request<Streaming<v1::CollectorMessage>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let device_id = device_of(&request)?;
        self.0
            .devices
            .lock()
            .unwrap()
            .entry(device_id.clone())
            .or_default()
            .sessions += 1;
        if let Some(reason) = self.0.behaviour.lock().unwrap().refuse {
            return Err(refusal(reason));
        }
        let (sender, receiver) = mpsc::channel(64);
        self.0.requests.lock().unwrap().push(sender.clone());
        tokio::spawn(talk(
            Arc::clone(&self.0),
            device_id,
            request.into_inner(),
            sender,
        ));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn goodbye(
        &self,
        request: Request<v1::GoodbyeRequest>,
    ) -> Result<Response<v1::GoodbyeResponse>, Status> {
        let device_id = device_of(&request)?;
        self.0.goodbyes.lock().unwrap().push(device_id);
        Ok(Response::new(v1::GoodbyeResponse {}))
    }

    async fn renew(
        &self,
        request: Request<v1::RenewRequest>,
    ) -> Result<Response<v1::Certificate>, Status> {
        let device_id = device_of(&request)?;
        *self.0.issued.lock().unwrap() += 1;
        let life = self.0.behaviour.lock().unwrap().certificate_life;
        Ok(Response::new(self.0.ca.issue(
            &device_id,
            &request.into_inner().csr_der,
            life,
        )))
    }
}

async fn talk(
    shared: Arc<Shared>,
    device_id: String,
    mut incoming: Streaming<v1::CollectorMessage>,
    outgoing: mpsc::Sender<Result<v1::ServerMessage, Status>>,
) {
    let mut refused = shared.refuse_live.subscribe();
    refused.mark_unchanged();
    let mut epoch = Vec::new();
    loop {
        let message = tokio::select! {
            message = incoming.message() => message,
            _ = refused.changed() => {
                let reason = refused.borrow_and_update().unwrap();
                let _ = outgoing.send(Err(refusal(reason))).await;
                return;
            }
        };
        let Ok(Some(message)) = message else {
            return;
        };
        let acknowledge = shared.behaviour.lock().unwrap().acknowledge;
        let answer = {
            let mut devices = shared.devices.lock().unwrap();
            let device = devices.entry(device_id.clone()).or_default();
            answer(device, &mut epoch, message)
        };
        let silent = !acknowledge && matches!(answer, Some(v1::server_message::Kind::Ack(_)));
        if let Some(kind) = answer.filter(|_| !silent)
            && outgoing
                .send(Ok(v1::ServerMessage { kind: Some(kind) }))
                .await
                .is_err()
        {
            return;
        }
    }
}

fn answer(
    device: &mut Device,
    epoch: &mut Vec<u8>,
    message: v1::CollectorMessage,
) -> Option<v1::server_message::Kind> {
    use v1::collector_message::Kind as Up;
    use v1::server_message::Kind as Down;
    match message.kind? {
        Up::Hello(hello) => {
            *epoch = hello.epoch.to_vec();
            Some(Down::Welcome(v1::Welcome {
                server_time_ms: 0,
                epoch: device.epoch.clone().into(),
                sequence: device.sequence,
                digest: device.digest.clone().into(),
                settings: None,
            }))
        }
        Up::Report(report) => Some(apply(device, epoch, report)),
        Up::Heartbeat(_) => {
            device.heartbeats += 1;
            None
        }
        Up::RequestResult(result) => {
            device.results.push(result);
            None
        }
    }
}

fn apply(device: &mut Device, epoch: &[u8], report: v1::Report) -> v1::server_message::Kind {
    let ack = |sequence| {
        v1::server_message::Kind::Ack(v1::Ack {
            epoch: epoch.to_vec().into(),
            sequence,
        })
    };
    let known = device.epoch == epoch;
    if known && report.sequence <= device.sequence {
        return ack(device.sequence);
    }
    if !(report.full || known && report.sequence == device.sequence + 1) {
        return v1::server_message::Kind::FullWanted(v1::FullWanted {
            reason: "gap".to_owned(),
        });
    }
    assert!(
        device.applied.insert((epoch.to_vec(), report.sequence)),
        "applied twice"
    );
    if report.full {
        device.full_reports += 1;
        device.observations.clear();
    }
    for observation in report.observations {
        device
            .observations
            .insert(observation.check.clone(), observation);
    }
    device.epoch = epoch.to_vec();
    device.sequence = report.sequence;
    device.digest = report.digest.to_vec();
    ack(report.sequence)
}
