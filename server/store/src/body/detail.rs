//! One device with all that is known of it.

use sickbay_diagnosis::context::Sighting;
use sqlx::FromRow;
use uuid::Uuid;

use super::{Backend, Db, query};
use crate::codes::{self, time};
use crate::error::During;
use crate::filter_sql::{Sql, Value};
use crate::rows::{DeviceColumns, FindingColumns};
use crate::{DeviceDetail, ReportMark, Result, Scope};

statements! {
    /// Findings of one device.
    FINDINGS = concat!(
        "SELECT ",
        finding_columns!(),
        " FROM finding f WHERE f.device_key = $1 ORDER BY f.issue"
    );
}

const READ: &str = "read a device";

#[derive(FromRow)]
struct DetailRow {
    #[sqlx(flatten)]
    device: DeviceColumns,
    epoch: Vec<u8>,
    sequence: i64,
    digest: Vec<u8>,
    confirmed_at: Option<i64>,
    collector_version: String,
    clock_ahead_ms: Option<i64>,
    facts: Option<Vec<u8>>,
    certificate_not_after: Option<i64>,
}

pub(super) async fn device(
    store: &Backend,
    scope: &Scope,
    id: Uuid,
) -> Result<Option<DeviceDetail>> {
    let mut transaction = store.begin_read(READ).await?;
    let rows: Vec<DetailRow> = query::all(&mut transaction, sql(scope, id), READ).await?;
    let Some(row) = rows.into_iter().next() else {
        return Ok(None);
    };
    let findings = sqlx::query_as::<Db, FindingColumns>(FINDINGS)
        .bind(row.device.key())
        .fetch_all(&mut *transaction)
        .await
        .during(READ)?;
    let device = row.device.read()?;
    Ok(Some(DeviceDetail {
        sighting: Sighting {
            enrolled_at: device.enrolled_at,
            last_seen_at: device.last_seen_at,
            reported: !row.epoch.is_empty(),
            collector_version: row.collector_version.clone(),
            clock_ahead_ms: row.clock_ahead_ms,
        },
        row: device,
        observations: codes::facts(row.facts.as_deref())?,
        findings: findings
            .into_iter()
            .map(FindingColumns::read)
            .collect::<Result<_>>()?,
        confirmed_at: time(row.confirmed_at),
        collector_version: row.collector_version,
        mark: ReportMark {
            epoch: row.epoch,
            sequence: row.sequence.cast_unsigned(),
            digest: row.digest,
        },
        certificate_not_after: time(row.certificate_not_after),
    }))
}

pub(super) fn sql(scope: &Scope, id: Uuid) -> Sql {
    let mut sql = Sql::new(concat!(
        "SELECT ",
        device_columns!(),
        ", d.epoch, d.sequence, d.digest, d.confirmed_at, d.collector_version, d.clock_ahead_ms, o.facts, \
         (SELECT MAX(c.not_after) FROM certificate c WHERE c.device_key = d.key) AS certificate_not_after \
         FROM device d LEFT JOIN device_facts o ON o.device_key = d.key WHERE d.id = "
    ));
    sql.bind(Value::Text(id.to_string())).and_scope(scope);
    sql
}
