//! Enrolment tokens, kept by the hash of their secret.

use sickbay_diagnosis::Time;
use uuid::Uuid;

use super::{Backend, Db};
use crate::error::During;
use crate::rows::TokenColumns;
use crate::{NewToken, Result, TokenRow, codes};

statements! {
    /// Keeps a token.
    CREATE = "INSERT INTO token (id, hash, name, approves, tags, expires_at, use_limit, created_at) \
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
              RETURNING id, name, approves, tags, expires_at, use_limit, uses, created_at, revoked_at";
    /// Every token. Ids are made in the order of time.
    ALL = "SELECT id, name, approves, tags, expires_at, use_limit, uses, created_at, revoked_at FROM token \
           ORDER BY created_at DESC, id DESC";
    /// One token.
    BY_HASH = "SELECT id, name, approves, tags, expires_at, use_limit, uses, created_at, revoked_at FROM token WHERE hash = $1";
    /// Revokes a token; the first time stays.
    REVOKE = "UPDATE token SET revoked_at = COALESCE(revoked_at, $2) WHERE id = $1";
}

pub(super) async fn create(store: &Backend, token: NewToken) -> Result<TokenRow> {
    const CREATING: &str = "keep an enrolment token";
    let mut transaction = store.begin(CREATING).await?;
    let row = sqlx::query_as::<Db, TokenColumns>(CREATE)
        .bind(Uuid::now_v7().to_string())
        .bind(token.hash)
        .bind(codes::text(&token.name))
        .bind(i64::from(token.approves))
        .bind(codes::tags_text(&token.tags))
        .bind(token.expires_at.map(Time::millis))
        .bind(token.use_limit.map(i64::from))
        .bind(token.created_at.millis())
        .fetch_one(&mut *transaction)
        .await
        .during(CREATING)?;
    transaction.commit().await.during(CREATING)?;
    row.read()
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

pub(super) async fn revoke(store: &Backend, id: Uuid, now: Time) -> Result<bool> {
    const REVOKING: &str = "revoke an enrolment token";
    let mut transaction = store.begin(REVOKING).await?;
    let done = sqlx::query::<Db>(REVOKE)
        .bind(id.to_string())
        .bind(now.millis())
        .execute(&mut *transaction)
        .await
        .during(REVOKING)?;
    transaction.commit().await.during(REVOKING)?;
    Ok(done.rows_affected() > 0)
}
