//! The record of what was done: only ever added to, in the transaction of the deed, each line chained to the one before ([`crate::chain`]).

use std::collections::HashSet;

use sickbay_diagnosis::Time;
use sqlx::FromRow;
use uuid::Uuid;

use super::query::{How, RowList};
use super::{Backend, Connection, Db, text_list};
use crate::chain::{Checkpoint, Fault, Head, Link, Verified};
use crate::column::Column::{Bytes, Int, Text};
use crate::error::During;
use crate::filter_sql::like;
use crate::{AuditQuery, AuditRow, NewAudit, Result, codes};

statements! {
    /// Lines that are asked for, newest first. What is not asked for is an empty text or the widest number.
    READ_LINES = "SELECT id, at, actor, action, device_id, subject, detail, hash FROM audit \
                  WHERE id < $1 AND at >= $2 AND at < $3 AND ($4 = '' OR action = $4) AND lower(actor) LIKE $5 ESCAPE '\\' \
                  AND (lower(subject) LIKE $6 ESCAPE '\\' OR lower(detail) LIKE $6 ESCAPE '\\') ORDER BY id DESC LIMIT $7";
    /// What was done to one device.
    OF_DEVICE = "SELECT id, at, actor, action, device_id, subject, detail, hash FROM audit \
                 WHERE device_id <> '' AND device_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
    /// Lines in the order in which they were recorded.
    WALK = "SELECT id, at, actor, action, device_id, subject, detail, hash FROM audit WHERE id > $1 ORDER BY id LIMIT $2";
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
    /// Where the chain ends; taken for this transaction, so that lines follow each other.
    HEAD = concat!("SELECT last, hash, seal FROM audit_head WHERE id = 1", for_update!());
    /// The same for who only looks.
    LOOK_AT_HEAD = "SELECT last, hash, seal FROM audit_head WHERE id = 1";
    /// The chain ends elsewhere.
    PUT_HEAD = "INSERT INTO audit_head (id, last, hash, seal) VALUES (1, $1, $2, $3) \
                ON CONFLICT (id) DO UPDATE SET last = excluded.last, hash = excluded.hash, seal = excluded.seal";
    /// The newest line.
    LAST_LINE = "SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1";
    /// Whether there are lines that were chained.
    IS_CHAINED = "SELECT COUNT(*) FROM (SELECT 1 FROM audit WHERE length(hash) > 0 LIMIT 1) s";
    /// Where the chain begins.
    CHECKPOINT = "SELECT last, hash, at, removed, seal FROM audit_checkpoint ORDER BY last DESC LIMIT 1";
    /// The chain begins elsewhere.
    FORGET_CHECKPOINTS = "DELETE FROM audit_checkpoint";
    /// See above.
    PUT_CHECKPOINT = "INSERT INTO audit_checkpoint (last, hash, at, removed, seal) VALUES ($1, $2, $3, $4, $5)";
    /// The oldest line that is kept.
    FIRST_SINCE = "SELECT id FROM audit WHERE at >= $1 ORDER BY id LIMIT 1";
    /// The newest of the lines that go in one step.
    LAST_OF_STEP = "SELECT id, hash FROM (SELECT id, hash FROM audit WHERE id < $1 ORDER BY id LIMIT $2) s ORDER BY id DESC LIMIT 1";
    /// A line up to the start of the record, where none may be.
    BEFORE_START = "SELECT id FROM audit WHERE id <= $1 ORDER BY id LIMIT 1";
    /// They go.
    CUT = "DELETE FROM audit WHERE id <= $1";
    /// A line that had no hash yet gets it.
    PUT_HASH = "UPDATE audit SET hash = $2 WHERE id = $1";
}

pub(super) const LINES: RowList = RowList {
    operation: RECORD,
    how: How::Insert,
    before: "INSERT INTO audit (id, at, actor, action, device_id, subject, detail, hash)",
    columns: &[Int, Int, Text, Text, Text, Text, Text, Bytes],
    after: "",
};

const RECORD: &str = "record what was done";
const READ: &str = "read the record";
const VERIFY: &str = "verify the record";
const CUT_OFF: &str = "remove old lines of the record";
const CHAIN: &str = "chain the lines of the record";
/// Lines that are looked at in one step.
const STEP: i64 = 1_000;

#[derive(FromRow)]
struct Line {
    id: i64,
    at: i64,
    actor: String,
    action: String,
    device_id: String,
    subject: String,
    detail: String,
    hash: Vec<u8>,
}

