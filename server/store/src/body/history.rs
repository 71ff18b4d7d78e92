//! What changed on a device, and on the fleet: the newest changes as rows, the others in pages of their devices. Ids only ever grow, and the
//! oldest rows are packed first, so that whatever is in a page is older than every row.

use std::collections::BTreeMap;

use sickbay_diagnosis::Time;
use sqlx::FromRow;
use uuid::Uuid;

use super::query::{How, RowList};
use super::{Backend, Connection, Db, key_list, query};
use crate::column::Column::{Bytes, Int};
use crate::error::During;
use crate::filter_sql::{Sql, Value};
use crate::history_page::{self, FULL, Page};
use crate::rows::HistoryColumns;
use crate::{DeviceIdentity, HistoryRow, Result, Scope, codes};

/// The columns of `history_page p`.
macro_rules! page_columns {
    () => {
        "p.device_key, p.first_id, p.last_id, p.first_at, p.entries"
    };
}

statements! {
    /// The oldest rows, but not the fleet's newest.
    OLDEST = "SELECT device_key, id, at, issue, from_state, to_state, causes, summary FROM history \
              WHERE id <= (SELECT id FROM history ORDER BY id DESC LIMIT 1 OFFSET $1) ORDER BY id LIMIT $2";
    /// The newest page of each of these devices.
    NEWEST_PAGES = concat!(
        "SELECT ", page_columns!(), " FROM history_page p WHERE p.device_key IN ", key_list!("$1"),
        " AND p.first_id = (SELECT MAX(q.first_id) FROM history_page q WHERE q.device_key = p.device_key)"
    );
    /// What is in pages.
    PACKED = "DELETE FROM history WHERE id <= $1";
    /// Pages that hold something from before then.
    OLD_PAGES = concat!("SELECT ", page_columns!(), " FROM history_page p WHERE p.first_at < $1 ORDER BY p.first_at LIMIT $2");
    /// A page of which nothing is left.
    REMOVE_PAGE = "DELETE FROM history_page WHERE device_key = $1 AND first_id = $2";
    /// Pages of a device with rows older than one, the newest page first.
    PAGES = concat!(
        "SELECT ", page_columns!(), " FROM history_page p WHERE p.device_key = $1 AND p.first_id < $2 ORDER BY p.first_id DESC LIMIT 1"
    );
    /// Of the oldest rows, which have the lowest ids, those that are old enough: nothing else is looked at.
    FORGET = "DELETE FROM history WHERE at < $1 AND id IN (SELECT id FROM history ORDER BY id LIMIT $2)";
}

const READ: &str = "read the history of a device";
const RECENT: &str = "read the history of the fleet";

const OLD: &str = "remove old history";
const PACK: &str = "pack history";

/// Rows of the fleet that stay as they are: a page of them is asked for all day long, and nothing has to be unpacked for it.
const NEWEST: i64 = 100;
/// Pages from which old rows are removed in one step.
const OLD_PAGES_AT_ONCE: i64 = 200;

pub(super) const WRITE_PAGES: RowList = RowList {
    operation: PACK,
    how: How::Insert,
    before: "INSERT INTO history_page (device_key, first_id, last_id, first_at, entries)",
    columns: &[Int, Int, Int, Int, Bytes],
    after: " ON CONFLICT (device_key, first_id) DO UPDATE SET last_id = excluded.last_id, first_at = excluded.first_at, \
            entries = excluded.entries",
};

#[derive(FromRow)]
struct PageRow {
    device_key: i64,
    first_id: i64,
    last_id: i64,
    first_at: i64,
    entries: Vec<u8>,
}

impl From<PageRow> for Page {
    fn from(row: PageRow) -> Self {
        Self {
            key: row.device_key,
            first_id: row.first_id,
            last_id: row.last_id,
            first_at: row.first_at,
            entries: row.entries,
        }
    }
}

#[derive(FromRow)]
struct LooseRow {
    device_key: i64,
    #[sqlx(flatten)]
    history: HistoryColumns,
}

