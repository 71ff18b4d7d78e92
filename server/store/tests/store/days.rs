//! What was counted is kept a row a day, for each scope by itself, and forgotten by age.

use sickbay_store::{Day, DayCounts, FleetCounts, IssueCount, Scope};

use crate::fixture::{Fixture, at, filter};

fn counted(day: i64, serious: u64, issues: &[(&str, u64)]) -> DayCounts {
    DayCounts {
        day: Day(day),
        at: at(day * 1000 + i64::try_from(serious).unwrap()),
        fleet: FleetCounts {
            serious,
            warning: 1,
            unknown: 2,
            healthy: 3,
            never_reported: 4,
            pending: 5,
            never_enrolled: 6,
        },
        issues: issues
            .iter()
            .map(|(issue, open)| IssueCount {
                issue: (*issue).to_owned(),
                open: *open,
                serious: 1,
                unknown: 2,
                accepted: 3,
                primary: 4,
            })
            .collect(),
    }
}

pub(crate) async fn a_day_is_what_was_counted_last_and_old_ones_are_forgotten(store: Fixture) {
    let berlin = Scope::Matching(filter("ou:*Berlin*"));
    let first = counted(10, 1, &[("hold", 7), ("pause", 8)]);
    let kept = [
        (Scope::All, first.clone()),
        (berlin.clone(), counted(10, 0, &[])),
    ];
    store.keep_days(&kept, Day(0)).await.unwrap();
    let second = counted(11, 2, &[("pause", 9)]);
    let kept = [(Scope::All, second.clone())];
    store.keep_days(&kept, Day(0)).await.unwrap();
    assert_eq!(
        store.days(&Scope::All, Day(0)).await.unwrap(),
        [first.clone(), second.clone()]
    );
    assert_eq!(
        store.days(&Scope::All, Day(11)).await.unwrap(),
        std::slice::from_ref(&second)
    );
    // Each scope by itself.
    assert_eq!(
        store.days(&berlin, Day(0)).await.unwrap(),
        [counted(10, 0, &[])]
    );

    // Once more on the same day: an issue that is gone leaves nothing behind.
    let later = counted(11, 3, &[("reboot", 1)]);
    let kept = [(Scope::All, later.clone())];
    store.keep_days(&kept, Day(11)).await.unwrap();
    assert_eq!(store.days(&Scope::All, Day(0)).await.unwrap(), [later]);
    assert_eq!(store.days(&berlin, Day(0)).await.unwrap(), []);
}

pub(crate) async fn a_day_has_its_number_and_its_start(_store: Fixture) {
    assert_eq!(Day::of(at(-1)), Day(-1));
    assert_eq!(Day::of(at(0)), Day(0));
    assert_eq!(Day::of(Day(20_000).start()), Day(20_000));
    assert_eq!(Day::of(Day(20_000).start().plus_millis(-1)), Day(19_999));
}
