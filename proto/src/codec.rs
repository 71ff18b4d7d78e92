//! How messages become bytes on the wire: as prost and tonic do it, with buffers that suit sessions.
//!
//! A session stays open for days and says little. tonic's own codec would give each direction a buffer of 8 kB at once.

use std::marker::PhantomData;

use prost::Message;
use tonic::codec::{self, BufferSettings};
use tonic_prost::{ProstDecoder, ProstEncoder};

/// What a buffer holds at first, in bytes: a sign of life, an acknowledgement. It grows to what a message needs.
const BUFFER_BYTES: usize = 256;
/// Encoded messages are handed on when they come to so many bytes.
const HAND_ON_BYTES: usize = 32 * 1_024;

/// The codec of every call; see the module.
#[derive(Debug)]
pub struct Codec<T, U>(PhantomData<(T, U)>);

/// How much the buffers of one call hold.
pub fn buffers() -> BufferSettings {
    BufferSettings::new(BUFFER_BYTES, HAND_ON_BYTES)
}

impl<T, U> Default for Codec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> codec::Codec for Codec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = ProstDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::new(buffers())
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstDecoder::new(buffers())
    }
}
