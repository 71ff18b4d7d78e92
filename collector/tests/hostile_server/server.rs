//! The hostile server: it holds the CA that the collector trusts, answers every call by chance, and spoils some of its answers on
//! their way into the connection.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use prost::Message as _;
use sickbay_proto::limits::MESSAGE_BYTES;
use sickbay_proto::v1;
use sickbay_proto::v1::enrolment_server::{Enrolment, EnrolmentServer};
use sickbay_proto::v1::error_detail::Reason;
use sickbay_proto::v1::fleet_server::{Fleet, FleetServer};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::metadata::{BinaryMetadataValue, MetadataMap};
use tonic::server::NamedService;
use tonic::{Code, Request, Response, Status, Streaming};

use crate::dice::{self, Dice, Known, Words};
use crate::flood::{self, Flood};
use crate::spoil::{self, Spoil};
use crate::{forgery, honest};

/// The name of its threads, by which its own panics are told from the collector's.
pub(crate) const THREAD: &str = "hostile-server";
/// Life of the certificates that a flood issues.
const LIFE: Duration = Duration::from_hours(1);
/// Longest time that a session of the hostile server lasts.
const SESSION: Duration = Duration::from_millis(60);

/// What all calls share.
pub(crate) struct Mind {
    /// Where the CA stands.
    honest: Arc<honest::Shared>,
    seed: u64,
    words: Words,
    /// What it says instead, over and over, in connections that are never spoiled.
    flood: Option<Flood>,
    /// From this answer on it may ask for patience without end.
    patience_from: usize,
    answers: AtomicUsize,
    refusals: AtomicUsize,
    marks: AtomicUsize,
    counts: Mutex<BTreeMap<&'static str, usize>>,
    /// What was said, by the names of [`dice::SAID`], and every reason of a refusal.
    said: Mutex<BTreeSet<String>>,
}

impl Mind {
    /// Says everything that a server can say, by chance.
    pub(crate) fn new(
        honest: Arc<honest::Shared>,
        seed: u64,
        words: Words,
        patience_from: usize,
    ) -> Arc<Self> {
        Arc::new(Self {
            honest,
            seed,
            words,
            flood: None,
            patience_from,
            answers: AtomicUsize::new(0),
            // Each seed begins with another reason.
            refusals: AtomicUsize::new(5 * seed as usize),
            marks: AtomicUsize::new(1),
            counts: Mutex::default(),
            said: Mutex::default(),
        })
    }

    /// Says one thing without end.
    pub(crate) fn flooding(honest: Arc<honest::Shared>, flood: Flood) -> Arc<Self> {
        let words = Words::new(Vec::new());
        let mut mind = Arc::into_inner(Self::new(honest, 0, words, 0)).unwrap();
        mind.flood = Some(flood);
        Arc::new(mind)
    }

    /// How many calls were answered, and messages of a flood sent.
    pub(crate) fn answers(&self) -> usize {
        self.answers.load(Ordering::Relaxed)
    }

    /// What was said so far.
    pub(crate) fn said(&self) -> BTreeSet<String> {
        self.said.lock().unwrap().clone()
    }

    fn dice(&self, what: &'static str) -> Dice {
        let mut counts = self.counts.lock().unwrap();
        let count = counts.entry(what).or_default();
        *count += 1;
        Dice::new(self.seed, what, *count)
    }

    fn note(&self, what: impl Into<String>) {
        self.said.lock().unwrap().insert(what.into());
    }

    /// The mark of what a flood issues now; after each certificate it is another.
    pub(crate) fn newest_mark(&self) -> prost::bytes::Bytes {
        let mark = self.marks.load(Ordering::Relaxed) as u8;
        vec![mark; 32].into()
    }

    /// Counts an answer. Whether it may ask for patience without end.
    pub(crate) fn answer(&self) -> bool {
        self.answers.fetch_add(1, Ordering::Relaxed) >= self.patience_from
    }

