//! People who may sign in.

use sickbay_diagnosis::Time;
use uuid::Uuid;

use super::{Backend, Connection, Db, audit};
use crate::error::During;
use crate::rows::AccountColumns;
use crate::{Access, AccountMade, AccountRow, AccountSource, NewAudit, Result, action, codes};

statements! {
    /// A new one; nothing where the name is taken.
    CREATE = concat!(
        "INSERT INTO account (id, source, subject, name, role, scope, password, created_at) VALUES ($1, $2, $3, $4, $5, $6, '', $7) \
         ON CONFLICT (source, subject) DO NOTHING RETURNING ",
        account_columns!()
    );
    /// Every account.
    ALL = concat!("SELECT ", account_columns!(), " FROM account ORDER BY lower(name), id");
    /// One of them.
    ONE = concat!("SELECT ", account_columns!(), " FROM account WHERE id = $1");
    /// The one that its source knows by this.
    OF_SOURCE = concat!("SELECT ", account_columns!(), " FROM account WHERE source = $1 AND subject = $2");
    /// What it may do.
    PUT_ACCESS = "UPDATE account SET name = $2, role = $3, scope = $4 WHERE id = $1";
    /// Its password.
    PUT_PASSWORD = "UPDATE account SET password = $2 WHERE id = $1";
    /// Whether it may sign in.
    PUT_DISABLED = "UPDATE account SET disabled_at = $2 WHERE id = $1";
    /// Its sessions end, but for one.
    END_SESSIONS = "DELETE FROM session WHERE account = $1 AND id <> $2";
    /// Its links are used up.
    END_LINKS = "DELETE FROM sign_in_link WHERE account = $1";
}

const KEEP: &str = "keep an account";
const CHANGE: &str = "change an account";
const READ: &str = "read accounts";

pub(super) async fn create(
    store: &Backend,
    name: &str,
    access: &Access,
    by: &str,
    now: Time,
) -> Result<AccountMade> {
    let mut transaction = store.begin(KEEP).await?;
    let subject = name.to_lowercase();
    let row = insert(
        &mut transaction,
        AccountSource::Local,
        &subject,
        name,
        Some(access),
        now,
    );
    let Some(row) = row.await? else {
        return Ok(AccountMade::NameTaken);
    };
    let line = line(
        by,
        now,
        action::ACCOUNT_CREATED,
        &row,
        codes::access_words(Some(access)),
    );
    audit::add(store, &mut transaction, &[line]).await?;
    transaction.commit().await.during(KEEP)?;
    Ok(AccountMade::Made(row))
}

async fn insert(
    connection: &mut Connection,
    source: AccountSource,
    subject: &str,
    name: &str,
    access: Option<&Access>,
    now: Time,
) -> Result<Option<AccountRow>> {
    let scope = access.map_or_else(String::new, |access| access.scope.text());
    sqlx::query_as::<Db, AccountColumns>(CREATE)
        .bind(Uuid::now_v7().to_string())
        .bind(codes::account_source_code(source))
        .bind(codes::text(subject))
        .bind(codes::text(name))
        .bind(codes::role_code(access.map(|access| access.role)))
        .bind(codes::text(&scope))
        .bind(now.millis())
        .fetch_optional(connection)
        .await
        .during(KEEP)?
        .map(AccountColumns::read)
        .transpose()
}

pub(super) async fn all(store: &Backend) -> Result<Vec<AccountRow>> {
    sqlx::query_as::<Db, AccountColumns>(ALL)
        .fetch_all(store.reader())
        .await
        .during(READ)?
        .into_iter()
        .map(AccountColumns::read)
        .collect()
}

pub(super) async fn of_source(
    store: &Backend,
    source: AccountSource,
    subject: &str,
) -> Result<Option<AccountRow>> {
    sqlx::query_as::<Db, AccountColumns>(OF_SOURCE)
        .bind(codes::account_source_code(source))
        .bind(codes::text(subject))
        .fetch_optional(store.reader())
        .await
        .during(READ)?
        .map(AccountColumns::read)
        .transpose()
}

/// What a directory says of somebody now. Recorded where it is something else than before.
pub(super) async fn learn(
    store: &Backend,
    source: AccountSource,
    subject: &str,
    name: &str,
    access: Option<&Access>,
    now: Time,
) -> Result<AccountRow> {
    let mut transaction = store.begin(CHANGE).await?;
    let connection = &mut *transaction;
    let by = format!("{} directory", source.name());
    let words = codes::access_words(access);
    if let Some(row) = insert(connection, source, subject, name, access, now).await? {
        let line = line(&by, now, action::ACCOUNT_CREATED, &row, words);
        audit::add(store, connection, &[line]).await?;
        transaction.commit().await.during(CHANGE)?;
        return Ok(row);
    }
    let known = sqlx::query_as::<Db, AccountColumns>(OF_SOURCE)
        .bind(codes::account_source_code(source))
        .bind(codes::text(subject))
        .fetch_one(&mut *connection)
        .await
        .during(CHANGE)?
        .read()?;
    let fresh = AccountRow {
        name: codes::text(name),
        access: access.cloned(),
        ..known.clone()
    };
    if fresh == known {
        return Ok(known);
    }
    put_access(connection, &fresh).await?;
    if fresh.access != known.access {
        let line = line(&by, now, action::ACCESS_CHANGED, &fresh, words);
        audit::add(store, connection, &[line]).await?;
    }
    transaction.commit().await.during(CHANGE)?;
    Ok(fresh)
}

