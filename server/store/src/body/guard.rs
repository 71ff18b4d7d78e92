//! Devices and findings as they stand, read under the transaction that is about to change them.

use std::collections::HashMap;

use sqlx::FromRow;

use super::{Connection, Db, key_list};
use crate::Result;
use crate::codes;
use crate::error::During;
use crate::plan::{Guard, Weights};
use crate::tally::{Counts, Weight};

statements! {
    /// Devices by key.
    GUARDS = concat!(
        "SELECT key, id, version, status, name_lower, CAST(length(epoch) AS BIGINT) AS epoch_length, open_count, serious_count, \
         unknown_count, accepted_count, health, last_seen_at, last_report_at, source_quality, source_feature, source_driver, \
         source_other, kind, primary_issue, reported_tags FROM device WHERE key IN ",
        key_list!("$1"),
        for_update!()
    );
    /// The counting part of their findings.
    WEIGHTS = concat!(
        "SELECT device_key, issue, state, severity FROM finding WHERE device_key IN ",
        key_list!("$1")
    );
}

#[derive(FromRow)]
struct GuardRow {
    key: i64,
    id: String,
    version: i64,
    status: i64,
    name_lower: String,
    epoch_length: i64,
    open_count: i64,
    serious_count: i64,
    unknown_count: i64,
    accepted_count: i64,
    health: i64,
    last_seen_at: Option<i64>,
    last_report_at: Option<i64>,
    source_quality: Option<String>,
    source_feature: Option<String>,
    source_driver: Option<String>,
    source_other: Option<String>,
    kind: String,
    primary_issue: String,
    reported_tags: String,
}

#[derive(FromRow)]
struct WeightRow {
    device_key: i64,
    issue: String,
    state: i64,
    severity: Option<i64>,
}

/// The devices of these keys, as far as they exist.
pub(super) async fn guards(
    connection: &mut Connection,
    keys: &[i64],
    operation: &'static str,
) -> Result<HashMap<i64, Guard>> {
    let rows: Vec<GuardRow> = sqlx::query_as::<Db, _>(GUARDS)
        .bind(key_list(keys))
        .fetch_all(connection)
        .await
        .during(operation)?;
    rows.into_iter()
        .map(|row| Ok((row.key, row.read()?)))
        .collect()
}

/// The findings of these devices.
pub(super) async fn weights(
    connection: &mut Connection,
    keys: &[i64],
    operation: &'static str,
) -> Result<Weights> {
    let mut weights = Weights::new();
    if keys.is_empty() {
        return Ok(weights);
    }
    let rows: Vec<WeightRow> = sqlx::query_as::<Db, _>(WEIGHTS)
        .bind(key_list(keys))
        .fetch_all(connection)
        .await
        .during(operation)?;
    for row in rows {
        let weight = Weight {
            kept: codes::kept(row.state)?,
            severity: row.severity.map(codes::severity).transpose()?,
        };
        weights
            .entry(row.device_key)
            .or_default()
            .insert(row.issue, weight);
    }
    Ok(weights)
}

impl GuardRow {
    fn read(self) -> Result<Guard> {
        Ok(Guard {
            key: self.key,
            id: self.id,
            version: self.version,
            status: codes::status(self.status)?,
            name_lower: self.name_lower,
            reported: self.epoch_length > 0,
            counts: Counts {
                open: self.open_count,
                serious: self.serious_count,
                unknown: self.unknown_count,
                accepted: self.accepted_count,
            },
            health: self.health,
            last_seen_at: self.last_seen_at,
            last_report_at: self.last_report_at,
            sources: [
                self.source_quality,
                self.source_feature,
                self.source_driver,
                self.source_other,
            ],
            kind: self.kind,
            primary_issue: self.primary_issue,
            reported_tags: self.reported_tags,
        })
    }
}
