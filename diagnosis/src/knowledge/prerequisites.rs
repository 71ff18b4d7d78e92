//! What updates need before they can be installed (fact sheet section 9).

use super::table::{Row, Table, TableError};
use crate::kb::Kb;
use crate::time::Time;

/// The prerequisites, in the order of the table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Prerequisites(Vec<Prerequisite>);

/// What an update, or every update of a family, needs first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prerequisite {
    /// The build in the names of the family's packages.
    pub package_build: u32,
    /// The updates that need it; empty where all do.
    pub of: Vec<Kb>,
    /// Updates that do not.
    pub except: Vec<Kb>,
    /// Only updates that came out on this day or later need it.
    pub released_since: Option<Time>,
    /// What they need.
    pub need: Need,
    /// A device at this revision or above has it: a later update brought it.
    pub implied_by_revision: Option<u32>,
    /// Who says so.
    pub source: Box<str>,
}

/// What must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// This update.
    Update(Kb),
    /// This build: a service pack.
    Build(u32),
    /// This revision of the family, or a later one.
    Revision(u32),
}

impl Prerequisites {
    pub(super) fn parse(table: &Table<'_>) -> Result<Self, TableError> {
        let rows = table.rows.iter().map(Prerequisite::parse);
        Ok(Self(rows.collect::<Result<_, _>>()?))
    }

    pub(super) fn all(&self) -> &[Prerequisite] {
        &self.0
    }
}

impl Prerequisite {
    fn parse(row: &Row<'_>) -> Result<Self, TableError> {
        let number = |text: &str| text.parse().ok();
        let of = match row.filled(1, "`all`, or the updates that need it")? {
            "all" => Vec::new(),
            _ => row.understood(1, "`all` or a list of updates", list)?,
        };
        Ok(Self {
            package_build: row.understood(0, "a build", number)?,
            of,
            except: row
                .understood_if_there(2, "a list of updates", list)?
                .unwrap_or_default(),
            released_since: row.understood_if_there(3, "a day", Time::parse_loose)?,
            need: row.understood(4, "an update, `build N` or `revision N`", need)?,
            implied_by_revision: row.understood_if_there(5, "a revision", number)?,
            source: row.filled(6, "the source")?.into(),
        })
    }

    /// Whether an update that came out then needs it. Where its day is not known, what came only with a day counts as needed by none.
    pub fn concerns(&self, kb: Kb, released: Option<Time>) -> bool {
        let named = self.of.is_empty() || self.of.contains(&kb);
        let late = self
            .released_since
            .is_none_or(|since| released.is_some_and(|at| at >= since));
        named && late && !self.except.contains(&kb)
    }
}

fn list(text: &str) -> Option<Vec<Kb>> {
    text.split(',').map(|kb| Kb::parse(kb.trim())).collect()
}

fn need(text: &str) -> Option<Need> {
    let number = |word: &str| text.strip_prefix(word)?.trim().parse().ok();
    number("build ")
        .map(Need::Build)
        .or_else(|| number("revision ").map(Need::Revision))
        .or_else(|| Kb::parse(text).map(Need::Update))
}
