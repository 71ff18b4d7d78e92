//! Knowledge packs: what is known of Windows in one signed file, made by whoever keeps it, imported without internet.
//!
//! A pack is a head of text lines, the tables as they are, and a last line with an Ed25519 signature over everything before it: format,
//! version, date, key and tables alike.
//!
//! ```text
//! sickbay-knowledge 1
//! version 2026.12
//! dated 2026-12-01
//! key ed25519:BASE64
//! table windows-releases.tsv 11291
//! table safeguard-holds.tsv 35243
//!
//! (the bytes of each table in this order)
//! signature BASE64
//! ```
//!
//! It is taken whole or refused whole: a pack that exists as a [`Pack`] was signed by a key that the owner trusts, every table in it is
//! understood, and nothing stands in the file that the signature does not cover. A table that it lacks is the built-in one; a table that
//! this version does not know is left out and named. No I/O and no clock here but in [`in_force`], which asks the store.

mod about;
pub mod in_force;
pub(crate) mod key;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use sickbay_diagnosis::Time;
use sickbay_diagnosis::knowledge::{Knowledge, TableError, TableName};

pub use about::{About, Source, TableAbout, WARN_AFTER_DAYS, dated_of, newest};
pub use in_force::{InForce, Origin};
pub use key::{BadKey, PublicKey, SigningKey, TrustedKeys};

use self::key::{SIGNATURE_TEXT_BYTES, signature_from_text, signature_to_text};

/// Largest pack, in bytes. The built-in tables have a fortieth of it.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Longest head of a pack, in bytes: so much is looked at before the signature is.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Longest version, in bytes.
const MAX_VERSION_BYTES: usize = 64;
/// Most tables; more than any version of the program knows.
const MAX_TABLES: usize = 64;

/// How the first line begins.
pub const FORMAT: &str = "sickbay-knowledge";
/// The format's version that this program reads and writes.
const FORMAT_VERSION: &str = "1";
const SIGNATURE: &str = "signature ";
/// Bytes of the last line, its end included.
const TRAILER_BYTES: usize = SIGNATURE.len() + SIGNATURE_TEXT_BYTES + 1;

/// A pack that was verified.
#[derive(Debug)]
pub struct Pack<'a> {
    /// The version by which whoever made it calls it.
    pub version: &'a str,
    /// The day up to which it was collected, `YYYY-MM-DD`.
    pub dated: &'a str,
    /// Who signed it.
    pub signer: PublicKey,
    /// What it says, with the built-in tables in the place of those that it lacks.
    pub knowledge: Arc<Knowledge>,
    /// Tables that it has, as text.
    pub tables: Vec<(TableName, &'a str)>,
    /// Files in it that are no table of this version.
    pub unknown: Vec<&'a str>,
}

/// Why a file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The file is too large.
    #[error("it has more than {MAX_BYTES} bytes, which no knowledge pack has")]
    TooLong,
    /// It begins with something else.
    #[error("it is no knowledge pack: its first line is not `{FORMAT} {FORMAT_VERSION}`")]
    NoPack,
    /// Something converted it as text.
    #[error("its line ends were changed on the way (CRLF): carry it as a binary file")]
    LineEnds,
    /// Another version of the format.
    #[error(
        "it has version {0:?} of the format, and this program reads version {FORMAT_VERSION}: use a program that is as new as the pack"
    )]
    OtherFormat(String),
    /// A line of the head is not what it must be.
    #[error("line {line} of it is wrong: {problem}")]
    Head {
        /// Which line, from 1.
        line: usize,
        /// What should be there.
        problem: String,
    },
    /// There is less, or more, than the head announces.
    #[error(
        "its head announces {announced} bytes and it has {found}: it was cut off or changed on the way"
    )]
    OtherLength {
        /// Bytes that there should be.
        announced: usize,
        /// Bytes that there are.
        found: usize,
    },
    /// The last line holds no signature.
    #[error("its last line is no signature: it was changed on the way")]
    NoSignature,
    /// The signature is not over this.
    #[error(
        "its signature is wrong: something in it was changed after {0} signed it, or that key never did"
    )]
    WrongSignature(PublicKey),
    /// The signature is right, and the key is nobody's that the owner trusts.
    #[error(
        "it is signed by {0}, which is not among the trusted keys. If whoever made the pack tells you, by another way than the pack itself, that this is \
         their key, add it to trusted_keys under [knowledge] in the settings file (or to SICKBAY_KNOWLEDGE_TRUSTED_KEYS), \
         and restart the server"
    )]
    Untrusted(PublicKey),
    /// A table is no text.
    #[error("its table {0} is not UTF-8")]
    NoText(String),
    /// A table is not understood.
    #[error("a table in it is not understood")]
    Table(#[from] TableError),
}