    fn refusal(&self, dice: &mut Dice, for_ever: bool) -> Status {
        let code = Code::from_i32(dice.throw(1..17));
        let message = dice.text(&self.words);
        let mut metadata = MetadataMap::new();
        let details = dice.throw(0..8);
        if details > 0 {
            let nth = self.refusals.fetch_add(1, Ordering::Relaxed);
            let detail = dice.throw(dice::error_detail(nth, for_ever));
            self.note(name_of_reason(detail.reason()));
            let trailer = BinaryMetadataValue::from_bytes(&detail.encode_to_vec());
            metadata.insert_bin(sickbay_proto::ERROR_TRAILER, trailer);
        }
        if details < 2 {
            let noise = BinaryMetadataValue::from_bytes(&dice.bytes(64));
            metadata.append_bin(sickbay_proto::ERROR_TRAILER, noise);
        }
        Status::with_metadata(code, message, metadata)
    }

    /// Answers whoever has a certificate and asks for another.
    fn exchange(
        &self,
        call: &'static str,
        name: &'static str,
        csr: &[u8],
    ) -> Result<Response<v1::Certificate>, Status> {
        if self.flood.is_some() {
            let mut issued = self.honest.ca.issue("a-device", csr, LIFE);
            issued.identity_mark = self.newest_mark();
            self.marks.fetch_add(1, Ordering::Relaxed);
            return Ok(Response::new(issued));
        }
        let for_ever = self.answer();
        let mut dice = self.dice(call);
        // Without a request there is nothing to answer: the probe knocks so.
        if csr.is_empty() || dice.once_in(5) {
            return Err(self.refusal(&mut dice, for_ever));
        }
        let device_id = self.device_id(&mut dice);
        self.note(name);
        let forged = forgery::certificate(&mut dice, &self.honest.ca, device_id, csr);
        Ok(Response::new(forged))
    }

    fn device_id(&self, dice: &mut Dice) -> String {
        if dice.once_in(2) {
            dice.plain_name()
        } else {
            dice.text(&self.words)
        }
    }
}

/// Under which name a refusal counts.
pub(crate) fn name_of_reason(reason: Reason) -> String {
    format!("refused: {reason:?}")
}

/// A hostile server that is up while this lives.
pub(crate) struct Hostile(Option<Runtime>);

impl Drop for Hostile {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Hostile {
    /// Listens on `port`, which an honest server had before.
    pub(crate) async fn start(mind: Arc<Mind>, port: u16) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(THREAD)
            .enable_all()
            .build()
            .unwrap();
        runtime.spawn(serve(mind, port)).await.unwrap();
        Self(Some(runtime))
    }

    /// Ends at once; every connection is gone when this returns.
    pub(crate) async fn kill(mut self) {
        let runtime = self.0.take().unwrap();
        tokio::task::spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(5)))
            .await
            .unwrap();
    }
}

async fn serve(mind: Arc<Mind>, port: u16) {
    let listener = honest::bind(port).await;
    let (sender, incoming) = mpsc::channel(64);
    tokio::spawn(accept(Arc::clone(&mind), listener, sender));
    let answers = Answers(Arc::clone(&mind));
    tokio::spawn(async move {
        tonic::transport::Server::builder()
            .add_service(Spoiling {
                inner: EnrolmentServer::new(answers.clone()).max_encoding_message_size(usize::MAX),
                mind: Arc::clone(&mind),
            })
            .add_service(Spoiling {
                inner: FleetServer::new(answers).max_encoding_message_size(usize::MAX),
                mind,
            })
            .serve_with_incoming(ReceiverStream::new(incoming))
            .await
    });
}

