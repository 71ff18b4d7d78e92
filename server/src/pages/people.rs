//! `/people`: accounts, API tokens, sessions.

use axum::Form;
use axum::extract::Query;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use sickbay_store::{AccountMade, AccountRow, AccountSource, NewApiToken, Role};
use sickbay_web::pages::message::Refusal;
use sickbay_web::pages::people::{
    AccountLine, ApiTokenLine, Done, Mistake, PeoplePage, Secret as Shown, SecretOf,
};
use sickbay_web::{Nav, links};
use uuid::Uuid;

use super::account::{OneForm, session_line, sessions};
use super::{PageError, Visit};
use crate::access;
use crate::access::given::{read_access, read_name};
use crate::identity::secret::{API_PREFIX, Secret};

/// Longest life of an API token that is made here, in days.
const DAYS_AT_MOST: i64 = 3_650;

#[derive(Debug, Default, Deserialize)]
pub(super) struct DoneQuery {
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
    done: Option<Done>,
    mistake: Option<Mistake>,
    secret: Option<Shown>,
}

pub(super) async fn show(
    visit: Visit,
    Query(query): Query<DoneQuery>,
) -> Result<Html<String>, PageError> {
    let said = Said {
        done: query.done.as_deref().and_then(Done::named),
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
        chrome: visit.chrome(Nav::People, Some(Nav::People)),
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

async fn mistake(visit: &Visit, why: Mistake) -> Result<Response, PageError> {
    let said = Said {
        mistake: Some(why),
        ..Said::default()
    };
    Ok(page(visit, said).await?.into_response())
}

fn back(done: Done) -> Response {
    Redirect::to(&format!("{}?done={}", links::PEOPLE, done.name())).into_response()
}

pub(super) async fn add(visit: Visit, Form(form): Form<AddForm>) -> Result<Response, PageError> {
    visit.told(visit.viewer.may_change(Some(&form.csrf)))?;
    let read =
        read_name(&form.name).and_then(|name| Ok((name, read_access(&form.role, &form.scope)?)));
    let (name, access) = match read {
        Ok(read) => read,
        Err(why) => return mistake(&visit, Mistake::Unreadable(why)).await,
    };
    let (by, now) = (visit.viewer.name.clone(), visit.app.clock.now());
    let made = visit
        .app
        .store
        .create_account(&name, &access, &by, now)
        .await;
    match visit.told(made)? {
        AccountMade::NameTaken => mistake(&visit, Mistake::NameTaken { name }).await,
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
            of: SecretOf::PasswordLink {
                name: account.name.clone(),
                hours: access::LINK_HOURS,
            },
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
    found.ok_or_else(|| visit.error(Refusal::NoSuchLocalAccount))
}

pub(super) async fn put_access(
    visit: Visit,
    Form(form): Form<AccessForm>,
) -> Result<Response, PageError> {
    visit.told(visit.viewer.may_change(Some(&form.csrf)))?;
    let account = local(&visit, form.id).await?;
    let access = match read_access(&form.role, &form.scope) {
        Ok(access) => access,
        Err(why) => return mistake(&visit, Mistake::Unreadable(why)).await,
    };
    let (by, now) = (&visit.viewer.name, visit.app.clock.now());
    visit.told(
        visit
            .app
            .store
            .set_access(account.id, &access, by, now)
            .await,
    )?;
    Ok(back(Done::Access))
}

pub(super) async fn link(visit: Visit, Form(form): Form<OneForm>) -> Result<Response, PageError> {
    visit.told(visit.viewer.may_change(Some(&form.csrf)))?;
    let account = local(&visit, form.id).await?;
    if account.disabled_at.is_some() {
        let name = account.name;
        return mistake(&visit, Mistake::IsShutOut { name }).await;
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
        return Err(visit.error(Refusal::NoSuchAccount));
    }
    Ok(back(if disabled { Done::ShutOut } else { Done::LetIn }))
}

pub(super) async fn end_session(
    visit: Visit,
    Form(form): Form<OneForm>,
) -> Result<Response, PageError> {
    visit.told(visit.viewer.may_change(Some(&form.csrf)))?;
    let open = sessions(&visit).await?;
    let Some(session) = open.iter().find(|session| session.id == form.id) else {
        return Err(visit.error(Refusal::NoSuchSession));
    };
    let ended = access::end_of(&visit.app, session, &visit.viewer.name);
    visit.told(ended.await)?;
    Ok(back(Done::Session))
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
        Err(why) => return mistake(&visit, Mistake::Unreadable(why)).await,
    };
    if !(1..=DAYS_AT_MOST).contains(&form.days) {
        return mistake(&visit, Mistake::Days { most: DAYS_AT_MOST }).await;
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
            of: SecretOf::ApiToken { name },
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
        return Err(visit.error(Refusal::NoSuchApiToken));
    }
    Ok(back(Done::Token))
}
