//! Signing in: by a one-time link, or by name and password; and out again.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::time::HOUR_MS;
use sickbay_store::{
    AccountRow, AccountSource, NewAudit, NewSession, SessionRow, Store, StoreError, action,
};
use sickbay_web::links;
use sickbay_web::pages::sign_in::SignInReason;
use uuid::Uuid;

use super::ldap::{Directory, Tried};
use super::{
    COOKIE, Client, LINK_HOURS, SESSION_HOURS, actor, name_of, of_link, password, session,
};
use crate::app::App;
use crate::identity::secret::{self, Secret};
use crate::pages;
use crate::problem::Problem;

/// Who signs in under a name that nobody has, for the record.
pub(super) const SOMEBODY: &str = "somebody";
/// Longest name that is looked at.
const NAME_CHARS: usize = 200;

/// Makes a one-time sign-in link of an account, or of nobody, which is an administrator's; gives its path.
pub async fn create_link(
    store: &dyn Store,
    account: Option<&AccountRow>,
    by: &str,
    now: Time,
) -> Result<String, StoreError> {
    let link = Secret::new("");
    let expires_at = now.plus_millis(LINK_HOURS * HOUR_MS);
    let of = account.map_or_else(|| "an administrator".to_owned(), actor);
    let line = NewAudit::new(
        now,
        by,
        action::LINK_CREATED,
        format!("sign-in link of {of}"),
    )
    .with(format!("works once, until {expires_at}"));
    let id = account.map(|account| account.id);
    store
        .create_sign_in_link(&link.hash(), id, expires_at, line)
        .await?;
    // What is sent to somebody is looked at by mail filters and previews before they see it, so it opens a page with a button. What stands
    // on the server's own terminal is opened by nobody else, and by programs.
    Ok(if account.is_some() {
        links::sign_in_of_account(link.reveal())
    } else {
        format!("{}/{}", links::SIGN_IN, link.reveal())
    })
}

/// Makes a link by which somebody chooses a new password; the one until now is of no use any more, and their sessions end.
pub async fn new_password_link(
    store: &dyn Store,
    account: &AccountRow,
    by: &str,
    now: Time,
) -> Result<String, StoreError> {
    if !account.password.is_empty() {
        store.set_password(account.id, "", None, by, now).await?;
    }
    create_link(store, Some(account), by, now).await
}

/// What the page that asks to sign in is asked for.
#[derive(Debug, Deserialize)]
pub struct SignInQuery {
    /// Where to go afterwards.
    pub next: Option<String>,
}

/// `GET /sign-in`.
pub async fn show(
    State(app): State<App>,
    Query(query): Query<SignInQuery>,
    headers: HeaderMap,
) -> Response {
    let page = pages::sign_in(&app, &headers, SignInReason::Needed, query.next.as_deref());
    (StatusCode::OK, page).into_response()
}

/// `GET /sign-in/of-account/{link}`: asks whether to use the link, and does nothing yet.
pub async fn ask(State(app): State<App>, Path(link): Path<String>, headers: HeaderMap) -> Response {
    let to = links::sign_in_of_account(&link);
    (StatusCode::OK, pages::confirm_sign_in(&app, &headers, to)).into_response()
}

