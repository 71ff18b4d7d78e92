//! A secret of this server in a file of the data folder, made where it is not there yet.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be used: {why}", path.display())]
pub struct BadSecretFile {
    /// The file.
    pub path: PathBuf,
    /// Why, and what to do.
    pub why: String,
}

/// What the file holds; a fresh secret where there is none. Nobody else may read it.
///
/// # Errors
/// Where it cannot be read or written.
pub fn open_or_make(path: &Path, fresh: impl Fn() -> String) -> Result<String, BadSecretFile> {
    let bad = |error: std::io::Error| BadSecretFile {
        path: path.to_owned(),
        why: error.to_string(),
    };
    loop {
        match fs::read_to_string(path) {
            Ok(text) => return Ok(text),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(bad(error)),
        }
        let text = fresh();
        match make(path, &text) {
            Ok(()) => return Ok(text),
            // Another process made it a moment ago.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(bad(error)),
        }
    }
}

/// Whole or not at all: another process may read it at any moment.
fn make(path: &Path, text: &str) -> std::io::Result<()> {
    let fresh = path.with_extension(format!("key.{}", std::process::id()));
    let written = (|| {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        // Unlike a rename, a link fails where there is a file already.
        fs::hard_link(&fresh, path)
    })();
    let _ = fs::remove_file(&fresh);
    written
}
