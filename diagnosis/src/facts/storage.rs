//! Room on the drive of Windows (fact sheet section 13).

use serde_json::{Value, json};

use super::valued::{Fact, Reader};
use crate::keys;
use crate::observation::Lookup;
use crate::reading::Data;

/// What was found of the system drive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageFacts {
    /// Free bytes. Between two reports they may move within a band, so they are as old as the observation.
    pub free_bytes: Option<Fact<u64>>,
    /// Size in bytes.
    pub total_bytes: Option<Fact<u64>>,
    /// Why the free bytes are not known.
    pub reason: Option<String>,
}

impl StorageFacts {
    /// Interprets the readings of the check.
    pub fn derive(lookup: Lookup<'_>) -> Self {
        let reader = Reader::new(lookup);
        let free_bytes = reader.number(keys::SYSTEM_DRIVE, keys::FREE_BYTES);
        let reason = match reader
            .value(keys::SYSTEM_DRIVE, keys::FREE_BYTES)
            .map(|f| f.reading.data.clone())
        {
            _ if free_bytes.is_some() => None,
            Some(Data::Unreadable(why)) => {
                Some(format!("the system drive could not be asked: {why}"))
            }
            _ => Some("the free room of the system drive was not recorded".to_owned()),
        };
        Self {
            total_bytes: reader.number(keys::SYSTEM_DRIVE, keys::TOTAL_BYTES),
            free_bytes,
            reason,
        }
    }

    /// The facts as JSON.
    pub fn json(&self) -> Value {
        let state = if self.free_bytes.is_some() {
            "known"
        } else {
            "unknown"
        };
        json!({
            "state": state,
            "reason": self.reason,
            "free_bytes": self.free_bytes.map(|f| f.value),
            "total_bytes": self.total_bytes.map(|f| f.value),
        })
    }
}
