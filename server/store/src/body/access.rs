//! Sign-in links, sessions and API tokens. Only hashes of secrets are kept.

use sickbay_diagnosis::Time;
use sqlx::FromRow;
use uuid::Uuid;

use super::{Backend, Db, audit};
use crate::error::During;
use crate::rows::{AccountColumns, ApiTokenColumns};
use crate::{
    ApiTokenRow, NewApiToken, NewAudit, NewSession, Result, SessionRow, TakenLink, action, codes,
};

statements! {
    /// Keeps a link.
    CREATE_LINK = "INSERT INTO sign_in_link (hash, account, expires_at) VALUES ($1, $2, $3)";
    /// Uses a link up, and whatever link is over.
    TAKE_LINK = "DELETE FROM sign_in_link WHERE hash = $1 OR expires_at <= $2 RETURNING hash, account, expires_at";
    /// Keeps a session.
    CREATE_SESSION = "INSERT INTO session (hash, id, csrf, account, address, agent, grant_sealed, created_at, seen_at, checked_at, expires_at) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $8, $9)";
    /// Its person signed in.
    SIGNED_IN = "UPDATE account SET signed_in_at = $2 WHERE id = $1";
    /// Forgets sessions that are over.
    FORGET_SESSIONS = "DELETE FROM session WHERE expires_at <= $1";
    /// A live session.
    SESSION = concat!(session_columns!(), " WHERE s.hash = $1 AND s.expires_at > $2");
    /// Every live session.
    SESSIONS = concat!(session_columns!(), " WHERE s.expires_at > $1 ORDER BY s.seen_at DESC, s.id");
    /// A session was used.
    SESSION_SEEN = "UPDATE session SET seen_at = $2 WHERE id = $1 AND seen_at < $2";
    /// Its source was asked again.
    SESSION_CHECKED = "UPDATE session SET checked_at = $2, grant_sealed = $3 WHERE id = $1";
    /// Ends a session.
    END_SESSION = "DELETE FROM session WHERE id = $1 RETURNING id";
    /// Keeps an API token.
    CREATE_TOKEN = concat!(
        "INSERT INTO api_token (id, hash, name, role, scope, made_by, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING ",
        token_columns!()
    );
    /// Every API token.
    TOKENS = concat!("SELECT ", token_columns!(), " FROM api_token ORDER BY created_at DESC, id DESC");
    /// A live API token.
    TOKEN = concat!(
        "SELECT ", token_columns!(), " FROM api_token \
         WHERE hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)"
    );
    /// An API token was used.
    TOKEN_USED = "UPDATE api_token SET used_at = $2 WHERE id = $1 AND (used_at IS NULL OR used_at < $2)";
    /// Revokes an API token that is not revoked yet.
    REVOKE_TOKEN = "UPDATE api_token SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING name";
    /// Whether there is an API token of that id.
    TOKEN_NAMED = "SELECT name FROM api_token WHERE id = $1";
}

const LINK: &str = "keep a sign-in link";
const TAKE: &str = "use a sign-in link";
const OPEN_SESSION: &str = "open a session";
const USE: &str = "note that a session or token is used";
const END: &str = "end a session";
const KEEP_TOKEN: &str = "keep an API token";
const REVOKE: &str = "revoke an API token";

#[derive(FromRow)]
struct TakenLinkColumns {
    hash: Vec<u8>,
    account: String,
    expires_at: i64,
}

#[derive(FromRow)]
struct SessionColumns {
    session_id: String,
    csrf: String,
    address: String,
    agent: String,
    grant_sealed: Vec<u8>,
    session_created_at: i64,
    seen_at: i64,
    checked_at: i64,
    expires_at: i64,
    /// Empty where the session names nobody.
    session_account: String,
    #[sqlx(flatten)]
    account: AccountColumns,
}

