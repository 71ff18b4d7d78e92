//! Groups of an issue's devices by cause.

use sickbay_diagnosis::verdict::Cause;
use sqlx::FromRow;

use super::{Backend, query};
use crate::codes::count;
use crate::filter_sql::{On, Sql, Value};
use crate::{CauseCount, Filter, Result, Scope};

const GROUP: &str = "group devices by cause";

#[derive(FromRow)]
struct CauseRow {
    cause_key: String,
    label: String,
    devices: i64,
}

pub(super) async fn of_issue(
    store: &Backend,
    scope: &Scope,
    issue: &str,
    filter: &Filter,
) -> Result<Vec<CauseCount>> {
    let mut transaction = store.begin_read(GROUP).await?;
    let rows: Vec<CauseRow> =
        query::all(&mut transaction, group_sql(scope, issue, filter), GROUP).await?;
    rows.into_iter()
        .map(|row| {
            Ok(CauseCount {
                cause: Cause::new(row.cause_key, row.label),
                devices: count("count", row.devices)?,
            })
        })
        .collect()
}

pub(super) fn group_sql(scope: &Scope, issue: &str, filter: &Filter) -> Sql {
    let mut sql = Sql::new(
        "SELECT g.cause_key, MAX(g.label) AS label, COUNT(*) AS devices FROM finding_cause g \
         JOIN finding f ON f.device_key = g.device_key AND f.issue = g.issue JOIN device d ON d.key = g.device_key \
         WHERE d.status IN (1, 4) AND g.issue = ",
    );
    sql.bind(Value::Text(issue.to_owned()))
        .and_scope(scope)
        .and_filter(filter, On::Findings)
        .push(" GROUP BY g.cause_key ORDER BY devices DESC, g.cause_key");
    sql
}
