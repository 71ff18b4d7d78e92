//! The tree that rules look at: the project's text files, and what cargo says of its packages.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::rust;

/// Folders that hold nothing of the project's own, for a tree without git.
const NOT_OURS: [&str; 4] = ["target", ".git", "node_modules", "dist"];

/// A text file.
#[derive(Debug)]
pub(super) struct File {
    /// From the root, with `/`.
    pub(super) path: String,
    /// All of it.
    pub(super) text: String,
    /// Of Rust sources: the text with comments and literals blanked, line for line. Empty for other files.
    pub(super) code: String,
}

impl File {
    fn new(path: String, text: String) -> Self {
        let mut file = Self {
            path,
            text,
            code: String::new(),
        };
        if file.extension() == "rs" {
            file.code = rust::code_of(&file.text);
        }
        file
    }

    /// The last part of the path.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// What follows the last dot of the name.
    pub(super) fn extension(&self) -> &str {
        self.name().rsplit_once('.').map_or("", |(_, ext)| ext)
    }

    /// Whether one of its folders has this name.
    pub(super) fn is_below(&self, folder: &str) -> bool {
        let folders = self
            .path
            .rsplit_once('/')
            .map_or("", |(folders, _)| folders);
        folders.split('/').any(|part| part == folder)
    }

    /// Whether it was recorded or is compared byte for byte, so that nobody writes it by hand.
    pub(super) fn is_sample(&self) -> bool {
        self.is_below("fixtures")
            || self.is_below("snapshots")
            || matches!(self.extension(), "reg" | "snap" | "lock")
            || self.name() == "package-lock.json"
    }
}

/// The project as rules see it.
#[derive(Debug)]
pub(super) struct Tree {
    files: Vec<File>,
    metadata: Value,
}

impl Tree {
    /// Reads the tree at `root`: what git knows or would add, or all files where it is no clone; and `cargo metadata`.
    pub(super) fn load(root: &Path) -> Result<Self> {
        let mut paths = match listed_by_git(root) {
            Some(paths) => paths,
            None => walked(root)?,
        };
        paths.sort();
        let mut files = Vec::new();
        for path in paths {
            // A file that git still lists may be deleted; one that is no UTF-8 or has a NUL is no text.
            if let Ok(bytes) = std::fs::read(root.join(&path))
                && !bytes.contains(&0)
                && let Ok(text) = String::from_utf8(bytes)
            {
                files.push(File::new(path, text));
            }
        }
        let metadata = cargo_metadata(root)?;
        Ok(Self { files, metadata })
    }

    /// Every text file, by path.
    pub(super) fn files(&self) -> &[File] {
        &self.files
    }

