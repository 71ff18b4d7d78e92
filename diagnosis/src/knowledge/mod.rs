//! What is known of Windows itself: releases, safeguard holds, error codes, updates and what they need.
//!
//! It comes as a set of tables: those that are part of the program ([`Knowledge::built_in`]), or others in their place, which a person
//! imports. A table is text of tab-separated columns: a first line `# dated YYYY-MM-DD` that says up to when it was collected, a header,
//! then a row a line. It is read whole or refused whole: a row that is not understood is an error that names table and line.

mod error_codes;
mod explain;
mod holds;
mod prerequisites;
mod releases;
mod search;
mod table;
mod updates;

use std::fmt;
use std::sync::{Arc, LazyLock};

pub use error_codes::ErrorCode;
pub use explain::{Explained, Explanation};
pub use holds::Hold;
pub use prerequisites::{Need, Prerequisite};
pub use releases::{DeviceKind, Release, Support};
pub use search::{FOUND_AT_MOST, Found};
pub use table::TableError;
pub use updates::{KnownUpdate, UpdateKind};

use self::error_codes::ErrorCodes;
use self::holds::Holds;
use self::prerequisites::Prerequisites;
use self::releases::Releases;
use self::table::Table;
use self::updates::Updates;

/// What the tables that are part of the program are called.
const BUILT_IN: &str = "built in";

macro_rules! tables {
    ($($(#[$doc:meta])* $variant:ident $file:literal $title:literal,)*) => {
        /// The tables that knowledge consists of.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum TableName {
            $($(#[$doc])* $variant,)*
        }

        impl TableName {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name of its file, `windows-releases.tsv`.
            pub const fn file(self) -> &'static str {
                match self {
                    $(Self::$variant => $file,)*
                }
            }

            /// What it holds, for people.
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$variant => $title,)*
                }
            }

            /// The table that is part of the program.
            pub const fn built_in(self) -> &'static str {
                match self {
                    $(Self::$variant => include_str!(concat!("../../data/", $file)),)*
                }
            }
        }
    };
}

tables! {
    /// Releases of Windows, with their ends of service.
    Releases "windows-releases.tsv" "Windows releases",
    /// Safeguard holds.
    Holds "safeguard-holds.tsv" "Safeguard holds",
    /// Error codes.
    ErrorCodes "wu-error-codes.tsv" "Error codes",
    /// Updates and the builds that they bring.
    Updates "updates.tsv" "Updates",
    /// What updates need before they can be installed.
    Prerequisites "prerequisites.tsv" "Prerequisites of updates",
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.file())
    }
}

/// All that is known of Windows.
#[derive(Debug, PartialEq, Eq)]
pub struct Knowledge {
    version: String,
    releases: Releases,
    holds: Holds,
    error_codes: ErrorCodes,
    updates: Updates,
    prerequisites: Prerequisites,
    about: Vec<AboutTable>,
}

/// How much a table holds and how old it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AboutTable {
    /// Which.
    pub name: TableName,
    /// The day up to which it was collected, `YYYY-MM-DD`.
    pub dated: String,
    /// Number of entries.
    pub entries: usize,
}

static KNOWN: LazyLock<Arc<Knowledge>> = LazyLock::new(|| {
    let built_in = Knowledge::parse(BUILT_IN, |name| Some(name.built_in()));
    Arc::new(built_in.expect("a test reads every table that is part of the program"))
});

