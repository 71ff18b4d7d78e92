//! Loading devices whole, for diagnosis before a commit.

use std::collections::HashMap;

use sickbay_diagnosis::context::Sighting;
use sqlx::FromRow;

use super::{Backend, Db, key_list};
use crate::codes::time;
use crate::error::During;
use crate::rows::{DeviceColumns, FindingColumns};
use crate::{DeviceState, Finding, Packed, ReportMark, Result};

statements! {
    /// Devices with their facts.
    STATES = concat!(
        "SELECT ",
        device_columns!(),
        ", d.version, d.epoch, d.sequence, d.digest, d.due_at, d.collector_version, d.clock_ahead_ms, o.facts, u.profile FROM device d \
         LEFT JOIN device_facts o ON o.device_key = d.key LEFT JOIN device_updates u ON u.device_key = d.key WHERE d.key IN ",
        key_list!("$1")
    );
    /// Their findings.
    FINDINGS = concat!(
        "SELECT ",
        finding_columns!(),
        " FROM finding f WHERE f.device_key IN ",
        key_list!("$1"),
        " ORDER BY f.device_key, f.issue"
    );
}

#[derive(FromRow)]
struct StateRow {
    #[sqlx(flatten)]
    device: DeviceColumns,
    version: i64,
    epoch: Vec<u8>,
    sequence: i64,
    digest: Vec<u8>,
    due_at: Option<i64>,
    collector_version: String,
    clock_ahead_ms: Option<i64>,
    facts: Option<Vec<u8>>,
    profile: Option<Vec<u8>>,
}

/// The devices of these keys, in their order, as far as they exist.
pub(super) async fn load(store: &Backend, keys: &[i64]) -> Result<Vec<DeviceState>> {
    const LOAD: &str = "load devices";
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let mut transaction = store.begin_read(LOAD).await?;
    let rows = sqlx::query_as::<Db, StateRow>(STATES)
        .bind(key_list(keys))
        .fetch_all(&mut *transaction)
        .await
        .during(LOAD)?;
    let found = sqlx::query_as::<Db, FindingColumns>(FINDINGS)
        .bind(key_list(keys))
        .fetch_all(&mut *transaction)
        .await
        .during(LOAD)?;
    let mut findings: HashMap<i64, Vec<Finding>> = HashMap::new();
    for row in found {
        findings
            .entry(row.device_key)
            .or_default()
            .push(row.read()?);
    }
    let mut states: HashMap<i64, DeviceState> = HashMap::with_capacity(rows.len());
    for row in rows {
        let key = row.device.key();
        states.insert(key, row.read(findings.remove(&key).unwrap_or_default())?);
    }
    Ok(keys.iter().filter_map(|key| states.remove(key)).collect())
}

impl StateRow {
    fn read(self, findings: Vec<Finding>) -> Result<DeviceState> {
        let tags = self.device.token_tags()?;
        let device = self.device.read()?;
        let sighting = Sighting {
            enrolled_at: device.enrolled_at,
            last_seen_at: device.last_seen_at,
            reported: !self.epoch.is_empty(),
            collector_version: self.collector_version,
            clock_ahead_ms: self.clock_ahead_ms,
        };
        Ok(DeviceState {
            identity: device.identity,
            version: self.version,
            mark: ReportMark {
                epoch: self.epoch,
                sequence: self.sequence.cast_unsigned(),
                digest: self.digest,
            },
            packed: Packed::of_bytes(self.facts.as_deref())?,
            findings,
            summary: device.summary,
            tags,
            sighting,
            profile: self.profile.unwrap_or_default(),
            due_at: time(self.due_at),
        })
    }
}
