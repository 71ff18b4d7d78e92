//! Enrolment tokens, kept by the hash of their secret.

use sickbay_diagnosis::Time;
use sqlx::FromRow;
use uuid::Uuid;

use super::{Backend, Db, audit};
use crate::error::During;
use crate::rows::TokenColumns;
use crate::{NewAudit, NewToken, Result, TokenRow, action, codes};

/// What is read of a token.
macro_rules! token_columns {
    () => {
        "id, name, approves, tags, scope, expires_at, use_limit, per_hour, ephemeral_ms, uses, created_at, revoked_at"
    };
}

statements! {
    /// Keeps a token.
    CREATE = concat!(
        "INSERT INTO token (id, hash, name, approves, tags, scope, expires_at, use_limit, per_hour, ephemeral_ms, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING ",
        token_columns!()
    );
    /// Every token. Ids are made in the order of time.
    ALL = concat!("SELECT ", token_columns!(), " FROM token ORDER BY created_at DESC, id DESC");
    /// One token.
    BY_HASH = concat!("SELECT ", token_columns!(), " FROM token WHERE hash = $1");
    /// Revokes a token that is not revoked yet.
    REVOKE = "UPDATE token SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING name";
    /// Whether there is a token of that id.
    NAMED = "SELECT name FROM token WHERE id = $1";
}

#[derive(FromRow)]
struct Named {
    name: String,
}

pub(super) async fn create(store: &Backend, token: NewToken, by: &str) -> Result<TokenRow> {
    const CREATING: &str = "keep an enrolment token";
    let mut transaction = store.begin(CREATING).await?;
    let at = token.created_at;
    let row = sqlx::query_as::<Db, TokenColumns>(CREATE)
        .bind(Uuid::now_v7().to_string())
        .bind(token.hash)
        .bind(codes::text(&token.name))
        .bind(codes::approval_code(token.approval))
        .bind(codes::tags_text(&token.tags))
        .bind(codes::text(&codes::filter_text(&token.scope)))
        .bind(token.expires_at.map(Time::millis))
        .bind(token.use_limit.map(i64::from))
        .bind(token.per_hour.map(i64::from))
        .bind(token.ephemeral_ms)
        .bind(at.millis())
        .fetch_one(&mut *transaction)
        .await
        .during(CREATING)?
        .read()?;
    let line = line(by, at, action::TOKEN_CREATED, row.id, &row.name);
    let detail = format!("approval by {}", row.approval.name());
    audit::add(store, &mut transaction, &[NewAudit { detail, ..line }]).await?;
    transaction.commit().await.during(CREATING)?;
    Ok(row)
}

pub(super) async fn all(store: &Backend) -> Result<Vec<TokenRow>> {
    sqlx::query_as::<Db, TokenColumns>(ALL)
        .fetch_all(store.reader())
        .await
        .during("list enrolment tokens")?
        .into_iter()
        .map(TokenColumns::read)
        .collect()
}

pub(super) async fn by_hash(store: &Backend, hash: &[u8]) -> Result<Option<TokenRow>> {
    sqlx::query_as::<Db, TokenColumns>(BY_HASH)
        .bind(hash)
        .fetch_optional(store.reader())
        .await
        .during("look up an enrolment token")?
        .map(TokenColumns::read)
        .transpose()
}

pub(super) async fn revoke(store: &Backend, id: Uuid, by: &str, now: Time) -> Result<bool> {
    const REVOKING: &str = "revoke an enrolment token";
    let mut transaction = store.begin(REVOKING).await?;
    let revoked = sqlx::query_as::<Db, Named>(REVOKE)
        .bind(id.to_string())
        .bind(now.millis())
        .fetch_optional(&mut *transaction)
        .await
        .during(REVOKING)?;
    let Some(token) = revoked else {
        let there = sqlx::query_as::<Db, Named>(NAMED)
            .bind(id.to_string())
            .fetch_optional(&mut *transaction)
            .await
            .during(REVOKING)?;
        return Ok(there.is_some());
    };
    let line = line(by, now, action::TOKEN_REVOKED, id, &token.name);
    audit::add(store, &mut transaction, &[line]).await?;
    transaction.commit().await.during(REVOKING)?;
    Ok(true)
}

fn line(by: &str, at: Time, what: &'static str, id: Uuid, name: &str) -> NewAudit {
    NewAudit {
        at,
        actor: by.to_owned(),
        action: what,
        device: None,
        subject: format!("enrolment token {name:?} ({id})"),
        detail: String::new(),
    }
}
