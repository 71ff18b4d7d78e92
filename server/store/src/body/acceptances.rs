//! Findings that somebody accepted for a time.

use sickbay_diagnosis::Time;
use sqlx::FromRow;
use uuid::Uuid;

use super::{Backend, Db, audit};
use crate::codes::time;
use crate::error::During;
use crate::{AcceptanceRow, NewAudit, Result, action, codes};

statements! {
    /// Keeps one.
    CREATE = "INSERT INTO acceptance (id, issue, scope, reason, made_by, made_at, until) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    /// All of them, the newest first.
    ALL = "SELECT id, issue, scope, reason, made_by, made_at, until, ended_at FROM acceptance ORDER BY made_at DESC, id DESC";
    /// Ends one before its time.
    END = "UPDATE acceptance SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL AND until > $2 RETURNING issue, scope";
}

const KEEP: &str = "keep an acceptance";
const END_ONE: &str = "end an acceptance";

#[derive(FromRow)]
struct Row {
    id: String,
    issue: String,
    scope: String,
    reason: String,
    made_by: String,
    made_at: i64,
    until: i64,
    ended_at: Option<i64>,
}

#[derive(FromRow)]
struct Ended {
    issue: String,
    scope: String,
}

pub(super) async fn create(store: &Backend, row: AcceptanceRow) -> Result<()> {
    let mut transaction = store.begin(KEEP).await?;
    sqlx::query::<Db>(CREATE)
        .bind(row.id.to_string())
        .bind(codes::text(&row.issue))
        .bind(codes::text(&row.scope))
        .bind(codes::text(&row.reason))
        .bind(codes::text(&row.made_by))
        .bind(row.made_at.millis())
        .bind(row.until.millis())
        .execute(&mut *transaction)
        .await
        .during(KEEP)?;
    let scope = match row.scope.as_str() {
        "" => "all devices",
        scope => scope,
    };
    let line = NewAudit::new(row.made_at, row.made_by, action::ACCEPTED, row.issue)
        .with(format!("for {scope}, until {}: {}", row.until, row.reason));
    audit::add(store, &mut transaction, &[line]).await?;
    transaction.commit().await.during(KEEP)
}

pub(super) async fn all(store: &Backend) -> Result<Vec<AcceptanceRow>> {
    let rows: Vec<Row> = sqlx::query_as::<Db, _>(ALL)
        .fetch_all(store.reader())
        .await
        .during("read acceptances")?;
    rows.into_iter()
        .map(|row| {
            Ok(AcceptanceRow {
                id: codes::id(&row.id)?,
                issue: row.issue,
                scope: row.scope,
                reason: row.reason,
                made_by: row.made_by,
                made_at: Time::from_millis(row.made_at),
                until: Time::from_millis(row.until),
                ended_at: time(row.ended_at),
            })
        })
        .collect()
}

pub(super) async fn end(store: &Backend, id: Uuid, by: &str, now: Time) -> Result<bool> {
    let mut transaction = store.begin(END_ONE).await?;
    let ended = sqlx::query_as::<Db, Ended>(END)
        .bind(id.to_string())
        .bind(now.millis())
        .fetch_optional(&mut *transaction)
        .await
        .during(END_ONE)?;
    let Some(ended) = ended else { return Ok(false) };
    let line = NewAudit::new(now, by, action::ACCEPTANCE_ENDED, ended.issue).with(ended.scope);
    audit::add(store, &mut transaction, &[line]).await?;
    transaction.commit().await.during(END_ONE)?;
    Ok(true)
}
