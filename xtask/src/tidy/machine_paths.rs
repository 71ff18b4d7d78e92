//! Nothing committed names a place on the machine that it was written on.

use super::Offence;
use super::rust::is_word;
use super::tree::Tree;

/// Written so that this file does not name them itself.
const PLACES: [&str; 3] = [
    concat!("/wo", "rk/"),
    concat!("/tmp/", "farm"),
    concat!("/ro", "ot/"),
];

/// Finds absolute paths of somebody's machine.
pub(super) fn check(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for file in tree.files() {
        for (n, line) in file.text.lines().enumerate() {
            for place in PLACES.into_iter().filter(|place| names(line, place)) {
                let why = format!("{place} is a place on one machine and means nothing on another");
                offences.push(Offence::new(
                    &file.path,
                    n + 1,
                    why,
                    "take it from the environment, or name it from the root of the project",
                ));
            }
        }
    }
    offences
}

/// Whether an absolute path begins so; a longer path may hold the same names in its midst.
fn names(line: &str, place: &str) -> bool {
    let mut found = line.match_indices(place);
    found.any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !is_word(c) && !matches!(c, '.' | '-' | '}' | '/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_on_one_machine_are_refused() {
        for place in PLACES {
            let text = format!("a\n\"{place}x\"\n");
            assert_eq!(check(&Tree::of(&[("a.toml", &text)]))[0].line, 2);
            assert_eq!(
                check(&Tree::of(&[("a.toml", &format!("target{place}x\n"))])),
                []
            );
        }
    }
}
