//! The collector's own folder: its key, its certificate, what the server acknowledged, and the spool.
//!
//! | name | what |
//! |---|---|
//! | `lock` | held by the running collector, so that two do not share the folder |
//! | `key.pem` | the private key, PKCS#8, readable by its owner alone; on Windows `key.sealed`, under DPAPI |
//! | `next-key.pem` | the key under which it enrols again where the server refuses the other one for good; `next-key.sealed` on Windows |
//! | `identity.json` | device id, certificate chain, trusted CAs |
//! | `base` | epoch, newest acknowledged report, observations as of it (sealed) |
//! | `last-error.json` | why it does not report, for `status` |
//! | `image.json` | that this machine was prepared to be copied |
//! | `upgrading` | that an installer is about to replace this version |
//! | `crashes` | how it ended when nobody asked it to, and which checks are left out for it |
//! | `spool/` | reports that wait |
//! | `logs/` | the log of the Windows service |
//!
//! Promises: every file is replaced in one step; one that cannot be read is set aside as `*.bad` with the reason told, and the
//! collector goes on: with a new epoch where the base is lost, by enrolling again where the key or the certificate is lost.

mod base;
mod crashes;
mod identity;
mod image;
mod key_file;
mod last_error;

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

pub(crate) use base::{encode as encode_base, peek as peek_base};
pub(crate) use crashes::{
    Crash, NAME as CRASHES, peek as peek_crashes, take_note as take_note_of_crashes,
};
pub(crate) use identity::peek as peek_credentials;
pub use identity::{BadIdentity, Credentials, Identity};
pub use image::Image;
pub(crate) use image::{peek as peek_image, remove as remove_state};
pub use last_error::LastError;
pub(crate) use last_error::peek as peek_last_error;

use crate::spool::filesystem::{self, Disk, Filesystem as _};

/// Why the state folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The folder could not be made or entered.
    #[error("open the state folder {path}; it must be a folder that this account may write")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Another collector runs on it.
    #[error(
        "the state folder {path} is in use by another collector; stop that one, or give this one its own --state-dir"
    )]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// A file could not be read.
    #[error("read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

/// A file that was set aside because it could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Its name before.
    pub name: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

/// The collector's folder, locked.
#[derive(Debug)]
pub struct StateDir {
    dir: PathBuf,
    /// The lock ends with the file handle, also when the process is killed.
    _lock: File,
}

impl StateDir {
    /// Opens `dir`, making it where it is missing, and locks it.
    pub fn open(dir: &Path) -> Result<Self, StateError> {
        let failed = |source| StateError::Folder {
            path: dir.to_owned(),
            source,
        };
        make_private(dir).map_err(failed)?;
        make_private(&dir.join("spool")).map_err(failed)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(dir.join("lock"))
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                dir: dir.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(StateError::InUse {
                path: dir.to_owned(),
            }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// The folder of the spool.
    pub fn spool_path(&self) -> PathBuf {
        self.dir.join("spool")
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), StateError> {
        filesystem::replace(&Disk, &self.dir, name, content).map_err(|source| StateError::Write {
            path: self.dir.join(name),
            source,
        })
    }

    fn remove(&self, name: &str) -> Result<(), StateError> {
        Disk.remove(&self.dir.join(name))
            .map_err(|source| StateError::Write {
                path: self.dir.join(name),
                source,
            })
    }

    /// Renames a file that cannot be used, so that it is met once and can still be looked at.
    fn set_aside(&self, name: &'static str, reason: String) -> Result<SetAside, StateError> {
        let path = self.dir.join(name);
        fs::rename(&path, self.dir.join(format!("{name}.bad")))
            .map_err(|source| StateError::Write { path, source })?;
        Ok(SetAside { name, reason })
    }
}

/// The content of `name` in `dir`; `None` where it is not there.
fn read(dir: &Path, name: &str, limit: usize) -> Result<Option<Vec<u8>>, StateError> {
    let path = dir.join(name);
    match Disk.read(&path, limit) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // A file that is too long is a broken file, not an unreadable disk.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(Some(Vec::new())),
        Err(source) => Err(StateError::Read { path, source }),
    }
}

/// Makes a folder that its owner alone may enter. On Windows it gets the rights that the folder above it hands down: the private key
/// is then as safe as that folder, until the service sets rights of its own.
pub(crate) fn make_private(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
        builder.mode(0o700);
        builder.create(dir)?;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700))
    }
    #[cfg(not(unix))]
    builder.create(dir)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use super::*;

    #[test]
    fn two_collectors_never_share_a_state_folder() {
        let dir = tempfile::tempdir().unwrap();
        let first = StateDir::open(dir.path()).unwrap();
        let error = StateDir::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("in use by another collector"), "{error}");
        drop(first);
        StateDir::open(dir.path()).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_the_folder_or_its_files() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let state = StateDir::open(&path).unwrap();
        state.write("key.pem", b"secret").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&path.join("key.pem"))), (0o700, 0o600));
    }
}
