//! `component-store-corrupt` (fact sheet section 6).

use super::not_known;
use crate::facts::component_store::StoreHealth;
use crate::facts::failing::FAILURES_COUNT_DAYS;
use crate::facts::update_events::Event;
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::time::Time;
use crate::verdict::{Cause, Severity, State, Verdict};

/// The component store is damaged.
pub(super) const ISSUE: Issue = Issue {
    id: "component-store-corrupt",
    title: "Component store damaged",
    meaning: "Files or manifests of Windows' component store are missing or damaged. Updates that touch them fail and are taken back, \
              month after month, until the store is repaired. A store that nothing marks as damaged was not necessarily looked at.",
    severity: Severity::Serious,
    groups_by: "repairability",
    fix: &[
        FixStep {
            text: "Repair the store; Windows Update is the source.",
            command: Some("DISM.exe /Online /Cleanup-Image /RestoreHealth"),
        },
        FixStep {
            text: "Where Windows Update cannot be reached, from installation media of the same build.",
            command: Some(
                r"DISM.exe /Online /Cleanup-Image /RestoreHealth /Source:wim:D:\sources\install.wim:1 /LimitAccess",
            ),
        },
        FixStep {
            text: "Then the files that are in use.",
            command: Some("sfc /scannow"),
        },
        FixStep {
            text: "Where it cannot be repaired: repair the installation in place from media.",
            command: Some("setup.exe /auto upgrade /eula accept"),
        },
    ],
    links: &[Link {
        title: "Fix Windows Update errors",
        url: "https://learn.microsoft.com/troubleshoot/windows-server/installing-updates-features-roles/fix-windows-update-errors",
    }],
    explains: &["install-failing", "behind-on-quality-updates"],
    told_by: Teller::Device,
    says_managed_elsewhere: false,
    never: &[(State::NotApplicable, "every Windows has a component store")],
    decide,
};

/// Codes with which installations fail on a damaged store.
const STORE_CODES: [&str; 14] = [
    "0x800F0831",
    "0x80073712",
    "0x800F081F",
    "0x800736CC",
    "0x8007371B",
    "0x80073701",
    "0x800705B9",
    "0x8007370A",
    "0x8007370B",
    "0x8007370D",
    "0x800F0984",
    "0x800F0986",
    "0x800F0982",
    "0x80070246",
];

fn decide(case: &Case<'_>) -> Verdict {
    let found = found_by_servicing(case);
    let store = match &case.facts.component_store {
        Ok(store) => store,
        // What the event log holds of damage needs no servicing interface, as on Windows 7.
        Err(why) => {
            return found
                .or_else(|| hinted_by_failures(case))
                .unwrap_or_else(|| not_known(why));
        }
    };
    let asked = store
        .checked_at
        .map_or_else(String::new, |at| format!(" (asked on {})", at.value.day()));
    let flagged = |key: &str, label: &str| {
        Verdict::open(
            Severity::Serious,
            vec![Cause::new(key, label)],
            format!("Servicing says that the component store is damaged and {key}{asked}."),
        )
    };
    match &store.health {
        StoreHealth::Repairable => flagged("repairable", "Damaged, can be repaired"),
        StoreHealth::NotRepairable => flagged("not repairable", "Damaged beyond repair"),
        StoreHealth::NotFlagged => found
            .or_else(|| hinted_by_failures(case))
            .unwrap_or_else(|| {
                Verdict::clear(format!(
                    "Nothing marks the component store as damaged{asked}; that it is whole only a scan tells."
                ))
            }),
        StoreHealth::Unknown(why) => found
            .or_else(|| hinted_by_failures(case))
            .unwrap_or_else(|| {
                Verdict::unknown(format!(
                    "Whether the component store is damaged is not known: {why}."
                ))
            }),
    }
    .with_evidence(store.evidence.iter().copied())
    .with_evidence(store.checked_at.map(|f| f.at))
}

/// A look for damage that found more than it repaired.
fn found_by_servicing(case: &Case<'_>) -> Option<Verdict> {
    let event = case.facts.update_events.as_ref().ok()?.corruption()?;
    let number = |name| event.value(name).and_then(|text| text.parse::<u64>().ok());
    let total = number("totalCorruption")?;
    let left = total.saturating_sub(number("repaired").unwrap_or_default());
    if left == 0 || !is_of_late(event, case.now) {
        return None;
    }
    Some(
        Verdict::open(
            Severity::Serious,
            vec![Cause::new(
                "found, not repaired",
                "Damage found and not repaired",
            )],
            format!(
                "A look for damage{} found {total} damaged parts and left {left} of them.",
                on_day(event)
            ),
        )
        .with_evidence([event.evidence])
        .until(counts_until(event)),
    )
}

/// An installation that failed in the way it does on a damaged store.
fn hinted_by_failures(case: &Case<'_>) -> Option<Verdict> {
    let events = case.facts.update_events.as_ref().ok()?;
    let (event, code) = events
        .failed_installs()
        .into_iter()
        .filter(|event| is_of_late(event, case.now))
        .find_map(|event| {
            let code = event.error()?;
            STORE_CODES
                .contains(&code.as_str())
                .then_some((event, code))
        })?;
    Some(
        Verdict::open(
            Severity::Warning,
            vec![Cause::new(
                "probable",
                "Probable: updates fail as on a damaged store",
            )],
            format!(
                "The component store is probably damaged: an update failed{} with {}.",
                on_day(event),
                case.in_words(&code)
            ),
        )
        .with_evidence([event.evidence])
        .until(counts_until(event)),
    )
}

fn counts_until(event: &Event) -> Option<Time> {
    Some(event.at?.plus_days(FAILURES_COUNT_DAYS))
}

fn is_of_late(event: &Event, now: Time) -> bool {
    counts_until(event).is_none_or(|end| now < end)
}

fn on_day(event: &Event) -> String {
    event
        .at
        .map_or_else(String::new, |at| format!(" on {}", at.day()))
}
