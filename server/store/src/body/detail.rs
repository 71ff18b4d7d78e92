//! One device with all that is known of it.

use sickbay_diagnosis::context::Sighting;
use sqlx::FromRow;
use uuid::Uuid;

use super::{Backend, Connection, Db, query};
use crate::codes::{self, time};
use crate::error::During;
use crate::filter_sql::{Sql, Value};
use crate::rows::{DeviceColumns, FindingColumns, IdentityRow};
use crate::{DeviceDetail, Life, Packed, Relative, ReportMark, Result, Scope};

statements! {
    /// Findings of one device.
    FINDINGS = concat!(
        "SELECT ",
        finding_columns!(),
        " FROM finding f WHERE f.device_key = $1 ORDER BY f.issue"
    );
    /// A device of a key.
    RELATIVE = "SELECT key, id, status, name FROM device WHERE key = $1";
    /// In whose places a device stands.
    PREDECESSORS = "SELECT key, id, status, name FROM device WHERE successor_key IS NOT NULL AND successor_key = $1 \
                    ORDER BY status_at DESC, key DESC LIMIT 20";
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
    fingerprint: String,
    ephemeral_ms: Option<i64>,
    status_at: Option<i64>,
    ended: Option<i64>,
    successor_key: Option<i64>,
    token_name: Option<String>,
}

#[derive(FromRow)]
struct RelativeRow {
    #[sqlx(flatten)]
    identity: IdentityRow,
    name: String,
}

impl RelativeRow {
    fn read(self) -> Result<Relative> {
        Ok(Relative {
            device: self.identity.read()?,
            name: self.name,
        })
    }
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
    let relatives = async |connection: &mut Connection, statement, key| -> Result<Vec<Relative>> {
        sqlx::query_as::<Db, RelativeRow>(statement)
            .bind(key)
            .fetch_all(connection)
            .await
            .during(READ)?
            .into_iter()
            .map(RelativeRow::read)
            .collect()
    };
    let predecessors = relatives(&mut transaction, PREDECESSORS, row.device.key()).await?;
    let successor = match row.successor_key {
        None => None,
        Some(key) => relatives(&mut transaction, RELATIVE, key).await?.pop(),
    };
    let life = Life {
        token: row.token_name,
        fingerprint: row.fingerprint,
        ephemeral_ms: row.ephemeral_ms,
        status_at: time(row.status_at),
        ended: row.ended.map(codes::ended).transpose()?,
        successor,
        predecessors,
    };
    let device = row.device.read()?;
    Ok(Some(DeviceDetail {
        life,
        sighting: Sighting {
            enrolled_at: device.enrolled_at,
            last_seen_at: device.last_seen_at,
            reported: !row.epoch.is_empty(),
            collector_version: row.collector_version.clone(),
            clock_ahead_ms: row.clock_ahead_ms,
        },
        row: device,
        observations: Packed::of_bytes(row.facts.as_deref())?.unpack()?,
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
         (SELECT MAX(c.not_after) FROM certificate c WHERE c.device_key = d.key) AS certificate_not_after, \
         d.fingerprint, d.ephemeral_ms, d.status_at, d.ended, d.successor_key, \
         (SELECT t.name FROM token t WHERE t.id = d.token_id) AS token_name \
         FROM device d LEFT JOIN device_facts o ON o.device_key = d.key WHERE d.id = "
    ));
    sql.bind(Value::Text(id.to_string())).and_scope(scope);
    sql
}
