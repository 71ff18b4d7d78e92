//! The product never enumerates accounts: no place that lists them, or says whose they are, stands in anything that checks read or
//! facts look at.
#![expect(
    clippy::disallowed_methods,
    reason = "tests may read files; the crate itself does no I/O"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// Parts of paths and value names that lead to accounts, in lower case.
const OF_ACCOUNTS: &[&str] = &[
    "profilelist",
    r"hklm\sam",
    r"\sam\domains",
    r"hklm\security",
    "hkey_users",
    r"hku\",
    "hkcu",
    "useremail",
    "lastloggedon",
    "identitystore",
    "identitycrl",
    "defaultusername",
    "sessiondata",
    "installuser",
    "win32_useraccount",
];

#[test]
fn no_account_is_looked_at() {
    let mut found = Vec::new();
    let files = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(files.iter().any(|path| path.ends_with("keys.rs")));
    for path in files {
        let text = fs::read_to_string(&path).expect("sources are text");
        let text = text.to_ascii_lowercase();
        let named = OF_ACCOUNTS.iter().filter(|word| text.contains(**word));
        found.extend(named.map(|word| format!("{}: {word}", path.display())));
    }
    assert!(found.is_empty(), "{}", found.join("; "));
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            files.push(path);
        }
    }
    files
}
