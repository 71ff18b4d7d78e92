//! Which update is on which device: profiles, what the fleet has learned of updates, revisions counted.

use sickbay_diagnosis::filter::Filter;
use sickbay_diagnosis::{Kb, Time};
use sqlx::FromRow;

use super::query::{self, How, RowList};
use super::{Backend, Db, audit, index};
use crate::codes::{self, text};
use crate::column::Column::{Bytes, Int, Text};
use crate::error::During;
use crate::filter_sql::{On, Sql, Value};
use crate::{
    Cursor, DeviceIdentity, LearnedRow, Page, Profiled, ProfiledDevice, Result, RevisionCount,
    Scope,
};
use crate::{NewAudit, action};

const WALK: &str = "walk through profiles";
const LIST: &str = "list devices with their profiles";
const LEARN: &str = "write what was learned of updates";

statements! {
    /// All that was learned.
    LEARNED = "SELECT kb, kind, package_build, revision, devices, by_title, since, learned_at, imported FROM learned_update \
               ORDER BY kb, kind, package_build, revision";
    /// Forgets what was imported and no device of this fleet ever said.
    FORGET_IMPORTED = "DELETE FROM learned_update WHERE imported = 1 AND devices = 0";
    /// Of the rest, that it was imported.
    NO_LONGER_IMPORTED = "UPDATE learned_update SET imported = 0 WHERE imported = 1";
}

pub(super) const PROFILES: RowList = RowList {
    operation: "write profiles",
    how: How::Insert,
    before: "INSERT INTO device_updates (device_key, profile)",
    columns: &[Int, Bytes],
    after: " ON CONFLICT (device_key) DO UPDATE SET profile = excluded.profile",
};

/// The most devices that ever said it, and the earliest moment, stay.
pub(super) const LEARNING: RowList = RowList {
    operation: LEARN,
    how: How::Insert,
    before: "INSERT INTO learned_update (kb, kind, package_build, revision, devices, by_title, since, learned_at, imported)",
    columns: &[Int, Text, Int, Int, Int, Int, Int, Int, Int],
    after: " ON CONFLICT (kb, kind, package_build, revision) DO UPDATE SET \
            devices = CASE WHEN excluded.devices > learned_update.devices THEN excluded.devices ELSE learned_update.devices END, \
            by_title = CASE WHEN excluded.by_title > learned_update.by_title THEN excluded.by_title ELSE learned_update.by_title END, \
            since = CASE WHEN excluded.since < learned_update.since THEN excluded.since ELSE learned_update.since END, \
            imported = CASE WHEN excluded.imported > learned_update.imported THEN excluded.imported ELSE learned_update.imported END",
};

#[derive(FromRow)]
struct ProfiledRow {
    key: i64,
    profile: Option<Vec<u8>>,
}

#[derive(FromRow)]
struct ListRow {
    key: i64,
    id: String,
    status: i64,
    name: String,
    name_lower: String,
    domain: String,
    ou: String,
    release: String,
    build: Option<i64>,
    ubr: Option<i64>,
    profile: Option<Vec<u8>>,
}

#[derive(FromRow)]
struct LearnedColumns {
    kb: i64,
    kind: String,
    package_build: i64,
    revision: i64,
    devices: i64,
    by_title: i64,
    since: i64,
    learned_at: i64,
    imported: i64,
}

/// Profiles of active devices by key, those without one too, so that a count over them is one over the fleet.
pub(super) async fn after(
    store: &Backend,
    scope: &Scope,
    filter: &Filter,
    after: i64,
    limit: u32,
) -> Result<Vec<Profiled>> {
    let mut transaction = store.begin_read(WALK).await?;
    let sql = walk_sql(scope, filter, after, limit);
    let rows = query::all::<ProfiledRow>(&mut transaction, sql, WALK).await?;
    let profiled = rows.into_iter().map(|row| Profiled {
        key: row.key,
        profile: row.profile.unwrap_or_default(),
    });
    Ok(profiled.collect())
}

pub(super) fn walk_sql(scope: &Scope, filter: &Filter, after: i64, limit: u32) -> Sql {
    let mut sql = Sql::new(
        "SELECT d.key, u.profile FROM device d LEFT JOIN device_updates u ON u.device_key = d.key WHERE d.status = 1 AND d.key > ",
    );
    sql.bind(Value::Int(after))
        .and_scope(scope)
        .and_filter(filter, On::Devices)
        .push(" ORDER BY d.key LIMIT ")
        .bind(Value::Int(i64::from(limit)));
    sql
}