impl<'a> Pack<'a> {
    /// Reads a pack, if it is whole and signed by a key of `trusted`.
    ///
    /// # Errors
    /// Anything else; see [`PackError`].
    pub fn verify(bytes: &'a [u8], trusted: &TrustedKeys) -> Result<Self, PackError> {
        if bytes.len() > MAX_BYTES {
            return Err(PackError::TooLong);
        }
        let head = Head::read(bytes)?;
        let announced = head.tables.iter().map(|(_, length)| *length);
        let announced = announced.fold(head.bytes + TRAILER_BYTES, usize::saturating_add);
        if announced != bytes.len() {
            return Err(PackError::OtherLength {
                announced,
                found: bytes.len(),
            });
        }
        let (signed, trailer) = bytes.split_at(bytes.len() - TRAILER_BYTES);
        let signature = std::str::from_utf8(trailer)
            .ok()
            .and_then(|line| line.strip_prefix(SIGNATURE)?.strip_suffix('\n'))
            .and_then(signature_from_text)
            .ok_or(PackError::NoSignature)?;
        // Whether it is damaged is told before who signed it, so that nobody is led to trust the key in a damaged head.
        if !head.key.signed(signed, &signature) {
            return Err(PackError::WrongSignature(head.key));
        }
        if !trusted.contains(&head.key) {
            return Err(PackError::Untrusted(head.key));
        }
        let (mut tables, mut unknown) = (Vec::new(), Vec::new());
        let mut rest = &signed[head.bytes..];
        for (file, length) in head.tables {
            let (table, after) = rest.split_at(length);
            rest = after;
            match TableName::ALL.iter().find(|name| name.file() == file) {
                None => unknown.push(file),
                Some(name) => {
                    let text = std::str::from_utf8(table)
                        .map_err(|_| PackError::NoText(file.to_owned()))?;
                    tables.push((*name, text));
                }
            }
        }
        let knowledge = Knowledge::parse(head.version, |name| text_of(&tables, name))?;
        Ok(Self {
            version: head.version,
            dated: head.dated,
            signer: head.key,
            knowledge: Arc::new(knowledge),
            tables,
            unknown,
        })
    }

    /// A table's text; `None` where the pack lacks it.
    pub fn text(&self, name: TableName) -> Option<&'a str> {
        text_of(&self.tables, name)
    }
}

/// Tables that are to become a pack.
#[derive(Debug, Clone)]
pub struct Draft<'a> {
    /// What it will be called.
    pub version: &'a str,
    /// The day up to which it was collected, `YYYY-MM-DD`.
    pub dated: &'a str,
    /// The tables.
    pub tables: Vec<(TableName, &'a str)>,
}

impl Draft<'_> {
    /// Makes the pack. What it gives can be verified: that is tried before.
    ///
    /// # Errors
    /// What whoever imported it would be told.
    pub fn sign(&self, key: &SigningKey) -> Result<Vec<u8>, PackError> {
        let public = key.public();
        let (version, dated) = (self.version, self.dated);
        let lengths = self.tables.iter();
        let lengths = lengths.map(|(name, text)| format!("table {} {}\n", name.file(), text.len()));
        let lengths: String = lengths.collect();
        let mut pack = format!(
            "{FORMAT} {FORMAT_VERSION}\nversion {version}\ndated {dated}\nkey {public}\n{lengths}\n"
        );
        pack.extend(self.tables.iter().map(|(_, text)| *text));
        let signature = signature_to_text(&key.sign(pack.as_bytes()));
        pack.push_str(SIGNATURE);
        pack.push_str(&signature);
        pack.push('\n');
        let pack = pack.into_bytes();
        Pack::verify(&pack, &TrustedKeys::of([public]))?;
        Ok(pack)
    }
}

