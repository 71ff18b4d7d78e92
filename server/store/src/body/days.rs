//! What was counted day by day, and how far back it is kept.

use sickbay_diagnosis::Time;
use sqlx::FromRow;

use super::query::{How, RowList};
use super::{Backend, Db};
use crate::codes::count;
use crate::column::Column::{Int, Text};
use crate::error::During;
use crate::{Day, DayCounts, FleetCounts, IssueCount, Result, Scope};

statements! {
    /// A day of a scope, as it was counted last.
    PUT = "INSERT INTO fleet_day (scope, day, at, serious, warning, unknown, healthy, never_reported, pending, never_enrolled) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (scope, day) DO UPDATE SET at = excluded.at, \
           serious = excluded.serious, warning = excluded.warning, unknown = excluded.unknown, healthy = excluded.healthy, \
           never_reported = excluded.never_reported, pending = excluded.pending, never_enrolled = excluded.never_enrolled";
    /// What was counted of its issues before.
    FORGET_ISSUES = "DELETE FROM issue_day WHERE scope = $1 AND day = $2";
    /// Old days, with their issues.
    FORGET = "DELETE FROM fleet_day WHERE day < $1";
    /// Days of a scope.
    DAYS = "SELECT day, at, serious, warning, unknown, healthy, never_reported, pending, never_enrolled FROM fleet_day \
            WHERE scope = $1 AND day >= $2 ORDER BY day";
    /// Their issues.
    ISSUES = "SELECT day, issue, open_count, serious_count, unknown_count, accepted_count, primary_count FROM issue_day \
              WHERE scope = $1 AND day >= $2 ORDER BY day, issue";
}

/// What was counted of issues.
pub(super) const ISSUE_DAYS: RowList = RowList {
    operation: "keep a day's counts of issues",
    how: How::Insert,
    before: "INSERT INTO issue_day (scope, day, issue, open_count, serious_count, unknown_count, accepted_count, primary_count)",
    columns: &[Text, Int, Text, Int, Int, Int, Int, Int],
    after: "",
};

const KEEP: &str = "keep a day's counts";
const READ: &str = "read what was counted day by day";

#[derive(FromRow)]
struct DayRow {
    day: i64,
    at: i64,
    serious: i64,
    warning: i64,
    unknown: i64,
    healthy: i64,
    never_reported: i64,
    pending: i64,
    never_enrolled: i64,
}

#[derive(FromRow)]
struct IssueRow {
    day: i64,
    issue: String,
    open_count: i64,
    serious_count: i64,
    unknown_count: i64,
    accepted_count: i64,
    primary_count: i64,
}

/// Keeps days of scopes in the place of what was counted of them before, and forgets those before `since`.
pub(super) async fn keep(store: &Backend, days: &[(Scope, DayCounts)], since: Day) -> Result<()> {
    let mut transaction = store.begin(KEEP).await?;
    for (scope, counts) in days {
        let (scope, fleet) = (scope.text(), &counts.fleet);
        let mut put = sqlx::query::<Db>(PUT)
            .bind(scope.clone())
            .bind(counts.day.0)
            .bind(counts.at.millis());
        for number in [
            fleet.serious,
            fleet.warning,
            fleet.unknown,
            fleet.healthy,
            fleet.never_reported,
            fleet.pending,
            fleet.never_enrolled,
        ] {
            put = put.bind(whole(number));
        }
        put.execute(&mut *transaction).await.during(KEEP)?;
        sqlx::query::<Db>(FORGET_ISSUES)
            .bind(scope.clone())
            .bind(counts.day.0)
            .execute(&mut *transaction)
            .await
            .during(KEEP)?;
        let rows: Vec<(String, i64, &IssueCount)> = counts
            .issues
            .iter()
            .map(|issue| (scope.clone(), counts.day.0, issue))
            .collect();
        ISSUE_DAYS
            .run(&mut transaction, &rows, |query, (scope, day, issue)| {
                query
                    .bind(scope.clone())
                    .bind(*day)
                    .bind(issue.issue.clone())
                    .bind(whole(issue.open))
                    .bind(whole(issue.serious))
                    .bind(whole(issue.unknown))
                    .bind(whole(issue.accepted))
                    .bind(whole(issue.primary))
            })
            .await?;
    }
    sqlx::query::<Db>(FORGET)
        .bind(since.0)
        .execute(&mut *transaction)
        .await
        .during(KEEP)?;
    transaction.commit().await.during(KEEP)
}

/// Days of a scope from one on, the oldest first.
pub(super) async fn since(store: &Backend, scope: &Scope, since: Day) -> Result<Vec<DayCounts>> {
    let mut transaction = store.begin_read(READ).await?;
    let rows: Vec<DayRow> = sqlx::query_as::<Db, DayRow>(DAYS)
        .bind(scope.text())
        .bind(since.0)
        .fetch_all(&mut *transaction)
        .await
        .during(READ)?;
    let issues: Vec<IssueRow> = sqlx::query_as::<Db, IssueRow>(ISSUES)
        .bind(scope.text())
        .bind(since.0)
        .fetch_all(&mut *transaction)
        .await
        .during(READ)?;
    let mut issues = issues.into_iter().peekable();
    rows.into_iter()
        .map(|row| {
            let day = row.day;
            let mut counts = row.read()?;
            while let Some(issue) = issues.next_if(|issue| issue.day <= day) {
                if issue.day == day {
                    counts.issues.push(issue.read()?);
                }
            }
            Ok(counts)
        })
        .collect()
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl DayRow {
    fn read(self) -> Result<DayCounts> {
        let read = |number| count("devices", number);
        Ok(DayCounts {
            day: Day(self.day),
            at: Time::from_millis(self.at),
            fleet: FleetCounts {
                serious: read(self.serious)?,
                warning: read(self.warning)?,
                unknown: read(self.unknown)?,
                healthy: read(self.healthy)?,
                never_reported: read(self.never_reported)?,
                pending: read(self.pending)?,
                never_enrolled: read(self.never_enrolled)?,
            },
            issues: Vec::new(),
        })
    }
}

impl IssueRow {
    fn read(self) -> Result<IssueCount> {
        let read = |number| count("count", number);
        Ok(IssueCount {
            issue: self.issue,
            open: read(self.open_count)?,
            serious: read(self.serious_count)?,
            unknown: read(self.unknown_count)?,
            accepted: read(self.accepted_count)?,
            primary: read(self.primary_count)?,
        })
    }
}
