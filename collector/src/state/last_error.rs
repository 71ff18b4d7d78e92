//! Why the collector does not report, for `status`, which runs in another process.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sickbay_diagnosis::Time;

use super::{StateDir, StateError, read};

const NAME: &str = "last-error.json";
const LIMIT_BYTES: usize = 64 * 1024;

/// The newest reason why the server could not be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastError {
    /// When it happened, by the device's clock.
    pub at: Time,
    /// What happened, with its causes.
    pub text: String,
}

impl StateDir {
    /// Remembers why the server could not be told; `None` once it could.
    pub fn save_last_error(&self, error: Option<&LastError>) -> Result<(), StateError> {
        match error {
            None => self.remove(NAME),
            Some(error) => {
                let json = serde_json::to_vec_pretty(error).expect("a text and a number");
                self.write(NAME, &json)
            }
        }
    }
}

/// The newest error in `dir`, for a reader that holds no lock.
pub(crate) fn peek(dir: &Path) -> Result<Option<LastError>, StateError> {
    Ok(read(dir, NAME, LIMIT_BYTES)?.and_then(|json| serde_json::from_slice(&json).ok()))
}
