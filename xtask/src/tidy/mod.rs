//! The rules of the sources that no compiler checks, one file each.
//!
//! A rule says where it is broken (file and line), why that matters and what to do. Nothing is ever mended by itself. What the
//! rules look at is a [`Tree`], so each is tested on trees of a few lines.

mod allows;
mod architecture;
mod demo;
mod dependencies;
mod layering;
mod lengths;
mod machine_paths;
mod migrations;
mod names;
mod pure;
mod rust;
mod threats;
mod tree;
mod unfinished;
mod unsafe_code;
mod whitespace;
mod wire;
mod words;

use std::path::Path;

use anyhow::Result;

use tree::Tree;

/// A place where a rule is broken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Offence {
    /// Path from the root, with `/`.
    file: String,
    /// From 1.
    line: usize,
    /// What is wrong and why that matters.
    why: String,
    /// What to do about it.
    instead: &'static str,
}

impl Offence {
    fn new(
        file: impl Into<String>,
        line: usize,
        why: impl Into<String>,
        instead: &'static str,
    ) -> Self {
        Self {
            file: file.into(),
            line,
            why: why.into(),
            instead,
        }
    }
}

/// A rule: its name, and what finds the places where it is broken.
type Rule = (&'static str, fn(&Tree) -> Vec<Offence>);

/// Every rule. The order is that of the output.
const RULES: [Rule; 16] = [
    ("layering", layering::check),
    ("dependencies", dependencies::check),
    ("demo", demo::check),
    ("pure", pure::check),
    ("wire", wire::check),
    ("words", words::check),
    ("unsafe", unsafe_code::check),
    ("allows", allows::check),
    ("names", names::check),
    ("lengths", lengths::check),
    ("architecture", architecture::check),
    ("migrations", migrations::check),
    ("threats", threats::check),
    ("unfinished", unfinished::check),
    ("whitespace", whitespace::check),
    ("machine-paths", machine_paths::check),
];

/// Checks the tree at `root` against every rule and prints what breaks one. Returns whether nothing does.
pub(crate) fn run(root: &Path) -> Result<bool> {
    let tree = Tree::load(root)?;
    let mut broken = 0;
    for (name, check) in RULES {
        let mut offences = check(&tree);
        offences.sort();
        broken += offences.len();
        for Offence {
            file,
            line,
            why,
            instead,
        } in offences
        {
            eprintln!("{file}:{line}: [{name}] {why}\n    {instead}");
        }
    }
    let (files, rules) = (tree.files().len(), RULES.len());
    if broken == 0 {
        println!("tidy: {rules} rules hold in {files} files");
    } else {
        eprintln!("tidy: {broken} offences against {rules} rules in {files} files");
    }
    Ok(broken == 0)
}
