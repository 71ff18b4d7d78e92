//! Both databases have the same migrations, numbered alike and without gaps, from where the younger one begins with its whole schema.

use std::collections::BTreeSet;

use super::Offence;
use super::tree::Tree;

const FOLDERS: [&str; 2] = ["migrations/sqlite", "migrations/postgres"];

/// Finds gaps, and once both databases have migrations, those that only one has.
pub(super) fn check(tree: &Tree) -> Vec<Offence> {
    let [sqlite, postgres] = FOLDERS.map(|folder| names(tree, folder));
    let mut offences = Vec::new();
    for (folder, names) in FOLDERS.into_iter().zip([&sqlite, &postgres]) {
        let first = first_number(names);
        for (place, name) in names.iter().enumerate() {
            let number = format!("{:04}_", first + place);
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
        // Up to that number the younger one's first file holds what the older one has in several.
        let begin = first_number(&sqlite).max(first_number(&postgres));
        let is_later = |name: &&&str| number(name).is_none_or(|number| number > begin);
        for name in sqlite.symmetric_difference(&postgres).filter(is_later) {
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

fn number(name: &str) -> Option<usize> {
    name.split_once('_')?.0.parse().ok()
}

/// The number of a folder's first migration; 1 where there is none.
fn first_number(names: &BTreeSet<&str>) -> usize {
    names.first().and_then(|name| number(name)).unwrap_or(1)
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
        let begun_later = [
            "migrations/sqlite/0001_a.sql",
            "migrations/sqlite/0002_b.sql",
            "migrations/postgres/0002_first.sql",
        ];
        assert_eq!(count(&begun_later), 0);
        let go_on = [
            &begun_later[..],
            &[
                "migrations/sqlite/0003_c.sql",
                "migrations/postgres/0003_c.sql",
            ],
        ];
        assert_eq!(count(&go_on.concat()), 0);
        let apart = [
            &begun_later[..],
            &[
                "migrations/sqlite/0003_c.sql",
                "migrations/postgres/0003_d.sql",
            ],
        ];
        assert_eq!(count(&apart.concat()), 2);
        let gap = [&begun_later[..], &["migrations/postgres/0004_d.sql"]];
        assert_eq!(count(&gap.concat()), 2);
    }
}
