//! `scan-stale` (fact sheet section 3).

use super::device_evidence;
use super::scans::Scans;
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::time::{DAY_MS, Time};
use crate::verdict::{Cause, Severity, State, Verdict};

/// No search for updates has worked for too long.
pub(super) const ISSUE: Issue = Issue {
    id: "scan-stale",
    title: "Has not looked for updates",
    meaning: "The device has not looked for updates successfully within the expected time. What it was not told of it cannot install, \
              so it falls behind however well everything else is set up.",
    severity: Severity::Serious,
    groups_by: "last scan error",
    fix: &[
        FixStep {
            text: "Look up the error of the last scan below, and first mend what the device's other issues say of services, source and \
                   the way to the server.",
            command: None,
        },
        FixStep {
            text: "Then let it look again (Windows 10 and later).",
            command: Some("UsoClient StartScan"),
        },
        FixStep {
            text: "On older releases.",
            command: Some("wuauclt /detectnow"),
        },
    ],
    links: &[Link {
        title: "Windows Update issues troubleshooting",
        url: "https://learn.microsoft.com/troubleshoot/windows-client/installing-updates-features-roles/windows-update-issues-troubleshooting",
    }],
    explains: &["behind-on-quality-updates", "servicing-stack-outdated"],
    told_by: Teller::Device,
    says_managed_elsewhere: true,
    never: &[(State::NotApplicable, "every device looks for updates")],
    decide,
};

/// Without a successful scan for this long it is serious, in days: a monthly update was missed.
const SERIOUS_DAYS: i64 = 30;

fn decide(case: &Case<'_>) -> Verdict {
    let scans = Scans::of(case);
    let limit = case.expectations.oldest_scan_ms;
    let Some((last, evidence)) = scans.succeeded else {
        return never(case, &scans);
    };
    if last > case.now.plus_millis(DAY_MS) {
        return Verdict::unknown(format!(
            "The last successful scan is dated {}, which is still to come: a clock is or was wrong.",
            last.day()
        ))
        .with_evidence([evidence])
        .until(Some(last.plus_millis(-DAY_MS)));
    }
    let stale_at = last.plus_millis(limit);
    if case.now < stale_at {
        return Verdict::clear(format!("The last scan worked on {last}."))
            .with_evidence([evidence])
            .until(Some(stale_at));
    }
    let days = case.now.since(last) / DAY_MS;
    open(
        case,
        &scans,
        last.plus_millis(limit.max(SERIOUS_DAYS * DAY_MS)),
        format!(
            "The last scan that worked was on {}, {days} days ago",
            last.day()
        ),
    )
    .with_evidence([evidence])
}

fn never(case: &Case<'_>, scans: &Scans) -> Verdict {
    // A source that knows of none is only good for "never" where none that may know was out of reach.
    if scans.never.is_empty() || !scans.unknown.is_empty() {
        let why = scans
            .unknown
            .first()
            .map_or("no source tells of a scan", String::as_str);
        return Verdict::unknown(format!(
            "When the device last looked for updates is not known: {why}."
        ))
        .with_evidence(scans.never.iter().copied());
    }
    let installed = case
        .facts
        .device
        .as_ref()
        .ok()
        .and_then(|device| device.installed_at);
    let Some(installed) = installed else {
        return Verdict::unknown(
            "No scan ever worked, but when Windows was installed is not known, so it may be new.",
        )
        .with_evidence(scans.never.iter().copied());
    };
    let limit = case.expectations.oldest_scan_ms;
    let late_at = installed.value.plus_millis(limit);
    if case.now < late_at {
        return Verdict::clear(format!(
            "No scan has worked yet; Windows was installed on {} only.",
            installed.value.day()
        ))
        .with_evidence(scans.never.iter().copied())
        .with_evidence([installed.at])
        .until(Some(late_at));
    }
    open(
        case,
        scans,
        installed
            .value
            .plus_millis(limit.max(SERIOUS_DAYS * DAY_MS)),
        format!(
            "No scan ever worked since Windows was installed on {}",
            installed.value.day()
        ),
    )
    .with_evidence(scans.never.iter().copied())
    .with_evidence([installed.at])
    .with_evidence(device_evidence(case))
}

fn open(case: &Case<'_>, scans: &Scans, serious_at: Time, summary: String) -> Verdict {
    let (cause, last_error) = match &scans.error {
        Some(failure) => (
            Cause::new(failure.code.clone(), case.in_words(&failure.code)),
            format!(
                "; the last one failed with {}{}",
                case.in_words(&failure.code),
                failure
                    .at
                    .map_or_else(String::new, |at| format!(" on {}", at.day()))
            ),
        ),
        None => (
            Cause::new("no error", "No error known"),
            "; no error is known".to_owned(),
        ),
    };
    let serious = case.now >= serious_at;
    let severity = if serious {
        Severity::Serious
    } else {
        Severity::Warning
    };
    Verdict::open(severity, vec![cause], format!("{summary}{last_error}."))
        .with_evidence(scans.error.iter().map(|f| f.evidence))
        .until((!serious).then_some(serious_at))
}
