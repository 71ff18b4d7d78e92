//! The owner's wishes as the database keeps them: edited by page, API and command line alike.

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use sickbay_diagnosis::Time;
use sickbay_diagnosis::expectation::{BadWish, ScopedWish, Wanted, Wishes};
use sickbay_store::{Store, StoreError};

/// The setting's name in the database.
const SETTING: &str = "wishes";
/// Most scopes; each is asked for every device.
pub const MOST_SCOPES: usize = 200;

/// Wishes as they are written down.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Written {
    /// By scope; the first that holds a device and a wish decides it.
    pub scopes: Vec<ScopedWish>,
    /// For every device, where no scope decides.
    pub fleet: Wanted,
}

impl From<Written> for Wishes {
    fn from(written: Written) -> Self {
        Self {
            scopes: written.scopes,
            fleet: written.fleet,
        }
    }
}

impl From<Wishes> for Written {
    fn from(wishes: Wishes) -> Self {
        Self {
            scopes: wishes.scopes,
            fleet: wishes.fleet,
        }
    }
}

/// Why wishes were not taken.
#[derive(Debug, thiserror::Error)]
pub enum WishError {
    /// One of them cannot be.
    #[error("{scope}: {why}")]
    Bad {
        /// The name of the scope.
        scope: String,
        /// What is wrong.
        why: BadWish,
    },
    /// There are too many scopes.
    #[error("{0} scopes are too many: at most {MOST_SCOPES} are possible; join some with `or`")]
    TooMany(usize),
    /// The database did not take them.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether wishes can be.
///
/// # Errors
/// The first that cannot.
pub fn check(wishes: &Wishes) -> Result<(), WishError> {
    if wishes.scopes.len() > MOST_SCOPES {
        return Err(WishError::TooMany(wishes.scopes.len()));
    }
    wishes
        .check()
        .map_err(|(scope, why)| WishError::Bad { scope, why })
}

/// The wishes that the database keeps. What cannot be understood, because a newer version wrote it, is told and stands for no wishes.
///
/// # Errors
/// Where the database does not answer.
pub async fn stored(store: &dyn Store) -> Result<Wishes, StoreError> {
    let Some(json) = store.setting(SETTING).await? else {
        return Ok(Wishes::default());
    };
    match serde_json::from_str::<Written>(&json).context("the stored wishes") {
        Ok(written) => Ok(written.into()),
        Err(error) => {
            tracing::error!(
                error = format!("{error:#}"),
                "the stored expectations cannot be understood; the defaults hold"
            );
            Ok(Wishes::default())
        }
    }
}

/// Keeps wishes, if they can be.
///
/// # Errors
/// As [`check`], and where the database does not take them.
pub async fn keep(store: &dyn Store, wishes: &Wishes, now: Time) -> Result<(), WishError> {
    check(wishes)?;
    let json = serde_json::to_string(&Written::from(wishes.clone()))
        .expect("texts and numbers always serialize");
    store.put_setting(SETTING, &json, now).await?;
    Ok(())
}
