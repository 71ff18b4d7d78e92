//! Lists as people left them.

use sickbay_diagnosis::Time;
use sqlx::FromRow;
use uuid::Uuid;

use super::{Backend, Db};
use crate::error::During;
use crate::{MAX_VIEWS, Result, ViewRow, ViewSaved, codes};

statements! {
    /// One's own, and those of others that are for everybody.
    OFFERED = "SELECT id, owner, owner_name, name, list, filter, columns, sort, shared, saved_at FROM saved_view \
               WHERE owner = $1 OR shared = 1 ORDER BY lower(name), id";
    /// How many others somebody has.
    OTHERS = "SELECT COUNT(*) FROM saved_view WHERE owner = $1 AND name <> $2";
    /// Keeps one in the place of the one of that name.
    PUT = "INSERT INTO saved_view (id, owner, owner_name, name, list, filter, columns, sort, shared, saved_at) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (owner, name) DO UPDATE SET owner_name = excluded.owner_name, \
           list = excluded.list, filter = excluded.filter, columns = excluded.columns, sort = excluded.sort, shared = excluded.shared, \
           saved_at = excluded.saved_at";
    /// One's own.
    REMOVE = "DELETE FROM saved_view WHERE id = $1 AND owner = $2";
    /// Also one that is for everybody.
    REMOVE_SHARED = "DELETE FROM saved_view WHERE id = $1 AND (owner = $2 OR shared = 1)";
}

const READ: &str = "read saved views";
const SAVE: &str = "save a view";
const REMOVING: &str = "remove a saved view";

#[derive(FromRow)]
struct ViewColumns {
    id: String,
    owner: String,
    owner_name: String,
    name: String,
    list: String,
    filter: String,
    columns: String,
    sort: String,
    shared: i64,
    saved_at: i64,
}

pub(super) async fn offered(store: &Backend, owner: &str) -> Result<Vec<ViewRow>> {
    let rows: Vec<ViewColumns> = sqlx::query_as::<Db, ViewColumns>(OFFERED)
        .bind(owner.to_owned())
        .fetch_all(store.reader())
        .await
        .during(READ)?;
    rows.into_iter().map(ViewColumns::read).collect()
}

pub(super) async fn save(store: &Backend, view: ViewRow) -> Result<ViewSaved> {
    let mut transaction = store.begin(SAVE).await?;
    let others: i64 = sqlx::query_scalar::<Db, i64>(OTHERS)
        .bind(view.owner.clone())
        .bind(view.name.clone())
        .fetch_one(&mut *transaction)
        .await
        .during(SAVE)?;
    if others >= MAX_VIEWS as i64 {
        return Ok(ViewSaved::TooMany);
    }
    sqlx::query::<Db>(PUT)
        .bind(view.id.to_string())
        .bind(view.owner)
        .bind(view.owner_name)
        .bind(view.name)
        .bind(view.list)
        .bind(view.filter)
        .bind(view.columns)
        .bind(view.sort)
        .bind(i64::from(view.shared))
        .bind(view.saved_at.millis())
        .execute(&mut *transaction)
        .await
        .during(SAVE)?;
    transaction.commit().await.during(SAVE)?;
    Ok(ViewSaved::Saved)
}

pub(super) async fn remove(
    store: &Backend,
    id: Uuid,
    owner: &str,
    also_shared: bool,
) -> Result<bool> {
    let statement = if also_shared { REMOVE_SHARED } else { REMOVE };
    let mut transaction = store.begin(REMOVING).await?;
    let done = sqlx::query::<Db>(statement)
        .bind(id.to_string())
        .bind(owner.to_owned())
        .execute(&mut *transaction)
        .await
        .during(REMOVING)?;
    transaction.commit().await.during(REMOVING)?;
    Ok(done.rows_affected() > 0)
}

impl ViewColumns {
    fn read(self) -> Result<ViewRow> {
        Ok(ViewRow {
            id: codes::id(&self.id)?,
            owner: self.owner,
            owner_name: self.owner_name,
            name: self.name,
            list: self.list,
            filter: self.filter,
            columns: self.columns,
            sort: self.sort,
            shared: self.shared != 0,
            saved_at: Time::from_millis(self.saved_at),
        })
    }
}
