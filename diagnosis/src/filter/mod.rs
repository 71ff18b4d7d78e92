//! The one filter language: pages, API, exports, expectations' scopes and requests all use it.
//!
//! Pure: it is parsed here, evaluated here for tests and scopes ([`Filter::matches`]), and compiled to SQL by the store.
//!
//! # The language
//! Terms that stand side by side must all hold. `or` between them asks for one of them, `not` or a leading `-` for the contrary,
//! parentheses group; `and` may be written and changes nothing. Blanks bind more tightly than `or`.
//!
//! | term | the device |
//! |---|---|
//! | `word` | has the word in its host name |
//! | `field:value` | has exactly this text, with `*` for any run of characters |
//! | `build>=26100` | has such a number; `=` (or `:`), `<`, `<=`, `>`, `>=` |
//! | `issue:pending-reboot` | has an open finding of this issue |
//! | `cause:40667045*` | has an open finding with such a cause key; on the page of an issue, its finding of that issue has it |
//! | `state:unknown` | on the page of an issue: its finding is in this state (`open`, `accepted`, `unknown`); elsewhere: any of its findings is |
//! | `primary:safeguard-hold` | has this issue as its primary cause |
//! | `source:wsus*` | gets its quality updates from there |
//!
//! An open finding that somebody accepted is `accepted`, not `open`, and `issue:` and `cause:` pass over it.
//!
//! Fields are `name`, `id`, `domain`, `ou`, `site`, `tag`, `kind`, `release`, `edition`, `arch`, `standing`, `primary`, `source` (texts), `build`, `ubr`
//! (numbers), `issue`, `cause` and `state`. Texts are compared as a whole and without regard to ASCII case. A value with blanks, parentheses or
//! quotes stands in double quotes, inside which `\"` and `\\` stand for `"` and `\`; so does a word that would otherwise mean
//! something (`"or"`). A word with a `*` of its own is compared with the whole host name. `*` has no escape. `()` and the empty text
//! are no condition.
//!
//! A number that is not known compares with nothing, so `-build>=26100` holds for a device whose build is not known.
//!
//! ```
//! use sickbay_diagnosis::filter::Filter;
//!
//! let filter = Filter::parse(r#"release:"Windows 11*" (tag:pilot OR ou:*Berlin*) not build >= 26100"#);
//! let error = filter.unwrap_err().to_string();
//! assert_eq!(error, r#"filter, character 60: ">=" stands without a field: write build>=26100 or tag:pilot, without blanks"#);
//!
//! let filter = Filter::parse(r#"release:"Windows 11*" (tag:pilot OR ou:*Berlin*) not build>=26100"#)?;
//! assert_eq!(filter.to_string(), r#"release:"Windows 11*" (tag:pilot or ou:*Berlin*) -build>=26100"#);
//! # Ok::<(), sickbay_diagnosis::filter::FilterError>(())
//! ```
//!
//! # Limits
//! A text has at most [`MAX_BYTES`] bytes and nests at most [`MAX_DEPTH`] parentheses and negations. Conditions put together in code
//! ([`Filter::and`]) are not bounded.

mod error;
mod matches;
mod parse;
mod print;

pub use error::{FilterError, Problem};
pub use matches::{FindingView, Subject};

use crate::verdict::Kept;

/// Longest text of a filter, in bytes of UTF-8.
pub const MAX_BYTES: usize = 8_000;

/// Most parentheses and negations inside each other.
pub const MAX_DEPTH: usize = 32;

/// A condition on devices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Filter {
    /// No condition.
    #[default]
    Everything,
    /// All of these hold.
    All(Vec<Filter>),
    /// At least one of these holds.
    Any(Vec<Filter>),
    /// This does not hold.
    Not(Box<Filter>),
    /// A single test.
    Is(Test),
}

/// A single test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// A text of the device matches: `ou:*Berlin*`.
    Text(TextField, Pattern),
    /// A number of the device compares: `build>=26100`.
    Number(NumberField, Compare, u64),
    /// The device has an open finding of an issue: `issue:pending-reboot`.
    Issue(Pattern),
    /// The device has an open finding with a cause key; on the page of an issue, of that issue: `cause:40667045*`.
    Cause(Pattern),
    /// On the page of an issue: how its finding is kept, `open`, `accepted` or `unknown`.
    State(Kept),
}

