//! Secrets follow a fleet that changed its database: files into one that servers share, and out of it into files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use sickbay_store::{Secrets, WrappedSecret};

use super::wrapping::WrappingKey;
use super::{First, KeyError, WRAPPING_KEY, damaged, is_of};
use crate::secret_file::{self, BadSecretFile};

/// Has the database keep the secrets of the folder's files, wrapped, where it keeps none yet. The key that wraps them.
pub(super) async fn into_the_database(
    secrets: &dyn Secrets,
    folder: &Path,
    first: First,
) -> Result<WrappingKey, KeyError> {
    let path = folder.join(WRAPPING_KEY);
    let mut there = secrets.secrets().await?;
    let files = files(folder)?;
    let key;
    if there.is_empty() {
        let (made, is_new) = open_or_make(&path)?;
        key = made;
        let mut wanted = files.clone();
        wanted
            .entry(first.name.to_owned())
            .or_insert_with(first.fresh);
        let wrapped = wanted.iter().map(|(name, text)| key.wrap(name, text));
        there = secrets.keep_secrets(wrapped.collect()).await?;
        if is_new && let Err(lost) = is_of(&key, folder, &there) {
            // Another server was faster, and this key wraps nothing.
            secret_file::remove(&path)?;
            return Err(match lost {
                KeyError::WrongWrappingKey { wanted: id, .. } => {
                    KeyError::NoWrappingKey { path, id }
                }
                other => other,
            });
        }
    } else {
        key = open(&path, &there)?;
    }
    is_of(&key, folder, &there)?;
    let kept = unwrapped(&key, &there)?;
    let other = files
        .iter()
        .find(|(name, text)| kept.get(*name) != Some(text));
    if let Some((name, _)) = other {
        return Err(KeyError::InTheWay {
            path: folder.join(name),
        });
    }
    // What was read back is what the files hold, so they may go.
    for name in files.keys() {
        secret_file::remove(&folder.join(name))?;
    }
    if !files.is_empty() {
        let names: Vec<&str> = files.keys().map(String::as_str).collect();
        tracing::info!(
            secrets = names.join(", "),
            wrapping_key = %path.display(),
            "the secrets of the data folder are kept in the database from here on, wrapped; their files are removed. Back up the wrapping key"
        );
    }
    Ok(key)
}

/// Makes files of the secrets that a database of a single machine holds, because the fleet was moved into it.
pub(super) async fn out_of_the_database(
    secrets: &dyn Secrets,
    folder: &Path,
) -> Result<(), KeyError> {
    let there = secrets.secrets().await?;
    if there.is_empty() {
        return Ok(());
    }
    let key = open(&folder.join(WRAPPING_KEY), &there)?;
    is_of(&key, folder, &there)?;
    let kept = unwrapped(&key, &there)?;
    let before = files(folder)?;
    for (name, text) in &kept {
        if before.get(name).is_some_and(|file| file != text) {
            return Err(KeyError::InTheWay {
                path: folder.join(name),
            });
        }
    }
    for (name, text) in &kept {
        secret_file::make(&folder.join(name), text)?;
    }
    let after = files(folder)?;
    for (name, text) in &kept {
        if after.get(name) != Some(text) {
            return Err(KeyError::InTheWay {
                path: folder.join(name),
            });
        }
    }
    let names: Vec<String> = kept.into_keys().collect();
    tracing::info!(
        secrets = names.join(", "),
        "the secrets that the database held are files of the data folder from here on"
    );
    secrets.remove_secrets(names).await?;
    Ok(())
}

/// Whether a secret may have this name. It is also the name of a file, so nothing else is taken for one.
pub fn is_name(name: &str) -> bool {
    let is_plain = |text: &str| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        text.chars().all(plain)
    };
    match name {
        "audit.key" | "session.key" => true,
        other => other
            .strip_prefix("ca-key")
            .and_then(|rest| rest.strip_suffix(".pem"))
            .is_some_and(is_plain),
    }
}

/// The secrets that are files of the folder.
fn files(folder: &Path) -> Result<BTreeMap<String, String>, KeyError> {
    let cannot = |error: std::io::Error| BadSecretFile {
        path: folder.to_owned(),
        why: error.to_string(),
    };
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(cannot)? {
        let name = entry.map_err(cannot)?.file_name();
        let Some(name) = name.to_str().filter(|name| is_name(name)) else {
            continue;
        };
        // One that is gone was moved by another process of this folder a moment ago.
        if let Some(text) = secret_file::read(&folder.join(name))? {
            found.insert(name.to_owned(), text);
        }
    }
    Ok(found)
}

fn unwrapped(
    key: &WrappingKey,
    secrets: &[WrappedSecret],
) -> Result<BTreeMap<String, String>, KeyError> {
    let unwrap = |secret: &WrappedSecret| {
        let text = key.unwrap(secret).filter(|_| is_name(&secret.name));
        let text = text.ok_or_else(|| damaged(&secret.name))?;
        Ok((secret.name.clone(), text))
    };
    secrets.iter().map(unwrap).collect()
}

/// The wrapping key that is there.
fn open(path: &Path, secrets: &[WrappedSecret]) -> Result<WrappingKey, KeyError> {
    let Some(text) = secret_file::read(path)? else {
        let id = secrets.first().map(|secret| secret.key_id.clone());
        return Err(KeyError::NoWrappingKey {
            path: path.to_owned(),
            id: id.unwrap_or_default(),
        });
    };
    Ok(WrappingKey::read(path, &text)?)
}

/// The wrapping key, and whether it was made now.
fn open_or_make(path: &Path) -> Result<(WrappingKey, bool), KeyError> {
    let fresh = WrappingKey::fresh();
    let is_new = secret_file::read(path)?.is_none() && secret_file::make(path, &fresh)?;
    let text = secret_file::read(path)?.unwrap_or(fresh);
    Ok((WrappingKey::read(path, &text)?, is_new))
}
