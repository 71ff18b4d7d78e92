//! What was counted day by day: for everybody who sees all devices, and for each scope that somebody has.

use std::collections::HashSet;

use sickbay_store::{Day, DayCounts, FleetCounts, IssueCount, Scope, Store, StoreError};

use crate::app::App;

/// Days that are kept.
pub const KEPT: i64 = 400;
/// Days that charts show.
pub const SHOWN: i64 = 90;

/// Counts today for every scope, and forgets days that are too old.
///
/// # Errors
/// Where the database does not answer.
pub async fn keep(app: &App) -> Result<(), StoreError> {
    let (store, now) = (&*app.store, app.clock.now());
    let mut days = Vec::new();
    for scope in scopes(app).await? {
        let counts = today(store, &scope, app).await?;
        days.push((scope, counts));
    }
    store.keep_days(&days, Day::of(now).before(KEPT)).await
}

/// What stands now, as the last of the days.
async fn today(store: &dyn Store, scope: &Scope, app: &App) -> Result<DayCounts, StoreError> {
    let (fleet, issues) = tokio::try_join!(store.fleet_counts(scope), store.issue_counts(scope))?;
    let at = app.clock.now();
    Ok(DayCounts {
        day: Day::of(at),
        at,
        fleet,
        issues,
    })
}

/// All devices, and the scopes of accounts and live API tokens.
async fn scopes(app: &App) -> Result<Vec<Scope>, StoreError> {
    let now = app.clock.now();
    let (accounts, tokens) = tokio::try_join!(app.store.accounts(), app.store.api_tokens())?;
    let of_accounts = accounts
        .into_iter()
        .filter(|account| account.disabled_at.is_none())
        .filter_map(|account| account.access);
    let of_tokens = tokens
        .into_iter()
        .filter(|token| token.revoked_at.is_none() && token.expires_at.is_none_or(|end| end > now))
        .map(|token| token.access);
    let mut seen = HashSet::new();
    let mut scopes = vec![Scope::All];
    seen.insert(String::new());
    for access in of_accounts.chain(of_tokens) {
        if seen.insert(access.scope.text()) {
            scopes.push(access.scope);
        }
    }
    Ok(scopes)
}

/// The last so many days up to today, the oldest first; a day that was not counted is a gap.
#[derive(Debug, Clone)]
pub struct Days(Vec<(Day, Option<DayCounts>)>);

/// What was counted on the last so many days, today as it is now.
///
/// # Errors
/// Where the database does not answer.
pub async fn last(app: &App, scope: &Scope, days: i64) -> Result<Days, StoreError> {
    let store = &*app.store;
    let last = Day::of(app.clock.now());
    let first = last.before(days - 1);
    let (kept, today) = tokio::try_join!(store.days(scope, first), today(store, scope, app))?;
    let mut kept = kept.into_iter().peekable();
    let days = (first.0..last.0)
        .map(Day)
        .map(|day| (day, kept.next_if(|counts| counts.day == day)))
        .chain(std::iter::once((last, Some(today))));
    Ok(Days(days.collect()))
}

impl Days {
    /// Every day.
    pub fn iter(&self) -> impl Iterator<Item = &(Day, Option<DayCounts>)> {
        self.0.iter()
    }

    /// What stands now.
    pub fn today(&self) -> Option<&DayCounts> {
        self.0.last().and_then(|(_, counts)| counts.as_ref())
    }

    /// Their dates.
    pub fn dates(&self) -> Vec<String> {
        self.iter().map(|(day, _)| day.start().date()).collect()
    }

    /// A number of each day about the fleet.
    pub fn fleet(&self, read: impl Fn(&FleetCounts) -> u64) -> Vec<Option<u64>> {
        self.iter()
            .map(|(_, counts)| counts.as_ref().map(|counts| read(&counts.fleet)))
            .collect()
    }

    /// A number of each day about an issue; nought on a day on which nobody had it.
    pub fn issue(&self, id: &str, read: impl Fn(&IssueCount) -> u64) -> Vec<Option<u64>> {
        self.iter()
            .map(|(_, counts)| {
                let counts = counts.as_ref()?;
                Some(counts.issue(id).map_or(0, &read))
            })
            .collect()
    }
}
