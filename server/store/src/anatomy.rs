//! What tables a database has, told by itself: whoever moves a fleet need not be told of a table, and the same schema can be asked of
//! every database.

use std::collections::BTreeSet;

use sqlx::FromRow;

use crate::column::Column;
use crate::{Result, StoreError};

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    /// Its name.
    pub(crate) name: String,
    /// Its columns, by name.
    pub(crate) columns: Vec<Described>,
    /// Tables whose rows have to be there before.
    pub(crate) parents: BTreeSet<String>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Described {
    pub(crate) name: String,
    pub(crate) kind: Column,
    /// Whether it always says something.
    pub(crate) required: bool,
    /// Its place in the primary key, from 1; 0 where it is no part of it.
    pub(crate) place: i64,
    /// The table whose rows it names.
    pub(crate) parent: Option<String>,
}

/// A column as every database tells it.
#[derive(Debug, FromRow)]
pub(crate) struct AnatomyRow {
    pub(crate) tab: String,
    col: String,
    kind: String,
    required: i64,
    place: i64,
    parent: String,
}

impl Table {
    /// Columns of the primary key, in its order.
    pub(crate) fn key(&self) -> Vec<&str> {
        let mut key: Vec<&Described> = self.columns.iter().filter(|c| c.place > 0).collect();
        key.sort_by_key(|column| column.place);
        key.into_iter().map(|column| column.name.as_str()).collect()
    }
}

/// The tables that rows tell of, each after those that its rows point to.
pub(crate) fn tables(rows: Vec<AnatomyRow>) -> Result<Vec<Table>> {
    let mut tables: Vec<Table> = Vec::new();
    for row in rows {
        let column = Described {
            kind: kind(&row)?,
            required: row.required != 0 || row.place != 0,
            place: row.place,
            parent: (!row.parent.is_empty()).then(|| row.parent.clone()),
            name: row.col,
        };
        if tables.last().is_none_or(|table| table.name != row.tab) {
            tables.push(Table {
                name: row.tab,
                columns: Vec::new(),
                parents: BTreeSet::new(),
            });
        }
        if let Some(table) = tables.last_mut() {
            table.parents.extend(column.parent.clone());
            table.columns.push(column);
        }
    }
    for table in &mut tables {
        table
            .columns
            .sort_by(|one, other| one.name.cmp(&other.name));
    }
    Ok(parents_first(tables))
}

fn parents_first(mut tables: Vec<Table>) -> Vec<Table> {
    tables.sort_by(|one, other| one.name.cmp(&other.name));
    let mut ordered: Vec<Table> = Vec::with_capacity(tables.len());
    while !tables.is_empty() {
        let is_ready = |table: &Table| {
            let own = &table.name;
            let is_there = |parent: &String| {
                parent == own || ordered.iter().any(|known| known.name == *parent)
            };
            table.parents.iter().all(is_there)
        };
        // Tables that point to each other would go on for ever; there are none, and the first would do.
        let place = tables.iter().position(is_ready).unwrap_or_default();
        ordered.push(tables.remove(place));
    }
    ordered
}

fn kind(row: &AnatomyRow) -> Result<Column> {
    match row.kind.to_ascii_lowercase().as_str() {
        "integer" | "bigint" => Ok(Column::Int),
        "text" => Ok(Column::Text),
        "blob" | "bytea" => Ok(Column::Bytes),
        other => Err(StoreError::Corrupt {
            what: "schema",
            reason: format!("{}.{} is of the kind {other}", row.tab, row.col),
        }),
    }
}
