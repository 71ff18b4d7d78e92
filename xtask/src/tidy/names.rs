//! A file is named for what it is.

use super::Offence;
use super::tree::Tree;

const SAY_NOTHING: [&str; 8] = [
    "util", "utils", "common", "helper", "helpers", "manager", "misc", "shared",
];

/// Finds files and folders whose names say nothing.
pub(super) fn check(tree: &Tree) -> Vec<Offence> {
    let named = |path: &str| {
        let mut parts = path
            .split('/')
            .map(|part| part.split('.').next().unwrap_or(part));
        parts
            .find(|part| SAY_NOTHING.contains(part))
            .map(str::to_owned)
    };
    let files = tree.files().iter();
    files
        .filter(|file| !file.is_sample())
        .filter_map(|file| {
            let part = named(&file.path)?;
            let why =
                format!("`{part}` says nothing about what is inside, so everything ends up there");
            Some(Offence::new(
                &file.path,
                1,
                why,
                "name it for what it is, or put it beside its one user",
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_say_nothing_are_refused() {
        for bad in [
            "a/src/util.rs",
            "a/src/helpers/mod.rs",
            "web/scripts/common.ts",
        ] {
            assert_eq!(check(&Tree::of(&[(bad, "")])).len(), 1, "{bad}");
        }
        let good = [
            ("a/src/utilization.rs", ""),
            ("a/fixtures/common/a.toml", ""),
        ];
        assert_eq!(check(&Tree::of(&good)), []);
    }
}
