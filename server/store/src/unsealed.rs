//! A database between being connected and being used: its tables are there, and nobody seals its record yet. The key of the seal may be
//! kept in one of those tables, so whoever opens a database looks for it here.

use std::sync::Arc;

use async_trait::async_trait;

use crate::schema::CHAINED_SINCE;
use crate::{
    Address, CaRow, PostgresStore, Result, Seal, Secrets, SqliteStore, Store, address,
    schema_version,
};

/// A database whose tables are there.
pub struct Unsealed {
    store: Arc<dyn Sealable>,
    from: i64,
}

/// A store that waits for its seal.
#[async_trait]
pub(crate) trait Sealable: Store {
    /// Seals the record with this from here on, and chains what a database of the version `from` holds. The first seal stays.
    async fn take_seal(&self, seal: Arc<dyn Seal>, from: i64) -> Result<()>;
}

impl Unsealed {
    /// Its wrapped secrets.
    pub fn secrets(&self) -> Arc<dyn Secrets> {
        Arc::<dyn Sealable>::clone(&self.store)
    }

    /// The generations of the CA.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn ca(&self) -> Result<Vec<CaRow>> {
        self.store.ca().await
    }

    /// Whether lines of a version without seals wait for one.
    pub const fn has_loose_lines(&self) -> bool {
        self.from > 0 && self.from < CHAINED_SINCE
    }

    /// The open database, whose record `seal` seals.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn sealed_by(self, seal: Arc<dyn Seal>) -> Result<Arc<dyn Store>> {
        self.store.take_seal(seal, self.from).await?;
        Ok(self.store)
    }

    /// Closes it as it is.
    pub async fn close(self) {
        self.store.close().await;
    }
}

/// Connects to the database that `url` names, and makes the tables of an empty one; see [`open`].
///
/// # Errors
/// As [`open`].
pub async fn connect(url: &str) -> Result<Unsealed> {
    Ok(match address(url)? {
        Address::Sqlite(path) => of(SqliteStore::connect_as_it_is(path).await?),
        Address::Postgres(url) => of(PostgresStore::connect_as_it_is(url).await?),
    })
}

/// Connects to the database that `url` names and brings its schema up to date; see [`migrate`].
///
/// # Errors
/// As [`migrate`].
pub async fn upgrade(url: &str) -> Result<Unsealed> {
    Ok(match address(url)? {
        Address::Sqlite(path) => of(SqliteStore::connect_upgrading(path).await?),
        Address::Postgres(url) => of(PostgresStore::connect_upgrading(url).await?),
    })
}

fn of((store, from): (impl Sealable, i64)) -> Unsealed {
    let store = Arc::new(store);
    Unsealed { store, from }
}

/// Opens the database that `url` names; creates a file that is not there yet, and the tables of a Postgres database that is empty.
/// Addresses are `sqlite://PATH` and `postgres://USER:PASSWORD@HOST/DATABASE`.
///
/// `seal` signs the record of what is done.
///
/// # Errors
/// [`crate::StoreError::CannotOpen`] says why and what to do.
pub async fn open(url: &str, seal: Arc<dyn Seal>) -> Result<Arc<dyn Store>> {
    connect(url).await?.sealed_by(seal).await
}

/// Brings the database that `url` names to this version's schema, creating it where it is not there. Says the version it now has.
///
/// # Errors
/// As [`open`].
pub async fn migrate(url: &str, seal: Arc<dyn Seal>) -> Result<i64> {
    upgrade(url).await?.sealed_by(seal).await?.close().await;
    Ok(schema_version())
}

/// Whether a server works on the database that `url` names, on whichever machine. Of a file nobody can tell.
///
/// # Errors
/// As [`open`].
pub async fn is_served(url: &str) -> Result<bool> {
    match address(url)? {
        Address::Sqlite(_) => Ok(false),
        Address::Postgres(url) => PostgresStore::is_served(url).await,
    }
}

/// Seals nothing: what a store has until it is given its seal. No end of a record is ever its own.
#[derive(Debug)]
pub(crate) struct NoSealYet;

impl Seal for NoSealYet {
    fn sign(&self, _bytes: &[u8]) -> Vec<u8> {
        Vec::new()
    }

    fn verifies(&self, _bytes: &[u8], _signature: &[u8]) -> bool {
        false
    }
}
