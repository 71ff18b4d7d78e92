//! The TLS of the collectors' port: TLS 1.3 only, client certificates of the own CA, no session resumption.
//!
//! Resumption is off because a resumed session restores the client's chain without validating it again, so that a revoked device
//! could come back. The server certificate is replaced while the server runs ([`ServerIdentity::renew`]).
//!
//! A connection without a client certificate is let in, because enrolment has none yet; every call but enrolment refuses it. One with
//! a certificate of another CA ends in the handshake. One that has ended is let in too, for [`Peer::not_after`] to be looked at: it serves
//! to come home and for nothing else. One that does not count yet shows that this server's clock was set back: it issued it, so it takes it.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, RwLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{
    ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;

use crate::clock::Clock;
use crate::config::Collectors;
use crate::identity::ca::{Ca, CaError, InForce, dns_names_of, key_sha256_of, validity_of};
use crate::metrics::Metrics;
use crate::metrics::register::UnderWay;
use crate::throttle::{HANDSHAKES_AT_ONCE, Throttle};
use sickbay_diagnosis::Time;

/// A handshake that takes longer is dropped.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// A refused address is logged once within this time.
const LOG_AGAIN_AFTER: Duration = Duration::from_mins(10);
/// Addresses remembered for that.
const LOGGED_ADDRESSES: usize = 4096;

