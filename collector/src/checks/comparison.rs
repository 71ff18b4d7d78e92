//! The form of an observation that answers "did it change?".
//!
//! Values that move on a machine where nothing happens are left out or banded, so that such a machine reports nothing. What the
//! bands cost is stated beside each.

use sickbay_diagnosis::Check;
use sickbay_diagnosis::keys;
use sickbay_diagnosis::lines;
use sickbay_diagnosis::observation::{Observation, Outcome};
use sickbay_diagnosis::reading::{Data, Reading, Source};
use sickbay_diagnosis::time::{DAY_MS, Time};

/// Canonical bytes of an observation: equal for two observations of the same check that tell the same. The time at which it was
/// taken and the order of the readings do not count.
pub fn comparison_form(check: Check, observation: &Observation) -> Vec<u8> {
    let mut lines: Vec<String> = vec![check.name().to_owned()];
    match &observation.outcome {
        Outcome::Unavailable(reason) => lines.push(format!("unavailable {reason:?}")),
        Outcome::Failed(reason) => lines.push(format!("failed {reason:?}")),
        Outcome::Seen(readings) => {
            lines.push("seen".to_owned());
            let mut seen: Vec<String> = readings
                .iter()
                .filter_map(|reading| line(check, reading, readings))
                .collect();
            seen.sort_unstable();
            // Readings of which only the day counts may come out alike.
            seen.dedup();
            lines.extend(seen);
        }
    }
    lines.join("\n").into_bytes()
}

/// One reading; nothing where it does not count.
fn line(check: Check, reading: &Reading, all: &[Reading]) -> Option<String> {
    let data = banded(check, reading, all)?;
    let path = reading.path.to_ascii_lowercase();
    if check == Check::UpdateEvents && !is_told_one_by_one(&reading.data) {
        return Some(format!("event {path:?} {data}"));
    }
    let name = reading.name.as_ref().map(|n| n.to_ascii_lowercase());
    Some(format!(
        "{} {path:?} {name:?} {data}",
        reading.source.name()
    ))
}

fn banded(check: Check, reading: &Reading, all: &[Reading]) -> Option<String> {
    let name = reading.name.as_deref().unwrap_or_default();
    match check {
        // Services that triggers start and stop all day long.
        _ if reading.source == Source::ServiceManager => None,
        Check::SafeguardHold if is_appraisal_time(name) => Some(appraisal_week(&reading.data)),
        Check::Pause if is_client_pause_date(name) && !pause_is_on(name, all) => None,
        // Installers add and take away renames all the time; what counts is whether there are any.
        Check::PendingReboot if name.starts_with("PendingFileRename") => {
            Some(format!("renames {}", !reading.data.lines().is_empty()))
        }
        Check::PendingReboot if reading.source == Source::System => Some(format!(
            "restarted since {}",
            restarted_since(&reading.data, all)
        )),
        Check::UpdateEvents if !is_told_one_by_one(&reading.data) => {
            repeated(reading, all).then(|| day_of_event(&reading.data))
        }
        Check::UpdateHistory if reading.name.as_deref() == Some(keys::LAST_SEARCH) => {
            Some(format!("day {}", day(reading.data.string())))
        }
        Check::LastScan if reading.data.string().is_some() => {
            Some(format!("day {}", day(reading.data.string())))
        }
        // It is asked again every day and mostly says the same; how old an answer is, is seen from when it was confirmed.
        Check::ComponentStore if reading.name.as_deref() == Some(keys::CHECKED_AT) => None,
        Check::Storage if reading.name.as_deref() == Some(keys::FREE_BYTES) => {
            Some(free_band(&reading.data))
        }
        Check::UpdateEndpoint if keys::ENDPOINT_STEPS.contains(&name) => {
            Some(step_of_way(name, &reading.data))
        }
        // Only a restart signal's key tells something by when it was written.
        Check::PendingReboot => Some(format!("{:?}", reading.data)),
        _ => Some(match &reading.data {
            Data::Key(_) => "key".to_owned(),
            data => format!("{data:?}"),
        }),
    }
}

/// What came of a step. How long it took, which of its addresses a name was given first, and the system's own words do not count; nor
/// does which good answer it was.
fn step_of_way(name: &str, data: &Data) -> String {
    let part = |part| lines::get(data, part).unwrap_or_default();
    let proxy = if name == "proxy" { part("found") } else { "" };
    let status: Option<u16> = part("status").parse().ok();
    let refused = status.filter(|status| *status >= 400);
    format!(
        "{} {:?} {refused:?} {proxy:?}",
        part("outcome"),
        part("code")
    )
}