#[derive(FromRow)]
struct SealedHead {
    last: i64,
    hash: Vec<u8>,
    seal: Vec<u8>,
}

#[derive(FromRow)]
struct SealedCheckpoint {
    last: i64,
    hash: Vec<u8>,
    at: i64,
    removed: i64,
    seal: Vec<u8>,
}

#[derive(FromRow)]
struct Cut {
    id: i64,
    hash: Vec<u8>,
}

pub(super) async fn record(store: &Backend, lines: Vec<NewAudit>) -> Result<()> {
    let mut transaction = store.begin(RECORD).await?;
    add(store, &mut transaction, &lines).await?;
    transaction.commit().await.during(RECORD)
}

/// Adds lines within the transaction of what they tell.
pub(super) async fn add(
    store: &Backend,
    connection: &mut Connection,
    lines: &[NewAudit],
) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let sealed = head(connection).await?;
    // An end that is not ours is never made ours by going on: lines follow the last one there is, and verifying finds it.
    let there = last_line(connection).await?;
    let newest = there.last;
    let (mut head, is_ours) = match sealed {
        Some(sealed) if sealed.is_of(store) => (sealed.head(), true),
        _ => (there, false),
    };
    // A line that somebody put in holds its number.
    let mut next = newest.max(head.last);
    let mut rows = Vec::with_capacity(lines.len());
    for line in lines {
        let mut row = Line {
            id: next + 1,
            at: line.at.millis(),
            actor: codes::text(&line.actor),
            action: line.action.to_owned(),
            device_id: line.device.map_or_else(String::new, |id| id.to_string()),
            subject: codes::text(&line.subject),
            detail: codes::text(&line.detail),
            hash: Vec::new(),
        };
        row.hash = row.link().hash(&head.hash);
        next = row.id;
        head = Head {
            last: row.id,
            hash: row.hash.clone(),
        };
        rows.push(row);
    }
    LINES
        .run(connection, &rows, |query, row| {
            query
                .bind(row.id)
                .bind(row.at)
                .bind(row.actor.clone())
                .bind(row.action.clone())
                .bind(row.device_id.clone())
                .bind(row.subject.clone())
                .bind(row.detail.clone())
                .bind(row.hash.clone())
        })
        .await?;
    if is_ours {
        put_head(store, connection, &head).await?;
    }
    Ok(())
}

/// Where the chain ends by its lines alone.
async fn last_line(connection: &mut Connection) -> Result<Head> {
    let last = sqlx::query_as::<Db, Cut>(LAST_LINE)
        .fetch_optional(connection)
        .await
        .during(RECORD)?;
    Ok(last.map_or_else(Head::default, |line| Head {
        last: line.id,
        hash: line.hash,
    }))
}

async fn head(connection: &mut Connection) -> Result<Option<SealedHead>> {
    sqlx::query_as::<Db, SealedHead>(HEAD)
        .fetch_optional(connection)
        .await
        .during(RECORD)
}

async fn put_head(store: &Backend, connection: &mut Connection, head: &Head) -> Result<()> {
    sqlx::query::<Db>(PUT_HEAD)
        .bind(head.last)
        .bind(head.hash.clone())
        .bind(store.seal().sign(&head.words()))
        .execute(connection)
        .await
        .during(RECORD)?;
    Ok(())
}

async fn checkpoint(connection: &mut Connection) -> Result<Option<SealedCheckpoint>> {
    sqlx::query_as::<Db, SealedCheckpoint>(CHECKPOINT)
        .fetch_optional(connection)
        .await
        .during(READ)
}

/// Whether an end is known, whoever sealed it.
pub(super) async fn has_end(store: &Backend) -> Result<bool> {
    let known = sqlx::query_as::<Db, SealedHead>(LOOK_AT_HEAD)
        .fetch_optional(store.reader())
        .await
        .during(CHAIN)?;
    Ok(known.is_some())
}

/// Chains the lines that an older version recorded, once. A chain that lost its end is left as it is, for [`verify`] to find.
pub(super) async fn adopt(store: &Backend) -> Result<()> {
    if has_end(store).await? {
        return Ok(());
    }
    let mut transaction = store.begin(CHAIN).await?;
    let chained = sqlx::query_scalar::<Db, i64>(IS_CHAINED)
        .fetch_one(&mut *transaction)
        .await
        .during(CHAIN)?;
    if chained > 0 || head(&mut transaction).await?.is_some() {
        return Ok(());
    }
    let mut end = Head::default();
    loop {
        let step = walk(&mut transaction, end.last).await?;
        if step.is_empty() {
            break;
        }
        for line in step {
            end = Head {
                last: line.id,
                hash: line.link().hash(&end.hash),
            };
            sqlx::query::<Db>(PUT_HASH)
                .bind(line.id)
                .bind(end.hash.clone())
                .execute(&mut *transaction)
                .await
                .during(CHAIN)?;
        }
    }
    put_head(store, &mut transaction, &end).await?;
    transaction.commit().await.during(CHAIN)
}