async fn accept(
    mind: Arc<Mind>,
    listener: TcpListener,
    sender: mpsc::Sender<std::io::Result<honest::Secured>>,
) {
    let named = TlsAcceptor::from(Arc::new(mind.honest.ca.tls(&["127.0.0.1"])));
    let misnamed = TlsAcceptor::from(Arc::new(mind.honest.ca.tls(&[
        "evil.example",
        "\u{1b}[31mred\u{7}",
        "two\r\nlines",
    ])));
    loop {
        let Ok((mut tcp, _)) = listener.accept().await else {
            return;
        };
        tcp.set_nodelay(true).unwrap();
        let mut dice = mind.dice("connection");
        let (sender, named, misnamed) = (sender.clone(), named.clone(), misnamed.clone());
        let mind = Arc::clone(&mind);
        tokio::spawn(async move {
            let kind = if mind.flood.is_some() {
                usize::MAX
            } else {
                dice.throw(0_usize..20)
            };
            match kind {
                // No TLS at all.
                0 => {
                    mind.answer();
                    let _ = tcp.write_all(&dice.bytes(2000)).await;
                }
                // A certificate of the right CA that names somebody else, in words that command terminals.
                1 => {
                    mind.answer();
                    let _ = misnamed.accept(tcp).await;
                }
                // TLS, and then no HTTP/2.
                2 => {
                    mind.answer();
                    if let Ok(mut stream) = named.accept(tcp).await {
                        let _ = stream.write_all(&dice.bytes(5000)).await;
                        let _ = stream.shutdown().await;
                    }
                }
                _ => {
                    if let Ok(stream) = named.accept(tcp).await {
                        let _ = sender.send(Ok(honest::Secured(stream))).await;
                    }
                }
            }
        });
    }
}

/// Lets an answer through, or what became of it.
#[derive(Clone)]
struct Spoiling<S> {
    inner: S,
    mind: Arc<Mind>,
}

impl<S: NamedService> NamedService for Spoiling<S> {
    const NAME: &'static str = S::NAME;
}

type HttpAnswer = http::Response<tonic::body::Body>;

impl<S> Service<http::Request<tonic::body::Body>> for Spoiling<S>
where
    S: Service<http::Request<tonic::body::Body>, Response = HttpAnswer, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = HttpAnswer;
    type Error = Infallible;
    type Future = BoxFuture<HttpAnswer, Infallible>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        let answering = self.inner.call(request);
        let mind = Arc::clone(&self.mind);
        Box::pin(async move {
            let answer = answering.await?;
            match mind.flood {
                Some(Flood::Piles) => return Ok(spoil::with_piles(answer)),
                Some(_) => return Ok(answer),
                None => {}
            }
            Ok(Spoil::of(mind.dice("spoil"), &mind.words).done_to(answer))
        })
    }
}

/// The calls of the protocol, every one: a call that is added to it stops this from compiling.
#[derive(Clone)]
struct Answers(Arc<Mind>);

#[tonic::async_trait]
impl Enrolment for Answers {
    async fn enrol(
        &self,
        request: Request<v1::EnrolRequest>,
    ) -> Result<Response<v1::EnrolResponse>, Status> {
        use v1::enrol_response::Outcome;
        let mind = &self.0;
        let for_ever = mind.answer();
        let mut dice = mind.dice("enrol");
        let device_id = mind.device_id(&mut dice);
        let outcome = match dice.throw(0..10) {
            0 => None,
            1..3 => Some(Outcome::Pending(
                dice.throw(dice::pending(device_id, for_ever)),
            )),
            3..5 => return Err(mind.refusal(&mut dice, for_ever)),
            _ => {
                let csr = request.into_inner().csr_der;
                let forged = forgery::certificate(&mut dice, &mind.honest.ca, device_id, &csr);
                Some(Outcome::Issued(forged))
            }
        };
        let answer = v1::EnrolResponse { outcome };
        mind.note(dice::name_of_enrolment(&answer));
        Ok(Response::new(answer))
    }

    async fn recover(
        &self,
        request: Request<v1::RecoverRequest>,
    ) -> Result<Response<v1::Certificate>, Status> {
        let csr = request.into_inner().csr_der;
        self.0.exchange("recover", "recover: certificate", &csr)
    }
}

#[tonic::async_trait]
impl Fleet for Answers {
    type SessionStream = ReceiverStream<Result<v1::ServerMessage, Status>>;

