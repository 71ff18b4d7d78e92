//! Every row of the database out of it and into it, in one transaction each.

use async_trait::async_trait;
use futures::TryStreamExt as _;
use sqlx::{AssertSqlSafe, Row as _};
use tokio::sync::mpsc;

use super::query::{LENGTHS, Query};
use super::{ANATOMY, Backend, Connection, Db, numbers_follow, placeholder, take_time};
use crate::anatomy::{self, Table};
use crate::column::Column;
use crate::error::During;
use crate::moving::{Cell, Ends, Line, Moved, Piece, Sum, takes_part};
use crate::{Result, StoreError};

const READ: &str = "read a whole database";
const WRITE: &str = "write a whole database";
/// Rows that travel together.
const TOGETHER: usize = 100;

#[async_trait]
impl Ends for Backend {
    async fn tables(&self) -> Result<Vec<Table>> {
        let mut rows = sqlx::query_as::<Db, anatomy::AnatomyRow>(ANATOMY)
            .fetch_all(self.reader())
            .await
            .during(READ)?;
        rows.retain(|row| takes_part(&row.tab));
        anatomy::tables(rows)
    }

    async fn close(&self) {
        Backend::close(self).await;
    }

    async fn send(&self, tables: &[Table], into: mpsc::Sender<Piece>) -> Result<()> {
        let mut transaction = self.begin_read(READ).await?;
        take_time(&mut transaction).await?;
        for (place, table) in tables.iter().enumerate() {
            let mut sum = Sum::default();
            let mut lines = Vec::with_capacity(TOGETHER);
            {
                let mut rows = std::pin::pin!(rows_of(&mut transaction, table));
                while let Some(line) = rows.try_next().await? {
                    sum.add(&line);
                    lines.push(line);
                    if lines.len() == TOGETHER {
                        let piece = Piece::Lines(place, std::mem::take(&mut lines));
                        // Whoever does not listen any more has said why.
                        if into.send(piece).await.is_err() {
                            return Ok(());
                        }
                    }
                }
            }
            for piece in [Piece::Lines(place, lines), Piece::End(place, sum.told())] {
                if into.send(piece).await.is_err() {
                    return Ok(());
                }
            }
        }
        let _heard = into.send(Piece::Done).await;
        Ok(())
    }

    async fn receive(
        &self,
        tables: &[Table],
        mut from: mpsc::Receiver<Piece>,
        replaces: bool,
    ) -> Result<Vec<Moved>> {
        let mut transaction = self.begin(WRITE).await?;
        take_time(&mut transaction).await?;
        if !replaces {
            refuse_a_fleet(&mut transaction, tables).await?;
        }
        for table in tables.iter().rev() {
            let text = AssertSqlSafe(format!("DELETE FROM {}", table.name));
            sqlx::query::<Db>(text)
                .execute(&mut *transaction)
                .await
                .during(WRITE)?;
        }
        let mut sent = Vec::with_capacity(tables.len());
        loop {
            match from.recv().await {
                Some(Piece::Lines(place, lines)) => {
                    write(&mut transaction, &tables[place], &lines).await?;
                }
                Some(Piece::End(place, told)) => sent.push((place, told)),
                Some(Piece::Done) => break,
                // Who sent failed, and says so itself.
                None => return Ok(Vec::new()),
            }
        }
        numbers_follow(&mut transaction).await?;
        let mut moved = Vec::with_capacity(tables.len());
        for (place, told) in sent {
            let table = &tables[place];
            let mut sum = Sum::default();
            {
                let mut rows = std::pin::pin!(rows_of(&mut transaction, table));
                while let Some(line) = rows.try_next().await? {
                    sum.add(&line);
                }
            }
            let found = sum.told();
            if found != told {
                return Err(StoreError::Corrupt {
                    what: "copy",
                    reason: format!(
                        "{} has {} rows there, {} here, or other ones; nothing was changed",
                        table.name, told.rows, found.rows
                    ),
                });
            }
            moved.push(Moved {
                table: table.name.clone(),
                rows: told.rows,
                digest: told.digest,
            });
        }
        transaction.commit().await.during(WRITE)?;
        Ok(moved)
    }
}

