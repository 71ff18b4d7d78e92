//! A whole fleet from one database into another, of the same kind or not.
//!
//! Both ends keep one transaction: what is read is one state, and what is written is there as a whole or not at all, so whatever goes
//! wrong can be tried again. Before it is kept, every row is read back and compared with what was sent, by count and digest.

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use crate::anatomy::Table;
use crate::{Address, PostgresStore, Result, SqliteStore, StoreError, address};

/// Pieces that wait to be written.
const WAITING: usize = 8;

/// A table that was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Its name.
    pub table: String,
    /// Rows that it has, there as here.
    pub rows: u64,
    /// SHA-256 of all that stands in it, the same for the same content in every database.
    pub digest: [u8; 32],
}

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

#[cfg(any(test, feature = "benchmarks"))]
impl Cell {
    fn spelled(&self) -> String {
        let nothing = || "-".to_owned();
        match self {
            Self::Int(number) => number.map_or_else(nothing, |number| number.to_string()),
            Self::Text(text) => text
                .as_ref()
                .map_or_else(nothing, |text| format!("{text:?}")),
            Self::Bytes(bytes) => bytes.as_ref().map_or_else(nothing, |b| format!("{b:02x?}")),
        }
    }
}

/// A row.
pub(crate) type Line = Vec<Cell>;

/// What travels between the ends; tables are named by their place.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Rows of a table.
    Lines(usize, Vec<Line>),
    /// All rows of a table were sent.
    End(usize, Told),
    /// Everything was.
    Done,
}

/// What can be told of all rows of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) rows: u64,
    pub(crate) digest: [u8; 32],
}

/// Adds rows up.
#[derive(Debug, Default)]
pub(crate) struct Sum {
    rows: u64,
    hash: Sha256,
}

impl Sum {
    pub(crate) fn add(&mut self, line: &Line) {
        self.rows += 1;
        for cell in line {
            match cell {
                Cell::Int(Some(number)) => self.part(1, &number.to_be_bytes()),
                Cell::Text(Some(text)) => self.part(2, text.as_bytes()),
                Cell::Bytes(Some(bytes)) => self.part(3, bytes),
                Cell::Int(None) | Cell::Text(None) | Cell::Bytes(None) => self.part(0, &[]),
            }
        }
    }

    fn part(&mut self, kind: u8, bytes: &[u8]) {
        self.hash.update([kind]);
        self.hash.update((bytes.len() as u64).to_be_bytes());
        self.hash.update(bytes);
    }

    pub(crate) fn told(self) -> Told {
        Told {
            rows: self.rows,
            digest: self.hash.finalize().into(),
        }
    }
}

/// Which tables are moved: not what tells servers that share a database of changes, which is written anew at the other end.
pub(crate) fn takes_part(table: &str) -> bool {
    !matches!(
        table,
        "change" | "bulletin" | "write_probe" | "_sqlx_migrations"
    )
}

/// A database that a fleet is moved out of or into.
#[async_trait]
pub(crate) trait Ends: Send + Sync {
    /// Its tables, each after those that its rows point to.
    async fn tables(&self) -> Result<Vec<Table>>;
    /// Sends every row of these tables, in one state.
    async fn send(&self, tables: &[Table], into: mpsc::Sender<Piece>) -> Result<()>;
    /// Takes every row of these tables, in place of what is there. Only an empty database is taken, unless it `replaces`. Nothing comes
    /// back where the sender went away before it was done.
    async fn receive(
        &self,
        tables: &[Table],
        from: mpsc::Receiver<Piece>,
        replaces: bool,
    ) -> Result<Vec<Moved>>;
    /// Closes its connections; all of a file stands in it then.
    async fn close(&self);
}

/// Moves everything that the database `from` holds to the database `to`, which has to be empty unless it `replaces`; what is not there
/// yet is made. Says what was moved, table by table.
///
/// # Errors
/// [`StoreError::CannotOpen`] where an end cannot be used or is in use, [`StoreError::Corrupt`] where what arrived is something else.
/// Nothing was changed then.
pub async fn move_fleet(from: &str, to: &str, replaces: bool) -> Result<Vec<Moved>> {
    let (from, to) = (end(from).await?, end(to).await?);
    let tables = from.tables().await?;
    if tables != to.tables().await? {
        return Err(StoreError::Corrupt {
            what: "schema",
            reason: "the databases have different tables".to_owned(),
        });
    }
    let (into, pieces) = mpsc::channel(WAITING);
    let (sent, moved) = tokio::join!(
        from.send(&tables, into),
        to.receive(&tables, pieces, replaces)
    );
    tokio::join!(from.close(), to.close());
    // Where both fail, the receiver says why: the sender noticed only that nobody listens.
    let moved = moved?;
    sent?;
    Ok(moved)
}

/// What stands in the database of that address, table by table.
///
/// # Errors
/// As [`crate::open`].
pub async fn digests(url: &str) -> Result<Vec<Moved>> {
    let end = end(url).await?;
    let tables = end.tables().await?;
    let (into, mut pieces) = mpsc::channel(WAITING);
    let told = async {
        let mut told = Vec::new();
        while let Some(piece) = pieces.recv().await {
            if let Piece::End(place, sum) = piece {
                told.push(Moved {
                    table: tables[place].name.clone(),
                    rows: sum.rows,
                    digest: sum.digest,
                });
            }
        }
        told
    };
    let (sent, told) = tokio::join!(end.send(&tables, into), told);
    end.close().await;
    sent?;
    Ok(told)
}

/// A row in words: each column with its value, `-` where it says nothing.
#[cfg(any(test, feature = "benchmarks"))]
pub type Spelled = Vec<(String, String)>;

/// What stands in the database of that address: every row of each table. For tests.
///
/// # Errors
/// As [`crate::open`].
#[cfg(any(test, feature = "benchmarks"))]
pub async fn dump(url: &str) -> Result<Vec<(String, Vec<Spelled>)>> {
    let end = end(url).await?;
    let tables = end.tables().await?;
    let (into, mut pieces) = mpsc::channel(WAITING);
    let told = async {
        let names = tables.iter().map(|table| (table.name.clone(), Vec::new()));
        let mut told: Vec<(String, Vec<Spelled>)> = names.collect();
        while let Some(piece) = pieces.recv().await {
            if let Piece::Lines(place, lines) = piece {
                let spelled = |line: Line| {
                    let columns = tables[place].columns.iter().map(|c| c.name.clone());
                    columns.zip(line.iter().map(Cell::spelled)).collect()
                };
                told[place].1.extend(lines.into_iter().map(spelled));
            }
        }
        told
    };
    let (sent, told) = tokio::join!(end.send(&tables, into), told);
    end.close().await;
    sent?;
    Ok(told)
}

/// Nothing is sealed on the way: the end of the record comes along as it was sealed.
async fn end(url: &str) -> Result<Box<dyn Ends>> {
    Ok(match address(url)? {
        Address::Sqlite(path) => Box::new(SqliteStore::connect_as_it_is(path).await?.0),
        Address::Postgres(url) => Box::new(PostgresStore::connect_as_it_is(url).await?.0),
    })
}
