//! Findings of an issue with their devices, paged by name and key.

use sickbay_diagnosis::filter::Test;
use sickbay_diagnosis::verdict::Kept;
use sqlx::FromRow;

use super::{Backend, counters, query};
use crate::codes;
use crate::filter_sql::{On, Sql, Value, is_everything, is_whole_fleet};
use crate::rows::{DeviceColumns, FindingColumns};
use crate::{Filter, IssueCount, IssueDevice, Page, Result, Scope};

const LIST: &str = "list devices of an issue";
const COUNT: &str = "count devices of an issue";

#[derive(FromRow)]
struct FindingRow {
    #[sqlx(flatten)]
    device: DeviceColumns,
    #[sqlx(flatten)]
    finding: FindingColumns,
}

pub(super) async fn devices(
    store: &Backend,
    scope: &Scope,
    issue: &str,
    filter: &Filter,
    page: &Page,
) -> Result<Vec<IssueDevice>> {
    let mut transaction = store.begin_read(LIST).await?;
    let rows: Vec<FindingRow> =
        query::all(&mut transaction, list_sql(scope, issue, filter, page), LIST).await?;
    rows.into_iter()
        .map(|row| {
            Ok(IssueDevice {
                device: row.device.read()?,
                finding: row.finding.read()?,
            })
        })
        .collect()
}

pub(super) fn list_sql(scope: &Scope, issue: &str, filter: &Filter, page: &Page) -> Sql {
    let mut sql = Sql::new(concat!(
        "SELECT ",
        device_columns!(),
        ", ",
        finding_columns!(),
        " FROM finding f JOIN device d ON d.key = f.device_key WHERE d.status IN (1, 4) AND f.issue = "
    ));
    sql.bind(Value::Text(issue.to_owned()))
        .and_scope(scope)
        .and_filter(filter, On::Findings);
    if let Some(after) = &page.after {
        sql.push(" AND (f.name_lower, f.device_key) > (")
            .bind(Value::Text(codes::text(&after.name)))
            .push(", ")
            .bind(Value::Int(after.key))
            .push(")");
    }
    sql.push(" ORDER BY f.name_lower, f.device_key LIMIT ")
        .bind(Value::Int(i64::from(page.limit)));
    sql
}

pub(super) async fn count(
    store: &Backend,
    scope: &Scope,
    issue: &str,
    filter: &Filter,
) -> Result<u64> {
    if is_whole_fleet(scope, &Filter::Everything)
        && let Some(counted) = counted(filter)
    {
        let counts = counters::issues(store, &Scope::All).await?;
        return Ok(counts
            .iter()
            .find(|row| row.issue == issue)
            .map_or(0, counted));
    }
    let mut transaction = store.begin_read(COUNT).await?;
    let rows: Vec<(i64,)> =
        query::all(&mut transaction, count_sql(scope, issue, filter), COUNT).await?;
    codes::count("count", rows.first().map_or(0, |row| row.0))
}

pub(super) fn count_sql(scope: &Scope, issue: &str, filter: &Filter) -> Sql {
    let mut sql = Sql::new(
        "SELECT COUNT(*) FROM finding f JOIN device d ON d.key = f.device_key WHERE d.status IN (1, 4) AND f.issue = ",
    );
    sql.bind(Value::Text(issue.to_owned()))
        .and_scope(scope)
        .and_filter(filter, On::Findings);
    sql
}

/// What of an issue's counters answers a filter, where one does.
fn counted(filter: &Filter) -> Option<fn(&IssueCount) -> u64> {
    match filter {
        Filter::Is(Test::State(Kept::Open)) => Some(|row| row.open),
        Filter::Is(Test::State(Kept::Unknown)) => Some(|row| row.unknown),
        Filter::Is(Test::State(Kept::Accepted)) => Some(|row| row.accepted),
        filter if is_everything(filter) => Some(|row| row.open + row.unknown + row.accepted),
        _ => None,
    }
}