    async fn session(
        &self,
        request: Request<Streaming<v1::CollectorMessage>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let mind = Arc::clone(&self.0);
        if let Some(flood) = mind.flood {
            let (sender, receiver) = mpsc::channel(64);
            tokio::spawn(flood::pour(mind, flood, request.into_inner(), sender));
            return Ok(Response::new(ReceiverStream::new(receiver)));
        }
        let for_ever = mind.answer();
        let mut dice = mind.dice("session");
        if dice.once_in(4) {
            return Err(mind.refusal(&mut dice, for_ever));
        }
        let (sender, receiver) = mpsc::channel(4);
        tokio::spawn(async move {
            let talking = talk(mind, dice, request.into_inner(), sender, for_ever);
            // A collector that stops reading must not hold up the test.
            let _ = tokio::time::timeout(SESSION, talking).await;
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn renew(
        &self,
        request: Request<v1::RenewRequest>,
    ) -> Result<Response<v1::Certificate>, Status> {
        let csr = request.into_inner().csr_der;
        self.0.exchange("renew", "renew: certificate", &csr)
    }

    async fn goodbye(
        &self,
        _request: Request<v1::GoodbyeRequest>,
    ) -> Result<Response<v1::GoodbyeResponse>, Status> {
        let mind = &self.0;
        let for_ever = mind.answer();
        let mut dice = mind.dice("goodbye");
        if dice.once_in(3) {
            return Err(mind.refusal(&mut dice, for_ever));
        }
        mind.note("goodbye: answer");
        Ok(Response::new(v1::GoodbyeResponse {}))
    }
}

/// One session. Some begin before the collector has said a word, some as they should, and go wrong from there.
async fn talk(
    mind: Arc<Mind>,
    mut dice: Dice,
    mut incoming: Streaming<v1::CollectorMessage>,
    outgoing: mpsc::Sender<Result<v1::ServerMessage, Status>>,
    for_ever: bool,
) {
    use v1::server_message::Kind;
    let known = Arc::new(Mutex::new(Known::default()));
    if !dice.once_in(5) {
        let Ok(Some(message)) = incoming.message().await else {
            return;
        };
        learn(&known, message);
        if !dice.once_in(4) {
            let welcome = dice.throw(dice::agreeing_welcome(&known.lock().unwrap()));
            let message = v1::ServerMessage {
                kind: Some(Kind::Welcome(welcome)),
            };
            if outgoing.send(Ok(message)).await.is_err() {
                return;
            }
        }
    }
    // Some sessions are not listened to.
    if !dice.once_in(4) {
        let known = Arc::clone(&known);
        tokio::spawn(async move {
            while let Ok(Some(message)) = incoming.message().await {
                learn(&known, message);
            }
        });
    }
    let unhurried = dice.once_in(4);
    for _ in 0..dice.throw(0..30) {
        let message = if dice.once_in(60) {
            oversized()
        } else {
            let known = known.lock().unwrap().clone();
            dice.throw(dice::server_message(&known, &mind.words))
        };
        for name in dice::names_of(&message) {
            mind.note(name);
        }
        if outgoing.send(Ok(message)).await.is_err() {
            return;
        }
        if unhurried {
            // Time for an inspection and its report.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    if dice.once_in(2) {
        let _ = outgoing.send(Err(mind.refusal(&mut dice, for_ever))).await;
    }
}

pub(crate) fn learn(known: &Mutex<Known>, message: v1::CollectorMessage) {
    use v1::collector_message::Kind;
    let mut known = known.lock().unwrap();
    match message.kind {
        Some(Kind::Hello(hello)) => {
            known.epoch = hello.epoch.to_vec();
            known.sequence = hello.acknowledged;
            known.digest = hello.digest.to_vec();
        }
        Some(Kind::Report(report)) => {
            known.sequence = report.sequence;
            known.digest = report.digest.to_vec();
        }
        _ => {}
    }
}

/// A message that is larger than any may be.
fn oversized() -> v1::ServerMessage {
    let reason = "a".repeat(MESSAGE_BYTES + 1);
    v1::ServerMessage {
        kind: Some(v1::server_message::Kind::FullWanted(v1::FullWanted {
            reason,
        })),
    }
}