/// Whether every such event counts, as failures of an update do. A search is made every few hours, and where it fails it fails every
/// few hours too: of those the newest of a day counts, for each error code.
fn is_told_one_by_one(data: &Data) -> bool {
    const REPEATED: [&str; 5] = ["16", "25", "26", "31", "41"];
    lines::get(data, "id").is_none_or(|id| !REPEATED.contains(&id))
}

/// Whether no other event of this id and error in the channel is of a later day; earlier ones tell nothing that the newest does not.
fn repeated(reading: &Reading, all: &[Reading]) -> bool {
    let part = |r: &Reading, name| lines::get(&r.data, name).map(str::to_owned);
    let kind = |r: &Reading| (part(r, "id"), part(r, "errorCode"));
    let at = day(part(reading, "at").as_deref());
    !all.iter().any(|other| {
        other.path == reading.path
            && kind(other) == kind(reading)
            && day(part(other, "at").as_deref()) > at
    })
}

fn day_of_event(data: &Data) -> String {
    let part = |name| lines::get(data, name).unwrap_or_default();
    format!(
        "{:?} {:?} day {}",
        part("id"),
        part("errorCode"),
        day(lines::get(data, "at"))
    )
}

/// The day in UTC, for what moves many times a day: the server knows it at most a day late.
fn day(at: Option<&str>) -> i64 {
    at.and_then(Time::parse_loose)
        .map_or(i64::MIN, |at| at.millis().div_euclid(DAY_MS))
}

/// Free room in bands that get wider the more there is. A machine whose room lies near an edge may report each time it passes it; the
/// edges are those that updates care about.
fn free_band(data: &Data) -> String {
    const GIB: u64 = 1 << 30;
    const EDGES: [u64; 8] = [1, 2, 5, 10, 20, 50, 100, 500];
    data.number().map_or_else(
        || format!("{data:?}"),
        |free| {
            let above = EDGES.iter().filter(|edge| free >= **edge * GIB).count();
            format!("free band {above}")
        },
    )
}

fn is_appraisal_time(name: &str) -> bool {
    name.eq_ignore_ascii_case("Timestamp") || name.eq_ignore_ascii_case("TimestampEpochString")
}

/// The appraiser runs every day. By the week, the time that the server knows is at most a week behind, which leaves a week until it
/// would call the appraisal old.
fn appraisal_week(data: &Data) -> String {
    const LARGEST_IN_SECONDS: i64 = 100_000_000_000;
    let of_text = |text: &str| {
        let epoch: i64 = text.trim().parse().ok()?;
        let in_seconds = epoch < LARGEST_IN_SECONDS;
        Some(Time::from_millis(if in_seconds {
            epoch.saturating_mul(1000)
        } else {
            epoch
        }))
    };
    let time = data
        .number()
        .and_then(Time::from_filetime)
        .or_else(|| data.string().and_then(of_text));
    time.map_or_else(
        || format!("{data:?}"),
        |time| format!("week {}", time.millis().div_euclid(7 * DAY_MS)),
    )
}

fn is_client_pause_date(name: &str) -> bool {
    name.eq_ignore_ascii_case("PausedQualityDate") || name.eq_ignore_ascii_case("PausedFeatureDate")
}

/// Newer clients rewrite the date of a pause though nothing is paused; it only tells something beside the status of a pause.
fn pause_is_on(date_name: &str, all: &[Reading]) -> bool {
    let status = if date_name.eq_ignore_ascii_case("PausedQualityDate") {
        "PausedQualityStatus"
    } else {
        "PausedFeatureStatus"
    };
    all.iter().any(|r| {
        r.name
            .as_deref()
            .is_some_and(|n| n.eq_ignore_ascii_case(status))
            && r.path.eq_ignore_ascii_case(keys::UPDATE_POLICY_SETTINGS)
            && r.data.number() == Some(1)
    })
}

/// The start of the machine is computed from its uptime and trembles, so only what it says about the signals counts.
fn restarted_since(boot: &Data, all: &[Reading]) -> bool {
    let newest = all
        .iter()
        .filter_map(|r| match r.data {
            Data::Key(written) => written,
            _ => None,
        })
        .max();
    let boot = boot.string().and_then(Time::parse_loose);
    boot.zip(newest).is_some_and(|(boot, newest)| boot > newest)
}

#[cfg(test)]
mod tests;
