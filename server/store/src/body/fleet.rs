//! What the background jobs ask of the whole fleet, and signs of life.

use std::collections::BTreeMap;

use sickbay_diagnosis::Time;

use super::query::{How, RowList};
use super::{Backend, Db, query};
use crate::column::Column::{Int, Text};
use crate::error::During;
use crate::filter_sql::{On, Sql, Value};
use crate::{Concerned, Result, Touch, codes};

statements! {
    /// Active devices that are due.
    DUE = "SELECT key FROM device WHERE status = 1 AND due_at IS NOT NULL AND due_at <= $1 ORDER BY due_at, key LIMIT $2";
}

/// Times only move forwards: a heartbeat may be written after a later report.
pub(super) const TOUCHES: RowList = RowList {
    operation: TOUCH,
    how: How::Match,
    before: "UPDATE device SET last_seen_at = CASE WHEN device.last_seen_at >= v.column2 THEN device.last_seen_at ELSE v.column2 END, \
             confirmed_at = CASE WHEN v.column3 IS NULL OR device.confirmed_at >= v.column3 THEN device.confirmed_at ELSE v.column3 END, \
             clock_ahead_ms = COALESCE(v.column4, device.clock_ahead_ms), \
             collector_version = COALESCE(v.column5, device.collector_version) FROM (VALUES",
    columns: &[Int, Int, Int, Int, Text],
    after: ") AS v WHERE device.key = v.column1",
};

const WALK: &str = "walk through the fleet";
const TOUCH: &str = "note that devices are alive";

pub(super) async fn touch(store: &Backend, touches: &[Touch]) -> Result<()> {
    if touches.is_empty() {
        return Ok(());
    }
    // One row for each device: of two that match, a database takes any.
    let mut newest: BTreeMap<i64, Touch> = BTreeMap::new();
    for touch in touches {
        match newest.get_mut(&touch.key) {
            Some(known) => {
                known.seen_at = known.seen_at.max(touch.seen_at);
                known.confirmed_at = known.confirmed_at.max(touch.confirmed_at);
                known.greeting = touch.greeting.clone().or_else(|| known.greeting.take());
            }
            None => {
                newest.insert(touch.key, touch.clone());
            }
        }
    }
    let rows: Vec<Touch> = newest.into_values().collect();
    let mut transaction = store.begin(TOUCH).await?;
    TOUCHES
        .run(&mut transaction, &rows, |query, touch| {
            let greeting = touch.greeting.as_ref();
            query
                .bind(touch.key)
                .bind(touch.seen_at.millis())
                .bind(touch.confirmed_at.map(Time::millis))
                .bind(greeting.map(|g| g.clock_ahead_ms))
                .bind(greeting.map(|g| codes::text(&g.collector_version)))
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

pub(super) async fn keys_after(
    store: &Backend,
    concerned: &Concerned,
    after: i64,
    limit: u32,
) -> Result<Vec<i64>> {
    let mut transaction = store.begin_read(WALK).await?;
    let rows: Vec<(i64,)> =
        query::all(&mut transaction, walk_sql(concerned, after, limit), WALK).await?;
    Ok(rows.into_iter().map(|(key,)| key).collect())
}

pub(super) fn walk_sql(concerned: &Concerned, after: i64, limit: u32) -> Sql {
    let mut sql = Sql::with(
        "SELECT d.key FROM device d WHERE d.status = 1 AND d.key > $1",
        Value::Int(after),
    );
    match concerned {
        Concerned::All => {}
        Concerned::Matching(filter) => {
            sql.and_filter(filter, On::Devices);
        }
        Concerned::ClientIds(ids) => {
            sql.push(" AND d.client_id <> '' AND d.client_id IN (");
            for (place, id) in ids.iter().enumerate() {
                if place > 0 {
                    sql.push(", ");
                }
                sql.bind(Value::Text(codes::text(id)));
            }
            sql.push(")");
        }
    }
    sql.push(" ORDER BY d.key LIMIT ")
        .bind(Value::Int(i64::from(limit)));
    sql
}
