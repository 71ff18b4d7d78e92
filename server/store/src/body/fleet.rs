//! What the background jobs ask of the whole fleet, and signs of life.

use std::collections::BTreeMap;

use sickbay_diagnosis::Time;

use super::query::RowList;
use super::{Backend, Db};
use crate::column::Column::Int;
use crate::error::During;
use crate::{Result, Touch};

statements! {
    /// Active devices that are due.
    DUE = "SELECT key FROM device WHERE status = 1 AND due_at IS NOT NULL AND due_at <= $1 ORDER BY due_at, key LIMIT $2";
    /// Active devices in order.
    KEYS_AFTER = "SELECT key FROM device WHERE status = 1 AND key > $1 ORDER BY key LIMIT $2";
}

/// Times only move forwards: a heartbeat may be written after a later report.
pub(super) const TOUCHES: RowList = RowList {
    operation: TOUCH,
    before: "UPDATE device SET last_seen_at = CASE WHEN device.last_seen_at >= v.column2 THEN device.last_seen_at ELSE v.column2 END, \
             confirmed_at = CASE WHEN v.column3 IS NULL OR device.confirmed_at >= v.column3 THEN device.confirmed_at ELSE v.column3 END \
             FROM (VALUES",
    columns: &[Int, Int, Int],
    after: ") AS v WHERE device.key = v.column1",
};

const TOUCH: &str = "note that devices are alive";

pub(super) async fn touch(store: &Backend, touches: &[Touch]) -> Result<()> {
    if touches.is_empty() {
        return Ok(());
    }
    // One row for each device: of two that match, a database takes any.
    let mut newest: BTreeMap<i64, (i64, Option<i64>)> = BTreeMap::new();
    for touch in touches {
        let (seen, confirmed) = newest.entry(touch.key).or_insert((i64::MIN, None));
        *seen = (*seen).max(touch.seen_at.millis());
        *confirmed = (*confirmed).max(touch.confirmed_at.map(Time::millis));
    }
    let rows: Vec<(i64, i64, Option<i64>)> = newest
        .into_iter()
        .map(|(key, (seen, confirmed))| (key, seen, confirmed))
        .collect();
    let mut transaction = store.begin(TOUCH).await?;
    TOUCHES
        .run(&mut transaction, &rows, |query, (key, seen, confirmed)| {
            query.bind(*key).bind(*seen).bind(*confirmed)
        })
        .await?;
    transaction.commit().await.during(TOUCH)
}

pub(super) async fn due(store: &Backend, now: Time, limit: u32) -> Result<Vec<i64>> {
    sqlx::query_scalar::<Db, i64>(DUE)
        .bind(now.millis())
        .bind(i64::from(limit))
        .fetch_all(store.reader())
        .await
        .during("find devices that are due")
}

pub(super) async fn keys_after(store: &Backend, after: i64, limit: u32) -> Result<Vec<i64>> {
    sqlx::query_scalar::<Db, i64>(KEYS_AFTER)
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(store.reader())
        .await
        .during("walk through the fleet")
}
