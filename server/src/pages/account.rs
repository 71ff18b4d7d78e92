//! `/account`: one's own password and sessions.

use axum::Form;
use axum::extract::Query;
use axum::http::header;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use sickbay_store::{AccountSource, SessionRow};
use sickbay_web::pages::account::{AccountPage, Done, Mistake, SessionLine};
use sickbay_web::pages::message::Refusal;
use sickbay_web::{Title, Zone, links};
use uuid::Uuid;

use super::{PageError, Visit};
use crate::access;
use crate::access::password::{self, BadPassword};

/// What a form just did, in its word.
#[derive(Debug, Default, Deserialize)]
pub(super) struct DoneQuery {
    done: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PasswordForm {
    csrf: String,
    #[serde(default)]
    current: String,
    fresh: String,
    again: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct ZoneForm {
    csrf: String,
    #[serde(default)]
    zone: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct OneForm {
    pub(super) csrf: String,
    pub(super) id: Uuid,
}

pub(super) async fn show(
    visit: Visit,
    Query(query): Query<DoneQuery>,
) -> Result<Html<String>, PageError> {
    let done = query.done.as_deref().and_then(Done::named);
    page(&visit, done, None).await
}

async fn page(
    visit: &Visit,
    done: Option<Done>,
    mistake: Option<Mistake>,
) -> Result<Html<String>, PageError> {
    let viewer = &visit.viewer;
    let mine = sessions(visit)
        .await?
        .into_iter()
        .filter(|session| Some(session.id) == viewer.session || is_of_viewer(visit, session));
    let account = viewer.account.as_ref();
    let page = AccountPage {
        chrome: visit.chrome(Title::Account, None),
        account: account.map(|one| (one.name.clone(), one.source.name())),
        may: viewer.access().to_string(),
        has_password: account.is_some_and(|one| !one.password.is_empty()),
        shortest: password::CHARS_AT_LEAST,
        sessions: mine.map(|session| session_line(visit, session)).collect(),
        zones: Zone::names(),
        done,
        mistake,
    };
    Ok(Html(page.render()))
}

/// Every open session.
pub(super) async fn sessions(visit: &Visit) -> Result<Vec<SessionRow>, PageError> {
    let now = visit.app.clock.now();
    visit.told(visit.app.store.sessions(now).await)
}

pub(super) fn session_line(visit: &Visit, session: SessionRow) -> SessionLine {
    SessionLine {
        id: session.id.to_string(),
        whose: access::name_of(&session),
        address: session.address,
        agent: session.agent,
        opened_at: session.created_at,
        seen_at: session.seen_at,
        is_this: Some(session.id) == visit.viewer.session,
    }
}

fn back(done: Done) -> Redirect {
    Redirect::to(&format!("{}?done={}", links::ACCOUNT, done.name()))
}

fn is_of_viewer(visit: &Visit, session: &SessionRow) -> bool {
    let (mine, theirs) = (visit.viewer.account.as_ref(), session.account.as_ref());
    mine.is_some_and(|mine| theirs.is_some_and(|theirs| theirs.id == mine.id))
}

pub(super) async fn password(
    visit: Visit,
    Form(form): Form<PasswordForm>,
) -> Result<Response, PageError> {
    visit.told(visit.viewer.may_change(Some(&form.csrf)))?;
    let account = visit
        .viewer
        .account
        .clone()
        .filter(|account| account.source == AccountSource::Local);
    let Some(account) = account else {
        return Err(visit.error(Refusal::NoPasswordHere));
    };
    let mistake = async |why: Mistake| Ok(page(&visit, None, Some(why)).await?.into_response());
    if !account.password.is_empty() {
        // A session that somebody left open is no way to take an account over. Tries count for it alone, and not for who signs in.
        let session = visit.viewer.session.map(|id| format!("session {id}"));
        let session = session.unwrap_or_default();
        let tries = &visit.app.attempts;
        if let Err(wait) = tries.may_try(&session, visit.client.address) {
            let seconds = wait.as_secs() + 1;
            return mistake(Mistake::TooManyTries { seconds }).await;
        }
        let fits = password::verify(form.current, account.password.clone()).await;
        if !visit.told(fits.map_err(password::broken))? {
            return mistake(Mistake::WrongPassword).await;
        }
    }
    if let Err(bad) = password::check(&form.fresh) {
        return mistake(match bad {
            BadPassword::Short => Mistake::TooShort {
                least: password::CHARS_AT_LEAST,
            },
            BadPassword::Long => Mistake::TooLong {
                most: password::BYTES_AT_MOST,
            },
        })
        .await;
    }
    if form.fresh != form.again {
        return mistake(Mistake::NotTheSameTwice).await;
    }
    let hash = visit.told(password::hash(form.fresh).await.map_err(password::broken))?;
    let (by, now) = (&visit.viewer.name, visit.app.clock.now());
    let kept = visit
        .app
        .store
        .set_password(account.id, &hash, visit.viewer.session, by, now);
    visit.told(kept.await)?;
    Ok(back(Done::Password).into_response())
}

/// Keeps the zone in which this browser is told times. Nobody else is concerned, so it is no deed of the record.
pub(super) async fn zone(visit: Visit, Form(form): Form<ZoneForm>) -> Result<Response, PageError> {
    visit.told(visit.viewer.may_change(Some(&form.csrf)))?;
    let name = form.zone.trim();
    let (value, age) = if name.is_empty() {
        // Without a script nobody says where the browser is: then it is UTC.
        (String::new(), 0)
    } else if let Some(zone) = Zone::named(name) {
        (zone.name().to_owned(), Zone::COOKIE_AGE_S)
    } else {
        let page = page(&visit, None, Some(Mistake::NoSuchZone));
        return Ok(page.await?.into_response());
    };
    let kept = format!(
        "{}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{}",
        Zone::COOKIE,
        access::secure(&visit.app)
    );
    let to = back(Done::Zone);
    Ok(([(header::SET_COOKIE, kept)], to).into_response())
}

pub(super) async fn end_session(
    visit: Visit,
    Form(form): Form<OneForm>,
) -> Result<Response, PageError> {
    visit.told(visit.viewer.may_change(Some(&form.csrf)))?;
    let is_mine = Some(form.id) == visit.viewer.session
        || sessions(&visit)
            .await?
            .iter()
            .any(|session| session.id == form.id && is_of_viewer(&visit, session));
    if !is_mine {
        return Err(visit.error(Refusal::NotYourSession));
    }
    let ended = access::end_own(&visit.app, form.id, &visit.viewer.name);
    visit.told(ended.await)?;
    Ok(back(Done::Session).into_response())
}
