//! Settings kept in the database.

use sickbay_diagnosis::Time;

use super::{Backend, Db};
use crate::Result;
use crate::error::During;

statements! {
    /// One setting.
    GET = "SELECT json FROM setting WHERE name = $1";
    /// Sets it.
    PUT = "INSERT INTO setting (name, json, changed_at) VALUES ($1, $2, $3) \
           ON CONFLICT (name) DO UPDATE SET json = excluded.json, changed_at = excluded.changed_at";
}

pub(super) async fn get(store: &Backend, name: &str) -> Result<Option<String>> {
    sqlx::query_scalar::<Db, String>(GET)
        .bind(name.to_owned())
        .fetch_optional(store.reader())
        .await
        .during("read a setting")
}

pub(super) async fn put(store: &Backend, name: &str, json: &str, now: Time) -> Result<()> {
    const PUTTING: &str = "write a setting";
    let mut transaction = store.begin(PUTTING).await?;
    sqlx::query::<Db>(PUT)
        .bind(name.to_owned())
        .bind(json.to_owned())
        .bind(now.millis())
        .execute(&mut *transaction)
        .await
        .during(PUTTING)?;
    transaction.commit().await.during(PUTTING)
}
