//! Reading a page of cells, which a database gives as one JSON array of arrays.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};
use sickbay_diagnosis::Time;
use sickbay_diagnosis::verdict::Severity;

use super::{Cells, Field, Value};
use crate::index::standing_word;
use crate::{Result, StoreError, codes};

/// Columns of a field, and how many there are.
pub(crate) const fn columns(field: Field) -> (&'static str, usize) {
    match field {
        Field::Id => ("d.id", 1),
        Field::Status => ("d.status", 1),
        Field::Name => ("d.name", 1),
        Field::Domain => ("d.domain", 1),
        Field::Ou => ("d.ou", 1),
        Field::Site => ("d.site", 1),
        Field::Kind => ("d.kind", 1),
        Field::Release => ("d.release", 1),
        Field::Build => ("d.build", 1),
        Field::Ubr => ("d.ubr", 1),
        Field::Edition => ("d.edition", 1),
        Field::Arch => ("d.arch", 1),
        Field::Tags => ("d.tags, d.reported_tags", 2),
        Field::Primary => ("d.primary_issue", 1),
        Field::Source => ("d.source_quality", 1),
        Field::Standing => ("d.health", 1),
        Field::Open => ("d.open_count", 1),
        Field::Serious => ("d.serious_count", 1),
        Field::Unknown => ("d.unknown_count", 1),
        Field::Accepted => ("d.accepted_count", 1),
        Field::LastSeen => ("d.last_seen_at", 1),
        Field::LastReport => ("d.last_report_at", 1),
        Field::Enrolled => ("d.enrolled_at", 1),
        Field::FindingState => ("f.state", 1),
        Field::FindingSeverity => ("f.severity", 1),
        Field::CauseKeys | Field::CauseLabels => ("f.causes", 1),
        Field::FindingSummary => ("f.summary", 1),
        Field::FindingSince => ("f.since", 1),
        Field::FindingAcceptedUntil => ("f.accepted_until", 1),
    }
}

/// Adds the rows of a page, each a key and the columns of the page's fields.
pub(crate) fn read(rows: &str, cells: &mut Cells) -> Result<()> {
    let unread = |error: serde_json::Error| StoreError::Corrupt {
        what: "rows of an export",
        reason: error.to_string(),
    };
    let mut reader = serde_json::Deserializer::from_str(rows);
    Rows(cells).deserialize(&mut reader).map_err(unread)
}

/// Rows to be read.
struct Rows<'a>(&'a mut Cells);

impl<'de> DeserializeSeed<'de> for Rows<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> std::result::Result<(), D::Error> {
        reader.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> std::result::Result<(), A::Error> {
        while rows.next_element_seed(OneRow(&mut *self.0))?.is_some() {}
        Ok(())
    }
}

/// A row to be read.
struct OneRow<'a>(&'a mut Cells);

impl<'de> DeserializeSeed<'de> for OneRow<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> std::result::Result<(), D::Error> {
        reader.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for OneRow<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of columns")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut row: A) -> std::result::Result<(), A::Error> {
        let mut next = || {
            row.next_element::<Column<'de>>()?
                .ok_or_else(|| A::Error::custom("a row ends early"))
        };
        let cells = self.0;
        cells.keys.push(next()?.integer().unwrap_or_default());
        for place in 0..cells.fields.len() {
            let field = cells.fields[place];
            let first = next()?;
            let second = match columns(field).1 {
                1 => Column::Null,
                _ => next()?,
            };
            let value = cells
                .read(field, &first, &second)
                .map_err(A::Error::custom)?;
            cells.values.push(value);
        }
        Ok(())
    }
}

/// What stands in a column.
enum Column<'a> {
    Null,
    Integer(i64),
    Text(Cow<'a, str>),
}

impl Column<'_> {
    const fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Null | Self::Text(_) => None,
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Null | Self::Integer(_) => "",
        }
    }
}

impl<'de> serde::Deserialize<'de> for Column<'de> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> std::result::Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Column<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, a text or null")
            }
            fn visit_unit<E>(self) -> std::result::Result<Column<'de>, E> {
                Ok(Column::Null)
            }
            fn visit_i64<E>(self, number: i64) -> std::result::Result<Column<'de>, E> {
                Ok(Column::Integer(number))
            }
            fn visit_u64<E>(self, number: u64) -> std::result::Result<Column<'de>, E> {
                Ok(Column::Integer(i64::try_from(number).unwrap_or(i64::MAX)))
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> std::result::Result<Column<'de>, E> {
                Ok(Column::Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> std::result::Result<Column<'de>, E> {
                Ok(Column::Text(Cow::Owned(text.to_owned())))
            }
        }
        reader.deserialize_any(Any)
    }
}

impl Cells {
    fn read(&mut self, field: Field, first: &Column<'_>, second: &Column<'_>) -> Result<Value> {
        let number = first.integer();
        Ok(match field {
            Field::Id
            | Field::Name
            | Field::Domain
            | Field::Ou
            | Field::Site
            | Field::Kind
            | Field::Release
            | Field::Edition
            | Field::Arch
            | Field::Primary
            | Field::Source
            | Field::FindingSummary => self.text(first.text()),
            Field::Build
            | Field::Ubr
            | Field::Open
            | Field::Serious
            | Field::Unknown
            | Field::Accepted => {
                let number = number.map(|n| codes::count("number", n)).transpose()?;
                number.map_or(Value::Nothing, Value::Number)
            }
            Field::LastSeen
            | Field::LastReport
            | Field::Enrolled
            | Field::FindingSince
            | Field::FindingAcceptedUntil => {
                number.map_or(Value::Nothing, |ms| Value::Time(Time::from_millis(ms)))
            }
            Field::Standing => Value::Word(standing_word(number.unwrap_or_default())),
            Field::Status => Value::Word(codes::status(number.unwrap_or_default())?.name()),
            Field::FindingState => Value::Word(codes::kept(number.unwrap_or_default())?.name()),
            Field::FindingSeverity => number
                .map(codes::severity)
                .transpose()?
                .map(Severity::name)
                .map_or(Value::Nothing, Value::Word),
            Field::Tags => {
                let (given, reported) = (first.text(), second.text());
                if given == "[]" && reported == "[]" {
                    return Ok(Value::Nothing);
                }
                texts(codes::all_tags(
                    &codes::tags(given)?,
                    &codes::tags(reported)?,
                ))
            }
            Field::CauseKeys | Field::CauseLabels => {
                let causes = codes::causes(first.text())?.into_iter();
                texts(if field == Field::CauseKeys {
                    causes.map(|cause| cause.key).collect()
                } else {
                    causes.map(|cause| cause.label).collect()
                })
            }
        })
    }

    fn text(&mut self, text: &str) -> Value {
        if text.is_empty() {
            return Value::Nothing;
        }
        let start = self.text.len();
        self.text.push_str(text);
        Value::Text(start..self.text.len())
    }
}

fn texts(texts: Vec<String>) -> Value {
    if texts.is_empty() {
        Value::Nothing
    } else {
        Value::Texts(texts.into())
    }
}