pub(super) async fn create_link(
    store: &Backend,
    hash: &[u8],
    account: Option<Uuid>,
    expires_at: Time,
    line: NewAudit,
) -> Result<()> {
    let mut transaction = store.begin(LINK).await?;
    sqlx::query::<Db>(CREATE_LINK)
        .bind(hash.to_vec())
        .bind(codes::optional_id(account))
        .bind(expires_at.millis())
        .execute(&mut *transaction)
        .await
        .during(LINK)?;
    audit::add(store, &mut transaction, &[line]).await?;
    transaction.commit().await.during(LINK)
}

pub(super) async fn take_link(
    store: &Backend,
    hash: &[u8],
    now: Time,
) -> Result<Option<TakenLink>> {
    let mut transaction = store.begin(TAKE).await?;
    let taken = sqlx::query_as::<Db, TakenLinkColumns>(TAKE_LINK)
        .bind(hash.to_vec())
        .bind(now.millis())
        .fetch_all(&mut *transaction)
        .await
        .during(TAKE)?;
    transaction.commit().await.during(TAKE)?;
    taken
        .into_iter()
        .find(|link| link.hash == hash && link.expires_at > now.millis())
        .map(|link| {
            Ok(TakenLink {
                account: codes::read_optional_id(&link.account)?,
            })
        })
        .transpose()
}

pub(super) async fn create_session(
    store: &Backend,
    session: NewSession,
    line: NewAudit,
) -> Result<()> {
    let mut transaction = store.begin(OPEN_SESSION).await?;
    sqlx::query::<Db>(FORGET_SESSIONS)
        .bind(session.created_at.millis())
        .execute(&mut *transaction)
        .await
        .during(OPEN_SESSION)?;
    sqlx::query::<Db>(CREATE_SESSION)
        .bind(session.hash)
        .bind(session.id.to_string())
        .bind(session.csrf)
        .bind(codes::optional_id(session.account))
        .bind(codes::text(&session.address))
        .bind(codes::text(&session.agent))
        .bind(session.grant_sealed)
        .bind(session.created_at.millis())
        .bind(session.expires_at.millis())
        .execute(&mut *transaction)
        .await
        .during(OPEN_SESSION)?;
    if let Some(account) = session.account {
        sqlx::query::<Db>(SIGNED_IN)
            .bind(account.to_string())
            .bind(session.created_at.millis())
            .execute(&mut *transaction)
            .await
            .during(OPEN_SESSION)?;
    }
    audit::add(store, &mut transaction, &[line]).await?;
    transaction.commit().await.during(OPEN_SESSION)
}

pub(super) async fn session(store: &Backend, hash: &[u8], now: Time) -> Result<Option<SessionRow>> {
    sqlx::query_as::<Db, SessionColumns>(SESSION)
        .bind(hash.to_vec())
        .bind(now.millis())
        .fetch_optional(store.reader())
        .await
        .during("find a session")?
        .map(SessionColumns::read)
        .transpose()
}

pub(super) async fn sessions(store: &Backend, now: Time) -> Result<Vec<SessionRow>> {
    sqlx::query_as::<Db, SessionColumns>(SESSIONS)
        .bind(now.millis())
        .fetch_all(store.reader())
        .await
        .during("list sessions")?
        .into_iter()
        .map(SessionColumns::read)
        .collect()
}

pub(super) async fn session_seen(store: &Backend, id: Uuid, now: Time) -> Result<()> {
    used(store, SESSION_SEEN, id, now).await
}

pub(super) async fn api_token_used(store: &Backend, id: Uuid, now: Time) -> Result<()> {
    used(store, TOKEN_USED, id, now).await
}

async fn used(store: &Backend, statement: &'static str, id: Uuid, now: Time) -> Result<()> {
    let mut transaction = store.begin(USE).await?;
    sqlx::query::<Db>(statement)
        .bind(id.to_string())
        .bind(now.millis())
        .execute(&mut *transaction)
        .await
        .during(USE)?;
    transaction.commit().await.during(USE)
}

