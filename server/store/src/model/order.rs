//! In which order lists come.

/// By what a list is ordered; by name among equals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OrderBy {
    /// Host name.
    #[default]
    Name,
    /// DNS domain.
    Domain,
    /// Distinguished name of the OU.
    Ou,
    /// AD site.
    Site,
    /// Client or server.
    Kind,
    /// Release, as a text.
    Release,
    /// Build number and update build revision.
    Build,
    /// Edition id.
    Edition,
    /// Architecture.
    Arch,
    /// Id of the primary cause.
    Primary,
    /// How it stands, from never reported to serious.
    Health,
    /// How many findings are open.
    Open,
    /// How many of these are serious.
    Serious,
    /// How many are unknown.
    Unknown,
    /// When it was enrolled first. The order in which devices lie in the database, so that of a large fleet it is read fastest.
    Enrolled,
    /// How bad the finding of the issue is.
    Severity,
    /// Since when the finding of the issue is as it is.
    Since,
    /// The first cause of the finding of the issue.
    Causes,
}

/// An order. What is not known comes last in either direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Order {
    /// By what.
    pub by: OrderBy,
    /// The largest first.
    pub descending: bool,
}

/// What a row was ordered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ordered {
    /// A text in lower case.
    Text(String),
    /// A number.
    Number(u64),
    /// It was not known.
    Unknown,
}
