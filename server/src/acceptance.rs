//! Accepting: open findings of an issue are accepted for the devices of a scope, with a reason and until a day. What is accepted is
//! counted apart and never hidden.
//!
//! At most [`MOST`] acceptances hold at once, because those of an issue are asked for every device that has it. A reason has at most
//! [`REASON_CHARS`] characters, an end lies at most [`LONGEST_DAYS`] days ahead.

use sickbay_diagnosis::Time;
use sickbay_diagnosis::expectation::{BadWish, DeviceScope};
use sickbay_diagnosis::issues;
use sickbay_store::{AcceptanceRow, StoreError};
use uuid::Uuid;

use crate::app::App;

/// Most acceptances that hold at once.
pub const MOST: usize = 1000;
/// Most characters of a reason.
pub const REASON_CHARS: usize = 500;
/// How far ahead an end may lie, in days: two years.
pub const LONGEST_DAYS: i64 = 731;

/// An acceptance as a person or a program writes it down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// Id of the issue.
    pub issue: String,
    /// Filter of the devices; empty for every device.
    pub scope: String,
    /// Why.
    pub reason: String,
    /// Until when: a day, which counts whole, or a moment; RFC 3339.
    pub until: String,
}

/// What of an acceptance is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The issue.
    Issue,
    /// The scope.
    Scope,
    /// The reason.
    Reason,
    /// The end.
    Until,
}

impl Part {
    /// Its key.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Scope => "scope",
            Self::Reason => "reason",
            Self::Until => "until",
        }
    }
}

/// Why something was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// A part of it cannot be.
    #[error("{}: {why}", part.name())]
    Bad {
        /// Which.
        part: Part,
        /// What is wrong.
        why: String,
    },
    /// Too many hold already.
    #[error(
        "{MOST} acceptances hold already, which is the most; end some that are no longer needed, or accept for a scope instead of single devices"
    )]
    TooMany,
    /// The database did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether it holds at `now`.
pub fn holds(row: &AcceptanceRow, now: Time) -> bool {
    row.ended_at.is_none() && row.until > now
}

/// The end that a text means: a day counts whole, in UTC.
fn end(text: &str) -> Option<Time> {
    let text = text.trim();
    if text.len() == "2026-12-31".len() {
        let midnight = Time::parse(&format!("{text}T00:00:00Z")).ok()?;
        return Some(midnight.plus_days(1));
    }
    Time::parse(text).ok()
}

/// The acceptance that is asked for, if it can be.
///
/// # Errors
/// The first part that cannot.
pub fn check(asked: &Asked, made_by: &str, now: Time) -> Result<AcceptanceRow, AcceptError> {
    let bad = |part, why: String| AcceptError::Bad { part, why };
    let issue = issues::get(asked.issue.trim())
        .ok_or_else(|| bad(Part::Issue, format!("there is no issue {:?}", asked.issue)))?;
    let scope =
        DeviceScope::parse(asked.scope.trim()).map_err(|why| match why {
            BadWish::Circular(what) => bad(Part::Scope, format!("name the devices themselves, not {what}: use name, domain, ou, site, tag, kind, release, edition, arch, build, ubr or id")),
            other => bad(Part::Scope, other.to_string()),
        })?;
    let reason = asked.reason.trim();
    let chars = reason.chars().count();
    if chars == 0 || chars > REASON_CHARS || reason.chars().any(char::is_control) {
        let why = format!("say why in 1 to {REASON_CHARS} characters, on one line");
        return Err(bad(Part::Reason, why));
    }
    let until = end(&asked.until).ok_or_else(|| {
        let why =
            "give a day such as 2026-12-31, or a moment such as 2026-12-31T18:00:00Z".to_owned();
        bad(Part::Until, why)
    })?;
    if until <= now {
        return Err(bad(Part::Until, "the end must lie ahead".to_owned()));
    }
    if until > now.plus_days(LONGEST_DAYS) {
        return Err(bad(
            Part::Until,
            "the end may lie at most two years ahead".to_owned(),
        ));
    }
    Ok(AcceptanceRow {
        id: Uuid::now_v7(),
        issue: issue.id.to_owned(),
        scope: scope.to_string(),
        reason: reason.to_owned(),
        made_by: made_by.to_owned(),
        made_at: now,
        until,
        ended_at: None,
    })
}

/// Accepts, and brings it into force.
///
/// # Errors
/// Where it cannot be, and where the database does not take it.
pub async fn accept(app: &App, asked: &Asked, made_by: &str) -> Result<AcceptanceRow, AcceptError> {
    let now = app.clock.now();
    let row = check(asked, made_by, now)?;
    let present = app.store.acceptances().await?;
    if present.iter().filter(|row| holds(row, now)).count() >= MOST {
        return Err(AcceptError::TooMany);
    }
    app.store.create_acceptance(row.clone()).await?;
    app.rules_changed();
    Ok(row)
}

/// Ends an acceptance now; `false` where none of that id holds.
///
/// # Errors
/// Where the database does not answer.
pub async fn end_now(app: &App, id: Uuid, by: &str) -> Result<bool, StoreError> {
    let ended = app.store.end_acceptance(id, by, app.clock.now()).await?;
    if ended {
        app.rules_changed();
    }
    Ok(ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Time {
        Time::from_millis(1_760_000_000_000)
    }

    fn asked(change: impl FnOnce(&mut Asked)) -> Asked {
        let mut asked = Asked {
            issue: "pending-reboot".to_owned(),
            scope: "kind:server".to_owned(),
            reason: "Maintenance window in December".to_owned(),
            until: now().plus_days(30).date(),
        };
        change(&mut asked);
        asked
    }

    fn refused(change: impl FnOnce(&mut Asked)) -> Part {
        match check(&asked(change), "a test", now()) {
            Err(AcceptError::Bad { part, .. }) => part,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_day_counts_whole() {
        let row = check(
            &asked(|a| a.until = "2026-01-31".to_owned()),
            "a test",
            now(),
        );
        let row = row.map_err(|error| error.to_string());
        assert_eq!(
            row.map(|r| r.until.to_string()),
            Ok("2026-02-01T00:00:00Z".to_owned())
        );
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        assert_eq!(refused(|a| a.issue = "no-such".to_owned()), Part::Issue);
        assert_eq!(
            refused(|a| a.scope = "issue:silent".to_owned()),
            Part::Scope
        );
        assert_eq!(refused(|a| a.scope = "colour:red".to_owned()), Part::Scope);
        assert_eq!(refused(|a| a.reason = "  ".to_owned()), Part::Reason);
        assert_eq!(refused(|a| a.reason = "x".repeat(501)), Part::Reason);
        assert_eq!(refused(|a| a.reason = "a\nb".to_owned()), Part::Reason);
        for until in ["", "soon", "2026-13-01", "31.12.2026"] {
            assert_eq!(
                refused(|a| a.until = until.to_owned()),
                Part::Until,
                "{until}"
            );
        }
        assert_eq!(refused(|a| a.until = now().to_string()), Part::Until);
        assert_eq!(
            refused(|a| a.until = now().plus_days(732).to_string()),
            Part::Until
        );
        assert!(
            check(
                &asked(|a| a.until = now().plus_days(730).date()),
                "a test",
                now()
            )
            .is_ok()
        );
    }
}
