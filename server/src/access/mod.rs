//! Who asks, and whether they may. Every request for a route passes [`guard`], which looks into one table ([`rules`]).
//!
//! People sign in with a password, through a directory, or by a one-time link from the command line; programs carry an API token.
//! Secrets are kept as hashes. A session ends after [`SESSION_HOURS`]. Forms carry their session's CSRF token; calls with a bearer token
//! need none, because browsers do not add one by themselves.

mod attempts;
mod client;
pub(crate) mod given;
pub mod groups;
pub mod ldap;
pub mod openid;
pub mod password;
pub mod provider;
mod recheck;
pub mod rules;
pub mod sealing;
mod sign_in;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sickbay_diagnosis::Time;
use sickbay_diagnosis::time::{HOUR_MS, MINUTE_MS};
use sickbay_store::{Access, AccountRow, AccountSource, Role, Scope, SessionRow, StoreError};
use uuid::Uuid;

pub use attempts::Attempts;
pub use client::{Client, PeerAddress};
pub use recheck::Rechecks;
pub use sign_in::{
    ask, create_link, link, new_password_link, password as by_password, show, sign_out,
};
pub(crate) use sign_in::{end_of, end_own, secure};

use crate::app::App;
use crate::identity::secret;
use crate::pages;
use crate::problem::Problem;
use rules::Needs;
use sickbay_web::pages::sign_in::SignInReason;

/// Life of a session, in hours.
pub const SESSION_HOURS: i64 = 12;
/// Life of a sign-in link, in hours.
pub const LINK_HOURS: i64 = 24;
/// When something was last used is kept to within so many minutes, so that looking at pages writes nothing most of the time.
const USE_NOTED_AFTER_MS: i64 = 5 * MINUTE_MS;
const COOKIE: &str = "sickbay_session";

/// Who asks, and what they may see and do.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// What they may do.
    pub role: Role,
    /// Devices that they may see.
    pub scope: Scope,
    /// The CSRF token of their session; `None` for an API token.
    pub csrf: Option<String>,
    /// Who they are, for the record.
    pub name: String,
    /// Id of the account or the API token; of the session where a link of the command line opened it. Names may be shared, this is not.
    pub id: Uuid,
    /// Their session; `None` for an API token.
    pub session: Option<Uuid>,
    /// Their account, where they have one.
    pub account: Option<Box<AccountRow>>,
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

    /// What they may do.
    pub fn access(&self) -> Access {
        Access {
            role: self.role,
            scope: self.scope.clone(),
        }
    }

    /// Whether they may do what this role may, for all devices.
    pub fn is(&self, role: Role) -> bool {
        self.role >= role && self.scope == Scope::All
    }
}

/// What is known of whoever asks.
pub enum Asking {
    /// Nobody, or somebody whose session or token is over.
    Nobody,
    /// Somebody who signed in and may do nothing any more.
    Shut,
    /// Somebody.
    Somebody(Viewer),
}

/// Finds out who asks.
pub async fn asking(app: &App, headers: &HeaderMap) -> Result<Asking, StoreError> {
    let now = app.clock.now();
    if let Some(token) = bearer(headers) {
        let Some(token) = app.store.api_token(&secret::hash(token), now).await? else {
            return Ok(Asking::Nobody);
        };
        if token.used_at.is_none_or(|at| is_long_ago(at, now)) {
            app.store.api_token_used(token.id, now).await?;
        }
        return Ok(Asking::Somebody(Viewer {
            role: token.access.role,
            scope: token.access.scope,
            csrf: None,
            name: format!("API token {}", token.name),
            id: token.id,
            session: None,
            account: None,
        }));
    }
    let Some(session) = session(app, headers).await? else {
        return Ok(Asking::Nobody);
    };
    if is_long_ago(session.seen_at, now) {
        app.store.session_seen(session.id, now).await?;
    }
    let (role, scope) = match &session.account {
        // By a link of the command line: whoever rules the server rules Sickbay.
        None => (Role::Admin, Scope::All),
        Some(account) => match account.may() {
            None => return Ok(Asking::Shut),
            Some(access) => (access.role, access.scope.clone()),
        },
    };
    Ok(Asking::Somebody(Viewer {
        role,
        scope,
        csrf: Some(session.csrf.clone()),
        name: name_of(&session),
        id: session
            .account
            .as_ref()
            .map_or(session.id, |account| account.id),
        session: Some(session.id),
        account: session.account.map(Box::new),
    }))
}

fn is_long_ago(at: Time, now: Time) -> bool {
    now.since(at) >= USE_NOTED_AFTER_MS
}

/// Whose session it is, for the record.
pub(crate) fn name_of(session: &SessionRow) -> String {
    match &session.account {
        Some(account) => actor(account),
        None => of_link(session.id),
    }
}

/// A session that was opened by a link of the command line, for the record.
fn of_link(session: Uuid) -> String {
    let id = session.simple().to_string();
    // The beginning of such an id is a time, which many share.
    format!("session {} (sign-in link)", &id[id.len() - 8..])
}