/// `GET /sign-in/{link}`, and `POST` of an account's: uses the link up, opens a session and goes to the first page.
pub async fn link(
    State(app): State<App>,
    Path(link): Path<String>,
    client: Client,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if method == Method::HEAD {
        // Whoever only asks what is there uses nothing up.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let now = app.clock.now();
    let taken = app
        .store
        .take_sign_in_link(&secret::hash(&link), now)
        .await?;
    let Some(taken) = taken else {
        // Whoever tries out links floods no record: there are 2^256 of them, so none is worth a line.
        let refused = pages::stranger(&app, &headers, SignInReason::LinkRefused);
        return Ok(refused.into_response());
    };
    let account = match taken.account {
        None => None,
        Some(id) => {
            let all = app.store.accounts().await?;
            let found = all.into_iter().find(|account| account.id == id);
            match found {
                Some(account) if account.may().is_some() => Some(account),
                _ => return Ok(pages::stranger(&app, &headers, SignInReason::Shut).into_response()),
            }
        }
    };
    // Somebody who comes by a link of their own is here to choose a password.
    let to = if account.is_some() {
        links::ACCOUNT
    } else {
        "/"
    };
    open(
        &app,
        account.as_ref(),
        &client,
        "sign-in link",
        Vec::new(),
        to,
    )
    .await
}

/// The form.
#[derive(Debug, Deserialize)]
pub struct SignInForm {
    name: String,
    password: String,
    #[serde(default)]
    next: String,
}

/// `POST /sign-in`: name and password.
pub async fn password(
    State(app): State<App>,
    client: Client,
    headers: HeaderMap,
    Form(form): Form<SignInForm>,
) -> Result<Response, Problem> {
    let name: String = form.name.trim().chars().take(NAME_CHARS).collect();
    let next = Some(form.next.as_str());
    if let Err(wait) = app.attempts.may_try(&name, client.address) {
        app.metrics.web.sign_ins_throttled.inc();
        let seconds = wait.as_secs() + 1;
        let page = pages::sign_in(&app, &headers, SignInReason::TooOften(seconds), next);
        let retry = [(header::RETRY_AFTER, seconds.to_string())];
        return Ok((StatusCode::TOO_MANY_REQUESTS, retry, page).into_response());
    }
    let account = app
        .store
        .account_of(AccountSource::Local, &name.to_lowercase())
        .await?;
    // A local account stands before one of the directory with the same name.
    if let (None, Some(directory)) = (&account, &app.directory) {
        let directory = Arc::clone(directory);
        return by_directory(&app, &directory, &client, &headers, &name, &form).await;
    }
    let kept = account
        .as_ref()
        .map_or_else(String::new, |a| a.password.clone());
    let fits = password::verify(form.password, kept)
        .await
        .map_err(password::broken)?;
    match account {
        Some(account) if fits && account.may().is_some() => {
            app.attempts.signed_in(&name, client.address);
            open(
                &app,
                Some(&account),
                &client,
                "password",
                Vec::new(),
                path_of(&form.next),
            )
            .await
        }
        account => {
            let why = match (&account, fits) {
                (None, _) => "there is no such account",
                (Some(_), false) => "the password is another one",
                (Some(_), true) => "the account is disabled",
            };
            // Whoever types their password into the wrong field has it in no record.
            let who = account.as_ref().map_or_else(|| SOMEBODY.to_owned(), actor);
            let line = NewAudit::new(app.clock.now(), who, action::SIGN_IN_REFUSED, "by password")
                .with(format!("{why}; from {}", client.address));
            app.store.record(vec![line]).await?;
            let page = pages::sign_in(&app, &headers, SignInReason::WrongPassword, next);
            Ok((StatusCode::UNAUTHORIZED, page).into_response())
        }
    }
}

/// A name and password that the directory is asked about.
async fn by_directory(
    app: &App,
    directory: &Directory,
    client: &Client,
    headers: &HeaderMap,
    name: &str,
    form: &SignInForm,
) -> Result<Response, Problem> {
    let tried = match directory.sign_in(name, &form.password).await {
        Ok(tried) => tried,
        Err(error) => {
            tracing::error!(
                error = format!("{error:#}"),
                "the directory cannot be asked"
            );
            let problem = Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "The directory does not answer",
                "Try again in a moment; the server's log says why. Local accounts and sign-in links work all the same.",
            );
            return Ok(pages::outside_problem(app, headers, problem).into_response());
        }
    };
    let now = app.clock.now();
    let (who, why, reason) = match tried {
        Tried::Known(person) => {
            let access = app.groups.of(AccountSource::Ldap, &person.groups);
            let learned = app.store.learn_account(
                AccountSource::Ldap,
                &person.subject,
                &person.name,
                access,
                now,
            );
            let account = learned.await?;
            if account.may().is_some() {
                app.attempts.signed_in(name, client.address);
                let (how, to) = ("password of the directory", path_of(&form.next));
                return open(app, Some(&account), client, how, Vec::new(), to).await;
            }
            let why = match account.disabled_at {
                Some(_) => "the account is disabled",
                None => "no group of theirs gives a role",
            };
            (actor(&account), why.to_owned(), SignInReason::Shut)
        }
        Tried::Refused(why) => (SOMEBODY.to_owned(), why, SignInReason::WrongPassword),
    };
    let line = NewAudit::new(
        now,
        who,
        action::SIGN_IN_REFUSED,
        "by password of the directory",
    )
    .with(format!("{why}; from {}", client.address));
    app.store.record(vec![line]).await?;
    let page = pages::sign_in(app, headers, reason, Some(&form.next));
    Ok((StatusCode::UNAUTHORIZED, page).into_response())
}