/// What stands before the tables. Nothing in it is to be believed before the signature is verified.
struct Head<'a> {
    version: &'a str,
    dated: &'a str,
    key: PublicKey,
    /// Name and length in bytes of each table.
    tables: Vec<(&'a str, usize)>,
    /// Bytes of the head, the empty line at its end included.
    bytes: usize,
}

impl<'a> Head<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, PackError> {
        let mut lines = Lines::of(bytes);
        let first = lines.next().map_err(|_| PackError::NoPack)?;
        let format = first
            .strip_prefix(FORMAT)
            .and_then(|rest| rest.strip_prefix(' '))
            .ok_or(PackError::NoPack)?;
        if format.ends_with('\r') {
            return Err(PackError::LineEnds);
        }
        if format != FORMAT_VERSION {
            return Err(PackError::OtherFormat(format.chars().take(20).collect()));
        }
        let version = lines.field("version ")?;
        let speakable = |c: char| c.is_ascii_graphic() || c == ' ';
        if version.is_empty()
            || version.len() > MAX_VERSION_BYTES
            || version.trim() != version
            || !version.chars().all(speakable)
        {
            let problem = format!(
                "a version has 1 to {MAX_VERSION_BYTES} letters, digits and signs of ASCII, without a space at either end"
            );
            return Err(lines.wrong(problem));
        }
        let dated = lines.field("dated ")?;
        if Time::parse_day(dated).is_none() {
            return Err(lines.wrong(format!("{dated:?} is no day such as 2026-12-01")));
        }
        let key = lines.field("key ")?.parse::<PublicKey>();
        let key = key.map_err(|error| lines.wrong(error.to_string()))?;
        let mut tables: Vec<(&str, usize)> = Vec::new();
        loop {
            let line = lines.next()?;
            if line.is_empty() {
                break;
            }
            let table = line
                .strip_prefix("table ")
                .and_then(|rest| rest.split_once(' '))
                .filter(|(file, _)| is_file_name(file))
                .and_then(|(file, length)| Some((file, whole_number(length)?)));
            let Some((file, length)) = table else {
                let problem = "there must be `table FILE LENGTH`, or an empty line after the last";
                return Err(lines.wrong(problem.to_owned()));
            };
            if tables.len() == MAX_TABLES {
                return Err(lines.wrong(format!("a pack has at most {MAX_TABLES} tables")));
            }
            if tables.iter().any(|(known, _)| *known == file) {
                return Err(lines.wrong(format!("the table {file} stands in it twice")));
            }
            tables.push((file, length));
        }
        if tables.is_empty() {
            return Err(lines.wrong("a pack has at least one table".to_owned()));
        }
        Ok(Self {
            version,
            dated,
            key,
            tables,
            bytes: lines.taken,
        })
    }
}

fn text_of<'a>(tables: &[(TableName, &'a str)], wanted: TableName) -> Option<&'a str> {
    let table = tables.iter().find(|(name, _)| *name == wanted);
    table.map(|(_, text)| *text)
}

/// One spelling for one number: no sign, no zero in front.
fn whole_number(text: &str) -> Option<usize> {
    let number: usize = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// Nothing that could lead out of a folder or move a terminal's cursor.
fn is_file_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(allowed)
}

/// The lines of a head.
struct Lines<'a> {
    head: &'a [u8],
    /// Bytes that were read.
    taken: usize,
    /// Lines that were read.
    line: usize,
}

impl<'a> Lines<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self {
            head: &bytes[..bytes.len().min(MAX_HEAD_BYTES)],
            taken: 0,
            line: 0,
        }
    }

    fn next(&mut self) -> Result<&'a str, PackError> {
        self.line += 1;
        let rest = &self.head[self.taken..];
        let line = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .and_then(|end| std::str::from_utf8(&rest[..end]).ok());
        let Some(line) = line else {
            return Err(self.wrong("it is no whole line of text".to_owned()));
        };
        self.taken += line.len() + 1;
        Ok(line)
    }

    /// What follows `beginning` in the next line.
    fn field(&mut self, beginning: &str) -> Result<&'a str, PackError> {
        let line = self.next()?;
        line.strip_prefix(beginning)
            .ok_or_else(|| self.wrong(format!("it must begin with `{beginning}`")))
    }

    fn wrong(&self, problem: String) -> PackError {
        PackError::Head {
            line: self.line,
            problem,
        }
    }
}
