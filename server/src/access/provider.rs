//! `/sign-in/openid` and the way back from the provider.

use std::collections::BTreeMap;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sickbay_diagnosis::time::MINUTE_MS;
use sickbay_store::{AccountSource, NewAudit, action};
use sickbay_web::pages::sign_in::SignInReason;

use super::openid::UnderWay;
use super::sign_in::{SOMEBODY, SignInQuery, open, path_of, secure};
use super::{Client, actor, cookie};
use crate::app::App;
use crate::pages;
use crate::problem::Problem;

/// The cookie of a sign-in that is under way.
const COOKIE: &str = "sickbay_sign_in";
/// For what it is sealed.
const PURPOSE: &str = "a sign-in that is under way";
/// For what the grant of a session is sealed, by which the provider is asked again.
pub(super) const GRANT: &str = "the grant of a session";
/// Most characters that are kept of why somebody was refused: the answer's own words among them.
const WHY_CHARS: usize = 300;
/// How long somebody may take at the provider, in minutes.
const MINUTES: i64 = 15;

fn no_provider(app: &App, headers: &HeaderMap) -> Response {
    let problem = Problem::not_found("This server knows no provider to sign in through.");
    pages::outside_problem(app, headers, problem).into_response()
}

fn away(app: &App, headers: &HeaderMap, error: &anyhow::Error) -> Response {
    tracing::error!(error = format!("{error:#}"), "the provider cannot be asked");
    let problem = Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "The provider does not answer",
        "Try again in a moment; the server's log says why. Local accounts and sign-in links work all the same.",
    );
    pages::outside_problem(app, headers, problem).into_response()
}

/// `GET /sign-in/openid`: sends the browser to the provider.
pub async fn begin(
    State(app): State<App>,
    Query(query): Query<SignInQuery>,
    headers: HeaderMap,
) -> Response {
    let Some(openid) = app.openid.clone() else {
        return no_provider(&app, &headers);
    };
    let next = path_of(query.next.as_deref().unwrap_or_default());
    let until = app.clock.now().plus_millis(MINUTES * MINUTE_MS);
    let (url, under_way) = match openid.begin(next, until.millis()).await {
        Ok(begun) => begun,
        Err(error) => return away(&app, &headers, &error),
    };
    let text = serde_json::to_string(&under_way).expect("texts and a number always serialize");
    let sealed = URL_SAFE_NO_PAD.encode(app.sealing.seal(PURPOSE, &text));
    let kept = format!(
        "{COOKIE}={sealed}; Path=/sign-in; HttpOnly; SameSite=Lax; Max-Age={}{}",
        MINUTES * 60,
        secure(&app)
    );
    ([(header::SET_COOKIE, kept)], Redirect::to(&url)).into_response()
}

/// `GET /sign-in/openid/callback`: the browser is back from the provider.
pub async fn back(
    State(app): State<App>,
    Query(answer): Query<BTreeMap<String, String>>,
    client: Client,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some(openid) = app.openid.clone() else {
        return Ok(no_provider(&app, &headers));
    };
    let under_way = cookie(&headers, COOKIE)
        .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok())
        .and_then(|sealed| app.sealing.unseal(PURPOSE, &sealed))
        .and_then(|text| serde_json::from_str::<UnderWay>(&text).ok())
        .filter(|under_way| under_way.until > app.clock.now().millis());
    let Some(under_way) = under_way else {
        // Another browser's answer, or one that took too long: nobody knows whose.
        return Ok(pages::stranger(&app, &headers, SignInReason::NotUnderWay).into_response());
    };
    let next = path_of(&under_way.next).to_owned();
    // Each costs a question to the provider and a line of the record.
    if let Err(wait) = app.attempts.may_try("the provider", client.address) {
        let reason = SignInReason::TooOften(wait.as_secs() + 1);
        let page = pages::sign_in(&app, &headers, reason, Some(&next));
        return Ok((StatusCode::TOO_MANY_REQUESTS, page).into_response());
    }
    let (person, grant) = match openid.finish(under_way, &answer).await {
        Ok(known) => known,
        Err(error) => {
            let why: String = format!("{error:#}").chars().take(WHY_CHARS).collect();
            tracing::warn!(why, "a sign-in through the provider failed");
            let reason = SignInReason::ProviderRefused;
            return refused(&app, &client, &headers, SOMEBODY, why, reason, &next).await;
        }
    };
    let learned = app.store.learn_account(
        AccountSource::OpenId,
        &person.subject,
        &person.name,
        app.groups.of(AccountSource::OpenId, &person.groups),
        app.clock.now(),
    );
    let account = learned.await?;
    if account.may().is_none() {
        let why = match account.disabled_at {
            Some(_) => "the account is disabled",
            None => "no group of theirs gives a role",
        };
        let (why, reason) = (why.to_owned(), SignInReason::Shut);
        let who = actor(&account);
        return refused(&app, &client, &headers, &who, why, reason, &next).await;
    }
    let grant = match grant.as_str() {
        "" => Vec::new(),
        grant => app.sealing.seal(GRANT, grant),
    };
    let mut answer = open(&app, Some(&account), &client, "the provider", grant, &next).await?;
    let gone = format!(
        "{COOKIE}=; Path=/sign-in; HttpOnly; SameSite=Lax; Max-Age=0{}",
        secure(&app)
    );
    if let Ok(gone) = gone.parse() {
        answer.headers_mut().append(header::SET_COOKIE, gone);
    }
    Ok(answer)
}

async fn refused(
    app: &App,
    client: &Client,
    headers: &HeaderMap,
    name: &str,
    why: String,
    reason: SignInReason,
    next: &str,
) -> Result<Response, Problem> {
    let now = app.clock.now();
    let line = NewAudit::new(now, name, action::SIGN_IN_REFUSED, "by the provider")
        .with(format!("{why}; from {}", client.address));
    app.store.record(vec![line]).await?;
    let page = pages::sign_in(app, headers, reason, Some(next));
    Ok((StatusCode::UNAUTHORIZED, page).into_response())
}