pub(super) async fn verify(store: &Backend) -> Result<Verified> {
    // One state of the database throughout: a line that is added meanwhile is none that is missing.
    let mut transaction = store.begin_read(VERIFY).await?;
    let since = match checkpoint(&mut transaction).await? {
        None => None,
        Some(found) => {
            let (checkpoint, seal) = found.split();
            if !store.seal().verifies(&checkpoint.words(), &seal) {
                return Ok(Verified::Broken(Fault::CheckpointSeal {
                    last: checkpoint.last,
                }));
            }
            Some(checkpoint)
        }
    };
    let mut end = since.as_ref().map_or_else(Head::default, |since| Head {
        last: since.last,
        hash: since.hash.clone(),
    });
    if let Some(line) = before_start(&mut transaction, end.last).await? {
        return Ok(Verified::Broken(Fault::Line { line }));
    }
    let mut lines = 0;
    loop {
        let step = walk(&mut transaction, end.last).await?;
        if step.is_empty() {
            break;
        }
        for line in step {
            if line.link().hash(&end.hash) != line.hash {
                return Ok(Verified::Broken(Fault::Line { line: line.id }));
            }
            end = Head {
                last: line.id,
                hash: line.hash,
            };
            lines += 1;
        }
    }
    let sealed = sqlx::query_as::<Db, SealedHead>(LOOK_AT_HEAD)
        .fetch_optional(&mut *transaction)
        .await
        .during(VERIFY)?;
    let Some(sealed) = sealed else {
        return Ok(Verified::Broken(Fault::NoHead));
    };
    let signed = sealed.head();
    if !sealed.is_of(store) {
        return Ok(Verified::Broken(Fault::HeadSeal { last: signed.last }));
    }
    if signed != end {
        return Ok(Verified::Broken(Fault::End {
            ends: end.last,
            sealed: signed.last,
        }));
    }
    Ok(Verified::Sound {
        lines,
        last: end.last,
        since,
    })
}

async fn walk(connection: &mut Connection, after: i64) -> Result<Vec<Line>> {
    sqlx::query_as::<Db, Line>(WALK)
        .bind(after)
        .bind(STEP)
        .fetch_all(connection)
        .await
        .during(VERIFY)
}

/// Seals the record as it is, after a line that says so. What was before is not proven by it.
pub(super) async fn seal_anew(store: &Backend, line: NewAudit) -> Result<()> {
    let mut transaction = store.begin(CHAIN).await?;
    if let Some(found) = checkpoint(&mut transaction).await? {
        let (found, _) = found.split();
        put_checkpoint(store, &mut transaction, &found).await?;
    }
    let end = last_line(&mut transaction).await?;
    put_head(store, &mut transaction, &end).await?;
    add(store, &mut transaction, &[line]).await?;
    transaction.commit().await.during(CHAIN)
}

async fn put_checkpoint(
    store: &Backend,
    connection: &mut Connection,
    checkpoint: &Checkpoint,
) -> Result<()> {
    sqlx::query::<Db>(FORGET_CHECKPOINTS)
        .execute(&mut *connection)
        .await
        .during(CUT_OFF)?;
    sqlx::query::<Db>(PUT_CHECKPOINT)
        .bind(checkpoint.last)
        .bind(checkpoint.hash.clone())
        .bind(checkpoint.at.millis())
        .bind(checkpoint.removed)
        .bind(store.seal().sign(&checkpoint.words()))
        .execute(connection)
        .await
        .during(CUT_OFF)?;
    Ok(())
}

