//! What may become of an answer on its way into the connection: bytes that are no protocol buffers, no gRPC or no HTTP that a
//! collector expects, and fields of a protocol that is newer than the collector.

use http_body_util::{BodyExt as _, Full};
use proptest::prelude::*;
use prost::bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use prost::encoding::{WireType, encode_key, encode_varint};
use tonic::body::Body;
use tonic::codegen::http;

use crate::dice::{Dice, Words};

/// Bytes before each message of gRPC: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;

#[derive(Debug, Clone, Copy)]
enum How {
    Nothing,
    /// Every message has fields that this version does not know.
    MoreFields,
    /// After every message there is one of a kind that this version does not know.
    MoreKinds,
    BitsFlipped,
    Cut,
    NoMessage,
    NoFrame,
    Compressed,
    /// A message that is longer than memory, and never ends.
    Endless,
    NoGrpc,
}

/// What becomes of one answer.
pub(crate) struct Spoil {
    how: How,
    dice: Dice,
    text: String,
}

impl Spoil {
    pub(crate) fn of(mut dice: Dice, words: &Words) -> Self {
        let how = dice.throw(prop_oneof![
            16 => Just(How::Nothing),
            4 => Just(How::MoreFields),
            4 => Just(How::MoreKinds),
            1 => Just(How::BitsFlipped),
            1 => Just(How::Cut),
            1 => Just(How::NoMessage),
            1 => Just(How::NoFrame),
            1 => Just(How::Compressed),
            1 => Just(How::Endless),
            1 => Just(How::NoGrpc),
        ]);
        let text = dice.text(words);
        Self { how, dice, text }
    }

    pub(crate) fn done_to(mut self, answer: http::Response<Body>) -> http::Response<Body> {
        match self.how {
            How::Nothing => answer,
            How::NoGrpc => {
                let status = self.dice.throw(200_u16..600);
                let type_of = ["text/html", "application/grpc", "application/grpc+json"];
                let type_of = type_of[self.dice.throw(0..type_of.len())];
                let mut answer = http::Response::new(Body::new(Full::new(Bytes::from(self.text))));
                *answer.status_mut() = http::StatusCode::from_u16(status).unwrap();
                let headers = answer.headers_mut();
                headers.insert("content-type", type_of.parse().unwrap());
                headers.insert("location", "https://evil.example/".parse().unwrap());
                answer
            }
            _ => answer.map(|body| {
                let spoiled = body.map_frame(move |frame| frame.map_data(|data| self.data(&data)));
                Body::new(spoiled)
            }),
        }
    }

    fn data(&mut self, data: &Bytes) -> Bytes {
        let mut spoiled = BytesMut::new();
        match self.how {
            How::Nothing | How::NoGrpc => spoiled.put_slice(data),
            How::MoreFields => {
                for message in messages(data) {
                    let mut message = message.to_vec();
                    self.put_unknown_field(&mut message);
                    put_message(&mut spoiled, &message);
                }
            }
            How::MoreKinds => {
                for message in messages(data) {
                    put_message(&mut spoiled, message);
                    put_message(&mut spoiled, &self.unknown_kind());
                }
            }
            How::BitsFlipped => {
                spoiled.put_slice(data);
                if !spoiled.is_empty() {
                    for _ in 0..self.dice.throw(1..8) {
                        let at = self.dice.throw(0..spoiled.len());
                        spoiled[at] ^= 1_u8 << self.dice.throw(0..8);
                    }
                }
            }
            How::Cut => spoiled.put_slice(&data[..self.dice.throw(0..=data.len())]),
            How::NoMessage => put_message(&mut spoiled, &self.dice.bytes(3000)),
            How::NoFrame => spoiled.put_slice(&self.dice.bytes(3000)),
            How::Compressed => {
                spoiled.put_slice(data);
                if let Some(compressed) = spoiled.first_mut() {
                    *compressed = 1;
                }
            }
            How::Endless => {
                spoiled.put_u8(0);
                spoiled.put_u32(u32::MAX);
                spoiled.put_slice(&self.dice.bytes(3000));
            }
        }
        spoiled.freeze()
    }

    fn put_unknown_field(&mut self, message: &mut Vec<u8>) {
        let number = self.dice.throw(16_u32..2000);
        put_text(message, number, &self.text);
        encode_key(number + 1, WireType::Varint, message);
        encode_varint(u64::MAX, message);
        encode_key(number + 2, WireType::SixtyFourBit, message);
        message.extend([0xff; 8]);
    }

    /// An order that no collector of today knows, as a message or as a request.
    fn unknown_kind(&mut self) -> Vec<u8> {
        let mut order = Vec::new();
        put_text(&mut order, 1, &self.text);
        put_text(&mut order, self.dice.throw(3_u32..9), &self.text);
        let (request, unknown) = (4, 6);
        let kind = self.dice.throw(prop_oneof![Just(request), Just(unknown)]);
        let mut message = Vec::new();
        encode_key(kind, WireType::LengthDelimited, &mut message);
        encode_varint(order.len() as u64, &mut message);
        message.extend(order);
        message
    }
}

/// In the place of every message but the first, the welcome, a pile of empty ones, which cost a server next to nothing.
pub(crate) fn with_piles(answer: http::Response<Body>) -> http::Response<Body> {
    let mut pile = BytesMut::new();
    for _ in 0..6000 {
        put_message(&mut pile, &[]);
    }
    let (pile, mut is_first) = (pile.freeze(), true);
    let mut piled = move |data: Bytes| {
        if std::mem::take(&mut is_first) {
            data
        } else {
            pile.clone()
        }
    };
    answer.map(|body| Body::new(body.map_frame(move |frame| frame.map_data(&mut piled))))
}

fn put_text(into: &mut Vec<u8>, number: u32, text: &str) {
    encode_key(number, WireType::LengthDelimited, into);
    encode_varint(text.len() as u64, into);
    into.extend(text.as_bytes());
}

fn put_message(into: &mut BytesMut, message: &[u8]) {
    into.put_u8(0);
    into.put_u32(message.len() as u32);
    into.put_slice(message);
}

/// The whole messages in `data`; tonic puts no half ones into a frame unless they are large.
fn messages(mut data: &[u8]) -> Vec<&[u8]> {
    let mut messages = Vec::new();
    while data.len() >= PREFIX_BYTES {
        let length = (&data[1..PREFIX_BYTES]).get_u32() as usize;
        let Some(message) = data.get(PREFIX_BYTES..PREFIX_BYTES + length) else {
            break;
        };
        messages.push(message);
        data = &data[PREFIX_BYTES + length..];
    }
    messages
}
