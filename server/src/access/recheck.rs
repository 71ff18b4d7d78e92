//! Asks a directory again, from time to time, what somebody may do whose session is open.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use sickbay_diagnosis::time::HOUR_MS;
use sickbay_store::{AccountRow, AccountSource, NewAudit, SessionRow, StoreError, action};

use super::ldap::Person;
use super::openid::Again;
use super::provider::GRANT;
use crate::app::App;

/// For how long what a directory last said counts while it does not answer, in milliseconds.
const AWAY_AT_MOST_MS: i64 = HOUR_MS;
/// A directory that did not answer is left in peace for so long, so that nobody waits for it at each click.
const LEFT_IN_PEACE: Duration = Duration::from_secs(15);

/// One question at a time, and when the last one was not answered.
#[derive(Debug, Default)]
pub struct Rechecks {
    one_at_a_time: tokio::sync::Mutex<()>,
    unanswered: Mutex<Option<Instant>>,
}

impl Rechecks {
    fn is_away(&self) -> bool {
        let unanswered = self.unanswered.lock();
        unanswered
            .expect("never poisoned: nothing panics while it is held")
            .is_some_and(|at| at.elapsed() < LEFT_IN_PEACE)
    }

    fn answered(&self, answered: bool) {
        let mut unanswered = self
            .unanswered
            .lock()
            .expect("never poisoned: nothing panics while it is held");
        *unanswered = (!answered).then(Instant::now);
    }
}

/// The session with its account as the directory says it now, where it was not asked for `sign_in.recheck_s`.
pub(super) async fn refreshed(
    app: &App,
    hash: &[u8],
    session: SessionRow,
) -> Result<Option<SessionRow>, StoreError> {
    if !is_due(app, &session) {
        return Ok(Some(session));
    }
    let _one = app.rechecks.one_at_a_time.lock().await;
    // Another request of theirs may have asked meanwhile.
    let Some(session) = app.store.session(hash, app.clock.now()).await? else {
        return Ok(None);
    };
    let Some(account) = session.account.clone().filter(|_| is_due(app, &session)) else {
        return Ok(Some(session));
    };
    let account = ask(app, &session, account).await?;
    Ok(Some(SessionRow {
        account: Some(account),
        ..session
    }))
}

fn is_due(app: &App, session: &SessionRow) -> bool {
    let of_directory = session
        .account
        .as_ref()
        .is_some_and(|account| account.source != AccountSource::Local);
    let every_ms = i64::from(app.config.sign_in.recheck_s) * 1_000;
    of_directory && app.clock.now().since(session.checked_at) >= every_ms
}

/// What the source of an account says.
enum Said {
    /// This, or that they are gone; and by what it can be asked the next time.
    Person(Option<Person>, Vec<u8>),
    /// Nothing more, and why.
    Nothing(String),
}

async fn look_up(app: &App, session: &SessionRow, account: &AccountRow) -> anyhow::Result<Said> {
    let no_source = || {
        Ok(Said::Nothing(
            "the settings name no such source any more".to_owned(),
        ))
    };
    match account.source {
        AccountSource::Local => Ok(Said::Nothing("a local account has no source".to_owned())),
        AccountSource::Ldap => match &app.directory {
            None => no_source(),
            Some(directory) => {
                let person = directory.look_up(&account.subject).await?;
                Ok(Said::Person(person, Vec::new()))
            }
        },
        AccountSource::OpenId => {
            let Some(openid) = &app.openid else {
                return no_source();
            };
            let Some(grant) = app.sealing.unseal(GRANT, &session.grant_sealed) else {
                // Without a grant the provider cannot be asked: for an hour its word counts.
                let lasts = app.clock.now().since(session.checked_at) < AWAY_AT_MOST_MS;
                anyhow::ensure!(!lasts, "the provider granted no way to ask it again");
                return Ok(Said::Nothing(
                    "the provider was not asked for an hour".to_owned(),
                ));
            };
            Ok(match openid.again(&account.subject, &grant).await? {
                Again::Known(person, grant) => {
                    Said::Person(Some(person), app.sealing.seal(GRANT, &grant))
                }
                Again::Ended(why) => Said::Nothing(format!("the provider ended it: {why}")),
            })
        }
    }
}

async fn ask(
    app: &App,
    session: &SessionRow,
    account: AccountRow,
) -> Result<AccountRow, StoreError> {
    let shut = |account: AccountRow| AccountRow {
        access: None,
        ..account
    };
    let now = app.clock.now();
    let asked = if app.rechecks.is_away() {
        None
    } else {
        match look_up(app, session, &account).await {
            Ok(said) => {
                app.rechecks.answered(true);
                Some(said)
            }
            Err(error) => {
                app.rechecks.answered(false);
                tracing::warn!(
                    error = format!("{error:#}"),
                    source = account.source.name(),
                    "nobody says what somebody may do; it is asked again"
                );
                None
            }
        }
    };
    let answer = match asked {
        None => None,
        Some(Said::Person(person, grant)) => Some((person, grant)),
        // Nobody says what they may do: this session ends, and their next one asks.
        Some(Said::Nothing(why)) => {
            let line = NewAudit::new(
                now,
                super::actor(&account),
                action::SIGNED_OUT,
                "their session",
            )
            .with(why);
            app.store.end_session(session.id, line).await?;
            return Ok(shut(account));
        }
    };
    let Some((person, grant)) = answer else {
        let lasts = now.since(session.checked_at) < AWAY_AT_MOST_MS;
        return Ok(if lasts { account } else { shut(account) });
    };
    let name = person
        .as_ref()
        .map_or(account.name.as_str(), |person| person.name.as_str());
    let access = person
        .as_ref()
        .and_then(|person| app.groups.give(&person.groups));
    let learned = app
        .store
        .learn_account(account.source, &account.subject, name, access, now)
        .await?;
    app.store.session_checked(session.id, grant, now).await?;
    Ok(learned)
}
