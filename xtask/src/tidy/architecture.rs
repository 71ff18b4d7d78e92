//! `docs/ARCHITECTURE.md` names every crate and every top module.
//!
//! A crate is named by its folder (`server/store`), a module by its name, both in backquotes or in a code block. Whether what it
//! says of them is true is for people to see.

use std::collections::BTreeSet;

use super::Offence;
use super::rust::{is_word, lines_with};
use super::tree::{File, Tree};

const MAP: &str = "docs/ARCHITECTURE.md";

/// Finds crates and top modules that the map leaves out.
pub(super) fn check(tree: &Tree) -> Vec<Offence> {
    let packages = tree.packages();
    let Some(map) = tree.text(MAP) else {
        let why = "there is no map of the code, so a newcomer has to read all of it";
        return vec![Offence::new(
            MAP,
            1,
            why,
            "write one: bird's-eye view, code map, invariants, the walk of one fact, glossary",
        )];
    };
    let named = words_in_code(map);
    let mut offences = Vec::new();
    for package in &packages {
        let folder = package.folder();
        if !in_code(map).any(|span| span.contains(folder)) {
            let why = format!("{MAP} does not name the crate `{folder}`");
            offences.push(Offence::new(
                &package.manifest,
                1,
                why,
                "say there in a line what it is for and what it never does",
            ));
        }
        let root = format!("{folder}/src/lib.rs");
        if let Some(file) = tree.files().iter().find(|file| file.path == root) {
            for (line, module) in top_modules(file) {
                if !named.contains(module) {
                    let why = format!("{MAP} does not name the module `{module}` of `{folder}`");
                    offences.push(Offence::new(
                        &root,
                        line,
                        why,
                        "say there in a line what it is for",
                    ));
                }
            }
        }
    }
    offences
}

fn top_modules(file: &File) -> Vec<(usize, &str)> {
    let declared = lines_with(&file.code, "mod")
        .into_iter()
        .filter_map(|line| {
            let code = file.code.lines().nth(line - 1)?;
            // Only modules with a file of their own, and no nested ones.
            let module = code
                .strip_prefix("pub mod ")
                .or_else(|| code.strip_prefix("mod "))?;
            Some((line, module.trim_end().strip_suffix(';')?))
        });
    declared.collect()
}

/// The texts between backquotes and the lines of code blocks.
fn in_code(map: &str) -> impl Iterator<Item = &str> {
    let mut block = false;
    map.lines().flat_map(move |line| {
        let fence = line.trim_start().starts_with("```");
        block ^= fence;
        let whole = block || line.starts_with("    ");
        let spans: Vec<&str> = if whole {
            vec![line]
        } else {
            line.split('`').skip(1).step_by(2).collect()
        };
        spans
    })
}

fn words_in_code(map: &str) -> BTreeSet<&str> {
    in_code(map)
        .flat_map(|span| span.split(|c| !is_word(c)))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn offences(map: &str) -> Vec<String> {
        let package = json!({ "name": "a", "source": null, "manifest_path": "/there/server/store/Cargo.toml" });
        let metadata = json!({ "workspace_root": "/there", "packages": [package] });
        let files = [
            (MAP, map),
            (
                "server/store/src/lib.rs",
                "pub mod rows;\nmod sql;\n#[cfg(test)]\nmod tests {\n    mod inner;\n}\n",
            ),
        ];
        let found = check(&Tree::with_metadata(&files, metadata));
        found.into_iter().map(|offence| offence.why).collect()
    }

    #[test]
    fn a_crate_or_module_that_the_map_leaves_out_is_told() {
        assert!(offences("# Map\n`server/store`: `rows`, and `sql::Text`\n").is_empty());
        assert!(offences("```\nserver/store/  rows sql\n```\n").is_empty());
        assert_eq!(offences("`server/store`: rows and `sqlx`\n").len(), 2);
        assert_eq!(
            offences("`rows`, `sql`\n"),
            [format!("{MAP} does not name the crate `server/store`")]
        );
    }

    #[test]
    fn a_missing_map_is_told() {
        assert_eq!(check(&Tree::of(&[])).len(), 1);
    }
}