async fn put_access(connection: &mut Connection, row: &AccountRow) -> Result<()> {
    let access = row.access.as_ref();
    let scope = access.map_or_else(String::new, |access| access.scope.text());
    sqlx::query::<Db>(PUT_ACCESS)
        .bind(row.id.to_string())
        .bind(row.name.clone())
        .bind(codes::role_code(access.map(|access| access.role)))
        .bind(codes::text(&scope))
        .execute(connection)
        .await
        .during(CHANGE)?;
    Ok(())
}

async fn one(connection: &mut Connection, id: Uuid) -> Result<Option<AccountRow>> {
    sqlx::query_as::<Db, AccountColumns>(ONE)
        .bind(id.to_string())
        .fetch_optional(connection)
        .await
        .during(CHANGE)?
        .map(AccountColumns::read)
        .transpose()
}

pub(super) async fn set_access(
    store: &Backend,
    id: Uuid,
    access: &Access,
    by: &str,
    now: Time,
) -> Result<bool> {
    let mut transaction = store.begin(CHANGE).await?;
    let connection = &mut *transaction;
    let Some(row) = one(connection, id).await? else {
        return Ok(false);
    };
    let row = AccountRow {
        access: Some(access.clone()),
        ..row
    };
    put_access(connection, &row).await?;
    let line = line(
        by,
        now,
        action::ACCESS_CHANGED,
        &row,
        codes::access_words(Some(access)),
    );
    audit::add(store, connection, &[line]).await?;
    transaction.commit().await.during(CHANGE)?;
    Ok(true)
}

/// The other sessions of the account end, and its links are used up.
pub(super) async fn set_password(
    store: &Backend,
    id: Uuid,
    password: &str,
    keeps: Option<Uuid>,
    by: &str,
    now: Time,
) -> Result<bool> {
    let mut transaction = store.begin(CHANGE).await?;
    let connection = &mut *transaction;
    let Some(row) = one(connection, id).await? else {
        return Ok(false);
    };
    sqlx::query::<Db>(PUT_PASSWORD)
        .bind(id.to_string())
        .bind(password.to_owned())
        .execute(&mut *connection)
        .await
        .during(CHANGE)?;
    sign_out(connection, id, keeps).await?;
    let line = line(by, now, action::PASSWORD_CHANGED, &row, String::new());
    audit::add(store, connection, &[line]).await?;
    transaction.commit().await.during(CHANGE)?;
    Ok(true)
}

/// A person who may not sign in has no session either.
pub(super) async fn set_disabled(
    store: &Backend,
    id: Uuid,
    disabled: bool,
    by: &str,
    now: Time,
) -> Result<bool> {
    let mut transaction = store.begin(CHANGE).await?;
    let connection = &mut *transaction;
    let Some(row) = one(connection, id).await? else {
        return Ok(false);
    };
    if row.disabled_at.is_some() == disabled {
        return Ok(true);
    }
    sqlx::query::<Db>(PUT_DISABLED)
        .bind(id.to_string())
        .bind(disabled.then_some(now.millis()))
        .execute(&mut *connection)
        .await
        .during(CHANGE)?;
    let what = if disabled {
        sign_out(connection, id, None).await?;
        action::ACCOUNT_DISABLED
    } else {
        action::ACCOUNT_ENABLED
    };
    let line = line(by, now, what, &row, String::new());
    audit::add(store, connection, &[line]).await?;
    transaction.commit().await.during(CHANGE)?;
    Ok(true)
}

async fn sign_out(connection: &mut Connection, id: Uuid, keeps: Option<Uuid>) -> Result<()> {
    sqlx::query::<Db>(END_SESSIONS)
        .bind(id.to_string())
        .bind(codes::optional_id(keeps))
        .execute(&mut *connection)
        .await
        .during(CHANGE)?;
    sqlx::query::<Db>(END_LINKS)
        .bind(id.to_string())
        .execute(connection)
        .await
        .during(CHANGE)?;
    Ok(())
}

fn line(by: &str, at: Time, what: &'static str, row: &AccountRow, detail: String) -> NewAudit {
    NewAudit {
        at,
        actor: by.to_owned(),
        action: what,
        device: None,
        subject: format!("{} account {:?} ({})", row.source.name(), row.name, row.id),
        detail,
    }
}
