//! `docs/issues.md` tells what the product does, because it is made of the same constants.
#![expect(
    clippy::disallowed_methods,
    reason = "tests may read files; the crate itself does no I/O"
)]

use std::path::Path;

const BLESS: &str = "SICKBAY_BLESS";

#[test]
fn the_page_about_issues_is_the_one_that_the_issues_make() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/issues.md");
    let wanted = sickbay_diagnosis::issues::document();
    if std::env::var_os(BLESS).is_some_and(|value| value == "1") {
        std::fs::write(&path, &wanted).expect("docs/issues.md can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let first = (1..)
        .zip(found.lines().zip(wanted.lines()))
        .find(|(_, (found, wanted))| found != wanted)
        .map_or_else(
            || "one of them ends before the other".to_owned(),
            |(number, (found, wanted))| {
                format!("line {number} is {found:?} and should be {wanted:?}")
            },
        );
    assert!(
        found == wanted,
        "docs/issues.md is not what the issues say ({first}). If the issues are right, write it anew: \
         {BLESS}=1 cargo test -p sickbay-diagnosis --test issues_page"
    );
}
