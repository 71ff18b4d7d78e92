//! The first guard: a one-time sign-in link makes a session, an API token serves programs, and nobody else sees anything.
//!
//! Secrets are kept as hashes. A session ends after [`SESSION_HOURS`]. Forms carry their session's CSRF token; calls with a bearer
//! token need none, because browsers do not add one by themselves.

use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use sickbay_diagnosis::Time;
use sickbay_diagnosis::time::HOUR_MS;
use sickbay_store::{NewSession, Scope, Store, StoreError};
use sickbay_web::pages::sign_in::SignInReason;

use crate::app::App;
use crate::identity::secret::{self, Secret};
use crate::pages;
use crate::problem::Problem;

/// Life of a session, in hours.
pub const SESSION_HOURS: i64 = 12;
/// Life of a sign-in link, in hours.
pub const LINK_HOURS: i64 = 24;
const COOKIE: &str = "sickbay_session";

/// Who asks, and what they may see.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// Devices that they may see. Everyone sees all of them until roles exist.
    pub scope: Scope,
    /// The CSRF token of their session; `None` for an API token.
    pub csrf: Option<String>,
    /// Who they are, as far as it is known: the name of their API token, or a session by the beginning of its hash.
    pub name: String,
}

impl Viewer {
    /// Whether a change may be made: with an API token always, in a session with its CSRF token.
    pub fn may_change(&self, csrf: Option<&str>) -> Result<(), Problem> {
        match &self.csrf {
            None => Ok(()),
            Some(expected) if csrf == Some(expected.as_str()) => Ok(()),
            Some(_) => Err(Problem::bad_csrf()),
        }
    }
}

/// Finds out who asks.
pub async fn viewer(app: &App, headers: &HeaderMap) -> Result<Option<Viewer>, StoreError> {
    let now = app.clock.now();
    if let Some(token) = bearer(headers) {
        let known = app.store.api_token(&secret::hash(token), now).await?;
        return Ok(known.map(|token| Viewer {
            scope: Scope::All,
            csrf: None,
            name: format!("API token {}", token.name),
        }));
    }
    let Some(cookie) = session_cookie(headers) else {
        return Ok(None);
    };
    let hash = secret::hash(cookie);
    let session = app.store.session(&hash, now).await?;
    Ok(session.map(|session| Viewer {
        scope: Scope::All,
        csrf: Some(session.csrf),
        name: format!("session {}", hex::encode(&hash[..4])),
    }))
}

impl FromRequestParts<App> for Viewer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        viewer(app, &parts.headers)
            .await?
            .ok_or_else(Problem::unauthorized)
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, COOKIE)
}

/// The value of a cookie.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value)
}

/// Makes a one-time sign-in link; gives its path.
pub async fn create_link(store: &dyn Store, now: Time) -> Result<String, StoreError> {
    let link = Secret::new("");
    let expires_at = now.plus_millis(LINK_HOURS * HOUR_MS);
    store.create_sign_in_link(&link.hash(), expires_at).await?;
    Ok(format!("/sign-in/{}", link.reveal()))
}

/// `GET /sign-in/{link}`: uses the link up, opens a session and goes to the first page.
pub async fn sign_in(
    State(app): State<App>,
    Path(link): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let now = app.clock.now();
    if !app
        .store
        .take_sign_in_link(&secret::hash(&link), now)
        .await?
    {
        let refused = pages::stranger(&app, pages::theme(&headers), SignInReason::LinkRefused);
        return Ok(refused.into_response());
    }
    let session = Secret::new("");
    app.store
        .create_session(NewSession {
            hash: session.hash(),
            csrf: Secret::new("").reveal().to_owned(),
            created_at: now,
            expires_at: now.plus_millis(SESSION_HOURS * HOUR_MS),
        })
        .await?;
    let secure = if app.config.web.uses_tls() {
        "; Secure"
    } else {
        ""
    };
    let cookie = format!(
        "{COOKIE}={}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}{secure}",
        session.reveal(),
        SESSION_HOURS * 3600
    );
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response())
}

/// `POST /sign-out`: ends the session.
pub async fn sign_out(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    // No CSRF token is asked for: the worst that a foreign page can do is to sign somebody out.
    if let Some(cookie) = session_cookie(&headers) {
        app.store.end_session(&secret::hash(cookie)).await?;
    }
    let gone = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    Ok(([(header::SET_COOKIE, gone)], Redirect::to("/")).into_response())
}