pub(super) async fn session_checked(
    store: &Backend,
    id: Uuid,
    grant_sealed: Vec<u8>,
    now: Time,
) -> Result<()> {
    let mut transaction = store.begin(USE).await?;
    sqlx::query::<Db>(SESSION_CHECKED)
        .bind(id.to_string())
        .bind(now.millis())
        .bind(grant_sealed)
        .execute(&mut *transaction)
        .await
        .during(USE)?;
    transaction.commit().await.during(USE)
}

pub(super) async fn end_session(store: &Backend, id: Uuid, line: NewAudit) -> Result<bool> {
    let mut transaction = store.begin(END).await?;
    let ended = sqlx::query_scalar::<Db, String>(END_SESSION)
        .bind(id.to_string())
        .fetch_optional(&mut *transaction)
        .await
        .during(END)?;
    if ended.is_none() {
        return Ok(false);
    }
    audit::add(store, &mut transaction, &[line]).await?;
    transaction.commit().await.during(END)?;
    Ok(true)
}

pub(super) async fn create_api_token(store: &Backend, token: NewApiToken) -> Result<ApiTokenRow> {
    let mut transaction = store.begin(KEEP_TOKEN).await?;
    let row = sqlx::query_as::<Db, ApiTokenColumns>(CREATE_TOKEN)
        .bind(Uuid::now_v7().to_string())
        .bind(token.hash)
        .bind(codes::text(&token.name))
        .bind(codes::role_code(Some(token.access.role)))
        .bind(codes::text(&token.access.scope.text()))
        .bind(codes::text(&token.made_by))
        .bind(token.created_at.millis())
        .bind(token.expires_at.map(Time::millis))
        .fetch_one(&mut *transaction)
        .await
        .during(KEEP_TOKEN)?
        .read()?;
    let line = NewAudit {
        detail: codes::access_words(Some(&row.access)),
        ..token_line(
            &token.made_by,
            token.created_at,
            action::API_TOKEN_CREATED,
            row.id,
            &row.name,
        )
    };
    audit::add(store, &mut transaction, &[line]).await?;
    transaction.commit().await.during(KEEP_TOKEN)?;
    Ok(row)
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

pub(super) async fn revoke_api_token(
    store: &Backend,
    id: Uuid,
    by: &str,
    now: Time,
) -> Result<bool> {
    let mut transaction = store.begin(REVOKE).await?;
    let revoked = sqlx::query_scalar::<Db, String>(REVOKE_TOKEN)
        .bind(id.to_string())
        .bind(now.millis())
        .fetch_optional(&mut *transaction)
        .await
        .during(REVOKE)?;
    let Some(name) = revoked else {
        let there = sqlx::query_scalar::<Db, String>(TOKEN_NAMED)
            .bind(id.to_string())
            .fetch_optional(&mut *transaction)
            .await
            .during(REVOKE)?;
        return Ok(there.is_some());
    };
    let line = token_line(by, now, action::API_TOKEN_REVOKED, id, &name);
    audit::add(store, &mut transaction, &[line]).await?;
    transaction.commit().await.during(REVOKE)?;
    Ok(true)
}

fn token_line(by: &str, at: Time, what: &'static str, id: Uuid, name: &str) -> NewAudit {
    NewAudit {
        at,
        actor: by.to_owned(),
        action: what,
        device: None,
        subject: format!("API token {name:?} ({id})"),
        detail: String::new(),
    }
}

impl SessionColumns {
    fn read(self) -> Result<SessionRow> {
        // An account that is gone takes its sessions along; one that names nobody is of the command line.
        let account = match codes::read_optional_id(&self.session_account)? {
            None => None,
            Some(id) => Some(self.account.read_of(id)?),
        };
        Ok(SessionRow {
            id: codes::id(&self.session_id)?,
            csrf: self.csrf,
            account,
            address: self.address,
            agent: self.agent,
            grant_sealed: self.grant_sealed,
            created_at: Time::from_millis(self.session_created_at),
            seen_at: Time::from_millis(self.seen_at),
            checked_at: Time::from_millis(self.checked_at),
            expires_at: Time::from_millis(self.expires_at),
        })
    }
}
