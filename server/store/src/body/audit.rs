//! The record of what was done: only ever added to, in the transaction of the deed.

use std::collections::HashSet;

use sickbay_diagnosis::Time;
use sqlx::FromRow;
use uuid::Uuid;

use super::query::RowList;
use super::{Backend, Connection, Db, text_list};
use crate::column::Column::{Int, Text};
use crate::error::During;
use crate::{AuditRow, NewAudit, Result, codes};

statements! {
    /// All of it, newest first.
    ALL = "SELECT id, at, actor, action, device_id, subject, detail FROM audit WHERE id < $1 ORDER BY id DESC LIMIT $2";
    /// How devices came.
    ENROLLED = concat!(
        "SELECT device_id, detail FROM audit WHERE device_id <> '' AND action = 'enrolled' AND device_id IN ",
        text_list!("$1")
    );
    /// Devices with a line of one kind since a moment.
    DEVICES_WITH = concat!(
        "SELECT DISTINCT device_id FROM audit WHERE device_id <> '' AND action = $2 AND at > $3 AND device_id IN ",
        text_list!("$1")
    );
    /// What was done to one device.
    OF_DEVICE = "SELECT id, at, actor, action, device_id, subject, detail FROM audit WHERE device_id <> '' AND device_id = $1 AND id < $2 \
                 ORDER BY id DESC LIMIT $3";
}

pub(super) const LINES: RowList = RowList {
    operation: RECORD,
    before: "INSERT INTO audit (at, actor, action, device_id, subject, detail) VALUES",
    columns: &[Int, Text, Text, Text, Text, Text],
    after: "",
};

const RECORD: &str = "record what was done";
const READ: &str = "read the record";

#[derive(FromRow)]
struct Line {
    id: i64,
    at: i64,
    actor: String,
    action: String,
    device_id: String,
    subject: String,
    detail: String,
}

pub(super) async fn record(store: &Backend, lines: Vec<NewAudit>) -> Result<()> {
    let mut transaction = store.begin(RECORD).await?;
    add(&mut transaction, &lines).await?;
    transaction.commit().await.during(RECORD)
}

/// Adds lines within the transaction of what they tell.
pub(super) async fn add(connection: &mut Connection, lines: &[NewAudit]) -> Result<()> {
    LINES
        .run(connection, lines, |query, line| {
            query
                .bind(line.at.millis())
                .bind(codes::text(&line.actor))
                .bind(line.action)
                .bind(line.device.map_or_else(String::new, |id| id.to_string()))
                .bind(codes::text(&line.subject))
                .bind(codes::text(&line.detail))
        })
        .await
}

pub(super) async fn how_enrolled(store: &Backend, ids: &[Uuid]) -> Result<Vec<(Uuid, String)>> {
    let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
    let rows: Vec<(String, String)> = sqlx::query_as::<Db, _>(ENROLLED)
        .bind(text_list(ids.iter().map(String::as_str)))
        .fetch_all(store.reader())
        .await
        .during(READ)?;
    rows.into_iter()
        .map(|(id, detail)| Ok((codes::id(&id)?, detail)))
        .collect()
}

/// Those of `ids` that have a line of this kind after `since`.
pub(super) async fn devices_with(
    connection: &mut Connection,
    action: &'static str,
    ids: &[Uuid],
    since: Time,
) -> Result<HashSet<Uuid>> {
    let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
    sqlx::query_scalar::<Db, String>(DEVICES_WITH)
        .bind(text_list(ids.iter().map(String::as_str)))
        .bind(action)
        .bind(since.millis())
        .fetch_all(connection)
        .await
        .during(READ)?
        .iter()
        .map(|id| codes::id(id))
        .collect()
}

pub(super) async fn read(
    store: &Backend,
    device: Option<Uuid>,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<AuditRow>> {
    let before = before.unwrap_or(i64::MAX);
    let query = match device {
        None => sqlx::query_as::<Db, Line>(ALL).bind(before),
        Some(id) => sqlx::query_as::<Db, Line>(OF_DEVICE)
            .bind(id.to_string())
            .bind(before),
    };
    query
        .bind(i64::from(limit))
        .fetch_all(store.reader())
        .await
        .during(READ)?
        .into_iter()
        .map(Line::read)
        .collect()
}

impl Line {
    fn read(self) -> Result<AuditRow> {
        let device = match self.device_id.as_str() {
            "" => None,
            id => Some(codes::id(id)?),
        };
        Ok(AuditRow {
            id: self.id,
            at: Time::from_millis(self.at),
            actor: self.actor,
            action: self.action,
            device,
            subject: self.subject,
            detail: self.detail,
        })
    }
}