/// Texts of a device that can be matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TextField {
    /// Host name.
    Name,
    /// Device id.
    Id,
    /// DNS domain; empty in a workgroup.
    Domain,
    /// Distinguished name of the OU.
    Ou,
    /// AD site.
    Site,
    /// Any of the device's tags.
    Tag,
    /// `client` or `server`.
    Kind,
    /// `Windows 11 24H2`.
    Release,
    /// `Professional`, `ServerStandard`, ...
    Edition,
    /// `x64`, `arm64`, `x86`.
    Arch,
    /// How it stands: `serious`, `warning`, `unknown`, `healthy` or `never-reported`; each device is exactly one of them.
    Standing,
    /// Id of its primary cause: the open issue that explains the others; empty where nothing is open.
    Primary,
    /// Where its quality updates come from: `windows-update`, `wsus https://wsus.example:8531`, `blocked`; empty where that is not known.
    Source,
}

/// Numbers of a device that can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NumberField {
    /// Build number, 26100.
    Build,
    /// Update build revision.
    Ubr,
}

/// How numbers compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compare {
    /// `=` or `:`
    Equal,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

/// A text in which `*` stands for any run of characters; matched as a whole, without regard to ASCII case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern(String);

impl Pattern {
    /// From text with `*` as the wildcard.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Filter {
    /// Both conditions. Neither text is parsed again, so a scope stays in force whatever the other filter says.
    ///
    /// ```
    /// use sickbay_diagnosis::filter::Filter;
    ///
    /// let scope = Filter::parse("tag:berlin")?;
    /// let asked = Filter::parse("pc or laptop")?;
    /// assert_eq!(scope.and(asked).to_string(), "tag:berlin (pc or laptop)");
    /// # Ok::<(), sickbay_diagnosis::filter::FilterError>(())
    /// ```
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Everything, filter) | (filter, Self::Everything) => filter,
            (Self::All(mut left), Self::All(right)) => {
                left.extend(right);
                Self::All(left)
            }
            (Self::All(mut left), right) => {
                left.push(right);
                Self::All(left)
            }
            (left, Self::All(mut right)) => {
                right.insert(0, left);
                Self::All(right)
            }
            (left, right) => Self::All(vec![left, right]),
        }
    }

    /// Whether a `state:` test stands anywhere in it. Pages of an issue show open findings where none does.
    pub fn names_state(&self) -> bool {
        let is_state = |test: &&Test| matches!(test, Test::State(_));
        self.tests().iter().any(is_state)
    }

    /// Every test that stands anywhere in it.
    pub fn tests(&self) -> Vec<&Test> {
        match self {
            Self::Everything => Vec::new(),
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::tests).collect(),
            Self::Not(inner) => inner.tests(),
            Self::Is(test) => vec![test],
        }
    }
}

impl TextField {
    /// Every text field, in the order of the documentation.
    pub const ALL: [Self; 13] = [
        Self::Name,
        Self::Id,
        Self::Domain,
        Self::Ou,
        Self::Site,
        Self::Tag,
        Self::Kind,
        Self::Release,
        Self::Edition,
        Self::Arch,
        Self::Standing,
        Self::Primary,
        Self::Source,
    ];

    /// Its name in the language.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Id => "id",
            Self::Domain => "domain",
            Self::Ou => "ou",
            Self::Site => "site",
            Self::Tag => "tag",
            Self::Kind => "kind",
            Self::Release => "release",
            Self::Edition => "edition",
            Self::Arch => "arch",
            Self::Standing => "standing",
            Self::Primary => "primary",
            Self::Source => "source",
        }
    }
}

impl NumberField {
    /// Every number field, in the order of the documentation.
    pub const ALL: [Self; 2] = [Self::Build, Self::Ubr];

    /// Its name in the language.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Ubr => "ubr",
        }
    }
}

impl Compare {
    /// Its sign in the language.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        }
    }
}

#[cfg(test)]
mod tests;
