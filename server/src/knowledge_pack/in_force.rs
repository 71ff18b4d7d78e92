//! Which knowledge is in force: the imported pack if it can be used now, the built-in one otherwise.
//!
//! What stands in the database is not trusted for standing there: its signature is verified at every start and after every change,
//! against the keys that are trusted then.

use std::sync::Arc;

use sickbay_diagnosis::Time;
use sickbay_diagnosis::knowledge::{Knowledge, TableName};
use sickbay_store::{ImportedPack, PackMark, Store, StoreError};

use super::about::{About, dated};
use super::key::{PublicKey, TrustedKeys};
use super::{Pack, PackError};

/// Knowledge, and where it comes from.
#[derive(Debug, Clone)]
pub struct InForce {
    /// What is known.
    pub knowledge: Arc<Knowledge>,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where the knowledge in force comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Origin {
    /// It came with the program, and none was imported.
    #[default]
    BuiltIn,
    /// It was imported.
    Imported {
        /// As it is kept; of this only when and by whom it was imported is used.
        mark: PackMark,
        /// Who signed it.
        signer: PublicKey,
        /// The day up to which it was collected, `YYYY-MM-DD`.
        dated: String,
        /// Tables that it has; the others are the built-in ones.
        tables: Vec<TableName>,
        /// Files in it that this version does not know.
        unknown: Vec<String>,
    },
    /// It came with the program, because what was imported cannot be used.
    Refused {
        /// As it is kept. None of it is verified.
        mark: PackMark,
        /// Why.
        reason: String,
    },
}

impl Origin {
    /// Which pack the database had when this was decided.
    pub const fn mark(&self) -> Option<&PackMark> {
        match self {
            Self::BuiltIn => None,
            Self::Imported { mark, .. } | Self::Refused { mark, .. } => Some(mark),
        }
    }
}

impl Default for InForce {
    fn default() -> Self {
        Self {
            knowledge: Arc::clone(Knowledge::built_in()),
            origin: Origin::BuiltIn,
        }
    }
}

impl InForce {
    /// What `store` says.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn load(store: &dyn Store, trusted: &TrustedKeys) -> Result<Self, StoreError> {
        Ok(match store.knowledge_pack().await? {
            None => Self::default(),
            Some(pack) => Self::of(pack, trusted),
        })
    }

    /// With this pack, if it can be used.
    pub fn of(pack: ImportedPack, trusted: &TrustedKeys) -> Self {
        match Pack::verify(&pack.bytes, trusted) {
            Ok(verified) => Self {
                knowledge: Arc::clone(&verified.knowledge),
                origin: Origin::Imported {
                    mark: pack.mark,
                    signer: verified.signer,
                    dated: verified.dated.to_owned(),
                    tables: verified.tables.iter().map(|(name, _)| *name).collect(),
                    unknown: verified
                        .unknown
                        .iter()
                        .map(|&file| file.to_owned())
                        .collect(),
                },
            },
            Err(error) => Self {
                origin: Origin::Refused {
                    mark: pack.mark,
                    reason: reason(&error),
                },
                ..Self::default()
            },
        }
    }

    /// The day up to which it was collected, `YYYY-MM-DD`.
    pub fn dated(&self) -> &str {
        dated(&self.knowledge, &self.origin)
    }

    /// Everything there is to say of it.
    pub fn about(&self, now: Time) -> About {
        About::of(&self.knowledge, &self.origin, now)
    }

    /// Tells the log which one it is.
    pub fn log(&self) {
        let version = self.knowledge.version();
        match &self.origin {
            Origin::BuiltIn | Origin::Imported { .. } => {
                tracing::info!(version, dated = self.dated(), "this knowledge is in force");
            }
            Origin::Refused { mark, reason } => tracing::error!(
                refused = ?mark.version,
                imported_at = %mark.imported_at,
                reason,
                "the imported knowledge pack cannot be used; the built-in knowledge is in force"
            ),
        }
    }
}

/// An error and what is behind it, in one line.
fn reason(error: &PackError) -> String {
    crate::ingest::chain(error)
}
