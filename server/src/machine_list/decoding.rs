//! UTF-8 out of what Windows programs write: UTF-8 with or without a byte order mark, or UTF-16 with one. Lines end with LF alone.

use std::io::{self, Read};

/// Bytes that are decoded at once.
const CHUNK: usize = 16 * 1024;

/// Gives the bytes of a text file as UTF-8. What has no mark is handed through; whoever reads it checks it.
pub(super) struct Decoded<R> {
    input: R,
    form: Option<Form>,
    /// Decoded, and not yet given.
    ready: Vec<u8>,
    given: usize,
    /// Undecoded rest: half a unit, or the first unit of a pair.
    rest: Vec<u8>,
    /// The last byte was a CR, which may belong to the end of a line.
    carriage: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Utf8,
    LittleEndian,
    BigEndian,
}

impl<R: Read> Decoded<R> {
    pub(super) const fn new(input: R) -> Self {
        Self {
            input,
            form: None,
            ready: Vec::new(),
            given: 0,
            rest: Vec::new(),
            carriage: false,
        }
    }

    /// Fills `ready`; leaves it empty at the end of the input only.
    fn fill(&mut self) -> io::Result<()> {
        self.ready.clear();
        self.given = 0;
        while self.ready.is_empty() {
            let mut bytes = std::mem::take(&mut self.rest);
            let before = bytes.len();
            self.input
                .by_ref()
                .take(CHUNK as u64)
                .read_to_end(&mut bytes)?;
            let is_end = bytes.len() - before < CHUNK;
            let (form, mark) = match self.form {
                Some(form) => (form, 0),
                None => mark_of(&bytes),
            };
            self.form = Some(form);
            if form == Form::Utf8 {
                self.give(&bytes[mark..]);
            } else {
                self.decode(&bytes[mark..], form, is_end);
            }
            if is_end {
                if std::mem::take(&mut self.carriage) {
                    self.ready.push(b'\r');
                }
                return Ok(());
            }
        }
        Ok(())
    }

    /// Makes bytes ready, CRs before an LF left out.
    fn give(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.carriage && *byte != b'\n' {
                self.ready.push(b'\r');
            }
            self.carriage = *byte == b'\r';
            if !self.carriage {
                self.ready.push(*byte);
            }
        }
    }

    fn decode(&mut self, bytes: &[u8], form: Form, is_end: bool) {
        let (pairs, half) = bytes.as_chunks::<2>();
        let mut units: Vec<u16> = pairs
            .iter()
            .map(|pair| match form {
                Form::BigEndian => u16::from_be_bytes(*pair),
                Form::Utf8 | Form::LittleEndian => u16::from_le_bytes(*pair),
            })
            .collect();
        if !is_end {
            if units
                .last()
                .is_some_and(|unit| (0xd800..0xdc00).contains(unit))
            {
                units.pop();
                self.rest.extend(&pairs[pairs.len() - 1]);
            }
            self.rest.extend(half);
        }
        let text: String = char::decode_utf16(units)
            .map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect();
        self.give(text.as_bytes());
    }
}

/// What a file's first bytes say of it, and how many of them say so.
fn mark_of(bytes: &[u8]) -> (Form, usize) {
    match bytes {
        [0xef, 0xbb, 0xbf, ..] => (Form::Utf8, 3),
        [0xff, 0xfe, ..] => (Form::LittleEndian, 2),
        [0xfe, 0xff, ..] => (Form::BigEndian, 2),
        _ => (Form::Utf8, 0),
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.given == self.ready.len() {
            self.fill()?;
        }
        let ready = &self.ready[self.given..];
        let some = ready.len().min(into.len());
        into[..some].copy_from_slice(&ready[..some]);
        self.given += some;
        Ok(some)
    }
}
