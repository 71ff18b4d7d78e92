//! What this machine could do if there were nothing else: bare TLS streams, handshakes, idle connections and answers. The limits that figures are
//! held against, measured in the same run.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use sickbay_server::identity::tls::provider;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::Figures;
use crate::wine::process::Process;

/// Bytes of an answer: about what an acknowledgement has.
const ANSWER: usize = 48;
const NAME: &str = "localhost";
/// Handshakes under way at the same time.
const AT_ONCE: usize = 64;
/// Idle connections whose memory is looked at: enough that what does not grow with them is little of it.
const IDLE: usize = 4_000;
/// After the last of them has come.
const REST: Duration = Duration::from_secs(3);

/// Messages a second that are answered over TLS, with so many under way on each connection.
pub(super) async fn messages_per_second(
    connections: usize,
    under_way: usize,
    bytes: usize,
    counted: Duration,
) -> anyhow::Result<f64> {
    let ends = Ends::new()?;
    let mut tasks = JoinSet::new();
    let address = serve(&ends, bytes, &mut tasks).await?;
    let answered = Arc::new(AtomicU64::new(0));
    let connector = ends.connector()?;
    for _ in 0..connections {
        let stream = connect(&connector, &address).await?;
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

/// Connections a second that both ends have proven themselves on, each answered once; none takes up an earlier one.
pub(super) async fn handshakes_per_second(counted: Duration) -> anyhow::Result<f64> {
    let ends = Ends::new()?;
    let mut serving = JoinSet::new();
    let address = serve(&ends, ANSWER, &mut serving).await?;
    let connector = ends.connector()?;
    let done = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    let begun = Instant::now();
    for _ in 0..AT_ONCE {
        let (connector, address, done) = (connector.clone(), address.clone(), Arc::clone(&done));
        tasks.spawn(async move {
            while begun.elapsed() < counted {
                // A client is done before its server has looked at its certificate: only the answer says so.
                let mut stream = connect(&connector, &address).await?;
                once(&mut stream).await?;
                done.fetch_add(1, Ordering::Relaxed);
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.context("a task of handshakes ended")??;
    }
    Ok(done.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64())
}

/// Memory that a server of bare TLS has for each idle connection, in bytes: a program of its own, see [`hold`].
pub(super) async fn bytes_of_idle_connection() -> anyhow::Result<f64> {
    let folder = tempfile::tempdir().context("make a folder for certificates")?;
    let ends = Ends::new()?;
    ends.write(folder.path())?;
    let program = std::env::current_exe().context("find this program")?;
    let mut child = Command::new(program)
        .arg("hold")
        .arg(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("start a server of bare TLS")?;
    let told = child.stdout.take().context("its output is a pipe")?;
    let mut lines = tokio::io::BufReader::new(told).lines();
    let address = lines.next_line().await?;
    let address = address.context("a server of bare TLS ended at once")?;
    let id = child.id().context("a server of bare TLS has ended")?;
    let server = Process::of(id);
    let connector = ends.connector()?;
    // What comes with the first is no connection's.
    let mut open = vec![connect_and_speak(&connector, &address).await?];
    tokio::time::sleep(REST).await;
    let before = server.private_bytes()?;
    for _ in 0..IDLE {
        open.push(connect_and_speak(&connector, &address).await?);
    }
    tokio::time::sleep(REST).await;
    let after = server.private_bytes()?;
    child.kill().await.context("end a server of bare TLS")?;
    Ok((after.saturating_sub(before) as f64 / IDLE as f64).round())
}

/// The program behind [`bytes_of_idle_connection`]: says its address and holds whatever connects, until it is killed.
pub(super) async fn hold(folder: &Path) -> anyhow::Result<Figures> {
    let ends = Ends::read(folder)?;
    let mut tasks = JoinSet::new();
    let address = serve(&ends, ANSWER, &mut tasks).await?;
    super::tell(&address);
    std::future::pending().await
}

/// How long a server over plain HTTP takes that answers at once with so many bytes: the median of so many answers.
pub(super) async fn answer_time(
    client: &reqwest::Client,
    bytes: usize,
    answers: usize,
) -> anyhow::Result<Duration> {
    ensure!(answers > 0, "nothing is asked");
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}/", listener.local_addr()?);
    let serving = tokio::spawn(async move {
        let mut answering = JoinSet::new();
        // A client may open another connection while one is still busy.
        while let Ok((stream, _)) = listener.accept().await {
            answering.spawn(answer_at_once(stream, bytes));
        }
    });
    let mut took = Vec::with_capacity(answers);
    for _ in 0..answers {
        let begun = Instant::now();
        let answer = client.get(&address).send().await?.bytes().await?;
        took.push(begun.elapsed());
        ensure!(answer.len() == bytes, "{} bytes came", answer.len());
    }
    serving.abort();
    took.sort_unstable();
    Ok(took[answers / 2])
}

async fn answer_at_once(mut stream: TcpStream, bytes: usize) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\n\r\n").into_bytes();
    answer.resize(answer.len() + bytes, b'x');
    let mut asked = Vec::new();
    while stream.read_buf(&mut asked).await? > 0 {
        if asked.ends_with(b"\r\n\r\n") {
            stream.write_all(&answer).await?;
            asked.clear();
        }
    }
    Ok(())
}

/// Answers every message of so many bytes; says where. Ends with the tasks.
async fn serve(ends: &Ends, bytes: usize, tasks: &mut JoinSet<()>) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let acceptor = TlsAcceptor::from(ends.server()?);
    tasks.spawn(async move {
        let mut answering = JoinSet::new();
        while let Ok((tcp, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            answering.spawn(async move {
                tcp.set_nodelay(true)?;
                answer(acceptor.accept(tcp).await?, bytes).await
            });
            // Who has gone keeps nothing here.
            while answering.try_join_next().is_some() {}
        }
    });
    Ok(address)
}

async fn connect(connector: &TlsConnector, address: &str) -> anyhow::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(address).await?;
    tcp.set_nodelay(true)?;
    let name = ServerName::try_from(NAME).context("a name")?;
    Ok(connector.connect(name, tcp).await?)
}

async fn connect_and_speak(
    connector: &TlsConnector,
    address: &str,
) -> anyhow::Result<TlsStream<TcpStream>> {
    let mut stream = connect(connector, address).await?;
    once(&mut stream).await?;
    Ok(stream)
}

/// A message and its answer, of the same length.
async fn once(stream: &mut TlsStream<TcpStream>) -> anyhow::Result<()> {
    let mut message = [2; ANSWER];
    stream.write_all(&message).await?;
    stream.flush().await?;
    stream.read_exact(&mut message).await?;
    Ok(())
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

/// The certificates of both ends, made for one benchmark.
struct Ends {
    server: End,
    client: End,
}

struct End {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Ends {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            server: End::new()?,
            client: End::new()?,
        })
    }

    fn read(folder: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            server: End::read(folder, "server")?,
            client: End::read(folder, "client")?,
        })
    }

    fn write(&self, folder: &Path) -> anyhow::Result<()> {
        self.server.write(folder, "server")?;
        self.client.write(folder, "client")
    }

    /// TLS 1.3 with the product's own cryptography, with a client that has a certificate.
    fn server(&self) -> anyhow::Result<Arc<ServerConfig>> {
        let verifier =
            WebPkiClientVerifier::builder_with_provider(self.client.roots()?.into(), provider());
        let config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(verifier.build()?)
            .with_single_cert(self.server.chain(), self.server.key())?;
        Ok(Arc::new(config))
    }

    fn connector(&self) -> anyhow::Result<TlsConnector> {
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(self.server.roots()?)
            .with_client_auth_cert(self.client.chain(), self.client.key())?;
        config.resumption = Resumption::disabled();
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

impl End {
    fn new() -> anyhow::Result<Self> {
        let made = rcgen::generate_simple_self_signed(vec![NAME.to_owned()])?;
        Ok(Self {
            certificate: made.cert.der().to_vec(),
            key: made.signing_key.serialize_der(),
        })
    }

    fn files(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let file = |what: &str| folder.join(format!("{name}.{what}"));
        (file("crt"), file("key"))
    }

    fn read(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let (certificate, key) = Self::files(folder, name);
        Ok(Self {
            certificate: std::fs::read(certificate).context("read a certificate")?,
            key: std::fs::read(key).context("read a key")?,
        })
    }

    fn write(&self, folder: &Path, name: &str) -> anyhow::Result<()> {
        let (certificate, key) = Self::files(folder, name);
        std::fs::write(certificate, &self.certificate).context("write a certificate")?;
        std::fs::write(key, &self.key).context("write a key")
    }

    fn chain(&self) -> Vec<CertificateDer<'static>> {
        vec![CertificateDer::from(self.certificate.clone())]
    }

    fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.clone()).into()
    }

    fn roots(&self) -> anyhow::Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(self.certificate.clone()))?;
        Ok(roots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_limit_is_measured() -> anyhow::Result<()> {
        let short = Duration::from_millis(200);
        assert!(messages_per_second(2, 1, 1_000, short).await? > 0.0);
        assert!(handshakes_per_second(short).await? > 0.0);
        let client = crate::bench::plain_client()?;
        assert!(answer_time(&client, 10_000, 300).await? > Duration::ZERO);
        Ok(())
    }

    #[tokio::test]
    async fn who_has_no_certificate_is_not_counted() -> anyhow::Result<()> {
        let ends = Ends::new()?;
        let mut tasks = JoinSet::new();
        let address = serve(&ends, ANSWER, &mut tasks).await?;
        let stranger = Ends {
            server: ends.server,
            client: End::new()?,
        };
        let connected = connect_and_speak(&stranger.connector()?, &address).await;
        assert!(connected.is_err(), "a stranger was answered");
        Ok(())
    }
}