/// Packs the oldest rows, at most so many; says how many.
pub(super) async fn pack(store: &Backend, at_most: u32) -> Result<u64> {
    let mut transaction = store.begin(PACK).await?;
    let rows = sqlx::query_as::<Db, LooseRow>(OLDEST)
        .bind(NEWEST)
        .bind(i64::from(at_most))
        .fetch_all(&mut *transaction)
        .await
        .during(PACK)?;
    let Some(last) = rows.last().map(|row| row.history.id) else {
        return Ok(0);
    };
    let packed = rows.len() as u64;
    let mut by_device: BTreeMap<i64, Vec<HistoryColumns>> = BTreeMap::new();
    for row in rows {
        let of_device = by_device.entry(row.device_key).or_default();
        of_device.push(row.history);
    }
    let keys: Vec<i64> = by_device.keys().copied().collect();
    let newest = sqlx::query_as::<Db, PageRow>(NEWEST_PAGES)
        .bind(key_list(&keys))
        .fetch_all(&mut *transaction)
        .await
        .during(PACK)?;
    let newest: BTreeMap<i64, Page> = newest
        .into_iter()
        .map(|row| (row.device_key, Page::from(row)))
        .collect();
    let pages: Vec<Page> = by_device
        .into_iter()
        .flat_map(|(key, rows)| history_page::append(key, newest.get(&key), rows))
        .collect();
    write_pages(&mut transaction, &pages).await?;
    sqlx::query::<Db>(PACKED)
        .bind(last)
        .execute(&mut *transaction)
        .await
        .during(PACK)?;
    transaction.commit().await.during(PACK)?;
    Ok(packed)
}

async fn write_pages(connection: &mut Connection, pages: &[Page]) -> Result<()> {
    WRITE_PAGES
        .run(connection, pages, |query, page| {
            query
                .bind(page.key)
                .bind(page.first_id)
                .bind(page.last_id)
                .bind(page.first_at)
                .bind(page.entries.clone())
        })
        .await
}

/// Removes rows from before then, at most so many; says how many went.
pub(super) async fn forget(store: &Backend, before: Time, at_most: u32) -> Result<u64> {
    let mut transaction = store.begin(OLD).await?;
    let done = sqlx::query::<Db>(FORGET)
        .bind(before.millis())
        .bind(i64::from(at_most))
        .execute(&mut *transaction)
        .await
        .during(OLD)?;
    let went = done.rows_affected();
    let left = u64::from(at_most).saturating_sub(went);
    let went = went + forget_in_pages(&mut transaction, before, left).await?;
    transaction.commit().await.during(OLD)?;
    Ok(went)
}

/// The same in pages.
async fn forget_in_pages(connection: &mut Connection, before: Time, at_most: u64) -> Result<u64> {
    let pages = sqlx::query_as::<Db, PageRow>(OLD_PAGES)
        .bind(before.millis())
        .bind(OLD_PAGES_AT_ONCE)
        .fetch_all(&mut *connection)
        .await
        .during(OLD)?;
    let (mut went, mut changed) = (0, Vec::new());
    for page in pages.into_iter().map(Page::from) {
        if went == at_most {
            break;
        }
        // One that cannot be read may be a newer version's.
        let (left, of_page) = match history_page::without(&page, before.millis(), at_most - went) {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(device_key = page.key, %error, "a page of history cannot be read; it stays");
                continue;
            }
        };
        went += of_page;
        match left {
            Some(left) => changed.push(left),
            None => {
                sqlx::query::<Db>(REMOVE_PAGE)
                    .bind(page.key)
                    .bind(page.first_id)
                    .execute(&mut *connection)
                    .await
                    .during(OLD)?;
            }
        }
    }
    write_pages(connection, &changed).await?;
    Ok(went)
}

#[derive(FromRow)]
struct RecentRow {
    device_key: i64,
    device_id: String,
    device_status: i64,
    device_name: String,
    #[sqlx(flatten)]
    history: HistoryColumns,
}

