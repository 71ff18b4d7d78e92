//! A folder around the collector's own in which nothing may change, and what may be in the collector's own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tempfile::TempDir;

/// The source whose first lines list the files of a state folder, for people; that list is the one that counts here.
const STATE: &str = include_str!("../../src/state.rs");

/// Largest state folder, in bytes: a full spool and as much again for everything else.
const MOST_BYTES: u64 = 2 * 32 * 1024 * 1024;
/// Largest `last-error.json` that `status` reads, in bytes.
const MOST_LAST_ERROR_BYTES: u64 = 64 * 1024;
/// Largest `identity.json` that the next start reads, in bytes.
const MOST_IDENTITY_BYTES: u64 = 1024 * 1024;

/// What is known of a file or folder; two are the same only where nothing was done to it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    modified: SystemTime,
    permissions: fs::Permissions,
    content: Option<Vec<u8>>,
}

/// A tree that is watched; the collector's state folder lies deep in it.
pub(crate) struct Place {
    root: TempDir,
    before: BTreeMap<PathBuf, Entry>,
}

impl Place {
    /// Makes the tree, with files where paths that a server may name would lead to, and makes a folder in it this program's current one.
    pub(crate) fn new() -> Self {
        let root = TempDir::new().unwrap();
        for folder in ["a/b/c", "current"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        for folder in ["", "a", "a/b", "a/b/c", "current"] {
            let folder = root.path().join(folder);
            for (name, content) in [
                ("etc/passwd", "nobody:x:0:0"),
                ("Windows/System32/config/SAM", "accounts"),
                ("identity.json", "somebody else"),
                ("neighbour", "harmless"),
            ] {
                let file = folder.join(name);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, content).unwrap();
            }
        }
        std::env::set_current_dir(root.path().join("current")).unwrap();
        let mut place = Self {
            root,
            before: BTreeMap::new(),
        };
        // The collector makes its folder, which shows on the folder above it.
        fs::create_dir(place.state()).unwrap();
        place.before = place.around();
        place
    }

    /// The collector's own folder.
    pub(crate) fn state(&self) -> PathBuf {
        self.root.path().join("a/b/c/state")
    }

    /// Removes everything in it, so that the folder above shows nothing of it.
    pub(crate) fn empty_state(&self) {
        fs::remove_dir_all(self.state().join("spool")).unwrap();
        for (path, _) in tree(&self.state(), None) {
            fs::remove_file(path).unwrap();
        }
    }

    /// Paths in the tree for a server to name: what is there, and what could be made.
    pub(crate) fn bait(&self) -> Vec<String> {
        let root = self.root.path().display();
        [
            format!("{root}/etc/passwd"),
            format!("{root}/pwned"),
            format!("{root}/a/b/c/state/../pwned"),
            format!("$(touch {root}/pwned)"),
            format!("`touch {root}/pwned`"),
            format!("; touch {root}/pwned #"),
            "../pwned".to_owned(),
            "../../neighbour".to_owned(),
            "../../../etc/passwd\0".to_owned(),
            "./pwned".to_owned(),
            "logs/../../pwned".to_owned(),
            "upgrading".to_owned(),
            "image.json".to_owned(),
        ]
        .into()
    }

    /// Nothing outside the state folder is new, gone or different.
    pub(crate) fn unchanged(&self) -> Result<(), String> {
        let after = self.around();
        let touched = |(path, entry): &(&PathBuf, &Entry)| self.before.get(*path) != Some(*entry);
        let changed: Vec<_> = after.iter().filter(touched).map(|(path, _)| path).collect();
        let gone = self.before.keys().filter(|path| !after.contains_key(*path));
        let gone: Vec<_> = gone.collect();
        if changed.is_empty() && gone.is_empty() {
            Ok(())
        } else {
            Err(format!(
                "outside the state folder changed: {changed:?}, gone: {gone:?}"
            ))
        }
    }

    /// The state folder, while no collector runs on it, holds what is documented and nothing else, and no more than may be.
    pub(crate) fn state_as_documented(&self) -> Result<(), String> {
        let allowed = documented();
        let mut bytes = 0;
        for (path, entry) in tree(&self.state(), None) {
            let name = path.strip_prefix(self.state()).unwrap();
            let name = name.to_str().ok_or("a name that is no text")?;
            let size = entry.content.map_or(0, |content| content.len() as u64);
            bytes += size;
            let most = match name {
                "last-error.json" => MOST_LAST_ERROR_BYTES,
                "identity.json" => MOST_IDENTITY_BYTES,
                _ => MOST_BYTES,
            };
            if size > most {
                return Err(format!("{name} holds {size} bytes"));
            }
            let is_report = name.strip_prefix("spool/").is_some_and(|file| {
                let digits = file.strip_suffix(".report").unwrap_or_default();
                digits.len() == 20 && digits.bytes().all(|digit| digit.is_ascii_digit())
            });
            if !is_report && !allowed.contains(&name) {
                return Err(format!("the state folder holds {name:?}"));
            }
        }
        if bytes > MOST_BYTES {
            return Err(format!("the state folder holds {bytes} bytes"));
        }
        Ok(())
    }

    fn around(&self) -> BTreeMap<PathBuf, Entry> {
        tree(self.root.path(), Some(&self.state()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // A folder that is the current one of a program can be removed, but then the next test has none.
        let _ = std::env::set_current_dir(env!("CARGO_MANIFEST_DIR"));
    }
}

/// The names in the table of `state.rs`; folders without their slash.
fn documented() -> Vec<&'static str> {
    let row = |line: &'static str| {
        let name = line.strip_prefix("//! | `")?;
        Some(name.split_once('`')?.0.trim_end_matches('/'))
    };
    let mut names: Vec<&str> = STATE.lines().filter_map(row).collect();
    assert!(
        names.contains(&"identity.json") && names.contains(&"spool"),
        "{names:?}"
    );
    names.sort_unstable();
    names
}

/// Everything below `folder`, apart from `besides` and what is below it.
fn tree(folder: &Path, besides: Option<&Path>) -> BTreeMap<PathBuf, Entry> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if besides == Some(&path) {
                continue;
            }
            let metadata = fs::symlink_metadata(&path).unwrap();
            let content = metadata.is_file().then(|| fs::read(&path).unwrap());
            if metadata.is_dir() {
                folders.push(path.clone());
            }
            let entry = Entry {
                modified: metadata.modified().unwrap(),
                permissions: metadata.permissions(),
                content,
            };
            found.insert(path, entry);
        }
    }
    found
}
