//! Opens the database with the key that seals its record.

use std::sync::Arc;

use sickbay_store::{Moved, Store};

use crate::audit::AuditKey;
use crate::config::Storage;

/// The open database.
///
/// # Errors
/// Says what is wrong with the key or the database, and what to do.
pub async fn open(storage: &Storage) -> anyhow::Result<Arc<dyn Store>> {
    let seal = Arc::new(AuditKey::open_or_make(&storage.data_dir)?);
    Ok(sickbay_store::open(&storage.database_url(), seal).await?)
}

/// Moves everything that one database holds to another one, empty unless it `replaces`; says what, table by table.
///
/// # Errors
/// As [`open`], of either; nothing was changed then.
pub async fn move_fleet(
    storage: &Storage,
    from: &str,
    to: &str,
    replaces: bool,
) -> anyhow::Result<Vec<Moved>> {
    let seal = Arc::new(AuditKey::open_or_make(&storage.data_dir)?);
    Ok(sickbay_store::move_fleet(from, to, replaces, seal).await?)
}

/// Brings the database's schema up to date, and says its version.
///
/// # Errors
/// As [`open`].
pub async fn migrate(storage: &Storage) -> anyhow::Result<i64> {
    let seal = Arc::new(AuditKey::open_or_make(&storage.data_dir)?);
    Ok(sickbay_store::migrate(&storage.database_url(), seal).await?)
}