pub(super) async fn of_device(
    store: &Backend,
    scope: &Scope,
    id: Uuid,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<HistoryRow>> {
    let mut transaction = store.begin_read(READ).await?;
    let mut rows: Vec<HistoryColumns> =
        query::all(&mut transaction, sql(scope, id, before, limit), READ).await?;
    if rows.len() < limit as usize {
        let device: Vec<(i64,)> = query::all(&mut transaction, seen_sql(scope, id), READ).await?;
        if let Some((key,)) = device.first() {
            let room = limit as usize - rows.len();
            rows.extend(in_pages(&mut transaction, *key, before, room).await?);
        }
    }
    rows.into_iter().map(HistoryColumns::read).collect()
}

/// Rows of a device's pages, at most so many, the newest first.
async fn in_pages(
    connection: &mut Connection,
    key: i64,
    before: Option<i64>,
    room: usize,
) -> Result<Vec<HistoryColumns>> {
    let (mut rows, before) = (Vec::new(), before.unwrap_or(i64::MAX));
    let mut below = before;
    while rows.len() < room {
        let page = sqlx::query_as::<Db, PageRow>(PAGES)
            .bind(key)
            .bind(below)
            .fetch_optional(&mut *connection)
            .await
            .during(READ)?;
        let Some(page) = page.map(Page::from) else {
            break;
        };
        below = page.first_id;
        let older = page.rows()?.into_iter().filter(|row| row.id < before);
        let mut older: Vec<HistoryColumns> = older.collect();
        older.reverse();
        older.truncate(room - rows.len());
        rows.extend(older);
    }
    Ok(rows)
}

/// The device, where it is in sight.
pub(super) fn seen_sql(scope: &Scope, id: Uuid) -> Sql {
    let mut sql = Sql::new("SELECT d.key FROM device d WHERE d.id = ");
    sql.bind(Value::Text(id.to_string())).and_scope(scope);
    sql
}

pub(super) fn sql(scope: &Scope, id: Uuid, before: Option<i64>, limit: u32) -> Sql {
    let mut sql = Sql::new(
        "SELECT h.id, h.at, h.issue, h.from_state, h.to_state, h.causes, h.summary \
         FROM device d JOIN history h ON h.device_key = d.key WHERE d.id = ",
    );
    sql.bind(Value::Text(id.to_string())).and_scope(scope);
    if let Some(before) = before {
        sql.push(" AND h.id < ").bind(Value::Int(before));
    }
    sql.push(" ORDER BY h.id DESC LIMIT ")
        .bind(Value::Int(i64::from(limit)));
    sql
}

/// The newest rows of active devices, each with the device and its name.
pub(super) async fn recent(
    store: &Backend,
    scope: &Scope,
    limit: u32,
) -> Result<Vec<(DeviceIdentity, String, HistoryRow)>> {
    let mut transaction = store.begin_read(RECENT).await?;
    let mut rows: Vec<RecentRow> =
        query::all(&mut transaction, recent_sql(scope, limit), RECENT).await?;
    if rows.len() < limit as usize {
        let room = limit as usize - rows.len();
        rows.extend(recent_in_pages(&mut transaction, scope, room).await?);
    }
    rows.into_iter()
        .map(|row| {
            let identity = DeviceIdentity {
                key: row.device_key,
                id: codes::id(&row.device_id)?,
                status: codes::status(row.device_status)?,
            };
            Ok((identity, row.device_name, row.history.read()?))
        })
        .collect()
}

#[derive(FromRow)]
struct RecentPageRow {
    device_id: String,
    device_status: i64,
    device_name: String,
    #[sqlx(flatten)]
    page: PageRow,
}

/// The newest rows of pages: they are in as many pages with the newest ends at most.
async fn recent_in_pages(
    connection: &mut Connection,
    scope: &Scope,
    room: usize,
) -> Result<Vec<RecentRow>> {
    let pages: Vec<RecentPageRow> =
        query::all(connection, recent_pages_sql(scope, room), RECENT).await?;
    let mut rows = Vec::new();
    for found in pages {
        let page = Page::from(found.page);
        let newest = page.rows()?.into_iter().rev().take(room.min(FULL));
        rows.extend(newest.map(|history| RecentRow {
            device_key: page.key,
            device_id: found.device_id.clone(),
            device_status: found.device_status,
            device_name: found.device_name.clone(),
            history,
        }));
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.history.id));
    rows.truncate(room);
    Ok(rows)
}

pub(super) fn recent_pages_sql(scope: &Scope, room: usize) -> Sql {
    let mut sql = Sql::new(concat!(
        "SELECT d.id AS device_id, d.status AS device_status, d.name AS device_name, ",
        page_columns!(),
        " FROM history_page p JOIN device d ON d.key = p.device_key WHERE d.status = 1"
    ));
    sql.and_scope(scope)
        .push(" ORDER BY p.last_id DESC LIMIT ")
        .bind(Value::Int(i64::try_from(room).unwrap_or(i64::MAX)));
    sql
}

pub(super) fn recent_sql(scope: &Scope, limit: u32) -> Sql {
    let mut sql = Sql::new(
        "SELECT d.key AS device_key, d.id AS device_id, d.status AS device_status, d.name AS device_name, \
         h.id, h.at, h.issue, h.from_state, h.to_state, h.causes, h.summary FROM history h ",
    );
    sql.push(match scope {
        // SQLite would begin with the devices and sort all that ever happened to them; a cross join it takes in the order that is written.
        Scope::All => "CROSS JOIN device d WHERE d.key = h.device_key AND d.status = 1",
        // Of few devices the newest changes may lie far back.
        Scope::Matching(_) => "JOIN device d ON d.key = h.device_key WHERE d.status = 1",
    });
    sql.and_scope(scope)
        .push(" ORDER BY h.id DESC LIMIT ")
        .bind(Value::Int(i64::from(limit)));
    sql
}