pub(super) async fn cut(store: &Backend, before: Time, at_most: u32, now: Time) -> Result<u64> {
    let mut transaction = store.begin(CUT_OFF).await?;
    let end = match head(&mut transaction).await? {
        Some(sealed) if sealed.is_of(store) => sealed.head(),
        // What may have been tampered with is not made less.
        _ => return Ok(0),
    };
    let kept = sqlx::query_scalar::<Db, i64>(FIRST_SINCE)
        .bind(before.millis())
        .fetch_optional(&mut *transaction)
        .await
        .during(CUT_OFF)?;
    // The newest line stays in any case: what the seal names can be looked at.
    let kept = kept.unwrap_or(end.last).min(end.last);
    let last = sqlx::query_as::<Db, Cut>(LAST_OF_STEP)
        .bind(kept)
        .bind(i64::from(at_most))
        .fetch_optional(&mut *transaction)
        .await
        .during(CUT_OFF)?;
    let Some(last) = last else { return Ok(0) };
    let before = checkpoint(&mut transaction).await?;
    let before = before.map(SealedCheckpoint::split);
    if before
        .as_ref()
        .is_some_and(|(found, seal)| !store.seal().verifies(&found.words(), seal))
    {
        return Ok(0);
    }
    // What goes is proven for the last time: nobody has it signed away by making it look old.
    let start = before
        .as_ref()
        .map_or_else(Head::default, |(found, _)| Head {
            last: found.last,
            hash: found.hash.clone(),
        });
    if !leads_to(&mut transaction, start, &last).await? {
        return Ok(0);
    }
    let removed = sqlx::query::<Db>(CUT)
        .bind(last.id)
        .execute(&mut *transaction)
        .await
        .during(CUT_OFF)?
        .rows_affected();
    let checkpoint = Checkpoint {
        last: last.id,
        hash: last.hash,
        at: now,
        removed: before.map_or(0, |(before, _)| before.removed)
            + i64::try_from(removed).unwrap_or(i64::MAX),
    };
    put_checkpoint(store, &mut transaction, &checkpoint).await?;
    transaction.commit().await.during(CUT_OFF)?;
    Ok(removed)
}

/// Whether the chain leads from its start to this line, and nothing stands before it.
async fn leads_to(connection: &mut Connection, start: Head, last: &Cut) -> Result<bool> {
    if before_start(connection, start.last).await?.is_some() {
        return Ok(false);
    }
    let mut end = start;
    while end.last < last.id {
        let step = walk(connection, end.last).await?;
        if step.is_empty() {
            return Ok(false);
        }
        for line in step.into_iter().filter(|line| line.id <= last.id) {
            if line.link().hash(&end.hash) != line.hash {
                return Ok(false);
            }
            end = Head {
                last: line.id,
                hash: line.hash,
            };
        }
    }
    Ok(end.last == last.id && end.hash == last.hash)
}

/// A line that stands where the record does not reach.
async fn before_start(connection: &mut Connection, start: i64) -> Result<Option<i64>> {
    sqlx::query_scalar::<Db, i64>(BEFORE_START)
        .bind(start)
        .fetch_optional(connection)
        .await
        .during(VERIFY)
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

pub(super) async fn read(store: &Backend, query: &AuditQuery) -> Result<Vec<AuditRow>> {
    let before = query.before.unwrap_or(i64::MAX);
    let found = match query.device {
        Some(id) => sqlx::query_as::<Db, Line>(OF_DEVICE)
            .bind(id.to_string())
            .bind(before),
        None => sqlx::query_as::<Db, Line>(READ_LINES)
            .bind(before)
            .bind(query.since.map_or(i64::MIN, Time::millis))
            .bind(query.until.map_or(i64::MAX, Time::millis))
            .bind(codes::text(&query.action))
            .bind(holds(&query.actor))
            .bind(holds(&query.text)),
    };
    found
        .bind(i64::from(query.limit))
        .fetch_all(store.reader())
        .await
        .during(READ)?
        .into_iter()
        .map(Line::read)
        .collect()
}

/// The pattern of a text that holds this one somewhere.
fn holds(wanted: &str) -> String {
    like(&format!("*{}*", codes::text(&wanted.to_ascii_lowercase())))
}

impl SealedHead {
    fn head(&self) -> Head {
        Head {
            last: self.last,
            hash: self.hash.clone(),
        }
    }

    /// Whether it was sealed with the key of this store.
    fn is_of(&self, store: &Backend) -> bool {
        store.seal().verifies(&self.head().words(), &self.seal)
    }
}

impl SealedCheckpoint {
    fn split(self) -> (Checkpoint, Vec<u8>) {
        let checkpoint = Checkpoint {
            last: self.last,
            hash: self.hash,
            at: Time::from_millis(self.at),
            removed: self.removed,
        };
        (checkpoint, self.seal)
    }
}

impl Line {
    fn link(&self) -> Link<'_> {
        Link {
            id: self.id,
            at: self.at,
            actor: &self.actor,
            action: &self.action,
            device_id: &self.device_id,
            subject: &self.subject,
            detail: &self.detail,
        }
    }

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
