//! The generations of the CA, changed as a whole by whoever saw them as they are.

use sickbay_diagnosis::Time;
use sqlx::FromRow;

use super::{Backend, Connection, Db, audit};
use crate::error::During;
use crate::{CaRow, NewAudit, Result, codes};

statements! {
    /// All of them, the oldest first.
    ALL = concat!(
        "SELECT generation, standing, certificate, by_older, by_newer, since FROM ca ORDER BY generation",
        for_update!()
    );
    /// None of them.
    CLEAR = "DELETE FROM ca";
    /// One.
    PUT = "INSERT INTO ca (generation, standing, certificate, by_older, by_newer, since) VALUES ($1, $2, $3, $4, $5, $6)";
    /// Active devices, and those of them that got a certificate at or after a moment, and one of a generation.
    PROGRESS = "SELECT COUNT(*) AS devices, \
                CAST(COALESCE(SUM(CASE WHEN EXISTS (SELECT 1 FROM certificate c WHERE c.device_key = d.key AND c.issued_at >= $1) \
                THEN 1 ELSE 0 END), 0) AS BIGINT) AS told, \
                CAST(COALESCE(SUM(CASE WHEN EXISTS (SELECT 1 FROM certificate c WHERE c.device_key = d.key AND c.ca = $2) \
                THEN 1 ELSE 0 END), 0) AS BIGINT) AS moved \
                FROM device d WHERE d.status = 1";
}

const READ: &str = "read the CA's generations";
const CHANGE: &str = "change the CA's generations";

#[derive(FromRow)]
struct Row {
    generation: i64,
    standing: i64,
    certificate: Vec<u8>,
    by_older: Option<Vec<u8>>,
    by_newer: Option<Vec<u8>>,
    since: i64,
}

#[derive(FromRow)]
struct ProgressRow {
    devices: i64,
    told: i64,
    moved: i64,
}

pub(super) async fn all(store: &Backend) -> Result<Vec<CaRow>> {
    let mut transaction = store.begin_read(READ).await?;
    read(&mut transaction, READ).await
}

async fn read(connection: &mut Connection, operation: &'static str) -> Result<Vec<CaRow>> {
    sqlx::query_as::<Db, Row>(ALL)
        .fetch_all(connection)
        .await
        .during(operation)?
        .into_iter()
        .map(|row| {
            Ok(CaRow {
                generation: codes::small("generation", row.generation)?,
                standing: codes::standing(row.standing)?,
                certificate: row.certificate,
                by_older: row.by_older,
                by_newer: row.by_newer,
                since: Time::from_millis(row.since),
            })
        })
        .collect()
}

pub(super) async fn change(
    store: &Backend,
    seen: &[CaRow],
    wanted: &[CaRow],
    line: NewAudit,
) -> Result<bool> {
    let mut transaction = store.begin(CHANGE).await?;
    if read(&mut transaction, CHANGE).await? != seen {
        return Ok(false);
    }
    sqlx::query::<Db>(CLEAR)
        .execute(&mut *transaction)
        .await
        .during(CHANGE)?;
    for row in wanted {
        sqlx::query::<Db>(PUT)
            .bind(i64::from(row.generation))
            .bind(codes::standing_code(row.standing))
            .bind(row.certificate.clone())
            .bind(row.by_older.clone())
            .bind(row.by_newer.clone())
            .bind(row.since.millis())
            .execute(&mut *transaction)
            .await
            .during(CHANGE)?;
    }
    audit::add(store, &mut transaction, &[line]).await?;
    transaction.commit().await.during(CHANGE)?;
    Ok(true)
}

pub(super) async fn progress(
    store: &Backend,
    since: Time,
    generation: u32,
) -> Result<crate::CaProgress> {
    let row = sqlx::query_as::<Db, ProgressRow>(PROGRESS)
        .bind(since.millis())
        .bind(i64::from(generation))
        .fetch_one(store.reader())
        .await
        .during("count devices by their CA")?;
    Ok(crate::CaProgress {
        devices: codes::count("count", row.devices)?,
        told: codes::count("count", row.told)?,
        moved: codes::count("count", row.moved)?,
    })
}
