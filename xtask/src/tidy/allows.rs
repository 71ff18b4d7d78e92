//! Lints are silenced with `expect`, which complains once it is no longer needed.

use super::Offence;
use super::rust::lines_with;
use super::tree::Tree;

/// Finds attributes that allow a lint.
pub(super) fn check(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for file in tree.rust() {
        for line in lines_with(&file.code, "allow(") {
            let text = file.code.lines().nth(line - 1).unwrap_or_default();
            let attribute = text.contains("#[") || text.contains("#![");
            if attribute || text.trim_start().starts_with("allow(") {
                let why = "an `allow` outlives its reason unseen";
                offences.push(Offence::new(
                    &file.path,
                    line,
                    why,
                    "mend it, or write #[expect(lint, reason = \"...\")]",
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
    fn lints_are_expected_never_allowed() {
        let good = "#[expect(dead_code, reason = \"a\")]\n// #[allow(b)]\nlimits.allow(c);\nmatch_allow(d);\n";
        assert_eq!(check(&Tree::of(&[("a.rs", good)])), []);
        for bad in [
            "#[allow(dead_code)]",
            "#![allow(a)]",
            "#[cfg_attr(test, allow(a))]",
            "#[cfg_attr(\n    test,\n    allow(a)\n)]",
        ] {
            assert_eq!(check(&Tree::of(&[("a.rs", bad)])).len(), 1, "{bad}");
        }
    }
}