/// The one place where this program picks its cryptography.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The TLS settings of a client that believes these CAs alone.
///
/// # Errors
/// Where rustls refuses.
pub fn client_config(roots: RootCertStore) -> Result<rustls::ClientConfig, rustls::Error> {
    Ok(rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// What can go wrong while TLS is set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The CA cannot issue.
    #[error(transparent)]
    Ca(#[from] CaError),
    /// rustls refuses.
    #[error("TLS cannot be set up")]
    Rustls(#[from] rustls::Error),
    /// The file of the owner's CAs.
    #[error("{} (collectors.machine_ca) cannot be used: {why}", path.display())]
    MachineCa {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The client verifier cannot be built.
    #[error("the CA's certificate cannot be used to verify devices")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
}

impl From<TlsError> for CaError {
    fn from(error: TlsError) -> Self {
        match error {
            TlsError::Ca(error) => error,
            other => Self::Server(crate::ingest::chain(&other)),
        }
    }
}

/// The certificate that this server shows and the devices that it lets in, both replaceable while it runs.
pub struct ServerIdentity {
    names: Vec<String>,
    /// Mark of the CA that this is of.
    of: RwLock<[u8; 32]>,
    current: RwLock<Arc<CertifiedKey>>,
    devices: RwLock<Arc<dyn ClientCertVerifier>>,
    /// Of the owner's own PKI.
    machines: Option<Arc<dyn ClientCertVerifier>>,
    clock: Clock,
}

impl fmt::Debug for ServerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerIdentity")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

impl ServerIdentity {
    /// Issues a first certificate for `names`, and lets in the devices of the CA.
    pub fn issue(
        ca: &InForce,
        settings: &Collectors,
        clock: &Clock,
    ) -> Result<Arc<Self>, TlsError> {
        Ok(Arc::new(Self {
            names: settings.names.clone(),
            of: RwLock::new(ca.mark()),
            current: RwLock::new(certify(ca, &settings.names, clock)?),
            devices: RwLock::new(devices_of(ca)?),
            machines: machines_of(&settings.machine_ca)?,
            clock: clock.clone(),
        }))
    }

    /// Whose certificate it is that a handshake has verified: of a device of ours, or of a machine of the owner's PKI by its DNS names.
    fn whose(&self, certificate: &CertificateDer<'_>, rest: &[CertificateDer<'_>]) -> Whose {
        if self.machines.is_none() || self.is_a_devices(certificate, rest).is_ok() {
            return Whose::Devices;
        }
        Whose::Machines(dns_names_of(certificate).into())
    }

    /// Certificates of our CA, whenever they count.
    fn is_a_devices(
        &self,
        certificate: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
    ) -> Result<ClientCertVerified, rustls::Error> {
        let (from, until) = validity_of(certificate).ok_or(rustls::Error::InvalidCertificate(
            rustls::CertificateError::BadEncoding,
        ))?;
        let middle = from.plus_millis(until.since(from) / 2).millis();
        self.devices()
            .verify_client_cert(certificate, rest, unix(middle))
    }

    /// Whether this is of the CA as it is now.
    pub fn follows(&self, ca: &InForce) -> bool {
        let of = self.of.read();
        *of.expect("never poisoned: nothing panics while it is held") == ca.mark()
    }

    /// Until when the certificate counts that is shown.
    pub fn ends_at(&self) -> Option<Time> {
        let current = self.current.read();
        let current = current.expect("never poisoned: nothing panics while it is held");
        let (_, until) = validity_of(current.cert.first()?)?;
        Some(until)
    }

    /// Issues a new certificate, and lets in the devices of the CA as it is now; connections made from now on see it.
    pub fn renew(&self, ca: &InForce, clock: &Clock) -> Result<(), TlsError> {
        let fresh = certify(ca, &self.names, clock)?;
        let devices = devices_of(ca)?;
        *self
            .of
            .write()
            .expect("never poisoned: nothing panics while it is held") = ca.mark();
        *self
            .current
            .write()
            .expect("never poisoned: nothing panics while it is held") = fresh;
        *self
            .devices
            .write()
            .expect("never poisoned: nothing panics while it is held") = devices;
        Ok(())
    }

    fn devices(&self) -> Arc<dyn ClientCertVerifier> {
        let devices = self.devices.read();
        Arc::clone(&devices.expect("never poisoned: nothing panics while it is held"))
    }
}

impl ResolvesServerCert for ServerIdentity {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(
            &self
                .current
                .read()
                .expect("never poisoned: nothing panics while it is held"),
        ))
    }
}

fn certify(ca: &InForce, names: &[String], clock: &Clock) -> Result<Arc<CertifiedKey>, TlsError> {
    let (chain, key) = ca.issue_server(names, clock.now())?;
    let signing = provider().key_provider.load_private_key(key)?;
    Ok(Arc::new(CertifiedKey::new(chain, signing)))
}

/// Whose certificate a connection showed.
enum Whose {
    Devices,
    Machines(Arc<[String]>),
}

/// Certificates of the owner's PKI; nothing where there is none.
fn machines_of(file: &Path) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
    if file.as_os_str().is_empty() {
        return Ok(None);
    }
    let unusable = |why: String| TlsError::MachineCa {
        path: file.to_owned(),
        why,
    };
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(file).map_err(|e| unusable(e.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|e| unusable(e.to_string()))?;
        roots
            .add(certificate)
            .map_err(|e| unusable(e.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unusable("there is no certificate in it".to_owned()));
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    Ok(Some(verifier.build()?))
}

fn unix(millis: i64) -> UnixTime {
    let seconds = u64::try_from(millis / 1000).unwrap_or(0);
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

/// Certificates of every generation of the CA, also those that are retired.
fn devices_of(ca: &InForce) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in ca.known() {
        roots.add(certificate)?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .allow_unauthenticated()
        .build()?;
    Ok(verifier)
}

/// Certificates end by the same clock by which they were issued.
#[derive(Debug)]
struct ByClock(Clock);

impl TimeProvider for ByClock {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().millis() / 1000).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

/// Certificates of our CA, whenever they count. Who may do what with one that has ended is decided where the device is known.
#[derive(Debug)]
struct AtAnyTime(Arc<ServerIdentity>);

impl ClientCertVerifier for AtAnyTime {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// None: a device has one certificate, and which CAs there are changes while the server runs.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        match (
            self.0.is_a_devices(end_entity, intermediates),
            &self.0.machines,
        ) {
            (Err(refused), Some(machines)) => {
                // Theirs count by the clock: who wants such a machine out lets its certificate end.
                let now = unix(self.0.clock.now().millis());
                let theirs = machines.verify_client_cert(end_entity, intermediates, now);
                theirs.map_err(|error| {
                    tracing::debug!(%error, "no certificate of the owner's PKI either");
                    refused
                })
            }
            (verified, _) => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0
            .devices()
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0
            .devices()
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.devices().supported_verify_schemes()
    }
}

/// The TLS settings of the collectors' port.
pub fn collectors_config(
    identity: Arc<ServerIdentity>,
    clock: &Clock,
) -> Result<rustls::ServerConfig, TlsError> {
    let verifier = Arc::new(AtAnyTime(Arc::clone(&identity)));
    let time = Arc::new(ByClock(clock.clone()));
    let mut config = rustls::ServerConfig::builder_with_details(provider(), time)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(identity);
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// The TLS settings of the web port, over any certificate.
pub fn web_config(identity: Arc<dyn ResolvesServerCert>) -> Result<rustls::ServerConfig, TlsError> {
    let mut config = rustls::ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(identity);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Address it comes from.
    pub address: SocketAddr,
    /// SHA-256 of the SubjectPublicKeyInfo of its verified certificate; `None` where it showed none.
    pub key_sha256: Option<Arc<[u8]>>,
    /// Until when that certificate counts, which may have passed.
    pub not_after: Option<Time>,
    /// Whether that certificate is of a generation of the CA that is retired.
    pub of_retired_ca: bool,
    /// DNS names in the certificate of the owner's own PKI that it showed in the place of one of ours.
    pub machine_names: Option<Arc<[String]>>,
}

/// A connection after its handshake.
pub struct PeerStream {
    stream: TlsStream<TcpStream>,
    peer: Peer,
}

impl Connected for PeerStream {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for PeerStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for PeerStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// What stands between a connection and the services.
pub struct Door {
    /// How hands are shaken.
    pub config: rustls::ServerConfig,
    /// Who issues.
    pub ca: Arc<Ca>,
    /// Whose certificates are shown and let in.
    pub identity: Arc<ServerIdentity>,
    /// How often an address may knock.
    pub throttle: Arc<Throttle>,
    /// Counters.
    pub metrics: Arc<Metrics>,
}

/// Accepts connections until `stop`, and gives those whose handshake succeeded. Slow and failing handshakes hold nobody up.
pub fn accept(
    listener: TcpListener,
    door: Door,
    stop: CancellationToken,
) -> mpsc::Receiver<io::Result<PeerStream>> {
    let (ready, incoming) = mpsc::channel(HANDSHAKES_AT_ONCE);
    let Door {
        config,
        ca,
        identity,
        throttle,
        metrics,
    } = door;
    let who = (ca, identity);
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let under_way = Arc::new(tokio::sync::Semaphore::new(HANDSHAKES_AT_ONCE));
    let refused = Arc::new(Mutex::new(HashMap::new()));
    tokio::spawn(async move {
        loop {
            let permit = tokio::select! {
                () = stop.cancelled() => break,
                permit = Arc::clone(&under_way).acquire_owned() => permit,
            };
            let (stream, address) = tokio::select! {
                () = stop.cancelled() => break,
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        // Out of file descriptors, for example: wait instead of spinning.
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(Duration::from_millis(200)).await;
                        continue;
                    }
                },
            };
            // Before any cryptography; collectors come again by themselves, ever more slowly.
            let Some(begun) = throttle.admits(address.ip()) else {
                metrics.connections_throttled.inc();
                if first_in_a_while(&refused, address.ip()) {
                    tracing::warn!(%address, "an address makes too many connections (limits.handshakes_per_second), or begins too many at once; further ones from it are not logged for 10 minutes");
                }
                continue;
            };
            let (acceptor, ready, who) = (acceptor.clone(), ready.clone(), who.clone());
            let (metrics, refused) = (Arc::clone(&metrics), Arc::clone(&refused));
            tokio::spawn(async move {
                let connections = &metrics.connections;
                let _under_way = (permit, begun, UnderWay::begin(&connections.handshakes));
                let begun = Instant::now();
                let shaken = handshake(&acceptor, stream, address, &who).await;
                let seconds = begun.elapsed().as_secs_f64();
                connections.handshake.observe(seconds);
                match shaken {
                    Ok(stream) => {
                        metrics.handshakes.inc();
                        // The receiver is gone only when the server stops.
                        let _ = ready.send(Ok(stream)).await;
                    }
                    Err(error) => {
                        metrics.handshakes_failed.inc();
                        if first_in_a_while(&refused, address.ip()) {
                            tracing::info!(%address, %error, "handshake refused; further ones from this address are not logged for 10 minutes");
                        }
                    }
                }
            });
        }
    });
    incoming
}

async fn handshake(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
    address: SocketAddr,
    (ca, identity): &(Arc<Ca>, Arc<ServerIdentity>),
) -> io::Result<PeerStream> {
    stream.set_nodelay(true)?;
    let stream = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream))
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no handshake within 10 seconds"))??;
    let shown = stream.get_ref().1.peer_certificates();
    let mut machine_names = None;
    let certificate = shown
        .and_then(<[_]>::split_first)
        .and_then(|(first, rest)| match identity.whose(first, rest) {
            Whose::Devices => Some(first),
            Whose::Machines(names) => {
                machine_names = Some(names);
                None
            }
        });
    let key_sha256 = certificate.and_then(key_sha256_of).map(Arc::from);
    let not_after = certificate.and_then(validity_of).map(|(_, until)| until);
    let of_retired_ca = certificate.is_some_and(|shown| ca.in_force().is_of_retired(shown));
    Ok(PeerStream {
        stream,
        peer: Peer {
            address,
            key_sha256,
            not_after,
            of_retired_ca,
            machine_names,
        },
    })
}

fn first_in_a_while(refused: &Mutex<HashMap<IpAddr, Instant>>, address: IpAddr) -> bool {
    let mut refused = refused
        .lock()
        .expect("never poisoned: nothing panics while it is held");
    let now = Instant::now();
    if refused.len() >= LOGGED_ADDRESSES {
        refused.retain(|_, at| now.duration_since(*at) < LOG_AGAIN_AFTER);
    }
    match refused.get(&address) {
        Some(at) if now.duration_since(*at) < LOG_AGAIN_AFTER => false,
        _ if refused.len() >= LOGGED_ADDRESSES => false,
        _ => {
            refused.insert(address, now);
            true
        }
    }
}
