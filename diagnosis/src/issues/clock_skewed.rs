//! `clock-skewed` (fact sheet section 13).

use crate::context::{Sighted, Sighting};
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::observation::EvidenceRef;
use crate::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use crate::verdict::{Cause, Severity, State, Verdict};

/// The device's clock is off.
pub(super) const ISSUE: Issue = Issue {
    id: "clock-skewed",
    title: "Clock is off",
    meaning: "The device's clock differs from the server's by more than five minutes. Kerberos refuses it then, and with more, \
              certificates seem to be expired or not yet valid, so that scans and downloads fail in ways that name no clock.",
    severity: Severity::Serious,
    groups_by: "skew band",
    fix: &[
        FixStep {
            text: "See where the device takes its time from.",
            command: Some("w32tm /query /status"),
        },
        FixStep {
            text: "Let it take the time again.",
            command: Some("net start w32time & w32tm /resync /rediscover"),
        },
        FixStep {
            text: "A member of a domain takes it from the domain: where it does not, say so.",
            command: Some("w32tm /config /syncfromflags:domhier /update"),
        },
    ],
    links: &[Link {
        title: "Windows Time service tools and settings",
        url: "https://learn.microsoft.com/windows-server/networking/windows-time-service/windows-time-service-tools-and-settings",
    }],
    explains: &[
        "update-endpoint-unreachable",
        "scan-stale",
        "download-failing",
        "directory-registration-broken",
    ],
    told_by: Teller::Server,
    says_managed_elsewhere: false,
    never: &[(State::NotApplicable, "every device has a clock")],
    decide,
};

const EVIDENCE: EvidenceRef = EvidenceRef::Sighted(Sighted::ClockAhead);
/// Upper edges of the bands with their names, in milliseconds.
const BANDS: [(i64, &str); 4] = [
    (15 * MINUTE_MS, "up to 15 minutes"),
    (HOUR_MS, "15 minutes to an hour"),
    (DAY_MS, "an hour to a day"),
    (i64::MAX, "more than a day"),
];

fn decide(case: &Case<'_>) -> Verdict {
    let Some(ahead) = case.sighting.and_then(|s: &Sighting| s.clock_ahead_ms) else {
        return Verdict::unknown("The device has not told the time of its clock.");
    };
    let off = ahead.saturating_abs();
    let wanted = case.expectations;
    if off <= wanted.clock_warning_ms.min(wanted.clock_serious_ms) {
        return Verdict::clear(format!(
            "At its last connection the clock was {} seconds off.",
            off / 1000
        ))
        .with_evidence([EVIDENCE]);
    }
    let severity = if off > wanted.clock_serious_ms {
        Severity::Serious
    } else {
        Severity::Warning
    };
    let direction = if ahead > 0 { "ahead" } else { "behind" };
    let band = BANDS
        .into_iter()
        .find(|(edge, _)| off <= *edge)
        .map_or("more than a day", |(_, name)| name);
    Verdict::open(
        severity,
        vec![Cause::new(
            format!("{direction} {band}"),
            format!("{band} {direction}"),
        )],
        format!(
            "At its last connection the clock was {} {direction} of the server's.",
            long(off)
        ),
    )
    .with_evidence([EVIDENCE])
}

/// A time in its largest two units.
fn long(ms: i64) -> String {
    let (days, hours, minutes) = (ms / DAY_MS, ms % DAY_MS / HOUR_MS, ms % HOUR_MS / MINUTE_MS);
    match (days, hours) {
        (0, 0) => format!("{minutes} minutes"),
        (0, hours) => format!("{hours} hours and {minutes} minutes"),
        (days, hours) => format!("{days} days and {hours} hours"),
    }
}
