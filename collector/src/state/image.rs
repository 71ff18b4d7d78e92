//! Preparing an image: a machine whose disk is about to be copied must not hold an identity, nor get one before it is shut down.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sickbay_diagnosis::Time;

use super::{StateDir, StateError, read};
use crate::spool::filesystem::{Disk, Filesystem as _};

const NAME: &str = "image.json";
const LIMIT_BYTES: usize = 4096;
/// By how much the start of Windows may seem to move while it runs: clocks are set.
const SAME_START_MS: i64 = 5 * 60_000;

/// Left by `seal`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// When the machine was started that was sealed.
    pub started_at: Time,
    /// When it was sealed.
    pub sealed_at: Time,
}

impl Image {
    /// Whether the machine still runs as it did when it was sealed, so that it must not enrol.
    pub fn holds(&self, started_at: Time) -> bool {
        self.started_at.since(started_at).abs() < SAME_START_MS
    }
}

impl StateDir {
    /// Forgets who this device is and all that it wanted to report, and keeps it from enrolling until the next start of Windows.
    pub fn seal(&self, image: Image) -> Result<(), StateError> {
        let json = serde_json::to_vec_pretty(&image).expect("two times");
        self.write(NAME, &json)?;
        self.forget_all()
    }

    /// Takes the seal away: this is a machine of its own now.
    pub fn unseal(&self) -> Result<(), StateError> {
        self.remove(NAME)
    }

    /// Removes key, certificate, base, spool and what was set aside of them.
    pub fn forget_all(&self) -> Result<(), StateError> {
        self.forget_credentials()?;
        for dir in [self.dir.clone(), self.spool_path()] {
            let failed = |source| StateError::Read {
                path: dir.clone(),
                source,
            };
            for file in Disk.list(&dir).map_err(failed)? {
                if file.name != NAME && file.name != "lock" {
                    let path = dir.join(&file.name);
                    Disk.remove(&path)
                        .map_err(|source| StateError::Write { path, source })?;
                }
            }
        }
        Ok(())
    }
}

/// The seal in `dir`, for a reader that holds no lock. One that cannot be read still holds nothing back: better an image too many
/// than a fleet of machines that never report.
pub(crate) fn peek(dir: &Path) -> Result<Option<Image>, StateError> {
    Ok(read(dir, NAME, LIMIT_BYTES)?.and_then(|json| serde_json::from_slice(&json).ok()))
}

/// Removes the whole folder, after an uninstall that asked for it.
pub(crate) fn remove(dir: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use super::*;

    #[test]
    fn a_sealed_machine_holds_nothing_that_a_copy_of_it_could_use() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        state.load_credentials().unwrap();
        fs::write(dir.path().join("key.pem.bad"), "an older key").unwrap();
        fs::write(dir.path().join("spool").join("1.report"), "a report").unwrap();
        let image = Image {
            started_at: Time::from_millis(1_000),
            sealed_at: Time::from_millis(2_000),
        };
        state.seal(image).unwrap();
        let left: Vec<String> = Disk
            .list(dir.path())
            .unwrap()
            .into_iter()
            .map(|file| file.name)
            .collect();
        assert!(
            left.iter().all(|name| name == NAME || name == "lock"),
            "{left:?}"
        );
        assert_eq!(Disk.list(&state.spool_path()).unwrap(), []);
        assert_eq!(peek(dir.path()).unwrap(), Some(image));
    }

    #[test]
    fn the_seal_holds_until_the_next_start_of_windows() {
        let start = Time::from_millis(10_000_000_000);
        let image = Image {
            started_at: start,
            sealed_at: start,
        };
        assert!(image.holds(start.plus_millis(59_000)));
        assert!(!image.holds(start.plus_millis(3_600_000)));
    }
}
