//! Findings of an issue with their devices, paged by name and key.

use sickbay_diagnosis::filter::{Test, TextField};
use sickbay_diagnosis::verdict::Kept;
use sqlx::FromRow;

use super::{Backend, Db, counters, index, key_list};
use crate::error::During;
use crate::filter_sql::{is_everything, is_whole_fleet};
use crate::index::{Among, Survey};
use crate::rows::{DeviceColumns, FindingColumns};
use crate::{Filter, IssueCount, IssueDevice, Page, Result, Scope};

const LIST: &str = "list devices of an issue";

#[derive(FromRow)]
struct FindingRow {
    #[sqlx(flatten)]
    device: DeviceColumns,
    #[sqlx(flatten)]
    finding: FindingColumns,
}

statements! {
    ROWS = concat!(
        "SELECT ", device_columns!(), ", ", finding_columns!(), " FROM finding f JOIN device d ON d.key = f.device_key \
         WHERE f.issue = $1 AND f.device_key IN ", key_list!("$2")
    );
}

pub(super) async fn devices(
    store: &Backend,
    scope: &Scope,
    issue: &str,
    filter: &Filter,
    page: &Page,
) -> Result<Vec<IssueDevice>> {
    let keys = index::keys(store, Among::Issue(issue), scope, filter, page).await?;
    let rows: Vec<FindingRow> = sqlx::query_as::<Db, FindingRow>(ROWS)
        .bind(issue.to_owned())
        .bind(key_list(&keys))
        .fetch_all(store.reader())
        .await
        .during(LIST)?;
    index::in_order(&keys, rows, |row| row.finding.device_key)
        .into_iter()
        .map(|row| {
            Ok(IssueDevice {
                device: row.device.read()?,
                finding: row.finding.read()?,
            })
        })
        .collect()
}

pub(super) async fn survey(
    store: &Backend,
    scope: &Scope,
    issue: &str,
    filter: &Filter,
    fields: &[TextField],
) -> Result<Survey> {
    index::survey(store, Among::Issue(issue), scope, filter, fields).await
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
    Ok(survey(store, scope, issue, filter, &[]).await?.devices)
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