/// Somebody with an account, for the record.
pub fn actor(account: &AccountRow) -> String {
    match account.source {
        AccountSource::Local => format!("{} (local)", account.name),
        // In a directory several may have one name, and change it.
        source => {
            let id = account.id.simple().to_string();
            format!(
                "{} ({} {})",
                account.name,
                source.name(),
                &id[id.len() - 8..]
            )
        }
    }
}

/// The session of a request, where it has one.
async fn session(app: &App, headers: &HeaderMap) -> Result<Option<SessionRow>, StoreError> {
    let Some(cookie) = cookie(headers, COOKIE) else {
        return Ok(None);
    };
    let hash = secret::hash(cookie);
    let session = app.store.session(&hash, app.clock.now()).await?;
    match session {
        None => Ok(None),
        Some(session) => recheck::refreshed(app, &hash, session).await,
    }
}

/// Lets through whoever may call the route, and tells everybody else why not. Who is let through is known to the handler as [`Viewer`].
pub async fn guard(State(app): State<App>, mut request: Request, next: Next) -> Response {
    // Without a route, the handler of what is missing asks by itself.
    let Some(path) = request.extensions().get::<MatchedPath>().cloned() else {
        return next.run(request).await;
    };
    let path = path.as_str();
    let is_for_programs = path.starts_with("/api/") || path == sickbay_web::links::EVENTS;
    let told = |problem: Problem, headers: &HeaderMap| {
        if is_for_programs {
            problem.into_response()
        } else {
            pages::outside_problem(&app, headers, problem).into_response()
        }
    };
    let Some(needs) = rules::needs(request.method().as_str(), path) else {
        // A method that the route does not take, or a route without a line: it lets nobody in.
        return match asking(&app, request.headers()).await {
            Ok(Asking::Somebody(_)) => told(Problem::no_such_method(), request.headers()),
            Ok(_) => told(Problem::unauthorized(), request.headers()),
            Err(error) => told(error.into(), request.headers()),
        };
    };
    if !request.method().is_safe() && is_from_elsewhere(request.headers()) {
        return told(Problem::from_elsewhere(), request.headers());
    }
    if needs == Needs::Nothing {
        return next.run(request).await;
    }
    // A browser sends its cookie along whoever makes it ask, and an export stands in the record under the name of whose browser it was.
    if path.starts_with("/api/") && is_without_a_click_elsewhere(request.headers()) {
        return told(Problem::from_elsewhere(), request.headers());
    }
    let asked = asking(&app, request.headers()).await;
    let viewer = match asked {
        Ok(Asking::Somebody(viewer)) => viewer,
        Ok(nobody) => {
            if is_for_programs {
                return Problem::unauthorized().into_response();
            }
            let reason = match nobody {
                Asking::Shut => SignInReason::Shut,
                _ => SignInReason::Needed,
            };
            return pages::stranger(&app, request.headers(), reason).into_response();
        }
        Err(error) => return told(error.into(), request.headers()),
    };
    if let Some(why) = needs.refuses(viewer.role, &viewer.scope) {
        let problem = Problem::forbidden(why);
        return if is_for_programs {
            problem.into_response()
        } else {
            pages::refused(&app, request.headers(), viewer, problem).into_response()
        };
    }
    request.extensions_mut().insert(viewer);
    next.run(request).await
}

/// Whether a browser says that a page of somebody else makes it ask, and that nobody clicked there.
fn is_without_a_click_elsewhere(headers: &HeaderMap) -> bool {
    let is = |name: &str, wanted: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value == Some(wanted)
    };
    is("sec-fetch-site", "cross-site") && !is("sec-fetch-user", "?1")
}

/// Whether a browser says that a page of somebody else makes it ask. Programs say nothing of the kind.
fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    match (text("origin"), text("host")) {
        (Some(origin), Some(host)) => {
            let of = origin.split_once("://").map_or(origin, |(_, rest)| rest);
            !of.eq_ignore_ascii_case(host)
        }
        _ => false,
    }
}

impl FromRequestParts<App> for Viewer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        if let Some(viewer) = parts.extensions.get::<Self>() {
            return Ok(viewer.clone());
        }
        // No route: only who may see anything learns that there is nothing.
        match asking(app, &parts.headers).await? {
            Asking::Somebody(viewer) => Ok(viewer),
            Asking::Nobody | Asking::Shut => Err(Problem::unauthorized()),
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
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

/// When a session that opens now ends.
fn session_end(now: Time) -> Time {
    now.plus_millis(SESSION_HOURS * HOUR_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    header::HeaderName::from_static(name),
                    header::HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn a_page_of_somebody_else_is_told_from_our_own_and_from_programs() {
        for (said, elsewhere) in [
            (&[][..], false),
            (&[("sec-fetch-site", "same-origin")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("sec-fetch-site", "cross-site")], true),
            (&[("sec-fetch-site", "same-site")], true),
            (
                &[
                    ("origin", "https://sickbay.example:8443"),
                    ("host", "sickbay.example:8443"),
                ],
                false,
            ),
            (
                &[
                    ("origin", "https://evil.example"),
                    ("host", "sickbay.example:8443"),
                ],
                true,
            ),
            (
                &[("origin", "null"), ("host", "sickbay.example:8443")],
                true,
            ),
        ] {
            assert_eq!(is_from_elsewhere(&headers(said)), elsewhere, "{said:?}");
        }
    }
}
