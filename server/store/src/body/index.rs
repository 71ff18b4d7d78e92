//! Keeping the index of the fleet up to what is committed, and asking it.

use sickbay_diagnosis::filter::{Filter, TextField};
use sqlx::FromRow;
use tokio::sync::RwLockReadGuard;

use super::{Backend, Connection, Db, key_list};
use crate::error::During;
use crate::index::{Among, DeviceWords, FindingWords, Fleet, Survey};
use crate::{News, Order, Page, Result, Scope};

const FOLLOW: &str = "follow what changed in the fleet";
/// Devices that are read at once.
const AT_ONCE: i64 = 2_000;
/// Changes beyond which every device is read again.
const TOO_MANY: i64 = 200_000;
/// Changes that are kept for whoever has not seen them.
const KEPT: i64 = 2 * TOO_MANY;
/// Changes that are forgotten in one step.
const FORGOTTEN_AT_ONCE: i64 = 50_000;

macro_rules! device_words {
    () => {
        "SELECT key, id, status, health, name_lower, domain, ou, site, kind, release, edition, arch, primary_issue, \
         COALESCE(source_quality, '') AS source, tags, reported_tags, \
         build, ubr FROM device "
    };
}

macro_rules! finding_words {
    () => {
        "SELECT device_key, issue, state, severity, causes, since, changed_at FROM finding "
    };
}

statements! {
    /// The newest change and the oldest one that is kept; 0 where there is none. Each asked for by itself: SQLite finds one end of an index
    /// at once, and both only by walking through it.
    CHANGES = "SELECT COALESCE((SELECT MAX(seq) FROM change), 0) AS newest, COALESCE((SELECT MIN(seq) FROM change), 0) AS oldest";
    CHANGED = "SELECT DISTINCT device_key FROM change WHERE seq > $1 AND seq <= $2 ORDER BY device_key";
    FORGET = "DELETE FROM change WHERE seq <= $1 AND seq <= (SELECT MIN(seq) FROM change) + $2";

    DEVICES_AFTER = concat!(device_words!(), "WHERE key > $1 ORDER BY key LIMIT $2");
    FINDINGS_BETWEEN = concat!(finding_words!(), "WHERE device_key > $1 AND device_key <= $2 ORDER BY device_key, issue");
    DEVICES_OF = concat!(device_words!(), "WHERE key IN ", key_list!("$1"), " ORDER BY key");
    FINDINGS_OF = concat!(finding_words!(), "WHERE device_key IN ", key_list!("$1"), " ORDER BY device_key, issue");
}

#[derive(FromRow)]
struct ChangesRow {
    newest: i64,
    oldest: i64,
}

#[derive(FromRow)]
struct DeviceColumns {
    key: i64,
    id: String,
    status: i64,
    health: i64,
    name_lower: String,
    domain: String,
    ou: String,
    site: String,
    kind: String,
    release: String,
    edition: String,
    arch: String,
    primary_issue: String,
    source: String,
    tags: String,
    reported_tags: String,
    build: Option<i64>,
    ubr: Option<i64>,
}

#[derive(FromRow)]
struct FindingColumns {
    device_key: i64,
    issue: String,
    state: i64,
    severity: Option<i64>,
    causes: String,
    since: i64,
    changed_at: i64,
}

/// The fleet as it is now: with everything that was committed before this was asked, by whichever process.
pub(super) async fn fleet(store: &Backend) -> Result<RwLockReadGuard<'_, Fleet>> {
    let index = store.index();
    let newest = changes(store).await?.newest;
    {
        let fleet = index.fleet.read().await;
        if fleet.seen().is_some_and(|seen| seen >= newest) {
            return Ok(fleet);
        }
    }
    // One reads what is new, the others wait for it; meanwhile nobody holds the fleet, so others may still ask.
    let turn = index.turn.lock().await;
    follow(store).await?;
    drop(turn);
    Ok(index.fleet.read().await)
}

async fn changes(store: &Backend) -> Result<ChangesRow> {
    sqlx::query_as::<Db, ChangesRow>(CHANGES)
        .fetch_one(store.reader())
        .await
        .during(FOLLOW)
}

/// Reads what the index has not seen. The changes are asked for first: a device that changes once more meanwhile is read again later.
async fn follow(store: &Backend) -> Result<()> {
    let index = store.index();
    let ChangesRow { newest, oldest } = changes(store).await?;
    let seen = index.fleet.read().await.seen();
    let seen = match seen {
        Some(seen) if seen >= newest => return Ok(()),
        // What lies between must still be kept, and be less work than everything.
        Some(seen) if seen + 1 >= oldest && newest - seen <= TOO_MANY => seen,
        seen => {
            let mut fleet = everything(store, newest).await?;
            if seen.is_some() {
                fleet.anything_may_be_different();
            }
            *index.fleet.write().await = fleet;
            return Ok(());
        }
    };
    let keys: Vec<i64> = sqlx::query_scalar::<Db, i64>(CHANGED)
        .bind(seen)
        .bind(newest)
        .fetch_all(store.reader())
        .await
        .during(FOLLOW)?;
    let mut read = Vec::with_capacity(keys.len());
    for some in keys.chunks(AT_ONCE as usize) {
        let mut transaction = store.begin_read(FOLLOW).await?;
        let list = key_list(some);
        let devices: Vec<DeviceColumns> = sqlx::query_as::<Db, DeviceColumns>(DEVICES_OF)
            .bind(list.clone())
            .fetch_all(&mut *transaction)
            .await
            .during(FOLLOW)?;
        let findings: Vec<FindingColumns> = sqlx::query_as::<Db, FindingColumns>(FINDINGS_OF)
            .bind(list)
            .fetch_all(&mut *transaction)
            .await
            .during(FOLLOW)?;
        read.extend(joined(devices, findings));
    }
    let mut fleet = index.fleet.write().await;
    fleet.put(&keys, read)?;
    fleet.has_seen(newest);
    Ok(())
}

