//! How the lines of the record are chained and sealed: pure.
//!
//! The hash of a line covers its words and the hash of the line before, so a line that is changed, moved or taken away breaks the chain
//! there. Whoever can write to the database could make all hashes anew; where the chain ends (its *head*), and where it begins once old lines
//! were removed (a *checkpoint*), is signed with a key that they do not have.

use std::fmt;

use sha2::{Digest as _, Sha256};
use sickbay_diagnosis::Time;

/// Signs where the record stands.
pub trait Seal: fmt::Debug + Send + Sync + 'static {
    /// The signature of these bytes.
    fn sign(&self, bytes: &[u8]) -> Vec<u8>;
    /// Whether this is the signature of these bytes by the same key.
    fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool;
}

/// A line as it is hashed, exactly as kept.
pub(crate) struct Link<'a> {
    pub(crate) id: i64,
    pub(crate) at: i64,
    pub(crate) actor: &'a str,
    pub(crate) action: &'a str,
    pub(crate) device_id: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) detail: &'a str,
}

impl Link<'_> {
    /// The hash of this line behind the line with the hash `before`.
    pub(crate) fn hash(&self, before: &[u8]) -> Vec<u8> {
        let mut hash = Sha256::new();
        hash.update(b"sickbay audit line 1");
        for number in [self.id, self.at] {
            hash.update(number.to_be_bytes());
        }
        // Each with its length, so that no two lines are the same bytes.
        for text in [
            before,
            self.actor.as_bytes(),
            self.action.as_bytes(),
            self.device_id.as_bytes(),
            self.subject.as_bytes(),
            self.detail.as_bytes(),
        ] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        hash.finalize().to_vec()
    }
}

/// Where the chain ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) last: i64,
    pub(crate) hash: Vec<u8>,
}

impl Head {
    /// What is signed of it.
    pub(crate) fn words(&self) -> Vec<u8> {
        words(b"sickbay audit head 1", &[self.last], &self.hash)
    }
}

/// Where the chain begins: lines up to `last` were removed by age.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The newest line that was removed.
    pub last: i64,
    /// Its hash.
    pub hash: Vec<u8>,
    /// When lines were last removed.
    pub at: Time,
    /// How many were removed in all.
    pub removed: i64,
}

impl Checkpoint {
    /// What is signed of it.
    pub(crate) fn words(&self) -> Vec<u8> {
        let numbers = [self.last, self.at.millis(), self.removed];
        words(b"sickbay audit checkpoint 1", &numbers, &self.hash)
    }
}

fn words(of: &[u8], numbers: &[i64], hash: &[u8]) -> Vec<u8> {
    let mut words = of.to_vec();
    for number in numbers {
        words.extend(number.to_be_bytes());
    }
    words.extend(hash);
    words
}

/// What verifying the record found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// Every line is as it was recorded.
    Sound {
        /// Lines that were looked at.
        lines: u64,
        /// The newest line.
        last: i64,
        /// Where the record begins, if lines were removed by age.
        since: Option<Checkpoint>,
    },
    /// It is not what was recorded.
    Broken(Fault),
}

/// In which way a record is not what was recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The chain breaks at a line.
    #[error(
        "line {line} does not follow from the line before: it was changed, moved or put in, or lines before it were taken away"
    )]
    Line {
        /// The first line that does not follow.
        line: i64,
    },
    /// The chain is whole, and ends elsewhere than where it was sealed.
    #[error(
        "the record ends with line {ends}, and line {sealed} was sealed as its end: lines were taken away or put in"
    )]
    End {
        /// The last line there is; 0 for none.
        ends: i64,
        /// The line that was sealed.
        sealed: i64,
    },
    /// The end was not sealed with the key.
    #[error(
        "the end of the record, line {last}, was not sealed with this server's audit.key: the record was written anew, or the key is another one"
    )]
    HeadSeal {
        /// The line that the end names.
        last: i64,
    },
    /// The beginning was not sealed with the key.
    #[error(
        "the beginning of the record, after line {last}, was not sealed with this server's audit.key: lines were taken away, or the key is another one"
    )]
    CheckpointSeal {
        /// The line that the beginning names.
        last: i64,
    },
    /// There are lines, and no end was sealed.
    #[error("the record has no sealed end: its row in the table audit_head was taken away")]
    NoHead,
}

/// Seals nothing: for tests that look at other things.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct NoSeal;

#[cfg(test)]
impl Seal for NoSeal {
    fn sign(&self, _bytes: &[u8]) -> Vec<u8> {
        Vec::new()
    }

    fn verifies(&self, _bytes: &[u8], _signature: &[u8]) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: Link<'static> = Link {
        id: 7,
        at: 1_000,
        actor: "ann",
        action: "approved",
        device_id: "",
        subject: "PC-1",
        detail: "",
    };

    #[test]
    fn whatever_is_changed_in_a_line_changes_its_hash() {
        let hash = LINE.hash(b"before");
        let others = [
            Link { id: 8, ..LINE },
            Link { at: 1_001, ..LINE },
            Link {
                actor: "bob",
                ..LINE
            },
            Link {
                action: "revoked",
                ..LINE
            },
            Link {
                device_id: "x",
                ..LINE
            },
            Link {
                subject: "PC-2",
                ..LINE
            },
            Link {
                detail: "x",
                ..LINE
            },
            // The same letters, cut elsewhere.
            Link {
                actor: "an",
                action: "napproved",
                ..LINE
            },
            Link {
                subject: "",
                detail: "PC-1",
                ..LINE
            },
        ];
        for other in others {
            assert_ne!(other.hash(b"before"), hash);
        }
        assert_ne!(LINE.hash(b"another"), hash);
        assert_eq!(LINE.hash(b"before"), hash);
    }

    #[test]
    fn the_seal_of_an_end_is_none_of_a_beginning() {
        let head = Head {
            last: 7,
            hash: vec![1; 32],
        };
        let checkpoint = Checkpoint {
            last: 7,
            hash: vec![1; 32],
            at: Time::from_millis(0),
            removed: 0,
        };
        assert_ne!(head.words(), checkpoint.words());
    }
}
