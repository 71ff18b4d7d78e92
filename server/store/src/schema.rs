//! The schema's versions, the same numbers for every database, and whether what a database holds can be used.

use std::borrow::Cow;

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// The version of the schema since which lines of the record are chained.
pub(crate) const CHAINED_SINCE: i64 = 9;

/// Version, name and text of every migration of a database, oldest first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Migrations(pub(crate) &'static [(i64, &'static str, &'static str)]);

/// What a database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Schema {
    /// No tables.
    Empty,
    /// Sickbay's tables of this version.
    Version(i64),
    /// Someone else's tables.
    Foreign,
}

impl Migrations {
    /// The version that this build uses.
    pub(crate) fn newest(self) -> i64 {
        let versions = self.0.iter().map(|(version, ..)| *version);
        versions.max().unwrap_or_default()
    }

    /// All of them, ready to run.
    pub(crate) fn migrator(self) -> Migrator {
        let migration = |(version, name, sql): &(i64, &'static str, &'static str)| {
            let name = Cow::Borrowed(*name);
            let sql = (*sql).into_sql_str();
            Migration::new(*version, name, MigrationType::Simple, sql, false)
        };
        Migrator::with_migrations(self.0.iter().map(migration).collect())
    }

    /// Whether a database that is to be opened has to be made first.
    ///
    /// # Errors
    /// Why it cannot be used, and what to do.
    pub(crate) fn to_open(self, found: Schema) -> Result<bool, String> {
        let newest = self.newest();
        match found {
            Schema::Version(version) if version == newest => Ok(false),
            Schema::Empty => Ok(true),
            Schema::Version(version) if version < newest => Err(format!(
                "its schema is version {version} and this program needs {newest}. Stop the server, make a backup and run: \
                 sickbay-server migrate"
            )),
            other => Err(self.unusable(other)),
        }
    }

    /// From which version a database is brought up to date; 0 where it is empty.
    ///
    /// # Errors
    /// Why it cannot be, and what to do.
    pub(crate) fn to_migrate(self, found: Schema) -> Result<i64, String> {
        match found {
            Schema::Version(version) if version <= self.newest() => Ok(version),
            Schema::Empty => Ok(0),
            other => Err(self.unusable(other)),
        }
    }

    fn unusable(self, found: Schema) -> String {
        match found {
            Schema::Version(found) => format!(
                "its schema is version {found}, written by a newer Sickbay; this program knows {} and older ones. Use the newer \
                 program, or restore a backup made with this one",
                self.newest()
            ),
            Schema::Empty | Schema::Foreign => {
                "it holds tables that are not Sickbay's. Name another one".to_owned()
            }
        }
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
impl Migrations {
    /// Fails where any is another than when it was released: by SHA-256.
    pub(crate) fn are(self, frozen: &[(i64, &str)]) {
        use sha2::{Digest, Sha256};
        let sum = |sql: &str| hex::encode(Sha256::digest(sql));
        let now: Vec<(i64, String)> = self.0.iter().map(|(v, _, sql)| (*v, sum(sql))).collect();
        let frozen: Vec<(i64, String)> = frozen
            .iter()
            .map(|(version, sum)| (*version, (*sum).to_owned()))
            .collect();
        assert_eq!(
            now, frozen,
            "change the schema by a new migration, not in an old one"
        );
    }

    /// Fails where the folder of the database has other files than these.
    pub(crate) fn are_those_of(self, database: &str) {
        let folder = format!("{}/../../migrations/{database}", env!("CARGO_MANIFEST_DIR"));
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .expect("the folder of migrations")
            .map(|entry| {
                let name = entry.expect("an entry").file_name();
                name.to_string_lossy().into_owned()
            })
            .collect();
        files.sort();
        let embedded: Vec<String> = self
            .0
            .iter()
            .map(|(version, name, _)| format!("{version:04}_{name}.sql"))
            .collect();
        assert_eq!(files, embedded);
    }
}