/// Active devices by name then key, each with its profile.
pub(super) async fn devices(
    store: &Backend,
    scope: &Scope,
    filter: &Filter,
    page: &Page,
) -> Result<Vec<ProfiledDevice>> {
    let mut transaction = store.begin_read(LIST).await?;
    let rows = query::all::<ListRow>(&mut transaction, list_sql(scope, filter, page), LIST).await?;
    rows.into_iter().map(ListRow::read).collect()
}

pub(super) fn list_sql(scope: &Scope, filter: &Filter, page: &Page) -> Sql {
    let mut sql = Sql::new(
        "SELECT d.key, d.id, d.status, d.name, d.name_lower, d.domain, d.ou, d.release, d.build, d.ubr, u.profile FROM device d \
         LEFT JOIN device_updates u ON u.device_key = d.key WHERE d.status = 1",
    );
    sql.and_scope(scope).and_filter(filter, On::Devices);
    if let Some(after) = &page.after {
        sql.push(" AND (d.name_lower, d.key) > (")
            .bind(Value::Text(text(&after.name)))
            .push(", ")
            .bind(Value::Int(after.key))
            .push(")");
    }
    sql.push(" ORDER BY d.name_lower, d.key LIMIT ")
        .bind(Value::Int(i64::from(page.limit)));
    sql
}

impl ListRow {
    fn read(self) -> Result<ProfiledDevice> {
        Ok(ProfiledDevice {
            identity: DeviceIdentity {
                key: self.key,
                id: codes::id(&self.id)?,
                status: codes::status(self.status)?,
            },
            cursor: Cursor {
                name: self.name_lower,
                key: self.key,
                by: None,
            },
            name: self.name,
            domain: self.domain,
            ou: self.ou,
            release: self.release,
            build: self
                .build
                .map(|build| codes::small("build", build))
                .transpose()?,
            ubr: self.ubr.map(|ubr| codes::small("ubr", ubr)).transpose()?,
            profile: self.profile.unwrap_or_default(),
        })
    }
}

/// How many devices of the scope run which revision.
pub(super) async fn revisions(store: &Backend, scope: &Scope) -> Result<Vec<RevisionCount>> {
    Ok(index::fleet(store).await?.revision_counts(scope))
}

pub(super) async fn learned(store: &Backend) -> Result<Vec<LearnedRow>> {
    let rows: Vec<LearnedColumns> = sqlx::query_as::<Db, _>(LEARNED)
        .fetch_all(store.reader())
        .await
        .during("read what was learned of updates")?;
    let read = |row: LearnedColumns| {
        let kb = codes::small("kb", row.kb)?;
        let (Some(kind), Some(kb)) = (codes::kind(&row.kind), Kb::of_number(kb)) else {
            return Ok(None);
        };
        Ok(Some(LearnedRow {
            kb,
            kind,
            package_build: codes::small("package_build", row.package_build)?,
            revision: codes::small("revision", row.revision)?,
            devices: codes::count("devices", row.devices)?,
            by_title: codes::count("by_title", row.by_title)?,
            since: Time::from_millis(row.since),
            learned_at: Time::from_millis(row.learned_at),
            imported: row.imported != 0,
        }))
    };
    rows.into_iter()
        .filter_map(|row| read(row).transpose())
        .collect()
}

/// Adds to what was learned. With `instead` of what was imported before, all of that is forgotten first.
pub(super) async fn learn(
    store: &Backend,
    rows: &[LearnedRow],
    instead: Option<(&str, Time)>,
) -> Result<()> {
    let mut transaction = store.begin(LEARN).await?;
    if let Some((by, now)) = instead {
        for statement in [FORGET_IMPORTED, NO_LONGER_IMPORTED] {
            sqlx::query::<Db>(statement)
                .execute(&mut *transaction)
                .await
                .during(LEARN)?;
        }
        let line = NewAudit::new(
            now,
            by,
            action::UPDATES_IMPORTED,
            "what another fleet learned of updates",
        )
        .with(format!("{} rows", rows.len()));
        audit::add(store, &mut transaction, &[line]).await?;
    }
    LEARNING
        .run(&mut transaction, rows, |query, row| {
            query
                .bind(i64::from(row.kb.number()))
                .bind(row.kind.name())
                .bind(i64::from(row.package_build))
                .bind(i64::from(row.revision))
                .bind(row.devices.cast_signed())
                .bind(row.by_title.cast_signed())
                .bind(row.since.millis())
                .bind(row.learned_at.millis())
                .bind(i64::from(row.imported))
        })
        .await?;
    transaction.commit().await.during(LEARN)
}
