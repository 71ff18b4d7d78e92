//! The compact form of an observation: numbers in as few bytes as they need, texts with their length before them, and a path that is the
//! one before as nothing at all.

use sickbay_diagnosis::Time;
use sickbay_diagnosis::observation::{Observation, Outcome};
use sickbay_diagnosis::reading::{Data, Reading, Source};

use super::corrupt;
use crate::{Result, StoreError};

/// What came of looking.
mod outcome {
    pub(super) const SEEN: u8 = 0;
    pub(super) const UNAVAILABLE: u8 = 1;
    pub(super) const FAILED: u8 = 2;
}

/// Kinds of data. A flag is a kind for each of its two values.
mod data {
    pub(super) const ABSENT: u8 = 0;
    pub(super) const NOT_RECORDED: u8 = 1;
    pub(super) const UNREADABLE: u8 = 2;
    pub(super) const KEY: u8 = 3;
    pub(super) const KEY_WRITTEN_AT: u8 = 4;
    pub(super) const DWORD: u8 = 5;
    pub(super) const QWORD: u8 = 6;
    pub(super) const TEXT: u8 = 7;
    pub(super) const EXPAND_TEXT: u8 = 8;
    pub(super) const MULTI_TEXT: u8 = 9;
    pub(super) const BINARY: u8 = 10;
    pub(super) const NO: u8 = 11;
    pub(super) const YES: u8 = 12;
    pub(super) const OTHER: u8 = 13;
}

/// The observation in its compact form.
pub(super) fn write(observation: &Observation) -> Vec<u8> {
    let mut out = Writer::with_room(1024);
    out.time(observation.taken_at);
    match &observation.outcome {
        Outcome::Unavailable(why) => {
            out.byte(outcome::UNAVAILABLE);
            out.text(why);
        }
        Outcome::Failed(why) => {
            out.byte(outcome::FAILED);
            out.text(why);
        }
        Outcome::Seen(readings) => {
            out.byte(outcome::SEEN);
            out.number(readings.len() as u64);
            let mut before = "";
            for reading in readings {
                write_reading(&mut out, reading, before);
                before = &reading.path;
            }
        }
    }
    out.done()
}

fn write_reading(out: &mut Writer, reading: &Reading, before: &str) {
    out.byte(match reading.source {
        Source::Registry => 0,
        Source::ServiceManager => 1,
        Source::File => 2,
        Source::EventLog => 3,
        Source::UpdateAgent => 4,
        Source::System => 5,
    });
    // One more than its length, so that nothing can stand for "the same as before" and for "no name".
    if reading.path == before {
        out.number(0);
    } else {
        out.text_plus_one(&reading.path);
    }
    match &reading.name {
        None => out.number(0),
        Some(name) => out.text_plus_one(name),
    }
    match &reading.data {
        Data::Absent => out.byte(data::ABSENT),
        Data::NotRecorded => out.byte(data::NOT_RECORDED),
        Data::Unreadable(why) => {
            out.byte(data::UNREADABLE);
            out.text(why);
        }
        Data::Key(None) => out.byte(data::KEY),
        Data::Key(Some(at)) => {
            out.byte(data::KEY_WRITTEN_AT);
            out.time(*at);
        }
        Data::Dword(number) => {
            out.byte(data::DWORD);
            out.number((*number).into());
        }
        Data::Qword(number) => {
            out.byte(data::QWORD);
            out.number(*number);
        }
        Data::Text(text) => {
            out.byte(data::TEXT);
            out.text(text);
        }
        Data::ExpandText(text) => {
            out.byte(data::EXPAND_TEXT);
            out.text(text);
        }
        Data::MultiText(lines) => {
            out.byte(data::MULTI_TEXT);
            out.number(lines.len() as u64);
            for line in lines {
                out.text(line);
            }
        }
        Data::Binary(bytes) => {
            out.byte(data::BINARY);
            out.bytes(bytes);
        }
        Data::Flag(flag) => out.byte(if *flag { data::YES } else { data::NO }),
        Data::Other { kind, bytes } => {
            out.byte(data::OTHER);
            out.number((*kind).into());
            out.bytes(bytes);
        }
    }
}

