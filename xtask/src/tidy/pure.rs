//! Diagnosis has no clock, no I/O, no async and no randomness: `now` and everything else is an argument.
//!
//! Its tests may do what they need: folders named `tests` and files named `tests.rs` are left out, test modules inside other files
//! are not. `diagnosis/clippy.toml` is the second net.

use super::Offence;
use super::rust::{lines_naming, lines_with};
use super::tree::Tree;

/// Paths that must not be named, with what they would bring in.
const PATHS: [(&str, &str); 16] = [
    ("std::time::SystemTime", "a clock"),
    ("std::time::Instant", "a clock"),
    ("jiff::Zoned::now", "a clock"),
    ("jiff::Timestamp::now", "a clock"),
    ("std::fs", "input and output"),
    ("std::io", "input and output"),
    ("std::net", "input and output"),
    ("std::process", "input and output"),
    ("std::env", "input and output"),
    ("std::thread", "waiting and threads"),
    ("std::hash::RandomState", "randomness"),
    ("rand", "randomness"),
    ("getrandom", "randomness"),
    ("uuid", "randomness"),
    ("tokio", "async"),
    ("futures", "async"),
];

/// Words that must not stand in code.
const WORDS: [(&str, &str); 4] = [
    ("async", "async"),
    (".await", "async"),
    ("SystemTime", "a clock"),
    ("::now(", "a clock"),
];

/// Finds what is not pure.
pub(super) fn check(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    let files = tree.rust_below("diagnosis");
    for file in files.filter(|file| !file.is_below("tests") && file.name() != "tests.rs") {
        let paths = PATHS.iter().flat_map(|(path, what)| {
            let lines = lines_naming(&file.code, path);
            lines.into_iter().map(move |line| (line, *path, *what))
        });
        let words = WORDS.iter().flat_map(|(word, what)| {
            let lines = lines_with(&file.code, word);
            lines.into_iter().map(move |line| (line, *word, *what))
        });
        let mut found: Vec<_> = paths.chain(words).collect();
        found.sort_unstable();
        found.dedup_by_key(|(line, _, what)| (*line, *what));
        for (line, named, what) in found {
            let why = format!(
                "`{named}` brings {what} into diagnosis, which is pure so that the same facts give the same verdicts everywhere"
            );
            offences.push(Offence::new(
                &file.path,
                line,
                why,
                "pass what is needed in as an argument (`now: Time`, text that was read elsewhere)",
            ));
        }
    }
    offences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        let offences = check(&Tree::of(&[("diagnosis/src/a.rs", text)]));
        offences.into_iter().map(|offence| offence.line).collect()
    }

    #[test]
    fn a_clock_in_diagnosis_is_refused() {
        assert_eq!(lines("\nlet now = std::time::SystemTime::now();\n"), [2]);
        assert_eq!(
            lines("use std::{\n    collections::BTreeMap,\n    time::{Duration, Instant},\n};\n"),
            [1]
        );
        assert_eq!(lines("let now = Timestamp::now();\n"), [1]);
    }

    #[test]
    fn input_output_async_and_randomness_in_diagnosis_are_refused() {
        for bad in [
            "use std::{fs, fmt};",
            "std::env::var(a)",
            "async fn a() {}",
            "a.b().await;",
            "use rand::Rng;",
            "tokio::spawn(a)",
        ] {
            assert_eq!(lines(bad), [1], "{bad}");
        }
    }

    #[test]
    fn words_of_comments_texts_and_tests_are_no_offence() {
        let text = "//! No std::fs, no async.\nuse std::time::Duration;\nlet a = \"rand async\"; let operand = now; env!(\"A\");\n";
        assert!(lines(text).is_empty());
        assert_eq!(
            check(&Tree::of(&[
                ("diagnosis/tests/a.rs", "use std::fs;"),
                ("server/src/a.rs", "use std::fs;")
            ])),
            []
        );
    }
}
