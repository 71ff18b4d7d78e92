//! A file stays short enough to be read at once.

use super::Offence;
use super::tree::Tree;

/// More lines than this are refused; about 400 are meant.
const MOST_LINES: usize = 600;

const KINDS: [&str; 9] = ["css", "html", "js", "proto", "ps1", "rs", "sh", "sql", "ts"];

/// Finds files that are too long.
pub(super) fn check(tree: &Tree) -> Vec<Offence> {
    let written = tree
        .files()
        .iter()
        .filter(|file| KINDS.contains(&file.extension()) && !file.is_sample());
    let long = written.filter_map(|file| {
        let lines = file.text.lines().count();
        let why = format!("{lines} lines, more than the {MOST_LINES} that can be kept in mind");
        (lines > MOST_LINES)
            .then(|| Offence::new(&file.path, MOST_LINES + 1, why, "split it by concept"))
    });
    long.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_nobody_can_keep_in_mind_are_refused() {
        let (most, more) = ("a\n".repeat(MOST_LINES), "a\n".repeat(MOST_LINES + 1));
        let good = [
            ("a.rs", most.as_str()),
            ("Cargo.lock", &more),
            ("a/fixtures/a.sql", &more),
            ("a.md", &more),
        ];
        assert_eq!(check(&Tree::of(&good)), []);
        assert_eq!(
            check(&Tree::of(&[("a.rs", more.as_str()), ("b.html", &more)])).len(),
            2
        );
    }
}
