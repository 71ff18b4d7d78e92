//! The imported knowledge pack: one row, or none.

use sickbay_diagnosis::Time;
use sqlx::FromRow;

use super::{Backend, Db, audit};
use crate::error::During;
use crate::{ImportedPack, NewAudit, PackMark, Result, action, codes};

statements! {
    /// Which one it is, without its bytes.
    MARK = "SELECT version, dated, imported_at, imported_by FROM knowledge_pack WHERE id = 1";
    /// The pack.
    GET = "SELECT version, dated, imported_at, imported_by, bytes FROM knowledge_pack WHERE id = 1";
    /// Keeps one in the place of the one before.
    PUT = "INSERT INTO knowledge_pack (id, version, dated, imported_at, imported_by, bytes) VALUES (1, $1, $2, $3, $4, $5) \
           ON CONFLICT (id) DO UPDATE SET version = excluded.version, dated = excluded.dated, imported_at = excluded.imported_at, \
           imported_by = excluded.imported_by, bytes = excluded.bytes";
    /// Forgets it.
    REMOVE = "DELETE FROM knowledge_pack WHERE id = 1";
}

const READ: &str = "read the imported knowledge";
const KEEP: &str = "keep imported knowledge";
const FORGET: &str = "forget imported knowledge";

#[derive(FromRow)]
struct MarkRow {
    version: String,
    dated: String,
    imported_at: i64,
    imported_by: String,
}

#[derive(FromRow)]
struct PackRow {
    #[sqlx(flatten)]
    mark: MarkRow,
    bytes: Vec<u8>,
}

impl From<MarkRow> for PackMark {
    fn from(row: MarkRow) -> Self {
        Self {
            version: row.version,
            dated: row.dated,
            imported_at: Time::from_millis(row.imported_at),
            imported_by: row.imported_by,
        }
    }
}

pub(super) async fn mark(store: &Backend) -> Result<Option<PackMark>> {
    let row: Option<MarkRow> = sqlx::query_as::<Db, _>(MARK)
        .fetch_optional(store.reader())
        .await
        .during(READ)?;
    Ok(row.map(PackMark::from))
}

pub(super) async fn get(store: &Backend) -> Result<Option<ImportedPack>> {
    let row: Option<PackRow> = sqlx::query_as::<Db, _>(GET)
        .fetch_optional(store.reader())
        .await
        .during(READ)?;
    Ok(row.map(|row| ImportedPack {
        mark: row.mark.into(),
        bytes: row.bytes,
    }))
}

pub(super) async fn put(store: &Backend, pack: ImportedPack) -> Result<()> {
    let mut transaction = store.begin(KEEP).await?;
    sqlx::query::<Db>(PUT)
        .bind(codes::text(&pack.mark.version))
        .bind(codes::text(&pack.mark.dated))
        .bind(pack.mark.imported_at.millis())
        .bind(codes::text(&pack.mark.imported_by))
        .bind(pack.bytes)
        .execute(&mut *transaction)
        .await
        .during(KEEP)?;
    let mark = pack.mark;
    let line = NewAudit::new(
        mark.imported_at,
        mark.imported_by,
        action::KNOWLEDGE_IMPORTED,
        format!("knowledge {}", mark.version),
    );
    audit::add(store, &mut transaction, &[line]).await?;
    transaction.commit().await.during(KEEP)
}

pub(super) async fn remove(store: &Backend, by: &str, now: Time) -> Result<bool> {
    let mut transaction = store.begin(FORGET).await?;
    let removed = sqlx::query::<Db>(REMOVE)
        .execute(&mut *transaction)
        .await
        .during(FORGET)?;
    if removed.rows_affected() == 0 {
        return Ok(false);
    }
    let line = NewAudit::new(now, by, action::KNOWLEDGE_REMOVED, "imported knowledge");
    audit::add(store, &mut transaction, &[line]).await?;
    transaction.commit().await.during(FORGET)?;
    Ok(true)
}
