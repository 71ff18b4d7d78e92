//! What the fleet has seen: revisions that enough devices had, and update client ids that several have.

use sickbay_diagnosis::Time;
use sqlx::FromRow;

use super::{Backend, Db};
use crate::error::During;
use crate::{Result, SeenRevision, codes};

statements! {
    /// Revisions with five claims; the latest of these says since when that many had it.
    SEEN = "SELECT what, kind, build, revision, MAX(at) AS since FROM baseline_claim GROUP BY what, kind, build, revision \
            HAVING COUNT(*) >= 5 ORDER BY what, kind, build, revision";
    /// Ids of more than one active device. The plus keeps a database from walking the active devices instead of the ids in their order.
    SHARED_IDS = "SELECT client_id FROM device WHERE client_id <> '' AND +status = 1 GROUP BY client_id HAVING COUNT(*) > 1 \
                  ORDER BY client_id";
}

#[derive(FromRow)]
struct SeenRow {
    what: i64,
    kind: String,
    build: i64,
    revision: i64,
    since: i64,
}

pub(super) async fn seen(store: &Backend) -> Result<Vec<SeenRevision>> {
    let rows: Vec<SeenRow> = sqlx::query_as::<Db, _>(SEEN)
        .fetch_all(store.reader())
        .await
        .during("read baselines")?;
    let read = |row: SeenRow| {
        // Claims of devices whose kind is not known are never made.
        let Some(kind) = codes::kind(&row.kind) else {
            return Ok(None);
        };
        Ok(Some(SeenRevision {
            what: codes::baseline(row.what)?,
            kind,
            build: codes::small("build", row.build)?,
            revision: codes::small("revision", row.revision)?,
            since: Time::from_millis(row.since),
        }))
    };
    rows.into_iter()
        .filter_map(|row| read(row).transpose())
        .collect()
}

pub(super) async fn shared_client_ids(store: &Backend) -> Result<Vec<String>> {
    sqlx::query_scalar::<Db, String>(SHARED_IDS)
        .fetch_all(store.reader())
        .await
        .during("find shared update client ids")
}
