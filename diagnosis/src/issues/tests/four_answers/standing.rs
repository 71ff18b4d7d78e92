//! Where a device stands: its release, its revision, its collector.

use super::{Told, clear, not_applicable, open, ordinary_client, sighted, unknown};
use crate::check::Check;
use crate::context::{FleetContext, Sighting};
use crate::observation::Outcome;
use crate::testing::{Machine, at, now};
use crate::verdict::Severity::{Serious, Warning};

pub(super) fn cases() -> Vec<Told> {
    [
        end_of_service(),
        behind(),
        checks(),
        collector(),
        enrolment(),
        silence(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Revision 4000 is older than the first with extended security updates.
fn windows_10() -> Machine {
    Machine::windows("19045", "Client", "Professional")
}

fn end_of_service() -> Vec<Told> {
    const ID: &str = "end-of-service";
    vec![
        open(
            ID,
            Warning,
            &["Windows 11 24H2"],
            "Windows 11 24H2 gets its last update on 2026-10-13 (Home and Pro editions)",
            Machine::client(),
        ),
        open(
            ID,
            Serious,
            &["Windows 10 22H2"],
            "Windows 10 22H2 got its last update on 2025-10-14",
            windows_10(),
        ),
        clear(
            ID,
            "gets updates until 2028-10-10 (Enterprise and Education editions)",
            ordinary_client(),
        ),
        unknown(
            ID,
            "(build 27954) is not in the table of releases",
            Machine::windows("27954", "Client", "Professional"),
        ),
    ]
}

fn behind() -> Vec<Told> {
    const ID: &str = "behind-on-quality-updates";
    vec![
        open(
            ID,
            Warning,
            &["26200.4000"],
            "behind for 20 days; 26200.4652 has been in the fleet since 2026-09-20",
            ordinary_client().fleet_has(4652, "2026-09-20T00:00:00Z"),
        ),
        open(
            ID,
            Serious,
            &["26200.4000"],
            "behind for 70 days",
            ordinary_client().fleet_has(4652, "2026-08-01T00:00:00Z"),
        ),
        clear(ID, "26200.4000 is the newest", ordinary_client()),
        clear(
            ID,
            "behind only since 2026-10-08",
            ordinary_client().fleet_has(4652, "2026-10-08T00:00:00Z"),
        ),
        unknown(
            ID,
            "Fewer than five devices of Windows 11 25H2",
            ordinary_client().in_fleet(FleetContext::default()),
        ),
        not_applicable(
            ID,
            "Windows 10 22H2 got its last update on 2025-10-14",
            windows_10().fleet_has(6000, "2025-09-09T00:00:00Z"),
        ),
    ]
}

fn checks() -> Vec<Told> {
    const ID: &str = "checks-failing";
    vec![
        open(
            ID,
            Warning,
            &["storage: the device is not ready"],
            "check storage failed: the device is not ready",
            ordinary_client().outcome(
                Check::Storage,
                Outcome::Failed("the device is not ready".to_owned()),
            ),
        ),
        clear(ID, "checks failed", ordinary_client()),
        unknown(ID, "No check has reported", Machine::new()),
    ]
}

fn collector() -> Vec<Told> {
    const ID: &str = "collector-outdated";
    let version = |version: &str| {
        ordinary_client().seen_by_server(sighted(|s| version.clone_into(&mut s.collector_version)))
    };
    vec![
        open(
            ID,
            Warning,
            &["0.1.9"],
            "Collector 0.1.9 is older than",
            version("0.1.9"),
        ),
        clear(ID, "Collector 99.0.0;", version("99.0.0")),
        unknown(ID, "has not told its version", version("")),
    ]
}

fn enrolment() -> Vec<Told> {
    vec![clear(
        "never-enrolled",
        "A collector speaks for this machine",
        ordinary_client(),
    )]
}

fn silence() -> Vec<Told> {
    const ID: &str = "silent";
    let heard =
        |day: &str| ordinary_client().seen_by_server(sighted(|s| s.last_seen_at = Some(at(day))));
    let never_reported = Sighting {
        enrolled_at: now().plus_days(-20),
        last_seen_at: None,
        reported: false,
        ..sighted(|_| {})
    };
    vec![
        open(
            ID,
            Warning,
            &["up to 30 days"],
            "Last heard of on 2026-09-20, 20 days ago",
            heard("2026-09-20T00:00:00Z"),
        ),
        open(
            ID,
            Serious,
            &["30 to 90 days"],
            "Last heard of on 2026-08-01, 70 days ago",
            heard("2026-08-01T00:00:00Z"),
        ),
        open(
            ID,
            Warning,
            &["never reported, up to 30 days"],
            "Enrolled and never reported",
            Machine::new().seen_by_server(never_reported),
        ),
        clear(
            ID,
            "Last heard of on 2026-10-09",
            heard("2026-10-09T12:00:00Z"),
        ),
    ]
}
