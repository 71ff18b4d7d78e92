//! Asks a directory again, from time to time, what somebody may do whose session is open.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use sickbay_diagnosis::time::HOUR_MS;
use sickbay_store::{AccountRow, AccountSource, SessionRow, StoreError};

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
        .is_some_and(|account| account.source == AccountSource::Ldap);
    let every_ms = i64::from(app.config.sign_in.recheck_s) * 1_000;
    of_directory && app.clock.now().since(session.checked_at) >= every_ms
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
    let Some(directory) = &app.directory else {
        // The settings name none any more: nobody says what they may do.
        return Ok(shut(account));
    };
    let now = app.clock.now();
    let answer = if app.rechecks.is_away() {
        None
    } else {
        let answer = directory.look_up(&account.subject).await;
        app.rechecks.answered(answer.is_ok());
        answer
            .inspect_err(|error| {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "the directory does not say what somebody may do; it is asked again"
                );
            })
            .ok()
    };
    let Some(person) = answer else {
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
    app.store
        .session_checked(session.id, Vec::new(), now)
        .await?;
    Ok(learned)
}
