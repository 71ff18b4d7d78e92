//! The one filter language: pages, API, exports, expectations' scopes and requests all use it.
//!
//! Pure: it is parsed here, evaluated here for tests and scopes, and compiled to SQL by the store.

use crate::verdict::State;

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
    /// On the page of an issue: the state of its finding, `open` or `unknown`.
    State(State),
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
