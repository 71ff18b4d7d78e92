//! What is committed is finished: what is left to do is an issue, not a remark.

use super::Offence;
use super::rust::lines_with;
use super::tree::Tree;

/// Written so that this file does not name them itself.
const REMARKS: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];

/// Finds remarks that something is left to do.
pub(super) fn check(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for file in tree.files().iter().filter(|file| !file.is_sample()) {
        for remark in REMARKS {
            for line in lines_with(&file.text, remark) {
                let why = format!("a {remark} is read by nobody");
                offences.push(Offence::new(
                    &file.path,
                    line,
                    why,
                    "do it, or file an issue and leave the remark out",
                ));
            }
        }
    }
    offences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_of_unfinished_work_are_refused() {
        for remark in REMARKS {
            let text = format!("a\n// {remark}: b\n");
            assert_eq!(check(&Tree::of(&[("a.rs", &text)])).len(), 1);
        }
        assert_eq!(
            check(&Tree::of(&[("a.md", "a to-do list, AUTODOWN\n")])),
            []
        );
    }
}
