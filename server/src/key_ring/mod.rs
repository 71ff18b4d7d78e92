//! Where the secrets of a server are kept: the keys of the CA, of the record and of sessions.
//!
//! With SQLite each is a file of the data folder. A database that servers share keeps them wrapped, so that every server has the same, and
//! each server has one file, the key that wraps them ([`WRAPPING_KEY`]). Where a fleet changes its database, its secrets follow at the next
//! start ([`KeyRing::open`]). Nothing that is there is ever written over, and nothing is removed before what took its place was read back.

mod moving;
mod wrapping;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sickbay_store::{Secrets, StoreError, WrappedSecret};

pub use moving::is_name;

use crate::secret_file::{self, BadSecretFile};
use wrapping::WrappingKey;

/// The file of the wrapping key in the data folder.
pub const WRAPPING_KEY: &str = "wrapping.key";

/// What can go wrong with a secret.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] BadSecretFile),
    /// The wrapping key is not here.
    #[error(
        "{} is missing: the secrets of this database are wrapped with it (key {id}), the keys of the CA among them. Copy {WRAPPING_KEY} from the \
         data folder of another server of this database, or from a backup. Nothing was changed",
        path.display()
    )]
    NoWrappingKey {
        /// Where it should be.
        path: PathBuf,
        /// Which key it is.
        id: String,
    },
    /// Another wrapping key is here.
    #[error(
        "{} is the wrapping key of another database: it is key {found}, and the secrets of this one are wrapped with key {wanted}. Copy \
         {WRAPPING_KEY} from the data folder of another server of this database, or from a backup. Nothing was changed",
        path.display()
    )]
    WrongWrappingKey {
        /// The file.
        path: PathBuf,
        /// Which key it is.
        found: String,
        /// Which key it should be.
        wanted: String,
    },
    /// What is kept wrapped was changed.
    #[error(
        "the secret {name} in the database cannot be unwrapped with {WRAPPING_KEY}: it was changed or is damaged. Restore the database from a backup"
    )]
    Damaged {
        /// Its name.
        name: String,
    },
    /// A file holds another secret than the database.
    #[error(
        "{} is in the way: the database keeps its secrets itself, and this one is another or none of them. If it is of another fleet, move it \
         elsewhere. Nothing was changed",
        path.display()
    )]
    InTheWay {
        /// The file.
        path: PathBuf,
    },
    /// There is a secret of that name already.
    #[error("{place} is there already")]
    Taken {
        /// Which secret, and where.
        place: String,
    },
    /// It is there, and is none.
    #[error("{place} cannot be used: {why}")]
    Unusable {
        /// Which secret, and where.
        place: String,
        /// Why, and what to do.
        why: &'static str,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The secrets of a server, wherever they are kept.
#[derive(Clone)]
pub struct KeyRing {
    folder: PathBuf,
    /// `None` where they are files.
    wrapped: Option<Wrapped>,
}

/// Secrets that the database keeps.
#[derive(Clone)]
struct Wrapped {
    secrets: Arc<dyn Secrets>,
    key: Arc<WrappingKey>,
}

/// A secret that a database has from the beginning.
#[derive(Clone, Copy)]
pub struct First {
    /// Its name.
    pub name: &'static str,
    /// Makes one.
    pub fresh: fn() -> String,
}

impl KeyRing {
    /// The files of a data folder.
    pub fn of_files(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            wrapped: None,
        }
    }

    /// The secrets of the database whose `secrets` these are, for a server with this data folder. Where they are kept elsewhere than they
    /// should be, because the fleet changed its database, they move: into the database, or into files. A shared database that holds none
    /// is given the `first` one, and is of the server's wrapping key from then on.
    ///
    /// # Errors
    /// Where the wrapping key is missing or another one, or a file is in the way. Nothing was changed then.
    pub async fn open(
        secrets: Arc<dyn Secrets>,
        folder: &Path,
        first: First,
    ) -> Result<Self, KeyError> {
        if !secrets.is_shared() {
            moving::out_of_the_database(&*secrets, folder).await?;
            return Ok(Self::of_files(folder));
        }
        let key = moving::into_the_database(&*secrets, folder, first).await?;
        Ok(Self {
            folder: folder.to_owned(),
            wrapped: Some(Wrapped {
                secrets,
                key: Arc::new(key),
            }),
        })
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether the secrets are files, which only this server has.
    pub const fn are_files(&self) -> bool {
        self.wrapped.is_none()
    }

    /// Where a secret is, for messages.
    pub fn place(&self, name: &str) -> String {
        match self.wrapped {
            None => self.folder.join(name).display().to_string(),
            Some(_) => format!("the secret {name} of the database"),
        }
    }

    /// A secret; `None` where there is none of that name.
    ///
    /// # Errors
    /// Where it cannot be read or unwrapped.
    pub async fn get(&self, name: &str) -> Result<Option<String>, KeyError> {
        let Some(wrapped) = &self.wrapped else {
            return Ok(secret_file::read(&self.folder.join(name))?);
        };
        let all = wrapped.secrets.secrets().await?;
        wrapped.unwrap(&self.folder, &all, name)
    }

    /// A secret; a fresh one where there was none. Of several that are made at once, every server has the same.
    ///
    /// # Errors
    /// Where it cannot be read, unwrapped or kept.
    pub async fn open_or_make(
        &self,
        name: &str,
        fresh: impl Fn() -> String,
    ) -> Result<String, KeyError> {
        let Some(wrapped) = &self.wrapped else {
            let path = self.folder.join(name);
            return Ok(secret_file::open_or_make(&path, fresh)?);
        };
        if let Some(there) = self.get(name).await? {
            return Ok(there);
        }
        let new = wrapped.key.wrap(name, &fresh());
        let all = wrapped.secrets.keep_secrets(vec![new]).await?;
        let kept = wrapped.unwrap(&self.folder, &all, name)?;
        kept.ok_or_else(|| damaged(name))
    }

    /// Keeps a new secret, durable on return.
    ///
    /// # Errors
    /// Where there is one of that name, or it cannot be kept.
    pub async fn put(&self, name: &str, text: &str) -> Result<(), KeyError> {
        let taken = || KeyError::Taken {
            place: self.place(name),
        };
        let Some(wrapped) = &self.wrapped else {
            let is_made = secret_file::make(&self.folder.join(name), text)?;
            return if is_made { Ok(()) } else { Err(taken()) };
        };
        let new = wrapped.key.wrap(name, text);
        let all = wrapped.secrets.keep_secrets(vec![new.clone()]).await?;
        // Which also says so where somebody put another fleet's secrets there.
        wrapped.unwrap(&self.folder, &all, name)?;
        if all.contains(&new) {
            Ok(())
        } else {
            Err(taken())
        }
    }

    /// Removes a secret, where there is one.
    ///
    /// # Errors
    /// Where it cannot be removed.
    pub async fn remove(&self, name: &str) -> Result<(), KeyError> {
        match &self.wrapped {
            None => Ok(secret_file::remove(&self.folder.join(name))?),
            Some(wrapped) => {
                let names = vec![name.to_owned()];
                Ok(wrapped.secrets.remove_secrets(names).await?)
            }
        }
    }
}

impl Wrapped {
    fn unwrap(
        &self,
        folder: &Path,
        all: &[WrappedSecret],
        name: &str,
    ) -> Result<Option<String>, KeyError> {
        let Some(secret) = all.iter().find(|secret| secret.name == name) else {
            return Ok(None);
        };
        // Another fleet was put there while this server ran.
        is_of(&self.key, folder, std::slice::from_ref(secret))?;
        let text = self.key.unwrap(secret);
        Ok(Some(text.ok_or_else(|| damaged(name))?))
    }
}

/// Whether a key wraps all of them.
fn is_of(key: &WrappingKey, folder: &Path, secrets: &[WrappedSecret]) -> Result<(), KeyError> {
    match secrets.iter().find(|secret| secret.key_id != key.id()) {
        None => Ok(()),
        Some(other) => Err(KeyError::WrongWrappingKey {
            path: folder.join(WRAPPING_KEY),
            found: key.id().to_owned(),
            wanted: other.key_id.clone(),
        }),
    }
}

fn damaged(name: &str) -> KeyError {
    KeyError::Damaged {
        name: name.to_owned(),
    }
}

#[cfg(test)]
mod tests;
