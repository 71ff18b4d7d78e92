//! What the demo's server would have counted in the last months: the fleet has grown, most troubles have become fewer, each Patch Tuesday
//! puts many behind for some days, and for two days the server did not run.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sickbay_store::{Day, DayCounts, FleetCounts, IssueCount, Scope, StoreError};

use super::fleet::is_patch_tuesday;
use crate::app::App;
use crate::days::{KEPT, SHOWN};

/// Days before today on which nothing was counted.
const NOT_COUNTED: std::ops::RangeInclusive<i64> = 37..=38;
/// Issues that rise with each Patch Tuesday.
const OF_PATCH_TUESDAY: [&str; 4] = [
    "behind-on-quality-updates",
    "pending-reboot",
    "servicing-stack-outdated",
    "install-failing",
];

/// Tells the server what it counted, unless it has counted days before today.
///
/// # Errors
/// Where the database does not answer.
pub(super) async fn tell(app: &App, seed: u64) -> Result<(), StoreError> {
    let (store, now) = (&*app.store, app.clock.now());
    let today = Day::of(now);
    let known = store.days(&Scope::All, today.before(SHOWN)).await?;
    if known.iter().any(|counts| counts.day < today) {
        return Ok(());
    }
    let (fleet, issues) = tokio::try_join!(
        store.fleet_counts(&Scope::All),
        store.issue_counts(&Scope::All)
    )?;
    let days: Vec<(Scope, DayCounts)> = past(today, &fleet, &issues, seed)
        .into_iter()
        .map(|counts| (Scope::All, counts))
        .collect();
    store.keep_days(&days, today.before(KEPT)).await
}

/// The days before today that lead to what stands now.
fn past(today: Day, fleet: &FleetCounts, issues: &[IssueCount], seed: u64) -> Vec<DayCounts> {
    let mut chance = StdRng::seed_from_u64(seed);
    // How much more or less of each there was at the beginning, in percent of now.
    let mut began = || chance.random_range(70..190_u64);
    let began: Vec<u64> = issues.iter().map(|_| began()).collect();
    (1..SHOWN)
        .rev()
        .filter(|ago| !NOT_COUNTED.contains(ago))
        .map(|ago| {
            let day = today.before(ago);
            let aged = ago.unsigned_abs();
            let behind = after_patch_tuesday(day);
            // A fifth of the fleet joined since.
            let active = scaled(fleet.active(), 100 - 20 * aged / SHOWN.unsigned_abs());
            let mut counted = |issue: &IssueCount, began: u64| {
                let span = SHOWN.unsigned_abs();
                let mut percent = (began * aged + 100 * (span - aged)) / span;
                if OF_PATCH_TUESDAY.contains(&issue.issue.as_str()) {
                    percent += behind;
                }
                percent = percent * chance.random_range(94..107_u64) / 100;
                IssueCount {
                    issue: issue.issue.clone(),
                    open: scaled(issue.open, percent).min(active),
                    serious: scaled(issue.serious, percent).min(active),
                    unknown: scaled(issue.unknown, percent).min(active),
                    accepted: issue.accepted,
                    primary: scaled(issue.primary, percent).min(active),
                }
            };
            let issues: Vec<IssueCount> = issues
                .iter()
                .zip(&began)
                .map(|(issue, began)| counted(issue, *began))
                .collect();
            let worse = 100 + aged / 2 + behind / 4;
            let serious = scaled(fleet.serious, worse).min(active);
            let warning = scaled(fleet.warning, worse).min(active - serious);
            let unknown = fleet.unknown.min(active - serious - warning);
            DayCounts {
                day,
                at: day.before(-1).start().plus_millis(-60_000),
                fleet: FleetCounts {
                    serious,
                    warning,
                    unknown,
                    healthy: active - serious - warning - unknown,
                    never_reported: 0,
                    pending: 0,
                    never_enrolled: fleet.never_enrolled,
                },
                issues,
            }
        })
        .collect()
}

const fn scaled(number: u64, percent: u64) -> u64 {
    (number * percent + 50) / 100
}

/// By how much the days after a Patch Tuesday have more of what it brings, in percent.
fn after_patch_tuesday(day: Day) -> u64 {
    let since = (0..35).find(|back| is_patch_tuesday(day.before(*back).0));
    match since {
        Some(days @ 0..=12) => 260 - 20 * days.unsigned_abs(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_past_adds_up_and_ends_before_today() {
        let fleet = FleetCounts {
            serious: 40,
            warning: 30,
            unknown: 5,
            healthy: 125,
            ..FleetCounts::default()
        };
        let issues = [IssueCount {
            issue: "pending-reboot".to_owned(),
            open: 20,
            serious: 3,
            unknown: 1,
            accepted: 0,
            primary: 10,
        }];
        let today = Day(20_783);
        let days = past(today, &fleet, &issues, 7);
        assert_eq!(days.len(), 87);
        for counts in &days {
            assert!(counts.day < today);
            assert_eq!(Day::of(counts.at), counts.day);
            assert!((158..=200).contains(&counts.fleet.active()), "{counts:?}");
            let issue = &counts.issues[0];
            assert!(issue.serious <= issue.open && issue.open <= counts.fleet.active());
        }
        assert_eq!(days, past(today, &fleet, &issues, 7), "of the same seed");
    }
}
