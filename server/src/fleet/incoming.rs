//! What a collector says in a session, message by message, in no more memory than that takes.
//!
//! tonic reads a stream of messages through one buffer, which grows to the largest of them and stays so: a device that told everything once
//! would hold some 40 kB for as long as it is connected. So the body of a request is kept apart from what reads it ([`lend`]), and where
//! nothing is half read after a large message, another reader takes over, with a small buffer.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use axum::http::Request;
use bytes::{Buf as _, Bytes};
use http_body::{Frame, SizeHint};
use sickbay_proto::{codec, limits};
use tonic::body::Body;
use tonic::codec::{BufferSettings, DecodeBuf, Decoder};
use tonic::{Status, Streaming};
use tonic_prost::ProstDecoder;

use crate::wire::CollectorMessage;

/// A reader that read a message of more bytes than this is replaced.
const LARGE: usize = 4 * 1_024;
/// What precedes each message: whether it is compressed, and its length.
const HEADER_BYTES: usize = 5;

/// The body of a request, lent to whoever reads it at the moment.
#[derive(Clone)]
pub struct Lent(Arc<Shared>);

struct Shared {
    body: Mutex<Body>,
    /// Bytes that readers were given.
    given: AtomicUsize,
}

/// Puts a request's body where a session finds it ([`Incoming::new`]); for every other call nothing changes.
pub fn lend(request: Request<Body>) -> Request<Body> {
    let (mut head, body) = request.into_parts();
    let lent = Lent(Arc::new(Shared {
        body: Mutex::new(body),
        given: AtomicUsize::new(0),
    }));
    head.extensions.insert(lent.clone());
    Request::from_parts(head, Body::new(lent))
}

impl http_body::Body for Lent {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let mut body = self.body();
        let polled = Pin::new(&mut *body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            self.0.given.fetch_add(data.len(), Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body().size_hint()
    }
}

impl Lent {
    fn body(&self) -> std::sync::MutexGuard<'_, Body> {
        self.0
            .body
            .lock()
            .expect("never poisoned: nothing panics while it is held")
    }
}

/// Counts what was read of a body, and notes how large the largest message was.
#[derive(Debug, Default)]
struct Read {
    bytes: AtomicUsize,
    largest: AtomicUsize,
}

struct Counting {
    inner: ProstDecoder<CollectorMessage>,
    read: Arc<Read>,
}

impl Decoder for Counting {
    type Item = CollectorMessage;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Self::Item>, Status> {
        let length = buffer.remaining();
        self.read
            .bytes
            .fetch_add(HEADER_BYTES + length, Ordering::Relaxed);
        self.read.largest.fetch_max(length, Ordering::Relaxed);
        self.inner.decode(buffer)
    }

    fn buffer_settings(&self) -> BufferSettings {
        codec::buffers()
    }
}

/// The messages of a collector.
pub struct Incoming {
    lent: Lent,
    read: Arc<Read>,
    reader: Streaming<CollectorMessage>,
}

impl Incoming {
    /// Of a session's request that went through [`lend`], before anything of it was read.
    pub fn new(lent: Lent) -> Self {
        let read = Arc::default();
        let reader = reader(&lent, &read);
        Self { lent, read, reader }
    }

    /// The next one; `None` where the collector has ended its side. Nothing is lost where the future is dropped.
    ///
    /// # Errors
    /// What is no message, or too long, or that the connection is gone.
    pub async fn message(&mut self) -> Result<Option<CollectorMessage>, Status> {
        let message = self.reader.message().await?;
        let (largest, read) = (&self.read.largest, &self.read.bytes);
        let is_between_messages =
            || self.lent.0.given.load(Ordering::Relaxed) == read.load(Ordering::Relaxed);
        if message.is_some() && largest.load(Ordering::Relaxed) > LARGE && is_between_messages() {
            largest.store(0, Ordering::Relaxed);
            self.reader = reader(&self.lent, &self.read);
        }
        Ok(message)
    }
}

fn reader(lent: &Lent, read: &Arc<Read>) -> Streaming<CollectorMessage> {
    let decoder = Counting {
        inner: ProstDecoder::new(codec::buffers()),
        read: Arc::clone(read),
    };
    Streaming::new_request(decoder, lent.clone(), None, Some(limits::MESSAGE_BYTES))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::stream;
    use http_body_util::StreamBody;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;
    use crate::wire::answered;

    fn message(length: usize) -> CollectorMessage {
        answered("x".repeat(length))
    }

    /// As they come over the wire, in pieces that end where they like.
    fn incoming(messages: &[CollectorMessage], cuts: &[usize]) -> Incoming {
        let mut bytes = Vec::new();
        for message in messages {
            let encoded = message.encode_to_vec();
            bytes.push(0);
            bytes.extend((encoded.len() as u32).to_be_bytes());
            bytes.extend(encoded);
        }
        let mut rest = Bytes::from(bytes);
        let mut pieces = Vec::new();
        for cut in cuts {
            pieces.push(rest.split_to((*cut).min(rest.len())));
        }
        pieces.push(rest);
        let frames = pieces
            .into_iter()
            .map(|piece| Ok::<_, Infallible>(Frame::data(piece)));
        let body = Body::new(StreamBody::new(stream::iter(frames)));
        let request = lend(Request::new(body));
        let lent = request.extensions().get::<Lent>().cloned();
        Incoming::new(lent.expect("it was lent"))
    }

    async fn all(mut incoming: Incoming) -> Vec<CollectorMessage> {
        let mut all = Vec::new();
        while let Some(message) = incoming.message().await.expect("all are messages") {
            all.push(message);
        }
        all
    }

    proptest! {
        #[test]
        fn whatever_is_cut_where_nothing_is_lost(
            lengths in vec(prop_oneof![0..64_usize, LARGE - 8..LARGE + 8, 20_000..40_000_usize], 1..12),
            cuts in vec(prop_oneof![0..8_usize, 1..50_000_usize], 0..20),
        ) {
            let messages: Vec<_> = lengths.into_iter().map(message).collect();
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("start");
            let read = runtime.block_on(all(incoming(&messages, &cuts)));
            prop_assert_eq!(read, messages);
        }
    }

    #[tokio::test]
    async fn a_reader_of_large_messages_is_replaced_between_two_and_not_within_one() {
        let (large, small) = (message(30_000), message(10));
        let first = large.encoded_len() + HEADER_BYTES;
        let is_fresh = |incoming: &Incoming| incoming.read.largest.load(Ordering::Relaxed) == 0;

        let mut whole = incoming(&[large.clone(), small.clone()], &[first]);
        whole.message().await.expect("a message");
        assert!(is_fresh(&whole));

        // The second one has begun in the buffer of the first.
        let mut begun = incoming(&[large, small], &[first + 3]);
        begun.message().await.expect("a message");
        assert!(!is_fresh(&begun));
        begun.message().await.expect("a message");
        assert!(is_fresh(&begun));
        assert_eq!(begun.message().await.expect("the end"), None);
    }

    #[tokio::test]
    async fn a_message_that_is_too_long_is_refused() {
        let mut incoming = incoming(&[message(limits::MESSAGE_BYTES)], &[]);
        let refused = incoming.message().await.expect_err("too long");
        assert_eq!(refused.code(), tonic::Code::OutOfRange);
    }
}
