//! What the database takes on its disk. For benchmarks.

use sqlx::FromRow;

use super::{Backend, COMPACT, Db, PARTS, TIDY, WHOLE};
use crate::error::During;
use crate::{PartSize, Result, Sizes, codes};

statements! {
    ALL = WHOLE;
    EACH = PARTS;
}

const MEASURE: &str = "measure the database";
const TIDY_UP: &str = "tidy up the database";

#[derive(FromRow)]
struct PartRow {
    tab: String,
    part: String,
    bytes: i64,
}

/// Every table and index.
pub(super) async fn of(store: &Backend) -> Result<Sizes> {
    let mut transaction = store.begin_read(MEASURE).await?;
    let bytes = sqlx::query_scalar::<Db, i64>(ALL)
        .fetch_one(&mut *transaction)
        .await
        .during(MEASURE)?;
    let rows = sqlx::query_as::<Db, PartRow>(EACH)
        .fetch_all(&mut *transaction)
        .await
        .during(MEASURE)?;
    let parts = rows.into_iter().map(|row| {
        Ok(PartSize {
            table: row.tab,
            index: row.part,
            bytes: codes::count("size", row.bytes)?,
        })
    });
    Ok(Sizes {
        bytes: codes::count("size", bytes)?,
        parts: parts.collect::<Result<_>>()?,
    })
}

/// Gives room free that nobody uses any more: as the database does by itself, or by writing all of it anew.
pub(super) async fn tidy(store: &Backend, anew: bool) -> Result<()> {
    let statement = if anew { COMPACT } else { TIDY };
    store.alone(statement).await.during(TIDY_UP)
}
