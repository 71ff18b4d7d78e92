//! Compression by a dictionary: Zstandard frames without the four bytes that all of them begin with.

use std::cell::RefCell;
use std::sync::LazyLock;

use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

use super::corrupt;
use crate::Result;

/// What follows is as it was.
const PLAIN: u8 = 0;
/// A frame made with the first dictionary of its kind.
const FIRST: u8 = 1;
/// What a frame begins with.
const MAGIC: [u8; 4] = 0xfd2f_b528_u32.to_le_bytes();
/// Shorter ones are not worth it.
const WORTH_IT: usize = 24;
/// No observation is longer: several times the largest message of the wire.
const LONGEST: usize = 16 << 20;

/// A dictionary, as the two directions need it, and how hard it is tried.
struct Prepared {
    encoder: LazyLock<EncoderDictionary<'static>>,
    decoder: LazyLock<DecoderDictionary<'static>>,
}

impl Prepared {
    const fn of(
        encoder: fn() -> EncoderDictionary<'static>,
        decoder: fn() -> DecoderDictionary<'static>,
    ) -> Self {
        Self {
            encoder: LazyLock::new(encoder),
            decoder: LazyLock::new(decoder),
        }
    }
}

/// With each report, which waits: higher levels take two to four times as long for a tenth less.
static OBSERVATIONS: Prepared = Prepared::of(
    || EncoderDictionary::copy(Dictionary::Observations.bytes(), 3),
    || DecoderDictionary::copy(Dictionary::Observations.bytes()),
);
/// With few reports.
static TOGETHER: Prepared = Prepared::of(
    || EncoderDictionary::copy(Dictionary::Together.bytes(), 6),
    || DecoderDictionary::copy(Dictionary::Together.bytes()),
);
/// While nobody waits.
static HISTORY: Prepared = Prepared::of(
    || EncoderDictionary::copy(Dictionary::History.bytes(), 12),
    || DecoderDictionary::copy(Dictionary::History.bytes()),
);

/// What is compressed, by which dictionary and how hard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dictionary {
    /// What a check saw.
    Observations,
    /// What several checks saw, by the same dictionary.
    Together,
    /// What changed on devices.
    History,
}

/// How many there are.
const DICTIONARIES: usize = 3;

impl Dictionary {
    /// Its bytes: of machines of the demo fleet ([decision 45](../../../../docs/decisions/0045-observations-packed-check-by-check.md),
    /// [48](../../../../docs/decisions/0048-history-in-pages.md)). Never replaced: frames in databases rest on it.
    pub(super) const fn bytes(self) -> &'static [u8] {
        match self {
            Self::Observations | Self::Together => include_bytes!("../../data/observations-1.dict"),
            Self::History => include_bytes!("../../data/history-1.dict"),
        }
    }

    fn prepared(self) -> &'static Prepared {
        match self {
            Self::Observations => &OBSERVATIONS,
            Self::Together => &TOGETHER,
            Self::History => &HISTORY,
        }
    }
}

thread_local! {
    static COMPRESSORS: [RefCell<Option<Compressor<'static>>>; DICTIONARIES] = const { [const { RefCell::new(None) }; DICTIONARIES] };
    static DECOMPRESSORS: [RefCell<Option<Decompressor<'static>>>; DICTIONARIES] = const { [const { RefCell::new(None) }; DICTIONARIES] };
}

/// Compresses, where that makes it shorter.
pub(crate) fn squeeze(dictionary: Dictionary, plain: &[u8]) -> Vec<u8> {
    let frame = (plain.len() >= WORTH_IT)
        .then(|| compress(dictionary, plain))
        .flatten();
    let (form, body) = match &frame {
        Some(frame) if frame.len() - MAGIC.len() < plain.len() => (FIRST, &frame[MAGIC.len()..]),
        _ => (PLAIN, plain),
    };
    let mut squeezed = Vec::with_capacity(body.len() + 1);
    squeezed.push(form);
    squeezed.extend_from_slice(body);
    squeezed
}

fn compress(dictionary: Dictionary, plain: &[u8]) -> Option<Vec<u8>> {
    COMPRESSORS.with(|all| {
        let mut kept = all[dictionary as usize].borrow_mut();
        if kept.is_none() {
            let encoder = &dictionary.prepared().encoder;
            let mut compressor = Compressor::with_prepared_dictionary(encoder).ok()?;
            compressor.include_dictid(false).ok()?;
            *kept = Some(compressor);
        }
        let frame = kept.as_mut()?.compress(plain).ok()?;
        frame.starts_with(&MAGIC).then_some(frame)
    })
}

/// What [`squeeze`] was given, which was so long.
pub(crate) fn unsqueeze(dictionary: Dictionary, squeezed: &[u8], length: usize) -> Result<Vec<u8>> {
    match squeezed {
        [PLAIN, plain @ ..] => Ok(plain.to_owned()),
        [FIRST, body @ ..] if length <= LONGEST => {
            let mut frame = Vec::with_capacity(body.len() + MAGIC.len());
            frame.extend_from_slice(&MAGIC);
            frame.extend_from_slice(body);
            let plain = decompress(dictionary, &frame, length)
                .map_err(|error| corrupt(error.to_string()))?;
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

fn decompress(dictionary: Dictionary, frame: &[u8], length: usize) -> std::io::Result<Vec<u8>> {
    DECOMPRESSORS.with(|all| {
        let mut kept = all[dictionary as usize].borrow_mut();
        let decompressor = match &mut *kept {
            Some(decompressor) => decompressor,
            none => none.insert(Decompressor::with_prepared_dictionary(
                &dictionary.prepared().decoder,
            )?),
        };
        decompressor.decompress(frame, length)
    })
}
