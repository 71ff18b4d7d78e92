//! What a bare TLS stream carries: messages of one size one way and short answers back, over many connections, client and server in one
//! process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use sickbay_server::identity::tls::provider;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Bytes of an answer: about what an acknowledgement has.
const ANSWER: usize = 48;
const NAME: &str = "localhost";

/// Messages a second that are answered, with so many under way on each connection.
pub(super) async fn per_second(
    connections: usize,
    under_way: usize,
    bytes: usize,
    counted: Duration,
) -> anyhow::Result<f64> {
    let (server, client) = configs()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let acceptor = TlsAcceptor::from(server);
        let mut answering = JoinSet::new();
        while let Ok((tcp, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            answering.spawn(async move {
                tcp.set_nodelay(true)?;
                answer(acceptor.accept(tcp).await?, bytes).await
            });
        }
    });
    let answered = Arc::new(AtomicU64::new(0));
    let connector = TlsConnector::from(client);
    for _ in 0..connections {
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        let stream = connector
            .connect(ServerName::try_from(NAME).context("a name")?, tcp)
            .await?;
        let answered = Arc::clone(&answered);
        tasks.spawn(async move {
            // Ends with the benchmark.
            let _ = ask(stream, under_way, bytes, &answered).await;
        });
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (before, begun) = (answered.load(Ordering::Relaxed), Instant::now());
    tokio::time::sleep(counted).await;
    let done = answered.load(Ordering::Relaxed) - before;
    Ok(done as f64 / begun.elapsed().as_secs_f64())
}

async fn answer(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    bytes: usize,
) -> std::io::Result<()> {
    let mut message = vec![0; bytes];
    loop {
        stream.read_exact(&mut message).await?;
        stream.write_all(&[1; ANSWER]).await?;
        stream.flush().await?;
    }
}

async fn ask(
    stream: impl AsyncRead + AsyncWrite,
    under_way: usize,
    bytes: usize,
    answered: &AtomicU64,
) -> std::io::Result<()> {
    let (mut from, mut to) = tokio::io::split(stream);
    let message = vec![2; bytes];
    for _ in 0..under_way {
        to.write_all(&message).await?;
    }
    to.flush().await?;
    let mut answer = [0; ANSWER];
    loop {
        from.read_exact(&mut answer).await?;
        answered.fetch_add(1, Ordering::Relaxed);
        to.write_all(&message).await?;
        to.flush().await?;
    }
}

/// TLS 1.3 with the product's own cryptography, under a certificate of the benchmark's.
fn configs() -> anyhow::Result<(Arc<ServerConfig>, Arc<ClientConfig>)> {
    let made = rcgen::generate_simple_self_signed(vec![NAME.to_owned()])?;
    let certificate = CertificateDer::from(made.cert.der().to_vec());
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let server = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.into())?;
    let mut roots = RootCertStore::empty();
    roots.add(certificate)?;
    let client = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok((Arc::new(server), Arc::new(client)))
}
