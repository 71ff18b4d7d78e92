//! The form of an observation that answers "did it change?".
//!
//! Values that move on a machine where nothing happens are left out or banded, so that such a machine reports nothing. What the
//! bands cost is stated beside each.

use sickbay_diagnosis::Check;
use sickbay_diagnosis::keys;
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
            lines.extend(seen);
        }
    }
    lines.join("\n").into_bytes()
}

/// One reading; nothing where it does not count.
fn line(check: Check, reading: &Reading, all: &[Reading]) -> Option<String> {
    let data = banded(check, reading, all)?;
    let path = reading.path.to_ascii_lowercase();
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
        // Only a restart signal's key tells something by when it was written.
        Check::PendingReboot => Some(format!("{:?}", reading.data)),
        _ => Some(match &reading.data {
            Data::Key(_) => "key".to_owned(),
            data => format!("{data:?}"),
        }),
    }
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
mod tests {
    use super::*;

    fn registry(path: &str, name: Option<&str>, data: Data) -> Reading {
        Reading {
            source: Source::Registry,
            path: path.to_owned(),
            name: name.map(str::to_owned),
            data,
        }
    }

    fn form(check: Check, taken_at: i64, readings: Vec<Reading>) -> Vec<u8> {
        let observation = Observation {
            taken_at: Time::from_millis(taken_at),
            outcome: Outcome::Seen(readings),
        };
        comparison_form(check, &observation)
    }

    #[test]
    fn an_unchanged_machine_sends_nothing() {
        let a = registry(
            keys::POLICY,
            Some("WUServer"),
            Data::Text("http://a".to_owned()),
        );
        let b = registry(keys::POLICY, Some("DisableDualScan"), Data::Absent);
        let first = form(Check::ScanSource, 1, vec![a.clone(), b.clone()]);
        assert_eq!(
            first,
            form(Check::ScanSource, 2, vec![b.clone(), a.clone()])
        );
        let other = registry(
            keys::POLICY,
            Some("WUServer"),
            Data::Text("http://b".to_owned()),
        );
        assert_ne!(first, form(Check::ScanSource, 1, vec![other, b]));
    }

    #[test]
    fn absent_and_unreadable_are_different_answers() {
        let with = |data| form(Check::Pause, 0, vec![registry(keys::POLICY, None, data)]);
        let forms = [
            with(Data::Absent),
            with(Data::NotRecorded),
            with(Data::Unreadable("denied".to_owned())),
            with(Data::Key(None)),
        ];
        for (place, one) in forms.iter().enumerate() {
            assert!(!forms[..place].contains(one));
        }
    }

    #[test]
    fn a_daily_appraisal_is_no_change_but_one_of_next_week_is() {
        const DAY_IN_FILETIME: u64 = 864_000_000_000;
        const A_MOMENT: u64 = 0x01dc_3000_0000_0000;
        let path = format!(r"{}\GE24H2", keys::APPRAISER_TARGETS);
        let on_day = |day: u64| {
            let timestamp = Data::Qword(A_MOMENT + day * DAY_IN_FILETIME);
            form(
                Check::SafeguardHold,
                0,
                vec![registry(&path, Some("Timestamp"), timestamp)],
            )
        };
        let changes = (0..70)
            .filter(|day| on_day(*day) != on_day(day + 1))
            .count();
        assert_eq!(changes, 10);
    }

    #[test]
    fn the_date_of_no_pause_and_running_services_are_no_change() {
        let paused = |status: u32, date: &str| {
            let settings = keys::UPDATE_POLICY_SETTINGS;
            let readings = vec![
                registry(settings, Some("PausedQualityStatus"), Data::Dword(status)),
                registry(
                    settings,
                    Some("PausedQualityDate"),
                    Data::Text(date.to_owned()),
                ),
            ];
            form(Check::Pause, 0, readings)
        };
        assert_eq!(
            paused(0, "2026-10-08 07:42:03"),
            paused(0, "2026-10-09 07:42:03")
        );
        assert_ne!(
            paused(1, "2026-10-08 07:42:03"),
            paused(1, "2026-10-09 07:42:03")
        );
        let running = |flag| {
            let reading = Reading {
                source: Source::ServiceManager,
                ..registry("wuauserv", Some(keys::RUNNING), Data::Flag(flag))
            };
            form(Check::Services, 0, vec![reading])
        };
        assert_eq!(running(true), running(false));
    }

    #[test]
    fn further_file_renames_are_no_change_but_the_first_is() {
        let renames = |lines: &[&str]| {
            let data = Data::MultiText(lines.iter().map(|l| (*l).to_owned()).collect());
            let name = Some("PendingFileRenameOperations");
            form(
                Check::PendingReboot,
                0,
                vec![registry(keys::SESSION_MANAGER, name, data)],
            )
        };
        assert_eq!(renames(&["a", ""]), renames(&["a", "", "b", ""]));
        assert_ne!(renames(&[""]), renames(&["a", ""]));
    }

    #[test]
    fn a_signal_that_is_set_again_is_a_change() {
        let written = |at: i64| {
            let data = Data::Key(Some(Time::from_millis(at)));
            form(
                Check::PendingReboot,
                0,
                vec![registry(keys::AUTO_UPDATE_REBOOT, None, data)],
            )
        };
        assert_ne!(written(1), written(2));
    }
}
