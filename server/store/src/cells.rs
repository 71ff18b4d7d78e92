//! Rows as exports need them: the values of chosen fields, a page at a time, without a value of its own for each text.

pub(crate) mod reading;

use std::ops::Range;

use sickbay_diagnosis::Time;

use crate::Cursor;

/// A field of a device, or of its finding of the issue that is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Its id.
    Id,
    /// Its status.
    Status,
    /// Host name.
    Name,
    /// DNS domain.
    Domain,
    /// Distinguished name of the OU.
    Ou,
    /// AD site.
    Site,
    /// `client` or `server`.
    Kind,
    /// `Windows 11 24H2`.
    Release,
    /// Build number.
    Build,
    /// Update build revision.
    Ubr,
    /// Edition id.
    Edition,
    /// `x64`, `arm64`, `x86`.
    Arch,
    /// All its tags.
    Tags,
    /// Id of its primary cause.
    Primary,
    /// Where its quality updates come from.
    Source,
    /// How it stands, as the filter language says it.
    Standing,
    /// Open findings.
    Open,
    /// Of these, serious ones.
    Serious,
    /// Unknown ones.
    Unknown,
    /// Accepted ones.
    Accepted,
    /// When it was last heard of.
    LastSeen,
    /// When a report was last taken in.
    LastReport,
    /// When it was enrolled.
    Enrolled,
    /// How the finding is kept.
    FindingState,
    /// Of an open one.
    FindingSeverity,
    /// Keys of its causes.
    CauseKeys,
    /// Labels of its causes.
    CauseLabels,
    /// One sentence.
    FindingSummary,
    /// Since when it is in this state.
    FindingSince,
    /// Until when it is accepted.
    FindingAcceptedUntil,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 30] = [
        Self::Id,
        Self::Status,
        Self::Name,
        Self::Domain,
        Self::Ou,
        Self::Site,
        Self::Kind,
        Self::Release,
        Self::Build,
        Self::Ubr,
        Self::Edition,
        Self::Arch,
        Self::Tags,
        Self::Primary,
        Self::Source,
        Self::Standing,
        Self::Open,
        Self::Serious,
        Self::Unknown,
        Self::Accepted,
        Self::LastSeen,
        Self::LastReport,
        Self::Enrolled,
        Self::FindingState,
        Self::FindingSeverity,
        Self::CauseKeys,
        Self::CauseLabels,
        Self::FindingSummary,
        Self::FindingSince,
        Self::FindingAcceptedUntil,
    ];

    /// Whether only the list of an issue has it.
    pub const fn is_of_finding(self) -> bool {
        matches!(
            self,
            Self::FindingState
                | Self::FindingSeverity
                | Self::CauseKeys
                | Self::CauseLabels
                | Self::FindingSummary
                | Self::FindingSince
                | Self::FindingAcceptedUntil
        )
    }
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Nothing,
    /// A part of the page's text.
    Text(Range<usize>),
    Texts(Box<[String]>),
    Word(&'static str),
    Number(u64),
    Time(Time),
}

/// A value, as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CellValue<'a> {
    /// It is not known, or there is none.
    Nothing,
    /// A text, not empty.
    Text(&'a str),
    /// Several texts, at least one.
    Texts(&'a [String]),
    /// A word of this program.
    Word(&'static str),
    /// A number.
    Number(u64),
    /// A moment.
    Time(Time),
}

/// A page of rows.
#[derive(Debug)]
pub struct Cells {
    pub(crate) fields: Vec<Field>,
    pub(crate) keys: Vec<i64>,
    pub(crate) values: Vec<Value>,
    pub(crate) text: String,
    /// Where the next page begins; `None` where this is the last one.
    pub next: Option<Cursor>,
}

impl Cells {
    /// How many rows there are.
    pub const fn rows(&self) -> usize {
        self.keys.len()
    }

    /// The device of a row.
    pub fn key(&self, row: usize) -> i64 {
        self.keys[row]
    }

    /// What a row says in a field; nothing where it was not asked for.
    pub fn value(&self, row: usize, field: Field) -> CellValue<'_> {
        let Some(place) = self.fields.iter().position(|known| *known == field) else {
            return CellValue::Nothing;
        };
        match &self.values[row * self.fields.len() + place] {
            Value::Nothing => CellValue::Nothing,
            Value::Text(range) => CellValue::Text(&self.text[range.clone()]),
            Value::Texts(texts) => CellValue::Texts(texts),
            Value::Word(word) => CellValue::Word(word),
            Value::Number(number) => CellValue::Number(*number),
            Value::Time(time) => CellValue::Time(*time),
        }
    }
}