impl Knowledge {
    /// What is part of the program.
    pub fn built_in() -> &'static Arc<Self> {
        &KNOWN
    }

    /// Reads tables of that version. One that `text` does not have is the built-in one, so that a pack of an older form stays good.
    ///
    /// # Errors
    /// A row that is not understood, or a table without a date.
    pub fn parse<'a>(
        version: &str,
        text: impl Fn(TableName) -> Option<&'a str>,
    ) -> Result<Self, TableError> {
        let table = |name: TableName| Table::parse(name, text(name).unwrap_or(name.built_in()));
        let tables = [
            table(TableName::Releases)?,
            table(TableName::Holds)?,
            table(TableName::ErrorCodes)?,
            table(TableName::Updates)?,
            table(TableName::Prerequisites)?,
        ];
        let about = tables.iter().map(|table| AboutTable {
            name: table.name,
            dated: table.dated.to_owned(),
            entries: table.rows.len(),
        });
        let [releases, holds, error_codes, updates, prerequisites] = &tables;
        Ok(Self {
            version: version.to_owned(),
            about: about.collect(),
            releases: Releases::parse(releases)?,
            holds: Holds::parse(holds)?,
            error_codes: ErrorCodes::parse(error_codes)?,
            updates: Updates::parse(updates)?,
            prerequisites: Prerequisites::parse(prerequisites)?,
        })
    }

    /// The version by which whoever made it calls it; `built in` where it is part of the program.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Every table, with its age.
    pub fn about(&self) -> &[AboutTable] {
        &self.about
    }

    /// Every release, newest first within clients and servers.
    pub fn releases(&self) -> &[Arc<Release>] {
        self.releases.all()
    }

    /// The releases that have this build number.
    pub fn releases_of_build(&self, build: u32) -> impl Iterator<Item = &Arc<Release>> {
        self.releases().iter().filter(move |r| r.build == build)
    }

    /// The client release that an appraiser code stands for. Where a family shares the code, its first release.
    pub fn release_of_code(&self, code: &str) -> Option<&Arc<Release>> {
        self.releases.of_code(code)
    }

    /// The client release of a product and version as policy names them: `Windows 11` and `24H2`.
    pub fn release_named(&self, product: &str, version: &str) -> Option<&Arc<Release>> {
        self.releases.named(product, version)
    }

    /// The build in the names of the update packages of a build: 26100 for 26200. A build that no release has is its own.
    pub fn package_build(&self, build: u32) -> u32 {
        self.releases_of_build(build)
            .next()
            .map_or(build, |release| release.package_build)
    }

    /// The safeguard hold of that id; `None` where it is not publicly known.
    pub fn hold(&self, id: u32) -> Option<&Hold> {
        self.holds.get(id)
    }

    /// Every publicly known safeguard hold, by id.
    pub fn holds(&self) -> impl Iterator<Item = &Hold> {
        self.holds.all()
    }

    /// The error code of that number; `None` where the table lacks it.
    pub fn error_code(&self, code: u32) -> Option<&ErrorCode> {
        self.error_codes.get(code)
    }

    /// Every error code, by number.
    pub fn error_codes(&self) -> &[ErrorCode] {
        self.error_codes.all()
    }

    /// A code in its one spelling with what it means, `0x8024402C (WU_E_PT_WINHTTP_NAME_NOT_RESOLVED: ...)`; one that the
    /// table lacks with the number that it wraps, `0x8007065D (Win32 error 1629)`; else alone.
    pub fn in_words(&self, spelled: &str) -> String {
        self.error_codes.in_words(spelled)
    }

    /// What is known of an update, once for each family of builds that it is for.
    pub fn updates_of(&self, kb: u32) -> &[KnownUpdate] {
        self.updates.of(kb)
    }

    /// Every known update.
    pub fn updates(&self) -> impl Iterator<Item = &KnownUpdate> {
        self.updates.all()
    }

    /// The cumulative update of a family that brings the highest revision to devices of this kind.
    pub fn newest_cumulative(&self, package_build: u32, kind: DeviceKind) -> Option<&KnownUpdate> {
        self.updates.newest(package_build, kind)
    }

    /// The revision of the cumulative update whose content a device has that runs this one, where this one is a hotpatch's.
    pub fn covered_by_hotpatch(&self, package_build: u32, revision: u32) -> Option<u32> {
        self.updates.covered(package_build, revision)
    }

    /// What updates need, in the order of the table.
    pub fn prerequisites(&self) -> &[Prerequisite] {
        self.prerequisites.all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_of_the_program_is_whole() {
        let known = Knowledge::parse(BUILT_IN, |name| Some(name.built_in()));
        let known = known.unwrap_or_else(|error| panic!("{error}"));
        for about in known.about() {
            assert!(about.entries > 0, "{} is empty", about.name);
        }
        assert!(known.prerequisites().iter().all(|p| !p.source.is_empty()));
    }

    #[test]
    fn a_table_that_is_not_understood_is_refused_with_table_and_line() {
        let refused = |name: TableName, text: &str| {
            let parsed = Knowledge::parse("x", |asked| (asked == name).then_some(text));
            parsed.expect_err("refused").to_string()
        };
        let without_date = refused(TableName::Holds, "safeguard_id\taffected\n1\tx\n");
        assert!(
            without_date.starts_with("safeguard-holds.tsv, line 1: "),
            "{without_date}"
        );
        let header = TableName::ErrorCodes
            .built_in()
            .lines()
            .nth(1)
            .expect("a header");
        let text = format!("# dated 2026-01-01\n{header}\nnonsense\tX\tY\tZ\tW\n");
        let nonsense = refused(TableName::ErrorCodes, &text);
        assert!(
            nonsense.starts_with("wu-error-codes.tsv, line 3: ") && nonsense.contains("nonsense"),
            "{nonsense}"
        );
        for name in TableName::ALL {
            let built_in = name.built_in();
            let lines: Vec<&str> = built_in.lines().collect();
            let head = lines[..2].join("\n");
            let cut = refused(*name, &head);
            assert!(cut.contains("line 3: there is no row"), "{cut}");
            let longer = refused(*name, &format!("{head}\n{}{}", lines[2], "\tx".repeat(20)));
            assert!(longer.contains("line 3: there are"), "{longer}");
            if *name != TableName::Prerequisites {
                let last = lines.len() + 1;
                let twice = refused(*name, &format!("{}\n{}\n", lines.join("\n"), lines[2]));
                assert!(
                    twice.contains(&format!("line {last}: this ")) && twice.contains("twice"),
                    "{twice}"
                );
            }
            let other_day = built_in.replacen("# dated 20", "# dated 2020-1-", 1);
            assert!(refused(*name, &other_day).contains("line 1: "));
        }
        let other = refused(TableName::ErrorCodes, "# dated 2026-01-01\nkode\tname\n");
        assert!(
            other.contains("line 2") && other.contains("kode"),
            "{other}"
        );
    }
}