/// The observation of a compact form.
pub(super) fn read(bytes: &[u8]) -> Result<Observation> {
    let mut reader = Reader::new(bytes);
    let taken_at = reader.time()?;
    let outcome = match reader.byte()? {
        outcome::SEEN => {
            let count = reader.length()?;
            // No reading is smaller than four bytes: a wrong number reserves no memory.
            let mut readings: Vec<Reading> = Vec::with_capacity(count.min(bytes.len() / 4));
            for _ in 0..count {
                let reading = read_reading(&mut reader, readings.last())?;
                readings.push(reading);
            }
            Outcome::Seen(readings)
        }
        outcome::UNAVAILABLE => Outcome::Unavailable(reader.text()?),
        outcome::FAILED => Outcome::Failed(reader.text()?),
        other => return Err(unknown("outcome", other)),
    };
    if !reader.is_at_end() {
        return Err(corrupt("something follows an observation"));
    }
    Ok(Observation { taken_at, outcome })
}

fn read_reading(reader: &mut Reader<'_>, before: Option<&Reading>) -> Result<Reading> {
    let source = match reader.byte()? {
        0 => Source::Registry,
        1 => Source::ServiceManager,
        2 => Source::File,
        3 => Source::EventLog,
        4 => Source::UpdateAgent,
        5 => Source::System,
        other => return Err(unknown("source", other)),
    };
    let path = match reader.text_plus_one()? {
        Some(path) => path,
        None => before.map_or_else(String::new, |before| before.path.clone()),
    };
    let name = reader.text_plus_one()?;
    let data = match reader.byte()? {
        data::ABSENT => Data::Absent,
        data::NOT_RECORDED => Data::NotRecorded,
        data::UNREADABLE => Data::Unreadable(reader.text()?),
        data::KEY => Data::Key(None),
        data::KEY_WRITTEN_AT => Data::Key(Some(reader.time()?)),
        data::DWORD => Data::Dword(reader.small()?),
        data::QWORD => Data::Qword(reader.number()?),
        data::TEXT => Data::Text(reader.text()?),
        data::EXPAND_TEXT => Data::ExpandText(reader.text()?),
        data::MULTI_TEXT => {
            let count = reader.length()?;
            let lines = (0..count).map(|_| reader.text());
            Data::MultiText(lines.collect::<Result<_>>()?)
        }
        data::BINARY => Data::Binary(reader.bytes()?.to_owned()),
        data::NO => Data::Flag(false),
        data::YES => Data::Flag(true),
        data::OTHER => Data::Other {
            kind: reader.small()?,
            bytes: reader.bytes()?.to_owned(),
        },
        other => return Err(unknown("kind of data", other)),
    };
    Ok(Reading {
        source,
        path,
        name,
        data,
    })
}

fn unknown(what: &str, code: u8) -> StoreError {
    corrupt(format!("{what} {code} is not known to this version"))
}

/// Writes numbers and texts.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn with_room(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    pub(crate) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// Seven bits a byte, the lowest first.
    pub(crate) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// Small where it is near zero, on either side.
    pub(crate) fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    /// Times before 1970 are small numbers too.
    fn time(&mut self, time: Time) {
        self.signed(time.millis());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn text_plus_one(&mut self, text: &str) {
        self.number(text.len() as u64 + 1);
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(crate) fn done(self) -> Vec<u8> {
        self.0
    }
}

/// Reads what a [`Writer`] wrote, and refuses everything else.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> Result<u8> {
        let (byte, rest) = self.0.split_first().ok_or_else(cut_short)?;
        self.0 = rest;
        Ok(*byte)
    }

    pub(crate) fn number(&mut self) -> Result<u64> {
        let mut number = 0_u64;
        for place in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << place;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(corrupt("a number does not end"))
    }

    pub(crate) fn small(&mut self) -> Result<u32> {
        let number = self.number()?;
        u32::try_from(number).map_err(|_| corrupt(format!("{number} is too large")))
    }

    pub(crate) fn length(&mut self) -> Result<usize> {
        let length = self.number()?;
        usize::try_from(length)
            .ok()
            .filter(|length| *length <= self.0.len())
            .ok_or_else(cut_short)
    }

    pub(crate) fn signed(&mut self) -> Result<i64> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    fn time(&mut self) -> Result<Time> {
        self.signed().map(Time::from_millis)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(cut_short)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8]> {
        let length = self.length()?;
        self.take(length)
    }

    pub(crate) fn text(&mut self) -> Result<String> {
        text(self.bytes()?)
    }

    fn text_plus_one(&mut self) -> Result<Option<String>> {
        let Some(length) = self.number()?.checked_sub(1) else {
            return Ok(None);
        };
        let length = usize::try_from(length).map_err(|_| cut_short())?;
        text(self.take(length)?).map(Some)
    }
}

fn text(bytes: &[u8]) -> Result<String> {
    let text = std::str::from_utf8(bytes);
    text.map(str::to_owned)
        .map_err(|error| corrupt(format!("a text is none: {error}")))
}

fn cut_short() -> StoreError {
    corrupt("it ends too early")
}
