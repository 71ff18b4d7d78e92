//! Every statement, for the test that prepares all of them on each database: constants, lists of rows, and every kind of condition.
#![expect(clippy::unwrap_used, reason = "tests")]

use sickbay_diagnosis::filter::{Compare, Filter, NumberField, Pattern, Test, TextField};
use sickbay_diagnosis::verdict::Kept;
use uuid::Uuid;

use super::{
    acceptances, access, accounts, audit, baselines, bulletins, ca, cells, copies, counters, days,
    detail, enrolment, fleet, guard, health, history,
};
use super::{
    index, issue_lists, knowledge, lists, machines, places, secrets, settings, sizes, states,
    status, tokens, updates, views, write,
};
use crate::filter_sql::Sql;
use crate::{Concerned, Cursor, Field, Page, Scope};

/// Name and text of every statement.
pub(in super::super) fn statements() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (module, statements) in [
        ("acceptances", acceptances::STATEMENTS),
        ("access", access::STATEMENTS),
        ("accounts", accounts::STATEMENTS),
        ("audit", audit::STATEMENTS),
        ("baselines", baselines::STATEMENTS),
        ("bulletins", bulletins::STATEMENTS),
        ("ca", ca::STATEMENTS),
        ("copies", copies::STATEMENTS),
        ("counters", counters::STATEMENTS),
        ("days", days::STATEMENTS),
        ("detail", detail::STATEMENTS),
        ("enrolment", enrolment::STATEMENTS),
        ("fleet", fleet::STATEMENTS),
        ("guard", guard::STATEMENTS),
        ("health", health::STATEMENTS),
        ("history", history::STATEMENTS),
        ("index", index::STATEMENTS),
        ("issue_lists", issue_lists::STATEMENTS),
        ("lists", lists::STATEMENTS),
        ("knowledge", knowledge::STATEMENTS),
        ("machines", machines::STATEMENTS),
        ("places", places::STATEMENTS),
        ("secrets", secrets::STATEMENTS),
        ("settings", settings::STATEMENTS),
        ("sizes", sizes::STATEMENTS),
        ("states", states::STATEMENTS),
        ("status", status::STATEMENTS),
        ("tokens", tokens::STATEMENTS),
        ("updates", updates::STATEMENTS),
        ("views", views::STATEMENTS),
    ] {
        all.extend(
            statements
                .iter()
                .map(|(name, text)| (format!("{module}::{name}"), (*text).to_owned())),
        );
    }
    for list in write::LISTS.iter().copied().chain([
        &status::STATUSES,
        &fleet::TOUCHES,
        &bulletins::POSTS,
        &machines::CREATE,
        &machines::NAMES,
        &audit::LINES,
        &days::ISSUE_DAYS,
        &updates::LEARNING,
        &history::WRITE_PAGES,
    ]) {
        for rows in [1, 3] {
            all.push((format!("{} ({rows} rows)", list.operation), list.text(rows)));
        }
    }
    all.push(("cells".to_owned(), cells::text(&Field::ALL, true)));
    all.extend(
        filtered()
            .into_iter()
            .map(|(name, sql)| (name, sql.into_parts().0)),
    );
    all
}

/// Version, name and text of every statement as servers of each version of the schema run them, as far as they are kept: those go on while
/// a newer one is brought in. With `SICKBAY_BLESS=1` today's become those of the newest version.
pub(in super::super) fn of_older_versions(database: &str) -> Vec<(String, String, String)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/statements");
    let newest = format!("{:04}.{database}.json", crate::schema_version());
    if std::env::var_os("SICKBAY_BLESS").is_some_and(|value| value == "1") {
        let text = serde_json::to_string_pretty(&statements()).unwrap();
        std::fs::write(folder.join(&newest), text + "\n").unwrap();
    }
    assert!(
        folder.join(&newest).is_file(),
        "the newest version has none yet: run this test with SICKBAY_BLESS=1"
    );
    let ending = format!(".{database}.json");
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let file = entry.file_name().into_string().unwrap();
        let Some(version) = file.strip_suffix(&ending) else {
            continue;
        };
        let text = std::fs::read_to_string(entry.path()).unwrap();
        let statements: Vec<(String, String)> = serde_json::from_str(&text).unwrap();
        all.extend(
            statements
                .into_iter()
                .map(|(name, text)| (version.to_owned(), name, text)),
        );
    }
    all
}

/// Every statement that takes a filter, with every test in it.
fn filtered() -> Vec<(String, Sql)> {
    let filter = Filter::Any(every_test());
    let scope = Scope::Matching(Filter::Not(Box::new(filter.clone())));
    let page = Page {
        after: Some(Cursor {
            name: "a".to_owned(),
            key: 1,
            by: None,
        }),
        limit: 10,
    };
    let id = Uuid::nil();
    [
        ("device", detail::sql(&scope, id)),
        ("history", history::sql(&scope, id, Some(1), 10)),
        ("recent_history", history::recent_sql(&scope, 10)),
        (
            "recent_history of all",
            history::recent_sql(&Scope::All, 10),
        ),
        ("device of a history", history::seen_sql(&scope, id)),
        ("recent pages", history::recent_pages_sql(&scope, 10)),
        (
            "recent pages of all",
            history::recent_pages_sql(&Scope::All, 10),
        ),
        ("device_ids", lists::ids_sql(&scope, &[1, 2])),
        ("profiles", updates::walk_sql(&scope, &filter, 1, 10)),
        (
            "profiled devices",
            updates::list_sql(&scope, &filter, &page),
        ),
        ("walk", fleet::walk_sql(&Concerned::All, 1, 10)),
        (
            "walk of a filter",
            fleet::walk_sql(&Concerned::Matching(filter.clone()), 1, 10),
        ),
        (
            "walk of client ids",
            fleet::walk_sql(
                &Concerned::ClientIds(vec!["a".to_owned(), "b".to_owned()]),
                1,
                10,
            ),
        ),
    ]
    .into_iter()
    .chain(
        counters::scoped_sources(&filter)
            .into_iter()
            .map(|sql| ("sources of a scope", sql)),
    )
    .map(|(name, sql)| (name.to_owned(), sql))
    .collect()
}

fn every_test() -> Vec<Filter> {
    let patterns = [Pattern::new("a*"), Pattern::new("a")];
    let mut tests = Vec::new();
    for pattern in patterns {
        tests.extend(TextField::ALL.map(|field| Test::Text(field, pattern.clone())));
        tests.push(Test::Issue(pattern.clone()));
        tests.push(Test::Cause(pattern));
    }
    for field in NumberField::ALL {
        tests.extend(
            [
                Compare::Equal,
                Compare::Less,
                Compare::AtMost,
                Compare::Greater,
                Compare::AtLeast,
            ]
            .map(|compare| Test::Number(field, compare, 1)),
        );
    }
    tests.push(Test::State(Kept::Open));
    tests.into_iter().map(Filter::Is).collect()
}
