//! How old what is known is, and where it comes from: what the page, the API and the command line say.

use sickbay_diagnosis::Time;
use sickbay_diagnosis::knowledge::{Knowledge, TableName};
use sickbay_diagnosis::time::DAY_MS;
use sickbay_store::PackMark;

use super::in_force::Origin;
use super::key::PublicKey;

/// Knowledge older than this, in days, is told to be old: two of Windows' monthly update days have then passed without it.
pub const WARN_AFTER_DAYS: i64 = 60;

/// What is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The version by which whoever made it calls it.
    pub version: String,
    /// The day up to which it was collected, `YYYY-MM-DD`.
    pub dated: String,
    /// How long ago that is, in whole days.
    pub age_days: i64,
    /// Where it comes from.
    pub source: Source,
    /// What was imported and cannot be used, and why.
    pub refused: Option<(PackMark, String)>,
    /// Files of the pack that this version does not know.
    pub unknown: Vec<String>,
    /// Its tables.
    pub tables: Vec<TableAbout>,
}

/// Where knowledge comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// It came with the program.
    BuiltIn,
    /// It was imported.
    Imported {
        /// When.
        at: Time,
        /// By which account, as far as its environment said.
        by: String,
        /// Who signed it.
        signer: PublicKey,
    },
}

/// A table of what is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableAbout {
    /// Which.
    pub name: TableName,
    /// The day up to which it was collected, `YYYY-MM-DD`.
    pub dated: String,
    /// How long ago that is, in whole days.
    pub age_days: i64,
    /// Number of entries.
    pub entries: usize,
    /// Whether it is that of the pack; the built-in one otherwise.
    pub imported: bool,
    /// The day of the table that came with the program, where that is newer.
    pub newer_built_in: Option<String>,
}

impl About {
    /// Of what is in force, as of `now`.
    pub fn of(knowledge: &Knowledge, origin: &Origin, now: Time) -> Self {
        let own = |name: TableName| matches!(origin, Origin::Imported { tables, .. } if tables.contains(&name));
        let tables = knowledge.about().iter().map(|table| TableAbout {
            newer_built_in: dated_of(Knowledge::built_in(), table.name)
                .filter(|built_in| *built_in > table.dated.as_str())
                .map(str::to_owned),
            name: table.name,
            dated: table.dated.clone(),
            age_days: age_days(&table.dated, now),
            entries: table.entries,
            imported: own(table.name),
        });
        let dated = dated(knowledge, origin);
        let (mut refused, mut unknown, mut source) = (None, Vec::new(), Source::BuiltIn);
        match origin {
            Origin::BuiltIn => {}
            Origin::Refused { mark, reason } => refused = Some((mark.clone(), reason.clone())),
            Origin::Imported {
                mark,
                signer,
                unknown: files,
                ..
            } => {
                unknown.clone_from(files);
                source = Source::Imported {
                    at: mark.imported_at,
                    by: mark.imported_by.clone(),
                    signer: *signer,
                };
            }
        }
        Self {
            version: knowledge.version().to_owned(),
            dated: dated.to_owned(),
            age_days: age_days(dated, now),
            source,
            refused,
            unknown,
            tables: tables.collect(),
        }
    }

    /// Whether it is so old that a newer one should be looked for.
    pub const fn is_old(&self) -> bool {
        is_old(self.age_days)
    }

    /// The imported tables of which the program brought something newer.
    pub fn overtaken(&self) -> impl Iterator<Item = &TableAbout> {
        let tables = self.tables.iter();
        tables.filter(|table| table.newer_built_in.is_some())
    }
}

impl TableAbout {
    /// Whether it is so old that a newer one should be looked for.
    pub const fn is_old(&self) -> bool {
        is_old(self.age_days)
    }
}

const fn is_old(age_days: i64) -> bool {
    age_days > WARN_AFTER_DAYS
}

/// The day up to which what is in force was collected: what the pack says of itself, or the newest of the built-in tables.
pub(super) fn dated<'a>(knowledge: &'a Knowledge, origin: &'a Origin) -> &'a str {
    match origin {
        Origin::Imported { dated, .. } => dated,
        Origin::BuiltIn | Origin::Refused { .. } => newest(knowledge),
    }
}

/// The newest date of all tables. Days in this one spelling sort as they follow each other.
pub fn newest(knowledge: &Knowledge) -> &str {
    let dates = knowledge.about().iter().map(|table| table.dated.as_str());
    dates.max().unwrap_or_default()
}

/// The date of a table.
pub fn dated_of(knowledge: &Knowledge, name: TableName) -> Option<&str> {
    let table = knowledge.about().iter().find(|table| table.name == name);
    table.map(|table| table.dated.as_str())
}

/// Whole days since a day; none where it is still to come.
fn age_days(dated: &str, now: Time) -> i64 {
    Time::parse_day(dated).map_or(0, |day| now.since(day).div_euclid(DAY_MS).max(0))
}
