//! What devices say of which update brings which build.

use super::*;
use crate::check::Check;
use crate::explanation::{Claim, ClaimTally, believed};

/// What a machine with these packages and this history claims: number, build, revision, by title.
fn claimed(machine: &Machine) -> Vec<(String, u32, u32, bool)> {
    profile(machine)
        .claims
        .iter()
        .map(|claim| {
            let number = claim.kb.to_string();
            (number, claim.package_build, claim.revision, claim.by_title)
        })
        .collect()
}

fn remembering(machine: Machine, entries: &[(&str, &str)]) -> Machine {
    let entries: Vec<_> = entries
        .iter()
        .map(|(at, title)| (*at, 1, 2, "0x00000000", *title, *title))
        .collect();
    machine.on(Check::UpdateHistory).history(&entries)
}

#[test]
fn an_update_installed_with_a_package_in_the_same_days_belongs_to_it() {
    let machine = rollup(client(8100), 22621, 8100, INSTALLED, "2026-09-12T09:00:00Z");
    let machine = rollup(machine, 22621, 8000, SUPERSEDED, "2026-08-13T09:00:00Z");
    let machine = remembering(
        machine,
        &[
            (
                "2026-09-12T08:00:00Z",
                "2026-09 Kumulatives Update für Windows 11 (KB9000009)",
            ),
            (
                "2026-08-13T08:00:00Z",
                "2026-08 Kumulatives Update für Windows 11 (KB9000008)",
            ),
        ],
    );
    assert_eq!(
        claimed(&machine),
        [
            ("KB9000009".to_owned(), 22621, 8100, false),
            ("KB9000008".to_owned(), 22621, 8000, false)
        ]
    );
}

#[test]
fn a_title_that_names_the_build_says_it_outright() {
    let machine = remembering(
        client(8100),
        &[(
            "2026-09-12T08:00:00Z",
            "2026-09 Security Update (KB9000009) (22631.8100)",
        )],
    );
    assert_eq!(
        claimed(&machine),
        [("KB9000009".to_owned(), 22621, 8100, true)]
    );
    let odd = remembering(
        client(8100),
        &[(
            "2026-09-12T08:00:00Z",
            "Driver 1.2 (KB9000009) (12.19) (3.4.5)",
        )],
    );
    assert_eq!(claimed(&odd), []);
}

#[test]
fn other_updates_of_the_same_day_are_not_taken_for_it() {
    let machine = rollup(client(8100), 22621, 8100, INSTALLED, "2026-09-12T09:00:00Z");
    let machine = package(
        machine,
        &format!("Package_for_KB9000100~{KEY}~22621.1.1.1"),
        INSTALLED,
        "2026-09-12T09:00:00Z",
    );
    let machine = remembering(
        machine,
        &[
            (
                "2026-09-12T08:00:00Z",
                "2026-09 Cumulative Update for .NET Framework 4.8.1 (KB9000200)",
            ),
            (
                "2026-09-12T08:00:00Z",
                "Windows-Tool zum Entfernen bösartiger Software (KB890830)",
            ),
            (
                "2026-09-12T08:00:00Z",
                "Security Intelligence-Update für Microsoft Defender (KB2267602)",
            ),
            ("2026-09-12T08:00:00Z", "2026-09 Dynamic Update (KB9000100)"),
            (
                "2026-09-12T08:00:00Z",
                "2026-09 Cumulative Update for Windows 11 (KB9000009)",
            ),
        ],
    );
    assert_eq!(
        claimed(&machine),
        [("KB9000009".to_owned(), 22621, 8100, false)]
    );
}

#[test]
fn a_device_that_installed_two_updates_with_one_package_says_nothing() {
    let machine = rollup(client(8100), 22621, 8100, INSTALLED, "2026-09-12T09:00:00Z");
    let machine = remembering(
        machine,
        &[
            (
                "2026-09-12T08:00:00Z",
                "2026-09 Update for Windows 11 (KB9000009)",
            ),
            (
                "2026-09-11T08:00:00Z",
                "2026-09 Update for Windows 11 (KB9000300)",
            ),
        ],
    );
    assert_eq!(claimed(&machine), []);
}

