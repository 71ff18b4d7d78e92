//! Whether the database can be written.

use sickbay_diagnosis::Time;

use super::{Backend, Db};
use crate::error::During;
use crate::{Result, StoreError};

statements! {
    /// Writes and gives back the one row.
    PROBE = "INSERT INTO write_probe (id, at) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET at = excluded.at RETURNING at";
}

const CHECK: &str = "check that the database can be written";

pub(super) async fn check_writable(store: &Backend, now: Time) -> Result<()> {
    let mut transaction = store.begin(CHECK).await?;
    let kept: i64 = sqlx::query_scalar::<Db, i64>(PROBE)
        .bind(now.millis())
        .fetch_one(&mut *transaction)
        .await
        .during(CHECK)?;
    transaction.commit().await.during(CHECK)?;
    if kept == now.millis() {
        Ok(())
    } else {
        Err(StoreError::Corrupt {
            what: "write probe",
            reason: format!("wrote {} and read {kept}", now.millis()),
        })
    }
}
