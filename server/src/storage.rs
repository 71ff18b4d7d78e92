//! Opens the database with the key that seals its record.

use std::sync::Arc;

use sickbay_store::Store;

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

/// Brings the database's schema up to date, and says its version.
///
/// # Errors
/// As [`open`].
pub async fn migrate(storage: &Storage) -> anyhow::Result<i64> {
    let seal = Arc::new(AuditKey::open_or_make(&storage.data_dir)?);
    Ok(sickbay_store::migrate(&storage.database_url(), seal).await?)
}
