//! Settings kept in the database.

use super::{Backend, Connection, Db, audit};
use crate::error::During;
use crate::{NewAudit, Result};

statements! {
    /// One setting.
    GET = "SELECT json FROM setting WHERE name = $1";
    /// Sets it.
    PUT = "INSERT INTO setting (name, json, changed_at) VALUES ($1, $2, $3) \
           ON CONFLICT (name) DO UPDATE SET json = excluded.json, changed_at = excluded.changed_at";
}

const PUTTING: &str = "write a setting";

pub(super) async fn get(store: &Backend, name: &str) -> Result<Option<String>> {
    sqlx::query_scalar::<Db, String>(GET)
        .bind(name.to_owned())
        .fetch_optional(store.reader())
        .await
        .during("read a setting")
}

pub(super) async fn put(store: &Backend, name: &str, json: &str, line: NewAudit) -> Result<()> {
    let mut transaction = store.begin(PUTTING).await?;
    write(store, &mut transaction, name, json, line).await?;
    transaction.commit().await.during(PUTTING)
}

pub(super) async fn replace(
    store: &Backend,
    name: &str,
    seen: Option<&str>,
    json: &str,
    line: NewAudit,
) -> Result<bool> {
    let mut transaction = store.begin(PUTTING).await?;
    let kept = sqlx::query_scalar::<Db, String>(GET)
        .bind(name.to_owned())
        .fetch_optional(&mut *transaction)
        .await
        .during(PUTTING)?;
    if kept.as_deref() != seen {
        return Ok(false);
    }
    write(store, &mut transaction, name, json, line).await?;
    transaction.commit().await.during(PUTTING)?;
    Ok(true)
}

async fn write(
    store: &Backend,
    connection: &mut Connection,
    name: &str,
    json: &str,
    line: NewAudit,
) -> Result<()> {
    sqlx::query::<Db>(PUT)
        .bind(name.to_owned())
        .bind(json.to_owned())
        .bind(line.at.millis())
        .execute(&mut *connection)
        .await
        .during(PUTTING)?;
    audit::add(store, connection, &[line]).await
}
