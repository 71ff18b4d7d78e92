//! Asks a directory or provider again, from time to time, what somebody may do whose session is open.
//!
//! One account is asked about at a time, and for itself: whoever waits for an answer, or gets none, holds up nobody else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sickbay_diagnosis::time::HOUR_MS;
use sickbay_store::{AccountRow, AccountSource, NewAudit, SessionRow, StoreError, action};
use uuid::Uuid;

use super::ldap::Person;
use super::openid::Again;
use super::provider::GRANT;
use crate::app::App;

/// For how long what a source last said counts while it does not answer, in milliseconds.
const AWAY_AT_MOST_MS: i64 = HOUR_MS;
/// A source that did not answer about somebody is left in peace about them for so long, so that they do not wait for it at each click.
const LEFT_IN_PEACE: Duration = Duration::from_secs(15);
/// How long an answer may take in all.
const ANSWERED_WITHIN: Duration = Duration::from_secs(12);

/// Held while somebody is asked about: when the last question was not answered.
type Asked = Arc<tokio::sync::Mutex<Option<Instant>>>;

/// Who is asked about, by account.
#[derive(Debug, Default)]
pub struct Rechecks(Mutex<HashMap<Uuid, Asked>>);

impl Rechecks {
    fn of(&self, account: Uuid) -> Asked {
        let mut all = self
            .0
            .lock()
            .expect("never poisoned: nothing panics while it is held");
        Arc::clone(all.entry(account).or_default())
    }
}

/// What the source of an account says.
enum Said {
    /// This, or that they are gone; and by what it can be asked the next time.
    Person(Option<Person>, Vec<u8>),
    /// Nothing more, and why.
    Nothing(String),
    /// It cannot be asked yet.
    Keep,
}

/// The session with its account as its source says it now, where it was not asked for `sign_in.recheck_s`; `None` where it is over.
pub(super) async fn refreshed(
    app: &App,
    hash: &[u8],
    session: SessionRow,
) -> Result<Option<SessionRow>, StoreError> {
    let Some(account) = due(app, &session) else {
        return Ok(Some(session));
    };
    let Ok(mut unanswered) = app.rechecks.of(account.id).try_lock_owned() else {
        // Another request of theirs asks at this moment: its answer counts from the next click.
        return Ok(Some(last_word(app, session)));
    };
    if unanswered.is_some_and(|at| at.elapsed() < LEFT_IN_PEACE) {
        return Ok(Some(last_word(app, session)));
    }
    // A browser that goes away in the midst must not lose what a provider grants only once.
    let (app, hash) = (app.clone(), hash.to_vec());
    let asking = tokio::spawn(async move {
        let now = app.clock.now();
        let Some(session) = app.store.session(&hash, now).await? else {
            return Ok(None);
        };
        let Some(account) = due(&app, &session) else {
            return Ok(Some(session));
        };
        let said = tokio::time::timeout(ANSWERED_WITHIN, look_up(&app, &session, &account));
        let said = said
            .await
            .unwrap_or_else(|_| Err(anyhow::anyhow!("no answer within {ANSWERED_WITHIN:?}")));
        *unanswered = said.is_err().then(Instant::now);
        match said {
            Ok(Said::Person(person, grant)) => learn(&app, session, account, person, grant).await,
            Ok(Said::Nothing(why)) => {
                // Nobody says what they may do: this session ends, and their next one asks.
                let by = super::actor(&account);
                let line = NewAudit::new(now, by, action::SIGNED_OUT, "their session").with(why);
                app.store.end_session(session.id, line).await?;
                Ok(None)
            }
            Ok(Said::Keep) => Ok(Some(last_word(&app, session))),
            Err(error) => {
                tracing::warn!(
                    error = format!("{error:#}"),
                    source = account.source.name(),
                    "nobody says what somebody may do; it is asked again"
                );
                Ok(Some(last_word(&app, session)))
            }
        }
    });
    match asking.await {
        Ok(refreshed) => refreshed,
        // It panicked, which the log tells: whoever is not known to be let in is not.
        Err(_) => Ok(None),
    }
}

/// The account of a session, where its source has to be asked again.
fn due(app: &App, session: &SessionRow) -> Option<AccountRow> {
    let every_ms = i64::from(app.config.sign_in.recheck_s) * 1_000;
    let account = session.account.as_ref()?;
    let is_due = account.source != AccountSource::Local
        && app.clock.now().since(session.checked_at) >= every_ms;
    is_due.then(|| account.clone())
}

/// The session by what its source last said, for as long as that counts.
fn last_word(app: &App, session: SessionRow) -> SessionRow {
    if app.clock.now().since(session.checked_at) < AWAY_AT_MOST_MS {
        return session;
    }
    let account = session.account.map(|account| AccountRow {
        access: None,
        ..account
    });
    SessionRow { account, ..session }
}

async fn learn(
    app: &App,
    session: SessionRow,
    account: AccountRow,
    person: Option<Person>,
    grant: Vec<u8>,
) -> Result<Option<SessionRow>, StoreError> {
    let now = app.clock.now();
    let name = person
        .as_ref()
        .map_or(account.name.as_str(), |person| person.name.as_str());
    let access = person
        .as_ref()
        .and_then(|person| app.groups.of(account.source, &person.groups));
    // What can be used only once is kept first.
    app.store.session_checked(session.id, grant, now).await?;
    let learned = app
        .store
        .learn_account(account.source, &account.subject, name, access, now)
        .await?;
    Ok(Some(SessionRow {
        account: Some(learned),
        ..session
    }))
}

async fn look_up(app: &App, session: &SessionRow, account: &AccountRow) -> anyhow::Result<Said> {
    let no_source = || Said::Nothing("the settings name no such source any more".to_owned());
    Ok(match account.source {
        AccountSource::Local => Said::Keep,
        AccountSource::Ldap => match &app.directory {
            None => no_source(),
            Some(directory) => Said::Person(directory.look_up(&account.subject).await?, Vec::new()),
        },
        AccountSource::OpenId => {
            let Some(openid) = &app.openid else {
                return Ok(no_source());
            };
            let Some(grant) = app.sealing.unseal(GRANT, &session.grant_sealed) else {
                // Without a grant the provider cannot be asked: for an hour its word counts.
                let lasts = app.clock.now().since(session.checked_at) < AWAY_AT_MOST_MS;
                return Ok(if lasts {
                    Said::Keep
                } else {
                    Said::Nothing("the provider was not asked for an hour".to_owned())
                });
            };
            match openid.again(&account.subject, &grant).await? {
                Again::Known(person, grant) => {
                    Said::Person(Some(person), app.sealing.seal(GRANT, &grant))
                }
                Again::Ended(why) => Said::Nothing(format!("the provider ended it: {why}")),
            }
        }
    })
}
