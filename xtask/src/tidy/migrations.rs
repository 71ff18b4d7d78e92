//! Both databases have the same migrations, numbered alike and without gaps.

use std::collections::BTreeSet;

use super::Offence;
use super::tree::Tree;

const FOLDERS: [&str; 2] = ["migrations/sqlite", "migrations/postgres"];

/// Finds gaps, and once both databases have migrations, those that only one has.
pub(super) fn check(tree: &Tree) -> Vec<Offence> {
    let [sqlite, postgres] = FOLDERS.map(|folder| names(tree, folder));
    let mut offences = Vec::new();
    for (folder, names) in FOLDERS.into_iter().zip([&sqlite, &postgres]) {
        for (place, name) in names.iter().enumerate() {
            let number = format!("{:04}_", place + 1);
            if !name.starts_with(&number) {
                let why = format!(
                    "the migration at this place begins with {number}: numbers have no gaps and no twins"
                );
                offences.push(Offence::new(
                    format!("{folder}/{name}"),
                    1,
                    why,
                    "number it next, and never edit or renumber a released one",
                ));
            }
        }
    }
    if !sqlite.is_empty() && !postgres.is_empty() {
        for name in sqlite.symmetric_difference(&postgres) {
            let [here, missing] = if sqlite.contains(name) {
                FOLDERS
            } else {
                [FOLDERS[1], FOLDERS[0]]
            };
            let why = format!("{missing} has no {name}: both databases offer the same features");
            offences.push(Offence::new(
                format!("{here}/{name}"),
                1,
                why,
                "write its twin under the same name",
            ));
        }
    }
    offences
}

fn names<'a>(tree: &'a Tree, folder: &str) -> BTreeSet<&'a str> {
    let sql = tree.files().iter().filter(|file| file.extension() == "sql");
    let below = sql.filter_map(|file| {
        let rest = file.path.strip_prefix(folder)?;
        rest.strip_prefix('/')
    });
    below.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(files: &[&str]) -> usize {
        let files: Vec<(&str, &str)> = files.iter().map(|path| (*path, "")).collect();
        check(&Tree::of(&files)).len()
    }

    #[test]
    fn migrations_of_both_databases_are_numbered_alike() {
        assert_eq!(
            count(&[
                "migrations/sqlite/0001_a.sql",
                "migrations/sqlite/0002_b.sql"
            ]),
            0
        );
        assert_eq!(
            count(&[
                "migrations/sqlite/0001_a.sql",
                "migrations/postgres/0001_a.sql"
            ]),
            0
        );
        assert_eq!(
            count(&[
                "migrations/sqlite/0001_a.sql",
                "migrations/sqlite/0003_b.sql"
            ]),
            1
        );
        assert_eq!(
            count(&[
                "migrations/sqlite/0001_a.sql",
                "migrations/postgres/0001_b.sql"
            ]),
            2
        );
    }
}
