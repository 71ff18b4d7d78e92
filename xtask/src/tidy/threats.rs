//! The threat model names a test for every line, and each of them exists.

use super::Offence;
use super::rust::lines_with;
use super::tree::Tree;

/// The threat model.
const DOCUMENT: &str = "docs/security.md";
/// The heading before the lines that need a test, and the one after.
const BETWEEN: (&str, &str) = ("## Attackers", "## What is not defended against");
/// What stands in the place of a test where a line says what an attacker can do with data.
const INVENTORY: &str = "the inventory below";

/// Finds lines without a test, and tests that are no more.
pub(super) fn check(tree: &Tree) -> Vec<Offence> {
    let Some(document) = tree.files().iter().find(|file| file.path == DOCUMENT) else {
        return vec![Offence::new(
            DOCUMENT,
            1,
            "the threat model is missing",
            "write down what an attacker can and cannot do",
        )];
    };
    let mut offences = Vec::new();
    let mut inside = false;
    for (place, line) in document.text.lines().enumerate() {
        inside = match line {
            _ if line == BETWEEN.0 => true,
            _ if line == BETWEEN.1 => false,
            _ => inside,
        };
        let is_row = inside && line.starts_with("| ") && !line.starts_with("| can or cannot");
        if !is_row {
            continue;
        }
        let shown_by = line.trim_end_matches([' ', '|']).rsplit(" | ").next();
        let shown_by = shown_by.unwrap_or_default();
        let names: Vec<&str> = shown_by.split('`').skip(1).step_by(2).collect();
        if names.is_empty() && shown_by != INVENTORY {
            offences.push(Offence::new(
                DOCUMENT,
                place + 1,
                "a line of the threat model that no test shows is a wish",
                "name the test in the last column",
            ));
        }
        for name in names.into_iter().filter(|name| !is_a_test(tree, name)) {
            offences.push(Offence::new(
                DOCUMENT,
                place + 1,
                format!("there is no test {name}"),
                "name the test that shows this line now",
            ));
        }
    }
    offences
}

fn is_a_test(tree: &Tree, name: &str) -> bool {
    let signature = format!("fn {name}(");
    tree.rust()
        .any(|file| !lines_with(&file.code, &signature).is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_names_a_test_that_exists() {
        let document = |row: &str| {
            format!(
                "# Title\n## Attackers\n| can or cannot | shown by |\n|---|---|\n{row}\n## What is not defended against\n| a | b |\n"
            )
        };
        let with = |row: &str| {
            let text = document(row);
            check(&Tree::of(&[
                (DOCUMENT, text.as_str()),
                ("a.rs", "fn it_holds() {}\n"),
            ]))
            .len()
        };
        assert_eq!(with("| It holds. | `it_holds` |"), 0);
        assert_eq!(with("| It tells. | the inventory below |"), 0);
        assert_eq!(with("| It holds. | `it_held` |"), 1);
        assert_eq!(with("| It holds. | `it_holds`, `it_held` |"), 1);
        assert_eq!(with("| It holds. | everybody knows |"), 1);
        assert_eq!(check(&Tree::of(&[("a.rs", "")])).len(), 1);
    }
}