/// Every row of a table in the order of its key, each with its columns in the order of their names.
fn rows_of<'c>(
    connection: &'c mut Connection,
    table: &'c Table,
) -> impl futures::Stream<Item = Result<Line>> + Send + 'c {
    let columns: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
    // Names of tables and columns come from the schema, which migrations made.
    let text = format!(
        "SELECT {} FROM {} ORDER BY {}",
        columns.join(", "),
        table.name,
        table.key().join(", ")
    );
    let rows = sqlx::query::<Db>(AssertSqlSafe(text)).fetch(connection);
    let kinds: Vec<Column> = table.columns.iter().map(|column| column.kind).collect();
    rows.map_err(|error| StoreError::of(READ, error))
        .and_then(move |row| {
            let line = kinds.iter().enumerate().map(|(place, kind)| {
                Ok(match kind {
                    Column::Int => Cell::Int(row.try_get(place)?),
                    Column::Text => Cell::Text(row.try_get(place)?),
                    Column::Bytes => Cell::Bytes(row.try_get(place)?),
                })
            });
            let line: std::result::Result<Line, sqlx::Error> = line.collect();
            std::future::ready(line.during(READ))
        })
}

async fn write(connection: &mut Connection, table: &Table, lines: &[Line]) -> Result<()> {
    let columns: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
    let mut rest = lines;
    for length in LENGTHS {
        while rest.len() >= length {
            let (now, later) = rest.split_at(length);
            rest = later;
            let mut number = 0;
            let rows: Vec<String> = now
                .iter()
                .map(|_| {
                    let row: Vec<String> = table
                        .columns
                        .iter()
                        .map(|column| {
                            number += 1;
                            let mut text = String::new();
                            placeholder(&mut text, number, column.kind);
                            text
                        })
                        .collect();
                    format!("({})", row.join(", "))
                })
                .collect();
            let text = format!(
                "INSERT INTO {} ({}) VALUES {}",
                table.name,
                columns.join(", "),
                rows.join(", ")
            );
            let mut query: Query<'_> = sqlx::query(AssertSqlSafe(text));
            for cell in now.iter().flatten() {
                query = match cell {
                    Cell::Int(number) => query.bind(*number),
                    Cell::Text(text) => query.bind(text.clone()),
                    Cell::Bytes(bytes) => query.bind(bytes.clone()),
                };
            }
            query.execute(&mut *connection).await.during(WRITE)?;
        }
    }
    Ok(())
}

/// Whether nothing was done with the database yet. Secrets may be there: the servers' keys come first.
pub(super) async fn is_unused(store: &Backend) -> Result<bool> {
    let tables = store.tables().await?;
    let mut transaction = store.begin_read(READ).await?;
    for table in tables.iter().filter(|table| table.name != "secret") {
        if rows_in(&mut transaction, table).await? > 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn rows_in(connection: &mut Connection, table: &Table) -> Result<i64> {
    let text = AssertSqlSafe(format!("SELECT COUNT(*) FROM {}", table.name));
    sqlx::query_scalar::<Db, i64>(text)
        .fetch_one(connection)
        .await
        .during(READ)
}

/// Only a database that nothing was done with yet is written over without being told to.
async fn refuse_a_fleet(connection: &mut Connection, tables: &[Table]) -> Result<()> {
    for table in tables {
        // An empty record has an end that is signed.
        if table.name == "audit_head" {
            continue;
        }
        let rows = rows_in(connection, table).await?;
        if rows > 0 {
            return Err(StoreError::CannotOpen {
                location: "to move a fleet to".to_owned(),
                reason: format!(
                    "it is in use: its table {} has {rows} rows. Name an empty one, or say that what is there is to be replaced \
                     (--replace)",
                    table.name
                ),
            });
        }
    }
    Ok(())
}
