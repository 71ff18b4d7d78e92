//! Reading the cells of exports: only the columns that are asked for, a page as one text.
//!
//! A page comes as one JSON array of arrays. A row by itself costs more to hand over than to read: a value of its own for each column, and a
//! thread to be woken for each row.

use sickbay_diagnosis::filter::Filter;
use sqlx::AssertSqlSafe;

use super::{Backend, Db, index, key_list};
use crate::cells::{Cells, Field, reading};
use crate::error::During;
use crate::index::Among;
use crate::{DeviceStatus, Order, Page, Result, Scope, codes};

const READ: &str = "read rows of an export";

/// The statement that reads these fields of the devices of a list of keys, in its order; of an issue's devices where there is one.
pub(super) fn text(fields: &[Field], of_issue: bool) -> String {
    let mut text = concat!("SELECT ", array_of_rows!(), "d.key").to_owned();
    for field in fields {
        text.push_str(", ");
        text.push_str(reading::columns(*field).0);
    }
    text.push_str(concat!(end_of_rows!(), " FROM ", keyed_devices!("$1")));
    if of_issue {
        text.push_str(" JOIN finding f ON f.device_key = d.key AND f.issue = $2");
    }
    text
}

pub(super) async fn page(
    store: &Backend,
    scope: &Scope,
    issue: Option<&str>,
    filter: &Filter,
    fields: &[Field],
    order: Order,
    page: &Page,
) -> Result<Cells> {
    let among = match issue {
        Some(issue) => Among::Issue(issue),
        None => Among::Status(codes::status_code(DeviceStatus::Active)),
    };
    let (keys, next) = {
        let fleet = index::fleet(store).await?;
        let limit = page.limit as usize;
        // One more says whether there is another page.
        let mut keys = fleet.page(among, scope, filter, order, page.after.as_ref(), limit + 1);
        let more = keys.len() > limit;
        keys.truncate(limit);
        let last = keys.last().filter(|_| more);
        let next = last.and_then(|key| fleet.cursor(*key, issue, order));
        (keys, next)
    };
    let mut cells = Cells {
        fields: fields.to_vec(),
        keys: Vec::with_capacity(keys.len()),
        values: Vec::with_capacity(keys.len() * fields.len()),
        text: String::with_capacity(keys.len() * 200),
        next,
    };
    if keys.is_empty() {
        return Ok(cells);
    }
    // Of constants alone.
    let text = AssertSqlSafe(text(fields, issue.is_some()));
    let mut query = sqlx::query_scalar::<Db, String>(text).bind(key_list(&keys));
    if let Some(issue) = issue {
        query = query.bind(issue.to_owned());
    }
    let rows = query.fetch_one(store.reader()).await.during(READ)?;
    reading::read(&rows, &mut cells)?;
    Ok(cells)
}
