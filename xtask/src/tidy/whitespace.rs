//! Text files end in a newline and no line ends in blanks, so that a diff shows only what was meant.

use super::Offence;
use super::tree::Tree;

/// Finds blanks at the end of lines and files without a last newline.
pub(super) fn check(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for file in tree.files().iter().filter(|file| !file.is_sample()) {
        // In a table, tabs at the end are empty columns.
        let table = file.extension() == "tsv";
        for (n, line) in file.text.split('\n').enumerate() {
            if line.ends_with([' ', '\r']) || (line.ends_with('\t') && !table) {
                let why =
                    "blanks or a carriage return end the line, and show up in other people's diffs";
                offences.push(Offence::new(&file.path, n + 1, why, "remove them"));
            }
        }
        if !file.text.is_empty() && !file.text.ends_with('\n') {
            let why = "no newline ends the file, so the next addition also changes its last line";
            offences.push(Offence::new(
                &file.path,
                file.text.lines().count(),
                why,
                "add it",
            ));
        }
    }
    offences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diffs_show_only_what_was_meant() {
        let good = [
            ("a", "b\n\nc\n"),
            ("empty", ""),
            ("a.reg", "b\r\n"),
            ("a/fixtures/b", "c "),
            ("a.tsv", "b\t\n"),
        ];
        assert_eq!(check(&Tree::of(&good)), []);
        let bad = [("a", "b \nc"), ("d", "e\r\n")];
        let places = check(&Tree::of(&bad))
            .into_iter()
            .map(|offence| (offence.file, offence.line));
        let expected = [("a", 1), ("a", 2), ("d", 1)].map(|(file, line)| (file.to_owned(), line));
        assert_eq!(places.collect::<Vec<_>>(), expected);
    }
}
