//! What servers of one database tell each other. Transactions that write come one after the other, so whoever has read up to a bulletin
//! has read everything before it.

use sickbay_diagnosis::Time;
use sqlx::FromRow;

use super::query::{How, RowList};
use super::{Backend, Db};
use crate::column::Column::{Int, Text};
use crate::error::During;
use crate::rows::IdentityRow;
use crate::{Bulletin, Bulletins, DeviceIdentity, EndedDevices, Result, codes};

statements! {
    /// The newest bulletin, and the oldest one that is kept.
    ENDS = "SELECT COALESCE((SELECT MAX(seq) FROM bulletin), 0) AS newest, COALESCE((SELECT MIN(seq) FROM bulletin), 0) AS oldest";
    /// Those after one.
    AFTER = "SELECT seq, sender, body FROM bulletin WHERE seq > $1 ORDER BY seq LIMIT $2";
    /// Removes those before the first that is not old: clocks of servers differ, and whoever missed some has to find a gap. The newest stays
    /// for that.
    FORGET = "DELETE FROM bulletin WHERE seq < COALESCE((SELECT MIN(seq) FROM bulletin WHERE posted_at >= $1), (SELECT MAX(seq) FROM bulletin))";
    /// The newest change of a device, and the oldest that is kept.
    CHANGES = "SELECT COALESCE((SELECT MAX(seq) FROM change), 0) AS newest, COALESCE((SELECT MIN(seq) FROM change), 0) AS oldest";
    /// Devices whose status changed and is not one of those that live: revoked, retired, replaced.
    ENDED = "SELECT key, id, status FROM device WHERE status IN (2, 3, 5) AND key IN \
             (SELECT device_key FROM change WHERE of_status = 1 AND seq > $1 AND seq <= $2) ORDER BY key";
    /// Devices that are no more.
    DELETED = "SELECT DISTINCT c.device_key FROM change c WHERE c.of_status = 1 AND c.seq > $1 AND c.seq <= $2 \
               AND NOT EXISTS (SELECT 1 FROM device d WHERE d.key = c.device_key) ORDER BY c.device_key";
}

pub(super) const POSTS: RowList = RowList {
    operation: POST,
    how: How::Insert,
    before: "INSERT INTO bulletin (sender, posted_at, body)",
    columns: &[Text, Int, Text],
    after: "",
};

const POST: &str = "post for other servers";
const READ: &str = "read what other servers post";
const FOLLOW: &str = "find devices that ended";

#[derive(FromRow)]
struct Ends {
    newest: i64,
    oldest: i64,
}

#[derive(FromRow)]
struct BulletinRow {
    seq: i64,
    sender: String,
    body: String,
}

pub(super) async fn post(
    store: &Backend,
    sender: &str,
    bodies: &[String],
    now: Time,
) -> Result<()> {
    if bodies.is_empty() {
        return Ok(());
    }
    let rows: Vec<(&str, i64, &str)> = bodies
        .iter()
        .map(|body| (sender, now.millis(), body.as_str()))
        .collect();
    let mut transaction = store.begin(POST).await?;
    POSTS
        .run(&mut transaction, &rows, |query, (sender, at, body)| {
            query
                .bind((*sender).to_owned())
                .bind(*at)
                .bind(codes::text(body))
        })
        .await?;
    transaction.commit().await.during(POST)
}

async fn ends(store: &Backend, sql: &'static str, operation: &'static str) -> Result<Ends> {
    sqlx::query_as::<Db, Ends>(sql)
        .fetch_one(store.reader())
        .await
        .during(operation)
}

pub(super) async fn after(store: &Backend, read: Option<i64>, limit: u32) -> Result<Bulletins> {
    let Ends { newest, oldest } = ends(store, ENDS, READ).await?;
    let Some(read) = read else {
        return Ok(Bulletins {
            posted: Vec::new(),
            read: newest,
            missed: false,
        });
    };
    if newest <= read {
        return Ok(Bulletins {
            posted: Vec::new(),
            // A database that was put back from a backup begins again.
            read: newest,
            missed: newest < read,
        });
    }
    let rows: Vec<BulletinRow> = sqlx::query_as::<Db, BulletinRow>(AFTER)
        .bind(read)
        .bind(i64::from(limit))
        .fetch_all(store.reader())
        .await
        .during(READ)?;
    let posted: Vec<Bulletin> = rows
        .into_iter()
        .map(|row| Bulletin {
            seq: row.seq,
            sender: row.sender,
            body: row.body,
        })
        .collect();
    Ok(Bulletins {
        read: posted.last().map_or(read, |last| last.seq),
        missed: oldest > read + 1,
        posted,
    })
}

pub(super) async fn forget(store: &Backend, before: Time) -> Result<u64> {
    let mut transaction = store.begin(READ).await?;
    let done = sqlx::query::<Db>(FORGET)
        .bind(before.millis())
        .execute(&mut *transaction)
        .await
        .during(READ)?;
    transaction.commit().await.during(READ)?;
    Ok(done.rows_affected())
}

pub(super) async fn ended(store: &Backend, seen: Option<i64>) -> Result<EndedDevices> {
    let Ends { newest, oldest } = ends(store, CHANGES, FOLLOW).await?;
    let mut ended = EndedDevices {
        devices: Vec::new(),
        deleted: Vec::new(),
        seen: newest,
        missed: seen.is_some_and(|seen| seen > newest || oldest > seen + 1),
    };
    if let Some(seen) = seen.filter(|seen| *seen < newest) {
        ended.devices = sqlx::query_as::<Db, IdentityRow>(ENDED)
            .bind(seen)
            .bind(newest)
            .fetch_all(store.reader())
            .await
            .during(FOLLOW)?
            .into_iter()
            .map(IdentityRow::read)
            .collect::<Result<Vec<DeviceIdentity>>>()?;
        ended.deleted = sqlx::query_scalar::<Db, i64>(DELETED)
            .bind(seen)
            .bind(newest)
            .fetch_all(store.reader())
            .await
            .during(FOLLOW)?;
    }
    Ok(ended)
}
