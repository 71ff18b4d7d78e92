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

/// Rows per statement, largest first. A list is filled up to one of these lengths, so that few statements are prepared and any number of
/// rows takes few of them: each is handed to the database's thread, or sent to its server, and waited for.
pub(super) const LENGTHS: [usize; 10] = [512, 256, 128, 64, 32, 16, 8, 4, 2, 1];

/// What a list of rows is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// Rows to insert: `before` names the table and its columns.
    Insert,
    /// Rows to find others by: `before` ends in `(VALUES`, `after` begins with the bracket that closes it.
    Match,
}

/// A statement over a list of rows.
///
/// What fills a list up has nothing but NULL in it. The first column of a row of ours is never NULL: so what is filled up is not inserted,
/// and matches nothing.
#[derive(Debug)]
pub(super) struct RowList {
    /// What is done, for errors.
    pub(super) operation: &'static str,
    /// What it is for.
    pub(super) how: How,
    /// Up to the rows.
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
        if self.how == How::Insert {
            text.push_str(" SELECT * FROM (VALUES");
        }
        let mut number = 0;
        for row in 0..rows {
            text.push_str(if row == 0 { " (" } else { ", (" });
            for (place, kind) in self.columns.iter().enumerate() {
                number += 1;
                if place > 0 {
                    text.push_str(", ");
                }
                placeholder(&mut text, number, *kind);
            }
            text.push(')');
        }
        if self.how == How::Insert {
            text.push_str(") AS v WHERE v.column1 IS NOT NULL");
        }
        text.push_str(self.after);
        text
    }

    /// Runs it over all items. `bind` binds one value for each column, of which the first is not NULL.
    pub(super) async fn run<T: Sync>(
        &self,
        connection: &mut Connection,
        items: &[T],
        bind: for<'q> fn(Query<'q>, &T) -> Query<'q>,
    ) -> Result<()> {
        for items in items.chunks(LENGTHS[0]) {
            let length = items.len().next_power_of_two();
            let mut query: Query<'_> = sqlx::query(AssertSqlSafe(self.text(length)));
            for item in items {
                query = bind(query, item);
            }
            for _ in items.len()..length {
                query = self.fill(query);
            }
            query
                .execute(&mut *connection)
                .await
                .during(self.operation)?;
        }
        Ok(())
    }

    /// A row of nothing.
    fn fill<'q>(&self, query: Query<'q>) -> Query<'q> {
        let columns = self.columns.iter();
        columns.fold(query, |query, kind| match kind {
            Column::Int => query.bind(None::<i64>),
            Column::Text => query.bind(None::<String>),
            Column::Bytes => query.bind(None::<Vec<u8>>),
        })
    }
}