/// Every device, read anew.
async fn everything(store: &Backend, newest: i64) -> Result<Fleet> {
    let mut fleet = Fleet::default();
    let mut after = i64::MIN;
    loop {
        let mut transaction = store.begin_read(FOLLOW).await?;
        let rows = after_key(&mut transaction, after).await?;
        let Some(last) = rows.last().map(|row| row.key) else {
            break;
        };
        after = last;
        fleet.add_all(rows)?;
    }
    fleet.arrange();
    fleet.has_seen(newest);
    Ok(fleet)
}

/// What became different since the last time that this was asked.
pub(super) async fn news(store: &Backend, follow: bool) -> Result<News> {
    if !follow {
        // What is not taken now is taken the next time: nobody who asks for a list is to wait for it.
        let fleet = store.index().fleet.try_write();
        return Ok(fleet.map_or_else(|_| News::default(), |mut fleet| fleet.take_news()));
    }
    drop(fleet(store).await?);
    Ok(store.index().fleet.write().await.take_news())
}

async fn after_key(connection: &mut Connection, after: i64) -> Result<Vec<DeviceWords>> {
    let devices: Vec<DeviceColumns> = sqlx::query_as::<Db, DeviceColumns>(DEVICES_AFTER)
        .bind(after)
        .bind(AT_ONCE)
        .fetch_all(&mut *connection)
        .await
        .during(FOLLOW)?;
    let Some(last) = devices.last().map(|device| device.key) else {
        return Ok(Vec::new());
    };
    let findings: Vec<FindingColumns> = sqlx::query_as::<Db, FindingColumns>(FINDINGS_BETWEEN)
        .bind(after)
        .bind(last)
        .fetch_all(connection)
        .await
        .during(FOLLOW)?;
    Ok(joined(devices, findings).collect())
}

/// Devices with their findings; both are in the order of keys.
fn joined(
    devices: Vec<DeviceColumns>,
    findings: Vec<FindingColumns>,
) -> impl Iterator<Item = DeviceWords> {
    let mut findings = findings.into_iter().peekable();
    devices.into_iter().map(move |device| {
        let mut own = Vec::new();
        // Of a device that was not read there may be some between.
        while let Some(finding) = findings.next_if(|finding| finding.device_key <= device.key) {
            if finding.device_key == device.key {
                own.push(FindingWords {
                    issue: finding.issue,
                    state: finding.state,
                    severity: finding.severity,
                    causes: finding.causes,
                    since: finding.since,
                    changed_at: finding.changed_at,
                });
            }
        }
        DeviceWords {
            key: device.key,
            id: device.id,
            status: device.status,
            health: device.health,
            name_lower: device.name_lower,
            words: [
                device.domain,
                device.ou,
                device.site,
                device.kind,
                device.release,
                device.edition,
                device.arch,
                device.primary_issue,
                device.source,
            ],
            tags: device.tags,
            reported_tags: device.reported_tags,
            build: device.build,
            ubr: device.ubr,
            findings: own,
        }
    })
}

/// What is told of the devices that a filter leaves.
pub(super) async fn survey(
    store: &Backend,
    among: Among<'_>,
    scope: &Scope,
    filter: &Filter,
    fields: &[TextField],
) -> Result<Survey> {
    Ok(fleet(store).await?.survey(among, scope, filter, fields))
}

/// Keys of a page of them, in its order.
pub(super) async fn keys(
    store: &Backend,
    among: Among<'_>,
    scope: &Scope,
    filter: &Filter,
    page: &Page,
) -> Result<Vec<i64>> {
    let fleet = fleet(store).await?;
    let after = page.after.as_ref();
    let limit = page.limit as usize;
    Ok(fleet.page(among, scope, filter, Order::default(), after, limit))
}

/// Rows in the order of their keys; of a device that is gone since there is none.
pub(super) fn in_order<T>(keys: &[i64], rows: Vec<T>, key_of: impl Fn(&T) -> i64) -> Vec<T> {
    let mut by_key: std::collections::HashMap<i64, T> =
        rows.into_iter().map(|row| (key_of(&row), row)).collect();
    keys.iter().filter_map(|key| by_key.remove(key)).collect()
}

/// Removes changes that everybody has seen long ago, or has to read everything for; says how many.
pub(super) async fn forget_changes(store: &Backend) -> Result<u64> {
    let newest = changes(store).await?.newest;
    let mut transaction = store.begin(FOLLOW).await?;
    let done = sqlx::query::<Db>(FORGET)
        .bind(newest - KEPT)
        .bind(FORGOTTEN_AT_ONCE)
        .execute(&mut *transaction)
        .await
        .during(FOLLOW)?;
    transaction.commit().await.during(FOLLOW)?;
    Ok(done.rows_affected())
}
