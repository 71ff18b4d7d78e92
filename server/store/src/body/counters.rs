//! Counts: from counters kept at write time for whoever sees the whole fleet, counted for everyone else.

use sqlx::FromRow;

use super::{Backend, Db, index, query};
use crate::codes::{self, count};
use crate::error::During;
use crate::filter_sql::{On, Sql, is_whole_fleet};
use crate::tally::Health;
use crate::{DeviceStatus, Filter, FleetCounts, IssueCount, Result, Scope, SourceCount};

statements! {
    /// Findings per issue.
    ISSUES = "SELECT issue, open_count, serious_count, unknown_count, accepted_count, primary_count FROM issue_count \
              WHERE open_count > 0 OR unknown_count > 0 OR accepted_count > 0 ORDER BY issue";
    /// Devices per status and health.
    FLEET = "SELECT status, health, devices FROM fleet_count";
    /// Devices per class and source.
    SOURCES = "SELECT kind, class, source, devices FROM source_count WHERE devices > 0 ORDER BY kind, class, devices DESC, source";
}

const COUNT: &str = "count findings";
const COUNT_SOURCES: &str = "count sources";
const COUNT_FLEET: &str = "count devices";

#[derive(FromRow)]
struct IssueRow {
    issue: String,
    open_count: i64,
    serious_count: i64,
    unknown_count: i64,
    accepted_count: i64,
    primary_count: i64,
}

#[derive(FromRow)]
struct FleetRow {
    status: i64,
    health: i64,
    devices: i64,
}

#[derive(FromRow)]
struct SourceRow {
    kind: String,
    class: i64,
    source: String,
    devices: i64,
}

pub(super) async fn issues(store: &Backend, scope: &Scope) -> Result<Vec<IssueCount>> {
    if !is_whole_fleet(scope, &Filter::Everything) {
        return Ok(index::fleet(store).await?.issue_counts(scope));
    }
    let rows: Vec<IssueRow> = sqlx::query_as::<Db, _>(ISSUES)
        .fetch_all(store.reader())
        .await
        .during(COUNT)?;
    rows.into_iter()
        .map(|row| {
            Ok(IssueCount {
                issue: row.issue,
                open: count("count", row.open_count)?,
                serious: count("count", row.serious_count)?,
                unknown: count("count", row.unknown_count)?,
                accepted: count("count", row.accepted_count)?,
                primary: count("count", row.primary_count)?,
            })
        })
        .collect()
}

pub(super) async fn fleet(store: &Backend, scope: &Scope) -> Result<FleetCounts> {
    if !is_whole_fleet(scope, &Filter::Everything) {
        return Ok(index::fleet(store).await?.fleet_counts(scope));
    }
    let mut counts = FleetCounts::default();
    let rows: Vec<FleetRow> = sqlx::query_as::<Db, _>(FLEET)
        .fetch_all(store.reader())
        .await
        .during(COUNT_FLEET)?;
    for row in rows {
        let devices = count("count", row.devices)?;
        match codes::status(row.status)? {
            DeviceStatus::Pending => counts.pending += devices,
            DeviceStatus::Active => *place(&mut counts, row.health) += devices,
            DeviceStatus::Listed => counts.never_enrolled += devices,
            DeviceStatus::Revoked | DeviceStatus::Retired | DeviceStatus::Replaced => {}
        }
    }
    Ok(counts)
}

/// How many active devices there are in all.
pub(super) async fn active(store: &Backend) -> Result<u64> {
    fleet(store, &Scope::All)
        .await
        .map(|counts| counts.active())
}

/// The place of a health's code; one that this build does not know is told as not known.
const fn place(counts: &mut FleetCounts, health: i64) -> &mut u64 {
    const NEVER: i64 = Health::NeverReported.code();
    const HEALTHY: i64 = Health::Healthy.code();
    const WARNING: i64 = Health::Warning.code();
    const SERIOUS: i64 = Health::Serious.code();
    match health {
        NEVER => &mut counts.never_reported,
        HEALTHY => &mut counts.healthy,
        WARNING => &mut counts.warning,
        SERIOUS => &mut counts.serious,
        _ => &mut counts.unknown,
    }
}

pub(super) async fn sources(store: &Backend) -> Result<Vec<SourceCount>> {
    let rows: Vec<SourceRow> = sqlx::query_as::<Db, _>(SOURCES)
        .fetch_all(store.reader())
        .await
        .during(COUNT_SOURCES)?;
    rows.into_iter().map(SourceRow::read).collect()
}

/// Counted, for the devices of a scope.
pub(super) async fn sources_of(store: &Backend, filter: &Filter) -> Result<Vec<SourceCount>> {
    let mut transaction = store.begin_read(COUNT_SOURCES).await?;
    let mut counts = Vec::new();
    for sql in scoped_sources(filter) {
        let rows: Vec<SourceRow> = query::all(&mut transaction, sql, COUNT_SOURCES).await?;
        for row in rows {
            counts.push(row.read()?);
        }
    }
    Ok(counts)
}

/// One statement for each class.
pub(super) fn scoped_sources(filter: &Filter) -> [Sql; 4] {
    const STARTS: [&str; 4] = [
        "SELECT d.kind, CAST(0 AS BIGINT) AS class, d.source_quality AS source, COUNT(*) AS devices FROM device d \
         WHERE d.status = 1 AND d.source_quality IS NOT NULL",
        "SELECT d.kind, CAST(1 AS BIGINT) AS class, d.source_feature AS source, COUNT(*) AS devices FROM device d \
         WHERE d.status = 1 AND d.source_feature IS NOT NULL",
        "SELECT d.kind, CAST(2 AS BIGINT) AS class, d.source_driver AS source, COUNT(*) AS devices FROM device d \
         WHERE d.status = 1 AND d.source_driver IS NOT NULL",
        "SELECT d.kind, CAST(3 AS BIGINT) AS class, d.source_other AS source, COUNT(*) AS devices FROM device d \
         WHERE d.status = 1 AND d.source_other IS NOT NULL",
    ];
    STARTS.map(|start| {
        let mut sql = Sql::new(start);
        sql.and_filter(filter, On::Devices)
            .push(" GROUP BY d.kind, source ORDER BY devices DESC, source, d.kind");
        sql
    })
}

impl SourceRow {
    fn read(self) -> Result<SourceCount> {
        Ok(SourceCount {
            kind: codes::kind(&self.kind),
            class: codes::small("class", self.class)? as usize,
            source: codes::source(&self.source)?,
            devices: count("count", self.devices)?,
        })
    }
}
