//! Secrets that are kept wrapped in the database, for servers that share it. The store cannot read them: it has no key.

use async_trait::async_trait;

use crate::Result;

/// A secret as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedSecret {
    /// Its name.
    pub name: String,
    /// Names the key that wraps it.
    pub key_id: String,
    /// The wrapped secret.
    pub wrapped: Vec<u8>,
}

/// What is kept wrapped. It can be asked before anybody seals the record, because the key of that seal may be among it.
#[async_trait]
pub trait Secrets: Send + Sync + 'static {
    /// Whether several servers may use the database at once: one that is no file of a single machine.
    fn is_shared(&self) -> bool;
    /// Every secret, by name.
    async fn secrets(&self) -> Result<Vec<WrappedSecret>>;
    /// Keeps those of these secrets whose names are free, and none where the database holds any that another key wraps. Says what there is
    /// then, by name. All of it is one transaction, so of servers that begin at once one key wins.
    async fn keep_secrets(&self, secrets: Vec<WrappedSecret>) -> Result<Vec<WrappedSecret>>;
    /// Removes these secrets.
    async fn remove_secrets(&self, names: Vec<String>) -> Result<()>;
}
