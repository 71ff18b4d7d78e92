//! Running statements whose text is put together: filters with their values, and lists of rows.

use sqlx::{AssertSqlSafe, Database, FromRow};

use super::{Connection, Db, key_list, placeholder};
use crate::Result;
use crate::column::Column;
use crate::error::During;
use crate::filter_sql::{Sql, Value};

/// A query of this database.
pub(super) type Query<'q> = sqlx::query::Query<'q, Db, <Db as Database>::Arguments>;

/// A row of this database.
type Row = <Db as Database>::Row;

/// Every row of a statement with a filter in it.
pub(super) async fn all<T>(
    connection: &mut Connection,
    sql: Sql,
    operation: &'static str,
) -> Result<Vec<T>>
where
    T: for<'r> FromRow<'r, Row> + Send + Unpin,
{
    let (text, values) = sql.into_parts();
    // The text consists of constants and placeholders: `Sql` takes nothing else.
    let mut query = sqlx::query_as::<Db, T>(AssertSqlSafe(text));
    for value in values {
        query = match value {
            Value::Int(number) => query.bind(number),
            Value::Text(text) => query.bind(text),
            Value::Keys(keys) => query.bind(key_list(&keys)),
        };
    }
    query.fetch_all(connection).await.during(operation)
}

/// Rows per statement, largest first: any number of rows takes few statements, and few statements are prepared.
pub(super) const LENGTHS: [usize; 8] = [128, 64, 32, 16, 8, 4, 2, 1];

/// A statement over a list of rows: `before (VALUES ($1, $2), ($3, $4)) after`.
#[derive(Debug)]
pub(super) struct RowList {
    /// What is done, for errors.
    pub(super) operation: &'static str,
    /// Up to and including `VALUES`.
    pub(super) before: &'static str,
    /// Kinds of the columns.
    pub(super) columns: &'static [Column],
    /// What follows the rows.
    pub(super) after: &'static str,
}

impl RowList {
    /// The text for so many rows.
    pub(super) fn text(&self, rows: usize) -> String {
        let mut text = self.before.to_owned();
        let mut number = 0;
        for row in 0..rows {
            text.push_str(if row == 0 { " (" } else { ", (" });
            for (place, kind) in self.columns.iter().enumerate() {
                number += 1;
                if place > 0 {
                    text.push_str(", ");
                }
                text.push_str(&placeholder(number, *kind));
            }
            text.push(')');
        }
        text.push_str(self.after);
        text
    }

    /// Runs it over all items. `bind` binds one value for each column.
    pub(super) async fn run<T: Sync>(
        &self,
        connection: &mut Connection,
        items: &[T],
        bind: for<'q> fn(Query<'q>, &T) -> Query<'q>,
    ) -> Result<()> {
        let mut rest = items;
        for length in LENGTHS {
            if rest.len() < length {
                continue;
            }
            let text = self.text(length);
            while rest.len() >= length {
                let (now, later) = rest.split_at(length);
                rest = later;
                let mut query: Query<'_> = sqlx::query(AssertSqlSafe(text.as_str()));
                for item in now {
                    query = bind(query, item);
                }
                query
                    .execute(&mut *connection)
                    .await
                    .during(self.operation)?;
            }
        }
        Ok(())
    }
}
