//! The form of an observation that answers "did it change?".
//!
//! Values that move on a machine where nothing happens are left out or banded, so that such a machine reports nothing. What the
//! bands cost is stated beside each.

use std::fmt;
use std::fmt::Write as _;
use std::ops::Range;

use sickbay_diagnosis::Check;
use sickbay_diagnosis::keys;
use sickbay_diagnosis::lines;
use sickbay_diagnosis::observation::{Observation, Outcome};
use sickbay_diagnosis::reading::{Data, Reading, Source};
use sickbay_diagnosis::time::{DAY_MS, Time};

/// Room that a reading's line usually takes, in bytes; a longer one makes more.
const USUAL_LINE: usize = 160;

/// Canonical bytes of an observation: equal for two observations of the same check that tell the same. The time at which it was
/// taken and the order of the readings do not count.
///
/// All lines are written into one text: a machine makes such a form of each look, and a load generator thousands a second.
pub fn comparison_form(check: Check, observation: &Observation) -> Vec<u8> {
    let mut form = check.name().to_owned();
    match &observation.outcome {
        Outcome::Unavailable(reason) => text(&mut form, "\nunavailable", reason),
        Outcome::Failed(reason) => text(&mut form, "\nfailed", reason),
        Outcome::Seen(readings) => {
            form.push_str("\nseen");
            let mut told = String::with_capacity(readings.len() * USUAL_LINE);
            let mut lines: Vec<Range<usize>> = Vec::with_capacity(readings.len());
            for reading in readings {
                let from = told.len();
                if line(check, reading, readings, &mut told) {
                    lines.push(from..told.len());
                } else {
                    told.truncate(from);
                }
            }
            lines.sort_unstable_by(|one, other| told[one.clone()].cmp(&told[other.clone()]));
            // Readings of which only the day counts may come out alike.
            lines.dedup_by(|one, other| told[one.clone()] == told[other.clone()]);
            form.reserve(told.len() + lines.len());
            for line in lines {
                form.push('\n');
                form.push_str(&told[line]);
            }
        }
    }
    form.into_bytes()
}

/// Adds a text so that nothing after it could be taken for a part of it.
fn text(form: &mut String, kind: &str, text: &str) {
    form.push_str(kind);
    // Most of a form is made here; only the number goes through a format.
    write(form, format_args!(" {}:", text.len()));
    form.push_str(text);
    form.push(' ');
}

fn write(form: &mut String, what: fmt::Arguments<'_>) {
    form.write_fmt(what)
        .expect("a text takes whatever is written");
}

/// One reading; `false` where it does not count.
fn line(check: Check, reading: &Reading, all: &[Reading], form: &mut String) -> bool {
    let one_by_one = check != Check::UpdateEvents || is_told_one_by_one(&reading.data);
    // Windows tells neither paths nor names apart by case.
    let from = form.len();
    let kind = if one_by_one {
        reading.source.name()
    } else {
        "event"
    };
    text(form, kind, &reading.path);
    if one_by_one {
        match &reading.name {
            Some(name) => text(form, "name", name),
            None => form.push_str("itself "),
        }
    }
    form[from..].make_ascii_lowercase();
    banded(check, reading, all, form)
}

/// Adds what counts of a reading's data; `false` where the reading does not count.
fn banded(check: Check, reading: &Reading, all: &[Reading], form: &mut String) -> bool {
    let name = reading.name.as_deref().unwrap_or_default();
    let told = match check {
        // Services that triggers start and stop all day long.
        _ if reading.source == Source::ServiceManager => return false,
        Check::SafeguardHold if is_appraisal_time(name) => appraisal_week(&reading.data),
        Check::Pause if is_client_pause_date(name) && !pause_is_on(name, all) => return false,
        // Installers add and take away renames all the time; what counts is whether there are any.
        Check::PendingReboot if name.starts_with("PendingFileRename") => {
            format!("renames {}", !reading.data.lines().is_empty())
        }
        Check::PendingReboot if reading.source == Source::System => {
            format!("restarted since {}", restarted_since(&reading.data, all))
        }
        Check::UpdateEvents if !is_told_one_by_one(&reading.data) => {
            if !repeated(reading, all) {
                return false;
            }
            day_of_event(&reading.data)
        }
        Check::UpdateHistory if reading.name.as_deref() == Some(keys::LAST_SEARCH) => {
            format!("day {}", day(reading.data.string()))
        }
        Check::LastScan if reading.data.string().is_some() => {
            format!("day {}", day(reading.data.string()))
        }
        // It is asked again every day and mostly says the same; how old an answer is, is seen from when it was confirmed.
        Check::ComponentStore if reading.name.as_deref() == Some(keys::CHECKED_AT) => return false,
        Check::Storage if reading.name.as_deref() == Some(keys::FREE_BYTES) => {
            free_band(&reading.data)
        }
        Check::UpdateEndpoint if keys::ENDPOINT_STEPS.contains(&name) => {
            step_of_way(name, &reading.data)
        }
        _ => {
            whole(check, &reading.data, form);
            return true;
        }
    };
    form.push_str(&told);
    true
}

/// Data of which everything counts.
fn whole(check: Check, data: &Data, form: &mut String) {
    match data {
        Data::Text(value) => text(form, "text", value),
        Data::ExpandText(value) => text(form, "expand", value),
        Data::Unreadable(why) => text(form, "unreadable", why),
        Data::MultiText(lines) => {
            write(form, format_args!("lines {} ", lines.len()));
            for line in lines {
                text(form, "", line);
            }
        }
        // Only a restart signal's key tells something by when it was written.
        Data::Key(_) if check != Check::PendingReboot => form.push_str("key"),
        Data::Key(_)
        | Data::Absent
        | Data::NotRecorded
        | Data::Dword(_)
        | Data::Qword(_)
        | Data::Binary(_)
        | Data::Flag(_)
        | Data::Other { .. } => write(form, format_args!("{data:?}")),
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
    fn part<'a>(reading: &'a Reading, name: &str) -> Option<&'a str> {
        lines::get(&reading.data, name)
    }
    let same = |other, name| part(other, name) == part(reading, name);
    let at = day(part(reading, "at"));
    !all.iter().any(|other| {
        other.path == reading.path
            && same(other, "id")
            && same(other, "errorCode")
            && day(part(other, "at")) > at
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
