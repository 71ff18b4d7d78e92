//! What can be wrong with the text of a filter.

use super::{MAX_BYTES, MAX_DEPTH, NumberField, TextField};

/// Why a text is no filter, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("filter, character {position}: {problem}")]
pub struct FilterError {
    pub(super) position: usize,
    pub(super) problem: Problem,
}

impl FilterError {
    /// The place of the first wrong character, counted in characters from 1.
    pub const fn position(&self) -> usize {
        self.position
    }

    /// What is wrong.
    pub const fn problem(&self) -> &Problem {
        &self.problem
    }
}

/// What is wrong with a filter, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// More than [`MAX_BYTES`].
    #[error(
        "it has {bytes} bytes, at most {MAX_BYTES} are read: use wildcards or a tag instead of a long list"
    )]
    TooLong {
        /// Length of the text, in bytes.
        bytes: usize,
    },
    /// More than [`MAX_DEPTH`] parentheses and negations inside each other.
    #[error(
        "parentheses and negations are more than {MAX_DEPTH} deep here: leave out those that change nothing"
    )]
    TooDeep,
    /// A field that does not exist.
    #[error(
        "there is no field {found:?}: write one of {}, or put the word into double quotes to look for it in host names",
        field_names()
    )]
    UnknownField {
        /// What stands before the sign.
        found: String,
    },
    /// A sign between field and value that the field does not have.
    #[error("{field} is not a number: write {field}:value instead of {field}{sign}value")]
    NotComparable {
        /// The field.
        field: &'static str,
        /// The sign found.
        sign: &'static str,
    },
    /// A field without a value.
    #[error("the value of {field} is missing: write {example}, without blanks")]
    NoValue {
        /// The field.
        field: &'static str,
        /// What would be right.
        example: &'static str,
    },
    /// Something else than a number from 0 to 2^64-1.
    #[error("{field} wants a whole number here: write {example}, without blanks")]
    NotANumber {
        /// The field.
        field: &'static str,
        /// What would be right.
        example: &'static str,
    },
    /// A sign with no field before it.
    #[error("{sign:?} stands without a field: write build>=26100 or tag:pilot, without blanks")]
    NoField {
        /// The sign found.
        sign: &'static str,
    },
    /// A state that findings are not kept in.
    #[error(
        "findings are open, accepted or unknown, not {found:?}: write state:open, state:accepted or state:unknown"
    )]
    UnknownState {
        /// What stands there.
        found: String,
    },
    /// A quote without its end.
    #[error("the double quote that begins here has no end: close it with \"")]
    OpenQuote,
    /// A backslash in quotes before something that needs none.
    #[error("inside quotes a backslash stands only before \" and \\: write \\\\ for a backslash")]
    BadEscape,
    /// Quotes with nothing between them where a word should be.
    #[error(
        "an empty word is in every name: write site:\"\" to look for an empty text, or leave it out"
    )]
    EmptyWord,
    /// A term that touches the next one.
    #[error(
        "{found:?} touches the term before it: put a blank between them, or the value into double quotes"
    )]
    Touching {
        /// The character found.
        found: char,
    },
    /// Nothing follows `or`, `and`, `not` or `-`.
    #[error(
        "a term is missing after {after:?}: write one, or put the word into double quotes to look for it"
    )]
    MissingTerm {
        /// The word that wants a term.
        after: &'static str,
    },
    /// `or` or `and` with nothing before it.
    #[error(
        "a term is missing before {word:?}: write one, or put the word into double quotes to look for it"
    )]
    NothingBefore {
        /// The word that wants a term.
        word: &'static str,
    },
    /// `(` without `)`.
    #[error("the parenthesis that opens here is not closed: add )")]
    OpenParenthesis,
    /// `)` without `(`.
    #[error("this parenthesis closes nothing: leave it out, or put the value into double quotes")]
    StrayParenthesis,
}

fn field_names() -> String {
    let texts = TextField::ALL.iter().map(|field| field.name());
    let numbers = NumberField::ALL.iter().map(|field| field.name());
    let findings = ["issue", "cause", "state"];
    texts
        .chain(numbers)
        .chain(findings)
        .collect::<Vec<_>>()
        .join(", ")
}
