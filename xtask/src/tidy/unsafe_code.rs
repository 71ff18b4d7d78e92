//! `unsafe` stands in two places alone, and each use says why it is sound. Every other crate forbids it at its root.

use super::Offence;
use super::rust::lines_with;
use super::tree::Tree;

/// Where the operating system is called.
const PLACES: [&str; 3] = [
    "collector/src/host/windows/",
    "collector/src/host/windows.rs",
    "service/",
];

/// The roots of the crates that call it; all others forbid `unsafe` for good.
const ROOTS: [&str; 2] = ["collector/src/lib.rs", "service/src/lib.rs"];

/// Lines above an `unsafe` in which its reason may begin.
const REASON_WITHIN: usize = 6;

/// Finds `unsafe` elsewhere, or without a `SAFETY:` line.
pub(super) fn check(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for file in tree.rust() {
        let at_home = PLACES.iter().any(|place| file.path.starts_with(place));
        let texts: Vec<&str> = file.text.lines().collect();
        let is_root = file.path.ends_with("src/lib.rs") || file.path.ends_with("src/main.rs");
        if is_root
            && !ROOTS.contains(&file.path.as_str())
            && !file.code.contains("#![forbid(unsafe_code)]")
        {
            let why = "a crate that calls no Windows must not be able to allow itself `unsafe`";
            let instead = "add #![forbid(unsafe_code)] below the crate's documentation";
            offences.push(Offence::new(&file.path, 1, why, instead));
        }
        for line in lines_with(&file.code, "unsafe") {
            let near = &texts[line.saturating_sub(REASON_WITHIN + 1)..line];
            if !at_home {
                let why = "`unsafe` stands only where Windows is called, so that all of it can be read in one sitting";
                offences.push(Offence::new(
                    &file.path,
                    line,
                    why,
                    "write it in safe Rust, or move it to collector/src/host/windows or service",
                ));
            } else if !near.iter().any(|text| text.contains("SAFETY:")) {
                let why = "`unsafe` without a reason cannot be reviewed";
                offences.push(Offence::new(
                    &file.path,
                    line,
                    why,
                    "say above it, after `// SAFETY:`, what makes it sound",
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
    fn unsafe_stands_in_its_places_with_a_reason() {
        let good = [
            (
                "collector/src/host/windows/a.rs",
                "// SAFETY: the handle is ours.\nunsafe { b() }\n",
            ),
            ("server/src/lib.rs", "// unsafe\n#![forbid(unsafe_code)]\n"),
            ("collector/src/lib.rs", "pub mod host;\n"),
        ];
        assert_eq!(check(&Tree::of(&good)), []);
        let bad = [
            ("server/src/a.rs", "// SAFETY: no.\nunsafe { b() }\n"),
            ("service/src/a.rs", "\nunsafe fn a() {}\n"),
        ];
        let offences = check(&Tree::of(&bad));
        assert_eq!(offences.iter().map(|o| o.line).collect::<Vec<_>>(), [2, 2]);
    }

    #[test]
    fn a_crate_that_could_allow_itself_unsafe_is_refused() {
        let lenient = [(
            "web/src/lib.rs",
            "//! #![forbid(unsafe_code)]\npub mod a;\n",
        )];
        assert_eq!(check(&Tree::of(&lenient)).len(), 1);
    }
}