#[test]
fn five_devices_are_believed_and_four_are_not() {
    let claim = |number: &str, revision, day: i64| Claim {
        kb: kb(number),
        package_build: 22621,
        revision,
        by_title: false,
        at: Some(at("2026-09-08T00:00:00Z").plus_days(day)),
    };
    let tallied = |claims: &[(u32, i64)]| {
        let mut tally = ClaimTally::default();
        for (revision, day) in claims {
            tally.add(
                DeviceKind::Client,
                &[claim("KB9000009", *revision, *day)],
                now(),
            );
        }
        let mut learned = Learned::default();
        for (told, update) in tally.iter() {
            learned.add(told, update);
        }
        let said: Vec<LearnedUpdate> = learned
            .of(kb("KB9000009"))
            .flat_map(|(_, all)| all.to_vec())
            .collect();
        believed(&said).map(|update| (update.revision, update.devices, update.since.date()))
    };
    let four = [(8100, 0), (8100, 1), (8100, 2), (8100, 9)];
    assert_eq!(tallied(&four), None);
    let mut five = four.to_vec();
    five.push((8100, 4));
    assert_eq!(tallied(&five), Some((8100, 5, "2026-09-17".to_owned())));
    // One that says otherwise does not outweigh them; two make it doubtful.
    five.push((8000, 4));
    assert_eq!(tallied(&five).map(|t| t.0), Some(8100));
    five.push((8000, 4));
    assert_eq!(tallied(&five), None);
    // Of many the earliest five tell since when, and a clock that is ahead moves nothing into the future.
    let many: Vec<(u32, i64)> = (0..20).map(|day| (8100, day * 30)).collect();
    assert_eq!(tallied(&many).map(|t| t.2), Some(now().date()));
}

#[test]
fn titles_outweigh_what_was_only_installed_in_the_same_days() {
    let of = |revision, devices, by_title| LearnedUpdate {
        revision,
        devices,
        by_title,
        now: devices,
        now_by_title: by_title,
        since: now(),
        imported: false,
        kept_at: None,
    };
    let said = [of(8100, 9, 9), of(8000, 7, 0)];
    assert_eq!(believed(&said).map(|u| u.revision), Some(8100));
    let imported = LearnedUpdate {
        imported: true,
        ..of(7999, 0, 0)
    };
    assert_eq!(
        believed(&[said[0], said[1], imported]).map(|u| u.revision),
        Some(7999)
    );
}

#[test]
fn a_device_speaks_for_its_own_family_and_for_what_it_has() {
    let machine = remembering(
        client(8100),
        &[
            (
                "2026-09-12T08:00:00Z",
                "2026-09 Security Update (KB9000009) (26100.8100)",
            ),
            (
                "2026-09-11T08:00:00Z",
                "2026-09 Security Update (KB9000010) (22631.9999)",
            ),
        ],
    );
    assert_eq!(claimed(&machine), []);
}

#[test]
fn an_update_of_office_on_the_day_of_a_package_is_not_taken_for_it() {
    let machine = rollup(client(8100), 22621, 8100, INSTALLED, "2026-09-12T09:00:00Z");
    let machine = remembering(
        machine,
        &[(
            "2026-09-12T08:00:00Z",
            "Security Update for Microsoft Office 2016 (KB5002700) 64-Bit Edition",
        )],
    );
    assert_eq!(claimed(&machine), []);
}

#[test]
fn a_device_that_says_something_else_every_day_weighs_no_more_than_one() {
    let of = |revision, devices, today| LearnedUpdate {
        revision,
        devices,
        by_title: devices,
        now: today,
        now_by_title: today,
        since: now(),
        imported: false,
        kept_at: None,
    };
    // Forty ever said so; of what one device said on other days nothing is said any more.
    let mut said = vec![of(8100, 40, 30)];
    said.extend((1..30).map(|revision| of(revision, 1, u64::from(revision == 29))));
    assert_eq!(believed(&said).map(|u| u.revision), Some(8100));
    // When nobody says anything any more, for their histories forget, it is still known.
    assert_eq!(believed(&[of(8100, 40, 0)]).map(|u| u.revision), Some(8100));
    // What five said once by mistake gives way to what more say.
    assert_eq!(
        believed(&[of(8000, 5, 0), of(8100, 9, 9)]).map(|u| u.revision),
        Some(8100)
    );
}
