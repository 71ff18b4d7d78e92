//! Wrapped secrets.

use sqlx::FromRow;

use super::{Backend, Connection, Db};
use crate::error::During;
use crate::{Result, WrappedSecret};

statements! {
    /// All of them.
    ALL = "SELECT name, key_id, wrapped FROM secret ORDER BY name";
    /// Keeps one whose name is free.
    KEEP = "INSERT INTO secret (name, key_id, wrapped) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING";
    /// Removes one.
    REMOVE = "DELETE FROM secret WHERE name = $1";
}

const READ: &str = "read secrets";
const WRITE: &str = "keep secrets";
const FORGET: &str = "remove secrets";

#[derive(FromRow)]
struct Row {
    name: String,
    key_id: String,
    wrapped: Vec<u8>,
}

pub(super) async fn all(store: &Backend) -> Result<Vec<WrappedSecret>> {
    let mut transaction = store.begin_read(READ).await?;
    read(&mut transaction).await
}

async fn read(connection: &mut Connection) -> Result<Vec<WrappedSecret>> {
    let rows = sqlx::query_as::<Db, Row>(ALL)
        .fetch_all(connection)
        .await
        .during(READ)?;
    let secret = |row: Row| WrappedSecret {
        name: row.name,
        key_id: row.key_id,
        wrapped: row.wrapped,
    };
    Ok(rows.into_iter().map(secret).collect())
}

pub(super) async fn keep(
    store: &Backend,
    secrets: Vec<WrappedSecret>,
) -> Result<Vec<WrappedSecret>> {
    let mut transaction = store.begin(WRITE).await?;
    let there = read(&mut transaction).await?;
    let is_ours = |one: &WrappedSecret| secrets.iter().all(|new| new.key_id == one.key_id);
    if !there.iter().all(is_ours) {
        return Ok(there);
    }
    for secret in &secrets {
        sqlx::query::<Db>(KEEP)
            .bind(secret.name.clone())
            .bind(secret.key_id.clone())
            .bind(secret.wrapped.clone())
            .execute(&mut *transaction)
            .await
            .during(WRITE)?;
    }
    let now = read(&mut transaction).await?;
    transaction.commit().await.during(WRITE)?;
    Ok(now)
}

pub(super) async fn remove(store: &Backend, names: Vec<String>) -> Result<()> {
    let mut transaction = store.begin(FORGET).await?;
    for name in names {
        sqlx::query::<Db>(REMOVE)
            .bind(name)
            .execute(&mut *transaction)
            .await
            .during(FORGET)?;
    }
    transaction.commit().await.during(FORGET)
}
