//! The few file operations that durable state needs, as a trait, so that a test can make each of them fail or crash.
//!
//! [`Disk`] is the real one. Its files are readable by their owner alone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

/// A file in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name, without the folder.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// File operations inside one folder. None of them is atomic but [`Filesystem::rename`].
pub trait Filesystem: Send + Sync {
    /// The files of `dir`, in no particular order; names that are not Unicode are left out.
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>>;
    /// The content of `path`; an error where it is longer than `limit` bytes.
    fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>>;
    /// Creates or replaces `path` and returns once its content is on the disk. After a failure or a crash it may hold anything.
    fn write_synced(&self, path: &Path, content: &[u8]) -> io::Result<()>;
    /// Moves `from` over `to` in one step. Survives a crash only after [`Filesystem::sync_dir`].
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes `path`; fine where it is not there.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Returns once the renames and removals in `dir` are on the disk.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// Replaces file `name` of `dir` so that after a crash it holds either what it held or all of `content`, and after success `content`.
pub fn replace<F: Filesystem + ?Sized>(
    files: &F,
    dir: &Path,
    name: &str,
    content: &[u8],
) -> io::Result<()> {
    let temporary = dir.join(format!("{name}{TEMPORARY}"));
    let written = files
        .write_synced(&temporary, content)
        .and_then(|()| files.rename(&temporary, &dir.join(name)));
    if let Err(error) = written {
        // Leaving it would only waste space that a full disk does not have; opening the folder removes what stays.
        let _ = files.remove(&temporary);
        return Err(error);
    }
    files.sync_dir(dir)
}

/// Ending of files that are being written.
pub const TEMPORARY: &str = ".tmp";

/// The real file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl Filesystem for Disk {
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if let (true, Ok(name)) = (metadata.is_file(), entry.file_name().into_string()) {
                entries.push(Entry {
                    name,
                    bytes: metadata.len(),
                });
            }
        }
        Ok(entries)
    }

    fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        File::open(path)?
            .take(limit as u64 + 1)
            .read_to_end(&mut content)?;
        if content.len() > limit {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("longer than {limit} bytes"),
            ));
        }
        Ok(content)
    }

    fn write_synced(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let mut file = options.open(path)?;
        file.write_all(content)?;
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    #[cfg(unix)]
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    /// NTFS journals renames and removals by itself; a folder cannot be flushed there.
    #[cfg(not(unix))]
    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }
}