/// Where to go after signing in: a path of this server and nothing else.
pub(super) fn path_of(next: &str) -> &str {
    // Browsers leave tabs and line ends out of an address, and take a backslash for a slash.
    let is_path = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains(['\\', '#'])
        && !next.chars().any(|c| c.is_control() || c.is_whitespace())
        && !next.split(['/', '?']).any(|part| part == "..")
        && !next.starts_with(links::SIGN_IN);
    if is_path { next } else { "/" }
}

/// Opens a session and goes to a page.
pub(super) async fn open(
    app: &App,
    account: Option<&AccountRow>,
    client: &Client,
    how: &str,
    grant_sealed: Vec<u8>,
    to: &str,
) -> Result<Response, Problem> {
    let now = app.clock.now();
    let secret = Secret::new("");
    let id = Uuid::now_v7();
    let whom = account.map_or_else(|| of_link(id), actor);
    let line = NewAudit::new(now, whom, action::SIGNED_IN, format!("by {how}"))
        .with(format!("from {}", client.address));
    app.store
        .create_session(
            NewSession {
                id,
                hash: secret.hash(),
                csrf: Secret::new("").reveal().to_owned(),
                account: account.map(|account| account.id),
                address: client.address.to_string(),
                agent: client.agent.clone(),
                grant_sealed,
                created_at: now,
                expires_at: super::session_end(now),
            },
            line,
        )
        .await?;
    let cookie = format!(
        "{COOKIE}={}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}{}",
        secret.reveal(),
        SESSION_HOURS * 3600,
        secure(app)
    );
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(to)).into_response())
}

/// A cookie's attribute where people come by TLS, be it that of a proxy.
pub(crate) fn secure(app: &App) -> &'static str {
    let web = &app.config.web;
    if web.uses_tls() || web.external_url.starts_with("https://") {
        "; Secure"
    } else {
        ""
    }
}

/// `POST /sign-out`: ends the session.
pub async fn sign_out(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    // No CSRF token is asked for: the worst that a foreign page can do is to sign somebody out.
    if let Some(session) = session(&app, &headers).await? {
        end(&app, session.id, &name_of(&session), "their own session").await?;
    }
    let gone = format!(
        "{COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{}",
        secure(&app)
    );
    Ok(([(header::SET_COOKIE, gone)], Redirect::to("/")).into_response())
}

/// Ends a session of whoever asks; `false` where there is none.
pub(crate) async fn end_own(app: &App, session: Uuid, by: &str) -> Result<bool, StoreError> {
    end(app, session, by, "their own session").await
}

/// Ends somebody's session; `false` where it ended meanwhile.
pub(crate) async fn end_of(app: &App, session: &SessionRow, by: &str) -> Result<bool, StoreError> {
    let whose = format!("the session of {}", name_of(session));
    end(app, session.id, by, &whose).await
}

async fn end(app: &App, session: Uuid, by: &str, whose: &str) -> Result<bool, StoreError> {
    let line = NewAudit::new(app.clock.now(), by, action::SIGNED_OUT, whose);
    app.store.end_session(session, line).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere_after_signing_in() {
        for next in [
            "",
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "/a\r\nx: y",
            "/sign-in/AAAA",
            "/\t/evil.example",
            "/\u{a0}/evil.example",
            "/x/../sign-in/AAAA",
            "devices",
        ] {
            assert_eq!(path_of(next), "/", "{next:?}");
        }
        assert_eq!(
            path_of("/devices?filter=kind:server"),
            "/devices?filter=kind:server"
        );
    }
}
