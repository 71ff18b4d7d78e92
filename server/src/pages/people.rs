//! `/people`: accounts, API tokens, sessions.

use axum::Form;
use axum::extract::Query;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use sickbay_store::{AccountMade, AccountRow, AccountSource, NewApiToken, Role};
use sickbay_web::pages::people::{AccountLine, ApiTokenLine, PeoplePage, Secret as Shown};
use sickbay_web::{Nav, links};
use uuid::Uuid;

use super::account::{OneForm, session_line, sessions};
use super::{PageError, Visit};
use crate::access;
use crate::access::given::{read_access, read_name};
use crate::identity::secret::{API_PREFIX, Secret};
use crate::problem::Problem;

/// Longest life of an API token that is made here, in days.
const DAYS_AT_MOST: i64 = 3_650;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Done {
    done: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct AddForm {
    csrf: String,
    name: String,
    role: String,
    #[serde(default)]
    scope: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct AccessForm {
    csrf: String,
    id: Uuid,
    role: String,
    #[serde(default)]
    scope: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct DisableForm {
    csrf: String,
    id: Uuid,
    disabled: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct TokenForm {
    csrf: String,
    name: String,
    role: String,
    #[serde(default)]
    scope: String,
    days: i64,
}

/// What a form came to, where the page says it at once.
#[derive(Default)]
struct Said {
    done: Option<String>,
    mistake: Option<String>,
    secret: Option<Shown>,
}

pub(super) async fn show(
    visit: Visit,
    Query(query): Query<Done>,
) -> Result<Html<String>, PageError> {
    let done = match query.done.as_deref() {
        Some("access") => Some("It counts from their next click."),
        Some("shut-out") => Some("They are shut out, and their sessions have ended."),
        Some("let-in") => Some("They may sign in again."),
        Some("session") => Some("The session has ended."),
        Some("token") => Some("The token is revoked."),
        _ => None,
    };
    let said = Said {
        done: done.map(str::to_owned),
        ..Said::default()
    };
    page(&visit, said).await
}

async fn page(visit: &Visit, said: Said) -> Result<Html<String>, PageError> {
    let store = &visit.app.store;
    let accounts = visit.told(store.accounts().await)?;
    let tokens = visit.told(store.api_tokens().await)?;
    let open = sessions(visit).await?;
    let page = PeoplePage {
        chrome: visit.chrome("People", Some(Nav::People)),
        accounts: accounts.into_iter().map(account_line).collect(),
        sessions: open
            .into_iter()
            .map(|one| session_line(visit, one))
            .collect(),
        tokens: tokens
            .into_iter()
            .map(|token| ApiTokenLine {
                id: token.id.to_string(),
                name: token.name,
                role: token.access.role.name().to_owned(),
                scope: token.access.scope.text(),
                made_by: token.made_by,
                made_at: token.created_at,
                used_at: token.used_at,
                expires_at: token.expires_at,
                revoked_at: token.revoked_at,
            })
            .collect(),
        roles: Role::ALL.map(Role::name).to_vec(),
        secret: said.secret,
        done: said.done,
        mistake: said.mistake,
    };
    Ok(Html(page.render()))
}

fn account_line(account: AccountRow) -> AccountLine {
    let access = account.access.as_ref();
    AccountLine {
        id: account.id.to_string(),
        role: access.map_or_else(String::new, |access| access.role.name().to_owned()),
        scope: access.map_or_else(String::new, |access| access.scope.text()),
        name: account.name,
        source: account.source.name(),
        has_password: !account.password.is_empty(),
        signed_in_at: account.signed_in_at,
        disabled_at: account.disabled_at,
    }
}

async fn mistake(visit: &Visit, why: String) -> Result<Response, PageError> {
    let said = Said {
        mistake: Some(why),
        ..Said::default()
    };
    Ok(page(visit, said).await?.into_response())
}

fn back(done: &str) -> Response {
    Redirect::to(&format!("{}?done={done}", links::PEOPLE)).into_response()
}

pub(super) async fn add(visit: Visit, Form(form): Form<AddForm>) -> Result<Response, PageError> {
    visit.told(visit.viewer.may_change(Some(&form.csrf)))?;
    let read =
        read_name(&form.name).and_then(|name| Ok((name, read_access(&form.role, &form.scope)?)));
    let (name, access) = match read {
        Ok(read) => read,
        Err(why) => return mistake(&visit, why).await,
    };
    let (by, now) = (visit.viewer.name.clone(), visit.app.clock.now());
    let made = visit
        .app
        .store
        .create_account(&name, &access, &by, now)
        .await;
    match visit.told(made)? {
        AccountMade::NameTaken => {
            mistake(&visit, format!("There is an account {name:?} already.")).await
        }
        AccountMade::Made(account) => show_link(&visit, &account).await,
    }
}

async fn show_link(visit: &Visit, account: &AccountRow) -> Result<Response, PageError> {
    let app = &visit.app;
    let now = app.clock.now();
    let path = access::new_password_link(&*app.store, account, &visit.viewer.name, now).await;
    let path = visit.told(path)?;
    let said = Said {
        secret: Some(Shown {
            what: format!(
                "Give this link to {}: it works once within {} hours, to choose a password.",
                account.name,
                access::LINK_HOURS
            ),
            text: format!("{}{path}", app.config.web.url(app.config.web.listen)),
        }),
        ..Said::default()
    };
    Ok(page(visit, said).await?.into_response())
}

/// The account of that id that this server itself knows.
async fn local(visit: &Visit, id: Uuid) -> Result<AccountRow, PageError> {
    let all = visit.told(visit.app.store.accounts().await)?;
    let found = all
        .into_iter()
        .find(|account| account.id == id && account.source == AccountSource::Local);
    found.ok_or_else(|| {
        visit.error(Problem::not_found(
            "There is no such local account. What an account of a directory may do, its groups say.",
        ))
    })
}

pub(super) async fn put_access(
    visit: Visit,
    Form(form): Form<AccessForm>,
) -> Result<Response, PageError> {
    visit.told(visit.viewer.may_change(Some(&form.csrf)))?;
    let account = local(&visit, form.id).await?;
    let access = match read_access(&form.role, &form.scope) {
        Ok(access) => access,
        Err(why) => return mistake(&visit, why).await,
    };
    let (by, now) = (&visit.viewer.name, visit.app.clock.now());
    visit.told(
        visit
            .app
            .store
            .set_access(account.id, &access, by, now)
            .await,
    )?;
    Ok(back("access"))
}

pub(super) async fn link(visit: Visit, Form(form): Form<OneForm>) -> Result<Response, PageError> {
    visit.told(visit.viewer.may_change(Some(&form.csrf)))?;
    let account = local(&visit, form.id).await?;
    if account.disabled_at.is_some() {
        return mistake(
            &visit,
            format!("{} is shut out: let them in again first.", account.name),
        )
        .await;
    }
    show_link(&visit, &account).await
}

pub(super) async fn disable(
    visit: Visit,
    Form(form): Form<DisableForm>,
) -> Result<Response, PageError> {
    visit.told(visit.viewer.may_change(Some(&form.csrf)))?;
    let disabled = form.disabled != "no";
    let (by, now) = (&visit.viewer.name, visit.app.clock.now());
    let done = visit
        .app
        .store
        .set_disabled(form.id, disabled, by, now)
        .await;
    if !visit.told(done)? {
        return Err(visit.error(Problem::not_found("There is no such account.")));
    }
    Ok(back(if disabled { "shut-out" } else { "let-in" }))
}

pub(super) async fn end_session(
    visit: Visit,
    Form(form): Form<OneForm>,
) -> Result<Response, PageError> {
    visit.told(visit.viewer.may_change(Some(&form.csrf)))?;
    let open = sessions(&visit).await?;
    let Some(session) = open.iter().find(|session| session.id == form.id) else {
        return Err(visit.error(Problem::not_found(
            "There is no such session; it may have ended.",
        )));
    };
    let whose = format!("the session of {}", access::name_of(session));
    let ended = access::end(&visit.app, form.id, &visit.viewer.name, &whose);
    visit.told(ended.await)?;
    Ok(back("session"))
}

pub(super) async fn add_token(
    visit: Visit,
    Form(form): Form<TokenForm>,
) -> Result<Response, PageError> {
    visit.told(visit.viewer.may_change(Some(&form.csrf)))?;
    let read =
        read_name(&form.name).and_then(|name| Ok((name, read_access(&form.role, &form.scope)?)));
    let (name, access) = match read {
        Ok(read) => read,
        Err(why) => return mistake(&visit, why).await,
    };
    if !(1..=DAYS_AT_MOST).contains(&form.days) {
        let why = format!("An API token lives for 1 to {DAYS_AT_MOST} days.");
        return mistake(&visit, why).await;
    }
    let now = visit.app.clock.now();
    let secret = Secret::new(API_PREFIX);
    let made = visit.app.store.create_api_token(NewApiToken {
        hash: secret.hash(),
        name: name.clone(),
        access,
        made_by: visit.viewer.name.clone(),
        created_at: now,
        expires_at: Some(now.plus_days(form.days)),
    });
    visit.told(made.await)?;
    let said = Said {
        secret: Some(Shown {
            what: format!("The API token for {name}."),
            text: secret.reveal().to_owned(),
        }),
        ..Said::default()
    };
    Ok(page(&visit, said).await?.into_response())
}

pub(super) async fn revoke_token(
    visit: Visit,
    Form(form): Form<OneForm>,
) -> Result<Response, PageError> {
    visit.told(visit.viewer.may_change(Some(&form.csrf)))?;
    let (by, now) = (&visit.viewer.name, visit.app.clock.now());
    let revoked = visit.app.store.revoke_api_token(form.id, by, now).await;
    if !visit.told(revoked)? {
        return Err(visit.error(Problem::not_found("There is no such API token.")));
    }
    Ok(back("token"))
}
