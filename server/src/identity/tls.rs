//! The TLS of the collectors' port: TLS 1.3 only, client certificates of the own CA, no session resumption.
//!
//! Resumption is off because a resumed session restores the client's chain without validating it again, so that a revoked device
//! could come back. The server certificate is replaced while the server runs ([`ServerIdentity::renew`]).
//!
//! A connection without a client certificate is let in, because enrolment has none yet; every call but enrolment refuses it. One with
//! a certificate of another CA, or an expired one, ends in the handshake.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, RwLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::UnixTime;
use rustls::server::{
    ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;

use crate::clock::Clock;
use crate::identity::ca::{Ca, CaError, key_sha256_of};
use crate::metrics::Metrics;

/// A handshake that takes longer is dropped.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Handshakes under way at once; more wait in the listen queue.
const HANDSHAKES_AT_ONCE: usize = 256;
/// A refused address is logged once within this time.
const LOG_AGAIN_AFTER: Duration = Duration::from_mins(10);
/// Addresses remembered for that.
const LOGGED_ADDRESSES: usize = 4096;

/// The one place where this program picks its cryptography.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
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
    /// The client verifier cannot be built.
    #[error("the CA's certificate cannot be used to verify devices")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
}

/// The certificate that this server shows, replaceable while it runs.
pub struct ServerIdentity {
    names: Vec<String>,
    current: RwLock<Arc<CertifiedKey>>,
}

impl fmt::Debug for ServerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerIdentity")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

impl ServerIdentity {
    /// Issues a first certificate for `names`.
    pub fn issue(ca: &Ca, names: &[String], clock: &Clock) -> Result<Arc<Self>, TlsError> {
        Ok(Arc::new(Self {
            names: names.to_vec(),
            current: RwLock::new(certify(ca, names, clock)?),
        }))
    }

    /// Issues a new certificate; connections made from now on see it.
    pub fn renew(&self, ca: &Ca, clock: &Clock) -> Result<(), TlsError> {
        let fresh = certify(ca, &self.names, clock)?;
        *self
            .current
            .write()
            .expect("never poisoned: nothing panics while it is held") = fresh;
        Ok(())
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

fn certify(ca: &Ca, names: &[String], clock: &Clock) -> Result<Arc<CertifiedKey>, TlsError> {
    let (chain, key) = ca.issue_server(names, clock.now())?;
    let signing = provider().key_provider.load_private_key(key)?;
    Ok(Arc::new(CertifiedKey::new(chain, signing)))
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

/// The TLS settings of the collectors' port.
pub fn collectors_config(
    ca: &Ca,
    identity: Arc<ServerIdentity>,
    clock: &Clock,
) -> Result<rustls::ServerConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add(ca.certificate().clone())?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .allow_unauthenticated()
        .build()?;
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

/// Accepts connections until `stop`, and gives those whose handshake succeeded. Slow and failing handshakes hold nobody up.
pub fn accept(
    listener: TcpListener,
    config: rustls::ServerConfig,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) -> mpsc::Receiver<io::Result<PeerStream>> {
    let (ready, incoming) = mpsc::channel(HANDSHAKES_AT_ONCE);
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
            let (acceptor, ready) = (acceptor.clone(), ready.clone());
            let (metrics, refused) = (Arc::clone(&metrics), Arc::clone(&refused));
            tokio::spawn(async move {
                let _permit = permit;
                match handshake(&acceptor, stream, address).await {
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
) -> io::Result<PeerStream> {
    stream.set_nodelay(true)?;
    let stream = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream))
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no handshake within 10 seconds"))??;
    let key_sha256 = stream
        .get_ref()
        .1
        .peer_certificates()
        .and_then(|chain| chain.first())
        .and_then(key_sha256_of)
        .map(Arc::from);
    Ok(PeerStream {
        stream,
        peer: Peer {
            address,
            key_sha256,
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
