//! The schema's versions. A migration that was released is never edited: its checksum is frozen in a test.

use crate::schema::Migrations;

/// Every migration, oldest first.
pub(super) const MIGRATIONS: Migrations = Migrations(&[
    (
        1,
        "first",
        include_str!("../../../../migrations/sqlite/0001_first.sql"),
    ),
    (
        2,
        "reported_tags",
        include_str!("../../../../migrations/sqlite/0002_reported_tags.sql"),
    ),
    (
        3,
        "what_the_fleet_knows",
        include_str!("../../../../migrations/sqlite/0003_what_the_fleet_knows.sql"),
    ),
    (
        4,
        "machine_list",
        include_str!("../../../../migrations/sqlite/0004_machine_list.sql"),
    ),
    (
        5,
        "knowledge_pack",
        include_str!("../../../../migrations/sqlite/0005_knowledge_pack.sql"),
    ),
    (
        6,
        "updates",
        include_str!("../../../../migrations/sqlite/0006_updates.sql"),
    ),
    (
        7,
        "identity",
        include_str!("../../../../migrations/sqlite/0007_identity.sql"),
    ),
    (
        8,
        "ca",
        include_str!("../../../../migrations/sqlite/0008_ca.sql"),
    ),
    (
        9,
        "record",
        include_str!("../../../../migrations/sqlite/0009_record.sql"),
    ),
    (
        10,
        "people",
        include_str!("../../../../migrations/sqlite/0010_people.sql"),
    ),
    (
        11,
        "changes",
        include_str!("../../../../migrations/sqlite/0011_changes.sql"),
    ),
    (
        12,
        "days_and_views",
        include_str!("../../../../migrations/sqlite/0012_days_and_views.sql"),
    ),
    (
        13,
        "bulletins",
        include_str!("../../../../migrations/sqlite/0013_bulletins.sql"),
    ),
    (
        14,
        "secret",
        include_str!("../../../../migrations/sqlite/0014_secret.sql"),
    ),
    (
        15,
        "history_pages",
        include_str!("../../../../migrations/sqlite/0015_history_pages.sql"),
    ),
]);

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of each migration as first released. A line is added with a migration and never changed.
    const FROZEN: &[(i64, &str)] = &[
        (
            1,
            "6dbba0bdb44df7b9f521ea6a6e25d1ae316f2220b091aeef9cc9f1f1ba15cb7d",
        ),
        (
            2,
            "c3509d1526337a514bd981813ea1342dd7c9e775dd320b698bcf0c9b7c9407cd",
        ),
        (
            3,
            "f56be1bd7ecd986566872dcb90c8a10881682f1a10ceadda25717363ba6db971",
        ),
        (
            4,
            "b4a8e1e603bc4d11f043f71cdf81255ed45c668127d7d04767ebbe90178b6a17",
        ),
        (
            5,
            "e53efb769b3ce985c8664f596b7f1fabb36eb1353744f36a6db7ffab562ef971",
        ),
        (
            6,
            "043a93a02b91c998da9cf79d313a3688e54eb9d39e1da11fc602382ae8e69af2",
        ),
        (
            7,
            "ef004142124f23f63dff58dd3477436c893a27dc585df3324f56486a8ef8f4ac",
        ),
        (
            8,
            "37eab2d3eca19ee1bd8306ba9ca20e6f223a09248c34a8cb13ae526cf76b300e",
        ),
        (
            9,
            "b23261961b1937e253f0895e5e83b0c21a0868639ee386547d9f6853bb846107",
        ),
        (
            10,
            "feb75a15f22f4351495f566616bd1e94ba53335aff1cf002d0bdb847ad37889f",
        ),
        (
            11,
            "9348f3862e3294a129a652747e4b4f5e8337ecce8a6a931abfc64b9ee71a0635",
        ),
        (
            12,
            "e04641ef9afcb1fb2eda60b4a595da23931e247cea9b6331e71e3ca01427632d",
        ),
        (
            13,
            "6ee0d3b9557bf5ddc75dec976df4171205fc026e134f2a2bd7bdfa1f833fb030",
        ),
        (
            14,
            "82ddf077fc88a007b71b8b1d080748385d9a37b43dad85dd2129ffc6f52f2373",
        ),
        (
            15,
            "a898f9c09433ea145b0db00a76985698fa0deba6faff63b7533b0c0791305b98",
        ),
    ];

    #[test]
    fn a_released_migration_is_never_edited() {
        MIGRATIONS.are(FROZEN);
    }

    #[test]
    fn every_file_of_the_folder_is_embedded_under_its_number() {
        MIGRATIONS.are_those_of("sqlite");
    }
}
