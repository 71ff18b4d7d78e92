//! Compression by a dictionary: Zstandard frames without the four bytes that all of them begin with.

use std::cell::RefCell;
use std::sync::LazyLock;

use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

use super::corrupt;
use crate::Result;

/// What follows is as it was.
const PLAIN: u8 = 0;
/// A frame made with the first dictionary.
const FIRST: u8 = 1;
/// Made by `cargo xtask dictionary`, of machines of the demo fleet. Never replaced: frames in databases rest on it.
const DICTIONARY: &[u8] = include_bytes!("../../data/observations-1.dict");
/// Higher ones take two to four times as long for a tenth less.
const LEVEL: i32 = 3;
/// What a frame begins with.
const MAGIC: [u8; 4] = 0xfd2f_b528_u32.to_le_bytes();
/// Shorter ones are not worth it.
const WORTH_IT: usize = 24;
/// No observation is longer: several times the largest message of the wire.
const LONGEST: usize = 16 << 20;

static ENCODER: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(DICTIONARY, LEVEL));
static DECODER: LazyLock<DecoderDictionary<'static>> =
    LazyLock::new(|| DecoderDictionary::copy(DICTIONARY));

thread_local! {
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Compresses, where that makes it shorter.
pub(super) fn squeeze(plain: &[u8]) -> Vec<u8> {
    let frame = (plain.len() >= WORTH_IT).then(|| compress(plain)).flatten();
    let (form, body) = match &frame {
        Some(frame) if frame.len() - MAGIC.len() < plain.len() => (FIRST, &frame[MAGIC.len()..]),
        _ => (PLAIN, plain),
    };
    let mut squeezed = Vec::with_capacity(body.len() + 1);
    squeezed.push(form);
    squeezed.extend_from_slice(body);
    squeezed
}

fn compress(plain: &[u8]) -> Option<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|kept| {
        if kept.is_none() {
            let mut compressor = Compressor::with_prepared_dictionary(&ENCODER).ok()?;
            compressor.include_dictid(false).ok()?;
            *kept = Some(compressor);
        }
        let frame = kept.as_mut()?.compress(plain).ok()?;
        frame.starts_with(&MAGIC).then_some(frame)
    })
}

/// What [`squeeze`] was given, which was so long.
pub(super) fn unsqueeze(squeezed: &[u8], length: usize) -> Result<Vec<u8>> {
    match squeezed {
        [PLAIN, plain @ ..] => Ok(plain.to_owned()),
        [FIRST, body @ ..] if length <= LONGEST => {
            let mut frame = Vec::with_capacity(body.len() + MAGIC.len());
            frame.extend_from_slice(&MAGIC);
            frame.extend_from_slice(body);
            let plain = decompress(&frame, length).map_err(|error| corrupt(error.to_string()))?;
            if plain.len() == length {
                Ok(plain)
            } else {
                Err(corrupt("it has another length than was noted"))
            }
        }
        [FIRST, ..] => Err(corrupt(format!("{length} bytes are too many"))),
        [form, ..] => Err(corrupt(format!(
            "compression {form} is not known to this version"
        ))),
        [] => Err(corrupt("it is empty")),
    }
}

fn decompress(frame: &[u8], length: usize) -> std::io::Result<Vec<u8>> {
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = match kept {
            Some(decompressor) => decompressor,
            None => kept.insert(Decompressor::with_prepared_dictionary(&DECODER)?),
        };
        decompressor.decompress(frame, length)
    })
}
