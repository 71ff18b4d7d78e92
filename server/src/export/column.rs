//! Columns of an export: their names, how wide they are, and what a row says in each of them, with its type.
//!
//! The same column says the same in every format: names are those of the API, and stand in the first line of CSV files and workbooks.

use std::borrow::Cow;

use serde_json::Value;
use sickbay_diagnosis::Time;

use crate::problem::Problem;

/// What a row says in a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Nothing: it is not known, or there is none.
    Empty,
    /// A text.
    Text(Cow<'a, str>),
    /// Several texts.
    Texts(Vec<Cow<'a, str>>),
    /// A number.
    Number(u64),
    /// A moment.
    Time(Time),
}

/// Between several texts of one cell.
const BETWEEN: &str = "; ";

impl<'a> Cell<'a> {
    /// A text; nothing where it is empty.
    pub fn text(text: &'a str) -> Self {
        if text.is_empty() {
            Self::Empty
        } else {
            Self::Text(Cow::Borrowed(text))
        }
    }

    /// A text of this program.
    pub const fn word(word: &'static str) -> Self {
        Self::Text(Cow::Borrowed(word))
    }

    /// A number, where there is one.
    pub fn number(number: Option<impl Into<u64>>) -> Self {
        number.map_or(Self::Empty, |number| Self::Number(number.into()))
    }

    /// As plain text.
    pub fn into_text(self) -> Cow<'a, str> {
        match self {
            Self::Empty => Cow::Borrowed(""),
            Self::Text(text) => text,
            Self::Texts(texts) => Cow::Owned(texts.join(BETWEEN)),
            Self::Number(number) => Cow::Owned(number.to_string()),
            Self::Time(time) => Cow::Owned(time.to_string()),
        }
    }

    /// As JSON: `null` where there is nothing.
    pub fn into_json(self) -> Value {
        match self {
            Self::Empty => Value::Null,
            Self::Text(text) => Value::String(text.into_owned()),
            Self::Texts(texts) => texts.into_iter().map(Cow::into_owned).collect(),
            Self::Number(number) => number.into(),
            Self::Time(time) => Value::String(time.to_string()),
        }
    }
}

/// A column of rows `R`.
pub struct Column<R> {
    /// Its name, as in the API.
    pub name: &'static str,
    /// How wide a workbook shows it, in characters.
    pub width: u16,
    /// What a row says in it.
    pub read: for<'r> fn(&'r R) -> Cell<'r>,
}

/// A row of a list that can be exported.
pub trait Exported: Send + Sync + Sized + 'static {
    /// Every column that there is, in order.
    const COLUMNS: &'static [Column<Self>];

    /// It as one JSON object of the API.
    fn json(&self) -> String;
}

/// The columns of one export, in order.
pub struct Columns<R: 'static> {
    columns: Vec<&'static Column<R>>,
    /// Whether somebody chose them.
    chosen: bool,
}

impl<R: Exported> Default for Columns<R> {
    fn default() -> Self {
        Self::of(R::COLUMNS.iter())
    }
}

impl<R: 'static> Columns<R> {
    /// These, which nobody chose.
    pub fn of(columns: impl Iterator<Item = &'static Column<R>>) -> Self {
        Self {
            columns: columns.collect(),
            chosen: false,
        }
    }

    /// Those of `offered` that a list of names with commas asks for, in its order.
    ///
    /// # Errors
    /// Names the column that is not offered, and those that are.
    pub fn chosen(
        offered: impl Iterator<Item = &'static Column<R>>,
        names: &str,
    ) -> Result<Self, Problem> {
        let offered: Vec<_> = offered.collect();
        let mut columns: Vec<&'static Column<R>> = Vec::new();
        for name in names.split(',').map(str::trim).filter(|n| !n.is_empty()) {
            let Some(column) = offered.iter().find(|column| column.name == name) else {
                let known: Vec<&str> = offered.iter().map(|column| column.name).collect();
                return Err(Problem::bad_request(format!(
                    "This list has no column {name:?}; `columns` may name {}.",
                    known.join(", ")
                )));
            };
            if columns.iter().any(|chosen| chosen.name == name) {
                return Err(Problem::bad_request(format!(
                    "`columns` names {name} twice."
                )));
            }
            columns.push(column);
        }
        if columns.is_empty() {
            return Err(Problem::bad_request(
                "`columns` names no column; leave it out for the usual ones.",
            ));
        }
        Ok(Self {
            columns,
            chosen: true,
        })
    }

    /// Them, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'static Column<R>> + '_ {
        self.columns.iter().copied()
    }

    /// Whether somebody chose them.
    pub const fn are_chosen(&self) -> bool {
        self.chosen
    }

    /// Whether this one is among them.
    pub fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|column| column.name == name)
    }
}

impl<R: Exported> Columns<R> {
    /// A row as a JSON object: as the API shows it, or of the chosen columns alone.
    pub fn json(&self, row: &R) -> String {
        if !self.chosen {
            return row.json();
        }
        let object: serde_json::Map<String, Value> = self
            .iter()
            .map(|column| (column.name.to_owned(), (column.read)(row).into_json()))
            .collect();
        Value::Object(object).to_string()
    }
}