    /// The Rust sources, by path.
    pub(super) fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.extension() == "rs")
    }

    /// The Rust sources below a folder such as `diagnosis/src`.
    pub(super) fn rust_below(&self, folder: &str) -> impl Iterator<Item = &File> {
        self.rust().filter(move |file| {
            let rest = file.path.strip_prefix(folder);
            rest.is_some_and(|rest| rest.starts_with('/'))
        })
    }

    /// The text of one file.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        let file = self.files.iter().find(|file| file.path == path)?;
        Some(&file.text)
    }

    /// The project's own packages. What stands in the place of a crate of others (`patches/`) is not among them.
    pub(super) fn packages(&self) -> Vec<Package<'_>> {
        let root = self.metadata["workspace_root"].as_str().unwrap_or_default();
        self.all_packages()
            .filter(|package| package["source"].is_null())
            .map(|package| Package {
                name: package["name"].as_str().unwrap_or_default(),
                manifest: package["manifest_path"]
                    .as_str()
                    .and_then(|path| path.strip_prefix(root))
                    .unwrap_or_default()
                    .trim_start_matches(['/', '\\'])
                    .replace('\\', "/"),
                dependencies: package["dependencies"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|dependency| Dependency {
                        name: dependency["name"].as_str().unwrap_or_default(),
                        only_for_tests: dependency["kind"] == "dev",
                    })
                    .collect(),
            })
            .filter(|package| !package.manifest.starts_with("patches/"))
            .collect()
    }

    /// The packages that ask for the package of that name, where a build for some system would take it in; `None` where none would.
    pub(super) fn askers_of(&self, name: &str) -> Option<Vec<&str>> {
        let package = self
            .all_packages()
            .find(|package| package["name"] == name)?;
        let asks = |node: &&Value| {
            let wanted = node["dependencies"].as_array();
            wanted.is_some_and(|wanted| wanted.contains(&package["id"]))
        };
        let nodes = self.metadata["resolve"]["nodes"].as_array();
        let ids = nodes
            .into_iter()
            .flatten()
            .filter(asks)
            .map(|node| &node["id"]);
        let names = ids.filter_map(|id| {
            let asker = self.all_packages().find(|package| package["id"] == *id)?;
            asker["name"].as_str()
        });
        Some(names.collect())
    }

    fn all_packages(&self) -> impl Iterator<Item = &Value> {
        self.metadata["packages"].as_array().into_iter().flatten()
    }

    /// The line of a manifest on which a package is asked for; the first where it cannot be found.
    pub(super) fn line_of_dependency(&self, manifest: &str, name: &str) -> usize {
        let lines = self.text(manifest).unwrap_or_default().lines();
        let mut keys = lines.map(|line| line.split(['.', ' ', '=']).next().unwrap_or_default());
        keys.position(|key| key == name)
            .map_or(1, |place| place + 1)
    }

    /// A tree of these files, for tests.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        Self::with_metadata(files, Value::Null)
    }

    /// A tree of these files and what cargo would say, for tests.
    #[cfg(test)]
    pub(super) fn with_metadata(files: &[(&str, &str)], metadata: Value) -> Self {
        let files = files
            .iter()
            .map(|(path, text)| File::new((*path).to_owned(), (*text).to_owned()))
            .collect();
        Self { files, metadata }
    }
}

/// One of the project's own packages.
#[derive(Debug)]
pub(super) struct Package<'a> {
    /// As in its manifest.
    pub(super) name: &'a str,
    /// Path of its manifest from the root, with `/`.
    pub(super) manifest: String,
    /// What it asks for itself.
    pub(super) dependencies: Vec<Dependency<'a>>,
}

impl Package<'_> {
    /// Its folder from the root.
    pub(super) fn folder(&self) -> &str {
        self.manifest
            .trim_end_matches("Cargo.toml")
            .trim_end_matches('/')
    }
}

/// A line of a manifest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dependency<'a> {
    /// Name of the package.
    pub(super) name: &'a str,
    /// Whether it is a dev-dependency.
    pub(super) only_for_tests: bool,
}

fn listed_by_git(root: &Path) -> Option<Vec<String>> {
    if !root.join(".git").exists() {
        return None;
    }
    let output = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
            "--deduplicate",
        ])
        .current_dir(root)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| {
        let paths = text.split('\0').filter(|path| !path.is_empty());
        paths.map(str::to_owned).collect()
    })
}

fn walked(root: &Path) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let place = root.join(&folder);
        let entries =
            std::fs::read_dir(&place).with_context(|| format!("list {}", place.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("list {}", place.display()))?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let path = if folder.is_empty() {
                name.clone()
            } else {
                format!("{folder}/{name}")
            };
            let kind = entry
                .file_type()
                .with_context(|| format!("look at {path}"))?;
            if kind.is_dir() && !NOT_OURS.contains(&name.as_str()) {
                folders.push(path);
            } else if kind.is_file() {
                paths.push(path);
            }
        }
    }
    Ok(paths)
}

fn cargo_metadata(root: &Path) -> Result<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1"])
        .current_dir(root)
        .stdin(Stdio::null())
        .output()
        .context("start cargo metadata")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "cargo metadata failed:\n{}",
        said.trim_end()
    );
    serde_json::from_slice(&output.stdout).context("read the answer of cargo metadata")
}
