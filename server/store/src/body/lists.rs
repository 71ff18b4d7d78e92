//! Lists of devices, paged by key.

use sickbay_diagnosis::filter::TextField;

use super::{Backend, Db, counters, index, key_list, query};
use crate::codes::status_code;
use crate::error::During;
use crate::filter_sql::{Sql, Value, is_whole_fleet};
use crate::index::{Among, InFleet, Sought, Survey};
use crate::rows::{DeviceColumns, IdentityRow};
use crate::{DeviceIdentity, DeviceRow, DeviceStatus, Filter, Page, Result, Scope};

const LIST: &str = "list devices";
const NAME: &str = "name devices";

statements! {
    ROWS = concat!("SELECT ", device_columns!(), " FROM device d WHERE d.key IN ", key_list!("$1"));
}

pub(super) async fn devices(
    store: &Backend,
    scope: &Scope,
    status: DeviceStatus,
    filter: &Filter,
    page: &Page,
) -> Result<Vec<DeviceRow>> {
    let among = Among::Status(status_code(status));
    let keys = index::keys(store, among, scope, filter, page).await?;
    rows(store, &keys).await
}

/// The rows of devices, in the order of their keys.
async fn rows(store: &Backend, keys: &[i64]) -> Result<Vec<DeviceRow>> {
    let rows: Vec<DeviceColumns> = sqlx::query_as::<Db, DeviceColumns>(ROWS)
        .bind(key_list(keys))
        .fetch_all(store.reader())
        .await
        .during(LIST)?;
    index::in_order(keys, rows, DeviceColumns::key)
        .into_iter()
        .map(DeviceColumns::read)
        .collect()
}

/// What of the fleet has a text in its names.
pub(super) async fn search(store: &Backend, scope: &Scope, sought: &Sought) -> Result<InFleet> {
    let found = index::fleet(store).await?.search(scope, sought);
    Ok(InFleet {
        devices: rows(store, &found.active).await?,
        others: rows(store, &found.others).await?,
        counted: found.counted,
    })
}

pub(super) async fn survey(
    store: &Backend,
    scope: &Scope,
    status: DeviceStatus,
    filter: &Filter,
    fields: &[TextField],
) -> Result<Survey> {
    let among = Among::Status(status_code(status));
    index::survey(store, among, scope, filter, fields).await
}

pub(super) async fn count(
    store: &Backend,
    scope: &Scope,
    status: DeviceStatus,
    filter: &Filter,
) -> Result<u64> {
    if status == DeviceStatus::Active && is_whole_fleet(scope, filter) {
        return counters::active(store).await;
    }
    let survey = survey(store, scope, status, filter, &[]);
    Ok(survey.await?.devices)
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
        Value::Keys(keys.to_vec()),
    );
    sql.and_scope(scope).push(" ORDER BY d.key");
    sql
}
