//! Lists of devices, paged by key.

use super::{Backend, counters, key_list, query};
use crate::codes::status_code;
use crate::filter_sql::{On, Sql, Value, is_whole_fleet};
use crate::rows::{DeviceColumns, IdentityRow};
use crate::{DeviceIdentity, DeviceRow, DeviceStatus, Filter, Page, Result, Scope, codes};

const LIST: &str = "list devices";
const COUNT: &str = "count devices";
const NAME: &str = "name devices";

pub(super) async fn devices(
    store: &Backend,
    scope: &Scope,
    status: DeviceStatus,
    filter: &Filter,
    page: &Page,
) -> Result<Vec<DeviceRow>> {
    let mut transaction = store.begin_read(LIST).await?;
    let sql = list_sql(scope, status, filter, page);
    query::all::<DeviceColumns>(&mut transaction, sql, LIST)
        .await?
        .into_iter()
        .map(DeviceColumns::read)
        .collect()
}

pub(super) fn list_sql(scope: &Scope, status: DeviceStatus, filter: &Filter, page: &Page) -> Sql {
    let mut sql = Sql::new(concat!(
        "SELECT ",
        device_columns!(),
        " FROM device d WHERE d.status = "
    ));
    sql.bind(Value::Int(status_code(status)))
        .and_scope(scope)
        .and_filter(filter, On::Devices);
    if let Some(after) = &page.after {
        sql.push(" AND (d.name_lower, d.key) > (")
            .bind(Value::Text(codes::text(&after.name)))
            .push(", ")
            .bind(Value::Int(after.key))
            .push(")");
    }
    sql.push(" ORDER BY d.name_lower, d.key LIMIT ")
        .bind(Value::Int(i64::from(page.limit)));
    sql
}

pub(super) async fn count(store: &Backend, scope: &Scope, filter: &Filter) -> Result<u64> {
    if is_whole_fleet(scope, filter) {
        return counters::active(store).await;
    }
    let mut transaction = store.begin_read(COUNT).await?;
    let rows: Vec<(i64,)> = query::all(&mut transaction, count_sql(scope, filter), COUNT).await?;
    codes::count("count", rows.first().map_or(0, |row| row.0))
}

pub(super) async fn count_with_status(
    store: &Backend,
    scope: &Scope,
    status: DeviceStatus,
    filter: &Filter,
) -> Result<u64> {
    let mut transaction = store.begin_read(COUNT).await?;
    let sql = count_in_sql(scope, status, filter);
    let rows: Vec<(i64,)> = query::all(&mut transaction, sql, COUNT).await?;
    codes::count("count", rows.first().map_or(0, |row| row.0))
}

pub(super) fn count_sql(scope: &Scope, filter: &Filter) -> Sql {
    count_in_sql(scope, DeviceStatus::Active, filter)
}

fn count_in_sql(scope: &Scope, status: DeviceStatus, filter: &Filter) -> Sql {
    let mut sql = Sql::new("SELECT COUNT(*) FROM device d WHERE d.status = ");
    sql.bind(Value::Int(status_code(status)))
        .and_scope(scope)
        .and_filter(filter, On::Devices);
    sql
}

/// Who the devices of these keys are, by key.
pub(super) async fn ids(
    store: &Backend,
    scope: &Scope,
    keys: &[i64],
) -> Result<Vec<DeviceIdentity>> {
    let mut transaction = store.begin_read(NAME).await?;
    query::all::<IdentityRow>(&mut transaction, ids_sql(scope, keys), NAME)
        .await?
        .into_iter()
        .map(IdentityRow::read)
        .collect()
}

pub(super) fn ids_sql(scope: &Scope, keys: &[i64]) -> Sql {
    let mut sql = Sql::with(
        concat!(
            "SELECT d.key, d.id, d.status FROM device d WHERE d.key IN ",
            key_list!("$1")
        ),
        Value::Text(key_list(keys)),
    );
    sql.and_scope(scope).push(" ORDER BY d.key");
    sql
}
