//! A secret of this server in a file of the data folder, which nobody else may read.

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

/// What the file holds; `None` where there is none.
///
/// # Errors
/// Where it cannot be read.
pub fn read(path: &Path) -> Result<Option<String>, BadSecretFile> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(bad(path, &error)),
    }
}

/// Makes the file, durable on return; `false` where there is one already, which stays as it is.
///
/// # Errors
/// Where it cannot be written.
pub fn make(path: &Path, text: &str) -> Result<bool, BadSecretFile> {
    match link(path, text) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(bad(path, &error)),
    }
}

/// What the file holds; a fresh secret where there is none.
///
/// # Errors
/// Where it cannot be read or written.
pub fn open_or_make(path: &Path, fresh: impl Fn() -> String) -> Result<String, BadSecretFile> {
    loop {
        if let Some(text) = read(path)? {
            return Ok(text);
        }
        let text = fresh();
        // Otherwise another process made it a moment ago.
        if make(path, &text)? {
            return Ok(text);
        }
    }
}

/// Removes the file, where there is one.
///
/// # Errors
/// Where it cannot be removed.
pub fn remove(path: &Path) -> Result<(), BadSecretFile> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(bad(path, &error)),
        _ => Ok(()),
    }
}

fn bad(path: &Path, error: &std::io::Error) -> BadSecretFile {
    let owner = "check that the server's account owns the folder";
    BadSecretFile {
        path: path.to_owned(),
        why: format!("{error}; {owner}"),
    }
}

/// Whole or not at all: another process may read it at any moment.
fn link(path: &Path, text: &str) -> std::io::Result<()> {
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
    written?;
    // Its name, too, has to survive a power cut.
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
