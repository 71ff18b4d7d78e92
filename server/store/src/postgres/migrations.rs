//! The schema's versions. A migration that was released is never edited: its checksum is frozen in a test.

use crate::schema::Migrations;

/// Every migration, oldest first. The first one bears the version that SQLite's schema had when Postgres came.
pub(super) const MIGRATIONS: Migrations = Migrations(&[
    (
        12,
        "first",
        include_str!("../../../../migrations/postgres/0012_first.sql"),
    ),
    (
        13,
        "bulletins",
        include_str!("../../../../migrations/postgres/0013_bulletins.sql"),
    ),
    (
        14,
        "secret",
        include_str!("../../../../migrations/postgres/0014_secret.sql"),
    ),
    (
        15,
        "history_pages",
        include_str!("../../../../migrations/postgres/0015_history_pages.sql"),
    ),
]);

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of each migration as first released. A line is added with a migration and never changed.
    const FROZEN: &[(i64, &str)] = &[
        (
            12,
            "aca56b50d4ea1fb3c5eaead4625ecd5661fca6debf797da069aa9b85bbbd4c92",
        ),
        (
            13,
            "d78b3979427886fcc878d70949d1e1fc5462e45b77ecdffe5b56c335f9b4c8db",
        ),
        (
            14,
            "1c874f06a9782ffa551fd12e50724f90afeacb12b98d1ea99d98abec41670ff0",
        ),
        (
            15,
            "60105c446061e75fd220f5687ae9291c9687cda9387d3f42dac03db001b1fb52",
        ),
    ];

    #[test]
    fn a_released_migration_is_never_edited() {
        MIGRATIONS.are(FROZEN);
    }

    #[test]
    fn every_file_of_the_folder_is_embedded_under_its_number() {
        MIGRATIONS.are_those_of("postgres");
    }
}
