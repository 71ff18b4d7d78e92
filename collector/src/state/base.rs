//! What the server acknowledged, on disk.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sickbay_diagnosis::observation::Observations;

use super::{SetAside, StateDir, StateError, read};
use crate::session::message::{Digest, Epoch};
use crate::session::outbox::{Acknowledged, Base};
use crate::spool::seal::{self, Kind};

const NAME: &str = "base";
const KIND: Kind = Kind {
    magic: *b"SBba",
    version: 1,
};
/// Largest base that is read, in bytes; some hundred times that of a real machine.
const LIMIT_BYTES: usize = 64 * 1024 * 1024;

#[derive(Serialize, Deserialize)]
struct Stored {
    epoch: String,
    acknowledged: Option<StoredAcknowledged>,
    observations: Observations,
}

#[derive(Serialize, Deserialize)]
struct StoredAcknowledged {
    sequence: u64,
    digest: String,
}

/// A base in the form of its file.
pub(crate) fn encode(base: &Base) -> Vec<u8> {
    let stored = Stored {
        epoch: hex::encode(base.epoch.0),
        acknowledged: base.acknowledged.map(|acknowledged| StoredAcknowledged {
            sequence: acknowledged.sequence,
            digest: hex::encode(acknowledged.digest.0),
        }),
        observations: base.observations.clone(),
    };
    let json =
        serde_json::to_vec(&stored).expect("observations have string keys and finite numbers only");
    seal::seal(KIND, &json)
}

fn decode(sealed: &[u8]) -> Result<Base, String> {
    let json = seal::open(KIND, sealed).map_err(|broken| broken.to_string())?;
    let stored: Stored = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let mut epoch = Epoch([0; 16]);
    hex::decode_to_slice(&stored.epoch, &mut epoch.0)
        .map_err(|error| format!("the epoch: {error}"))?;
    let acknowledged = match stored.acknowledged {
        None => None,
        Some(stored) => {
            let mut digest = Digest([0; 32]);
            hex::decode_to_slice(&stored.digest, &mut digest.0)
                .map_err(|error| format!("the digest: {error}"))?;
            Some(Acknowledged {
                sequence: stored.sequence,
                digest,
            })
        }
    };
    Ok(Base {
        epoch,
        acknowledged,
        observations: stored.observations,
    })
}

impl StateDir {
    /// The base; `None` where there is none, or where it could not be used and was set aside.
    pub fn load_base(&self) -> Result<(Option<Base>, Option<SetAside>), StateError> {
        let Some(sealed) = read(&self.dir, NAME, LIMIT_BYTES)? else {
            return Ok((None, None));
        };
        match decode(&sealed) {
            Ok(base) => Ok((Some(base), None)),
            Err(reason) => Ok((None, Some(self.set_aside(NAME, reason)?))),
        }
    }

    /// Replaces the base.
    pub fn save_base(&self, base: &Base) -> Result<(), StateError> {
        self.save_encoded_base(&encode(base))
    }

    /// Replaces the base by one that [`encode`] made.
    pub(crate) fn save_encoded_base(&self, encoded: &[u8]) -> Result<(), StateError> {
        self.write(NAME, encoded)
    }
}

/// The base in `dir` for a reader that holds no lock; `None` where there is no usable one.
pub(crate) fn peek(dir: &Path) -> Result<Option<Base>, StateError> {
    Ok(read(dir, NAME, LIMIT_BYTES)?.and_then(|sealed| decode(&sealed).ok()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use sickbay_diagnosis::observation::{Observation, Outcome};
    use sickbay_diagnosis::reading::{Data, Reading, Source};
    use sickbay_diagnosis::{Check, Time};

    use super::*;

    fn base() -> Base {
        let mut observations = Observations::new();
        observations.put(
            Check::Pause,
            Observation {
                taken_at: Time::from_millis(5),
                outcome: Outcome::Seen(vec![Reading {
                    source: Source::Registry,
                    path: r"HKLM\SOFTWARE".to_owned(),
                    name: Some(String::new()),
                    data: Data::Other {
                        kind: 9,
                        bytes: vec![1, 2],
                    },
                }]),
            },
        );
        Base {
            epoch: Epoch([3; 16]),
            acknowledged: Some(Acknowledged {
                sequence: 9,
                digest: Digest([8; 32]),
            }),
            observations,
        }
    }

    #[test]
    fn the_base_comes_back_as_it_was_saved() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        assert_eq!(state.load_base().unwrap(), (None, None));
        state.save_base(&base()).unwrap();
        assert_eq!(state.load_base().unwrap(), (Some(base()), None));
    }

    #[test]
    fn a_rotten_base_is_set_aside_once_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        state.save_base(&base()).unwrap();
        let path = dir.path().join(NAME);
        let mut bytes = std::fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let (none, aside) = state.load_base().unwrap();
        assert_eq!(none, None);
        assert!(aside.unwrap().reason.contains("checksum"));
        assert_eq!(state.load_base().unwrap(), (None, None));
        assert!(dir.path().join("base.bad").exists());
    }
}
