//! What changed on a device, and on the fleet.

use sickbay_diagnosis::Time;
use sqlx::FromRow;
use uuid::Uuid;

use super::{Backend, Db, query};
use crate::error::During;
use crate::filter_sql::{Sql, Value};
use crate::rows::HistoryColumns;
use crate::{DeviceIdentity, HistoryRow, Result, Scope, codes};

statements! {
    /// Of the oldest rows, which have the lowest ids, those that are old enough: nothing else is looked at.
    FORGET = "DELETE FROM history WHERE at < $1 AND id IN (SELECT id FROM history ORDER BY id LIMIT $2)";
}

const READ: &str = "read the history of a device";
const RECENT: &str = "read the history of the fleet";

const OLD: &str = "remove old history";

/// Removes rows from before then, at most so many; says how many went.
pub(super) async fn forget(store: &Backend, before: Time, at_most: u32) -> Result<u64> {
    let mut transaction = store.begin(OLD).await?;
    let done = sqlx::query::<Db>(FORGET)
        .bind(before.millis())
        .bind(i64::from(at_most))
        .execute(&mut *transaction)
        .await
        .during(OLD)?;
    transaction.commit().await.during(OLD)?;
    Ok(done.rows_affected())
}

#[derive(FromRow)]
struct RecentRow {
    device_key: i64,
    device_id: String,
    device_status: i64,
    device_name: String,
    #[sqlx(flatten)]
    history: HistoryColumns,
}

pub(super) async fn of_device(
    store: &Backend,
    scope: &Scope,
    id: Uuid,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<HistoryRow>> {
    let mut transaction = store.begin_read(READ).await?;
    query::all::<HistoryColumns>(&mut transaction, sql(scope, id, before, limit), READ)
        .await?
        .into_iter()
        .map(HistoryColumns::read)
        .collect()
}

pub(super) fn sql(scope: &Scope, id: Uuid, before: Option<i64>, limit: u32) -> Sql {
    let mut sql = Sql::new(
        "SELECT h.id, h.at, h.issue, h.from_state, h.to_state, h.causes, h.summary \
         FROM device d JOIN history h ON h.device_key = d.key WHERE d.id = ",
    );
    sql.bind(Value::Text(id.to_string())).and_scope(scope);
    if let Some(before) = before {
        sql.push(" AND h.id < ").bind(Value::Int(before));
    }
    sql.push(" ORDER BY h.id DESC LIMIT ")
        .bind(Value::Int(i64::from(limit)));
    sql
}

/// The newest rows of active devices, each with the device and its name.
pub(super) async fn recent(
    store: &Backend,
    scope: &Scope,
    limit: u32,
) -> Result<Vec<(DeviceIdentity, String, HistoryRow)>> {
    let mut transaction = store.begin_read(RECENT).await?;
    let rows: Vec<RecentRow> =
        query::all(&mut transaction, recent_sql(scope, limit), RECENT).await?;
    rows.into_iter()
        .map(|row| {
            let identity = DeviceIdentity {
                key: row.device_key,
                id: codes::id(&row.device_id)?,
                status: codes::status(row.device_status)?,
            };
            Ok((identity, row.device_name, row.history.read()?))
        })
        .collect()
}

pub(super) fn recent_sql(scope: &Scope, limit: u32) -> Sql {
    let mut sql = Sql::new(
        "SELECT d.key AS device_key, d.id AS device_id, d.status AS device_status, d.name AS device_name, \
         h.id, h.at, h.issue, h.from_state, h.to_state, h.causes, h.summary FROM history h ",
    );
    sql.push(match scope {
        // SQLite would begin with the devices and sort all that ever happened to them; a cross join it takes in the order that is written.
        Scope::All => "CROSS JOIN device d WHERE d.key = h.device_key AND d.status = 1",
        // Of few devices the newest changes may lie far back.
        Scope::Matching(_) => "JOIN device d ON d.key = h.device_key WHERE d.status = 1",
    });
    sql.and_scope(scope)
        .push(" ORDER BY h.id DESC LIMIT ")
        .bind(Value::Int(i64::from(limit)));
    sql
}
