//! Opens the database with the secrets of its server, and with the one among them that seals its record.

use std::sync::Arc;

use anyhow::Context as _;
use sickbay_store::{Moved, Store, Unsealed, shown};

use crate::audit::AuditKey;
use crate::config::Storage;
use crate::identity::ca::Ca;
use crate::key_ring::{KeyRing, WRAPPING_KEY};

/// The open database.
///
/// # Errors
/// Says what is wrong with the keys or the database, and what to do.
pub async fn open(storage: &Storage) -> anyhow::Result<Arc<dyn Store>> {
    Ok(open_with_keys(storage).await?.0)
}

/// The open database, and the secrets of its server.
///
/// # Errors
/// As [`open`].
pub async fn open_with_keys(storage: &Storage) -> anyhow::Result<(Arc<dyn Store>, KeyRing)> {
    // The key of the seal may be in the database, so its tables come first.
    let unsealed = sickbay_store::connect(&storage.database_url()).await?;
    may_begin_here(&unsealed, storage).await?;
    let keys = KeyRing::open(unsealed.secrets(), &storage.data_dir, AuditKey::FIRST).await?;
    let seal = Arc::new(AuditKey::open_or_make(&keys).await?);
    Ok((unsealed.sealed_by(seal).await?, keys))
}

/// Refuses a shared database of a fleet whose secrets are still files of another machine: they are taken from there alone.
async fn may_begin_here(unsealed: &Unsealed, storage: &Storage) -> anyhow::Result<()> {
    let secrets = unsealed.secrets();
    if !secrets.is_shared() || !secrets.secrets().await?.is_empty() {
        return Ok(());
    }
    let files = KeyRing::of_files(&storage.data_dir);
    let Err(error) = Ca::is_among(unsealed.ca().await?, &files).await else {
        return Ok(());
    };
    // Another process may have taken them this moment.
    if !secrets.secrets().await?.is_empty() {
        return Ok(());
    }
    Err(error).with_context(|| {
        format!(
            "this database is in use, and its secrets are still files of the data folder of the server that used it: start that server first, or restore its files; every other one then needs its {WRAPPING_KEY}"
        )
    })
}

/// Moves everything that one database holds to another one, empty unless it `replaces`; says what, table by table. Secrets that it holds go
/// along as they are wrapped; to where they belong they come when the server starts.
///
/// # Errors
/// As [`open`], of either; nothing was changed then.
pub async fn move_fleet(from: &str, to: &str, replaces: bool) -> anyhow::Result<Vec<Moved>> {
    Ok(sickbay_store::move_fleet(from, to, replaces).await?)
}

/// Refuses a database on which a server works, on whichever machine: it would go on with what it remembers. Of a file nobody can tell.
///
/// # Errors
/// Says so, and where the database cannot be reached.
pub async fn nobody_serves(url: &str) -> anyhow::Result<()> {
    anyhow::ensure!(
        !sickbay_store::is_served(url).await?,
        "a server works on {}: stop the server first, and every other one of this database",
        shown(url)
    );
    Ok(())
}

/// Brings the database's schema up to date, and says its version.
///
/// # Errors
/// As [`open`].
pub async fn migrate(storage: &Storage) -> anyhow::Result<i64> {
    let unsealed = sickbay_store::upgrade(&storage.database_url()).await?;
    if unsealed.has_loose_lines() {
        // Such a database is older than those that keep secrets.
        let keys = KeyRing::of_files(&storage.data_dir);
        let seal = Arc::new(AuditKey::open_or_make(&keys).await?);
        unsealed.sealed_by(seal).await?.close().await;
    } else {
        unsealed.close().await;
    }
    Ok(sickbay_store::schema_version())
}
