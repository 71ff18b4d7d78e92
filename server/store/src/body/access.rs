//! Sign-in links, sessions and API tokens. Only hashes of secrets are kept.

use sickbay_diagnosis::Time;
use sqlx::FromRow;
use uuid::Uuid;

use super::{Backend, Db};
use crate::error::During;
use crate::rows::ApiTokenColumns;
use crate::{ApiTokenRow, NewApiToken, NewSession, Result, SessionRow, codes};

statements! {
    /// Keeps a link.
    CREATE_LINK = "INSERT INTO sign_in_link (hash, expires_at) VALUES ($1, $2)";
    /// Uses a link up, and whatever link is over.
    TAKE_LINK = "DELETE FROM sign_in_link WHERE hash = $1 OR expires_at <= $2 RETURNING hash, expires_at";
    /// Keeps a session.
    CREATE_SESSION = "INSERT INTO session (hash, csrf, created_at, expires_at) VALUES ($1, $2, $3, $4)";
    /// Forgets sessions that are over.
    FORGET_SESSIONS = "DELETE FROM session WHERE expires_at <= $1";
    /// A live session.
    SESSION = "SELECT csrf, expires_at FROM session WHERE hash = $1 AND expires_at > $2";
    /// Ends a session.
    END_SESSION = "DELETE FROM session WHERE hash = $1";
    /// Keeps an API token.
    CREATE_TOKEN = "INSERT INTO api_token (id, hash, name, created_at, expires_at) VALUES ($1, $2, $3, $4, $5) \
                    RETURNING id, name, created_at, expires_at, revoked_at";
    /// Every API token.
    TOKENS = "SELECT id, name, created_at, expires_at, revoked_at FROM api_token ORDER BY created_at DESC, id DESC";
    /// A live API token.
    TOKEN = "SELECT id, name, created_at, expires_at, revoked_at FROM api_token \
             WHERE hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)";
    /// Revokes an API token; the first time stays.
    REVOKE_TOKEN = "UPDATE api_token SET revoked_at = COALESCE(revoked_at, $2) WHERE id = $1";
}

const LINK: &str = "keep a sign-in link";
const TAKE: &str = "use a sign-in link";
const OPEN_SESSION: &str = "open a session";
const END: &str = "end a session";
const KEEP_TOKEN: &str = "keep an API token";
const REVOKE: &str = "revoke an API token";

#[derive(FromRow)]
struct TakenLink {
    hash: Vec<u8>,
    expires_at: i64,
}

#[derive(FromRow)]
struct SessionColumns {
    csrf: String,
    expires_at: i64,
}

pub(super) async fn create_link(store: &Backend, hash: &[u8], expires_at: Time) -> Result<()> {
    let mut transaction = store.begin(LINK).await?;
    sqlx::query::<Db>(CREATE_LINK)
        .bind(hash.to_vec())
        .bind(expires_at.millis())
        .execute(&mut *transaction)
        .await
        .during(LINK)?;
    transaction.commit().await.during(LINK)
}

pub(super) async fn take_link(store: &Backend, hash: &[u8], now: Time) -> Result<bool> {
    let mut transaction = store.begin(TAKE).await?;
    let taken = sqlx::query_as::<Db, TakenLink>(TAKE_LINK)
        .bind(hash.to_vec())
        .bind(now.millis())
        .fetch_all(&mut *transaction)
        .await
        .during(TAKE)?;
    transaction.commit().await.during(TAKE)?;
    Ok(taken
        .iter()
        .any(|link| link.hash == hash && link.expires_at > now.millis()))
}

pub(super) async fn create_session(store: &Backend, session: NewSession) -> Result<()> {
    let mut transaction = store.begin(OPEN_SESSION).await?;
    sqlx::query::<Db>(FORGET_SESSIONS)
        .bind(session.created_at.millis())
        .execute(&mut *transaction)
        .await
        .during(OPEN_SESSION)?;
    sqlx::query::<Db>(CREATE_SESSION)
        .bind(session.hash)
        .bind(session.csrf)
        .bind(session.created_at.millis())
        .bind(session.expires_at.millis())
        .execute(&mut *transaction)
        .await
        .during(OPEN_SESSION)?;
    transaction.commit().await.during(OPEN_SESSION)
}

pub(super) async fn session(store: &Backend, hash: &[u8], now: Time) -> Result<Option<SessionRow>> {
    let row = sqlx::query_as::<Db, SessionColumns>(SESSION)
        .bind(hash.to_vec())
        .bind(now.millis())
        .fetch_optional(store.reader())
        .await
        .during("find a session")?;
    Ok(row.map(|row| SessionRow {
        csrf: row.csrf,
        expires_at: Time::from_millis(row.expires_at),
    }))
}

pub(super) async fn end_session(store: &Backend, hash: &[u8]) -> Result<()> {
    let mut transaction = store.begin(END).await?;
    sqlx::query::<Db>(END_SESSION)
        .bind(hash.to_vec())
        .execute(&mut *transaction)
        .await
        .during(END)?;
    transaction.commit().await.during(END)
}

pub(super) async fn create_api_token(store: &Backend, token: NewApiToken) -> Result<ApiTokenRow> {
    let mut transaction = store.begin(KEEP_TOKEN).await?;
    let row = sqlx::query_as::<Db, ApiTokenColumns>(CREATE_TOKEN)
        .bind(Uuid::now_v7().to_string())
        .bind(token.hash)
        .bind(codes::text(&token.name))
        .bind(token.created_at.millis())
        .bind(token.expires_at.map(Time::millis))
        .fetch_one(&mut *transaction)
        .await
        .during(KEEP_TOKEN)?;
    transaction.commit().await.during(KEEP_TOKEN)?;
    row.read()
}

pub(super) async fn api_tokens(store: &Backend) -> Result<Vec<ApiTokenRow>> {
    sqlx::query_as::<Db, ApiTokenColumns>(TOKENS)
        .fetch_all(store.reader())
        .await
        .during("list API tokens")?
        .into_iter()
        .map(ApiTokenColumns::read)
        .collect()
}

pub(super) async fn api_token(
    store: &Backend,
    hash: &[u8],
    now: Time,
) -> Result<Option<ApiTokenRow>> {
    sqlx::query_as::<Db, ApiTokenColumns>(TOKEN)
        .bind(hash.to_vec())
        .bind(now.millis())
        .fetch_optional(store.reader())
        .await
        .during("find an API token")?
        .map(ApiTokenColumns::read)
        .transpose()
}

pub(super) async fn revoke_api_token(store: &Backend, id: Uuid, now: Time) -> Result<bool> {
    let mut transaction = store.begin(REVOKE).await?;
    let done = sqlx::query::<Db>(REVOKE_TOKEN)
        .bind(id.to_string())
        .bind(now.millis())
        .execute(&mut *transaction)
        .await
        .during(REVOKE)?;
    transaction.commit().await.during(REVOKE)?;
    Ok(done.rows_affected() > 0)
}
