//! Machines that really stood so: their registry goes in, and facts, verdicts and evidence must be what an expert said of them.
//!
//! The expectations are in neutral keys; [`expect`] and [`must_not`] map them, and fail on one that has no mapping.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use sickbay_collector::cli::inspect::Inspected;
use sickbay_collector::host::recording::{Recording, Registry, read_reg};
use sickbay_diagnosis::Time;
use sickbay_diagnosis::reading::Data;

#[derive(Debug, Deserialize)]
struct Case {
    id: String,
    as_of: String,
    expect: Vec<Expect>,
    #[serde(default)]
    must_not: Vec<MustNot>,
}

#[derive(Debug, Deserialize)]
struct Expect {
    check: String,
    subject: Option<String>,
    state: String,
    evidence: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct MustNot {
    say: String,
}

#[test]
fn every_real_machine_comes_out_as_an_expert_said() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/real-cases");
    let mut files: Vec<PathBuf> = folder
        .read_dir()
        .expect("the fixtures are part of the crate")
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.to_string_lossy().ends_with(".expected.toml"))
        .collect();
    files.sort();
    assert_eq!(files.len(), 12, "every case is run");
    for file in files {
        run(&file);
    }
}

fn run(file: &Path) {
    let text = fs::read_to_string(file).expect("a fixture can be read");
    let case: Case = toml::from_str(&text).expect("a fixture is well-formed");
    let reg = file.with_file_name(format!("{}.reg", case.id));
    let as_of = Time::parse(&case.as_of).expect("a fixture's time");
    let (recording, problems) = Recording::load(&[reg], Some(as_of)).expect("a fixture opens");
    assert_eq!(problems, [], "{}", case.id);
    let said = Said {
        id: case.id.clone(),
        json: Inspected::of(&recording).to_json(),
    };
    for expected in &case.expect {
        expect(&said, expected);
        for evidence in &expected.evidence {
            said.requires_evidence(evidence);
        }
    }
    for statement in &case.must_not {
        must_not(&said, &statement.say);
    }
}

/// Requires the state that a neutral key names, in the facts and in the verdict that rests on them.
fn expect(said: &Said, expected: &Expect) {
    let subject = expected.subject.as_deref();
    let state = expected.state.as_str();
    match (expected.check.as_str(), subject) {
        ("pause_quality", None) => pause(said, "quality", state),
        ("pause_feature", None) => pause(said, "feature", state),
        ("safeguard_hold", Some(target)) => {
            let ids = said.fact(&["safeguard_hold", target, "ids"]);
            let count = ids.as_array().map(Vec::len);
            match state {
                "present" => {
                    assert!(count > Some(0), "{said}: {ids}");
                    said.requires_verdict("safeguard-hold", "open");
                }
                "absent" => {
                    assert_eq!(count, Some(0), "{said}: {ids}");
                    said.requires_verdict("safeguard-hold", "clear");
                }
                _ => unmapped(said, expected),
            }
        }
        ("scan_source", Some(class)) => {
            let classes = match class {
                "all" => vec!["quality", "feature", "driver", "other"],
                class => vec![class],
            };
            for class in classes {
                said.requires_fact(&["scan_source", class, "source"], &state.replace('_', "-"));
            }
        }
        ("wsus_transport", None) if state == "http" => {
            said.requires_verdict("wsus-without-tls", "open");
        }
        ("internet_locations", None) if state == "blocked" => {
            said.requires_verdict("scan-source-conflict", "open");
        }
        ("auto_update", None) if state == "enabled" => {
            said.requires_fact(&["automatic_updates", "state"], "enabled");
            said.requires_verdict("automatic-updates-disabled", "clear");
        }
        ("pending_reboot", subject) => pending_reboot(said, subject, state),
        ("installed_update", Some(version)) => {
            let updates = said.fact(&["updates"]);
            let is_it = |update: &&Value| {
                update["version"]
                    .as_str()
                    .is_some_and(|v| v.starts_with(&format!("{version}.")))
            };
            let update = updates.as_array().and_then(|all| all.iter().find(is_it));
            assert_eq!(update.map(|u| &u["state"]), Some(&state.into()), "{said}");
        }
        ("servicing_stack", Some(version)) if state == "installed" => {
            let known = said.fact(&["servicing_stack", "version"]);
            let is_it = known
                .as_str()
                .is_some_and(|known| known == version || known.starts_with(&format!("{version}.")));
            assert!(is_it, "{said}: {known}");
        }
        ("update_health_tools", None) => {
            said.requires_fact(&["update_health_tools", "state"], state);
        }
        ("service", Some(name)) => {
            said.requires_fact(&["services", name, "start"], state);
            if (name, state) == ("uhssvc", "disabled") {
                said.requires_verdict("update-health-tools-missing", "open");
            }
        }
        _ => unmapped(said, expected),
    }
}

fn pause(said: &Said, class: &str, state: &str) {
    said.requires_fact(&["pause", class, "state"], &state.replace('_', "-"));
    let verdict = if state == "paused" { "open" } else { "clear" };
    said.requires_verdict(&format!("{class}-updates-paused"), verdict);
}

fn pending_reboot(said: &Said, subject: Option<&str>, state: &str) {
    let signals = said.fact(&["pending_reboot", "signals"]);
    let update_signals = signals
        .as_array()
        .map(|all| all.iter().filter(|s| s["update"] == true).count());
    match (subject, state) {
        (None, "not_pending") => {
            assert_eq!(update_signals, Some(0), "{said}: {signals}");
            said.requires_fact(&["pending_reboot", "state"], "not-pending");
            said.requires_verdict("pending-reboot", "clear");
        }
        (Some("windows_update"), "pending") => {
            assert!(update_signals > Some(0), "{said}: {signals}");
            said.requires_fact(&["pending_reboot", "state"], "pending");
            said.requires_verdict("pending-reboot", "open");
        }
        _ => panic!("{said}: pending_reboot {subject:?} {state} has no mapping"),
    }
}

/// Requires that a wrong statement is not made.
fn must_not(said: &Said, statement: &str) {
    match (said.id.as_str(), statement) {
        (
            "p01_win11_25h2_not_paused_old_dates",
            "that updates are paused because PausedQualityDate or FlightSettingsMaxPauseDays exists",
        ) => {
            for class in ["quality", "feature"] {
                assert_ne!(said.fact(&["pause", class, "state"]), "paused", "{said}");
                assert_ne!(
                    said.verdict(&format!("{class}-updates-paused"))["state"],
                    "open"
                );
            }
        }
        ("r03_pfro_empty_list", "a pending reboot") => {
            assert_ne!(said.verdict("pending-reboot")["state"], "open", "{said}");
        }
        ("w01_outdated_wsus_http", statement)
            if statement.starts_with("automatic updates disabled") =>
        {
            assert_ne!(
                said.verdict("automatic-updates-disabled")["state"],
                "open",
                "{said}"
            );
        }
        ("w04_wuserver_without_usewuserver", "WSUS as the scan source") => {
            for class in ["quality", "feature", "driver", "other"] {
                assert_ne!(
                    said.fact(&["scan_source", class, "source"]),
                    "wsus",
                    "{said}"
                );
            }
        }
        _ => panic!("{said}: the statement {statement:?} has no mapping"),
    }
}

fn unmapped(said: &Said, expected: &Expect) -> ! {
    panic!("{said}: {expected:?} has no mapping")
}

/// What an inspection said of a case.
struct Said {
    id: String,
    json: Value,
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.id)
    }
}

impl Said {
    fn fact(&self, path: &[&str]) -> &Value {
        path.iter()
            .fold(&self.json["facts"], |value, name| &value[name])
    }

    fn requires_fact(&self, path: &[&str], expected: &str) {
        assert_eq!(self.fact(path), expected, "{self}: {path:?}");
    }

    fn verdict(&self, issue: &str) -> &Value {
        self.json["verdicts"]
            .as_array()
            .and_then(|verdicts| verdicts.iter().find(|verdict| verdict["issue"] == issue))
            .unwrap_or_else(|| panic!("{self}: no verdict on {issue}"))
    }

    fn requires_verdict(&self, issue: &str, state: &str) {
        let verdict = self.verdict(issue);
        assert_eq!(verdict["state"], state, "{self}: {verdict:#}");
        assert!(
            state == "not-applicable" || verdict["evidence"] != Value::Array(Vec::new()),
            "{self}: the verdict on {issue} has no evidence"
        );
    }

    /// Requires a reading in the observations like `AU UseWUServer=1`, `AU UseWUServer absent` or `Auto Update\RebootRequired`: words
    /// that stand in the path, then name and data, or a path's end.
    fn requires_evidence(&self, wanted: &str) {
        let observations = self.json["observations"].as_object().expect("an object");
        let found = observations
            .values()
            .filter_map(|observation| observation["readings"].as_array())
            .flatten()
            .any(|reading| shows(reading, wanted));
        assert!(found, "{self}: no reading shows {wanted}");
    }
}

fn shows(reading: &Value, wanted: &str) -> bool {
    let text = |field: &str| reading[field].as_str().expect("evidence is text");
    let (place, data) = if let Some(place) = wanted.strip_suffix(" absent") {
        (place, None)
    } else if let Some((place, data)) = wanted.split_once('=') {
        (place, Some(data))
    } else {
        return text("type") == "key" && text("path").ends_with(&format!(r"\{wanted}"));
    };
    let (path_words, name) = place.rsplit_once(' ').unwrap_or(("", place));
    let path_fits = path_words
        .split(' ')
        .all(|word| text("path").contains(word));
    let data_fits = match data {
        None => text("type") == "absent",
        Some(data) => {
            let number = data
                .strip_prefix("0x")
                .and_then(|digits| u64::from_str_radix(digits, 16).ok());
            text("data") == data || number.is_some_and(|n| text("data") == n.to_string())
        }
    };
    text("name") == name && path_fits && data_fits
}

/// A hive of a real Windows 10 1903 that is kept beside the repository, not in it. Antivirus, browsers and printer software fill the
/// list of file renames all the time; that is no pending restart of an update.
#[test]
fn many_pending_file_renames_of_other_software_are_no_restart_for_an_update() {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/real-logs/win10_1903_SYSTEM.reg");
    let Ok(bytes) = fs::read(&file) else {
        #[expect(clippy::print_stderr, reason = "a test that did not run must say so")]
        {
            eprintln!("not run: {} is not there", file.display());
        }
        return;
    };
    let mut registry = Registry::new();
    let read = read_reg("win10_1903_SYSTEM.reg", &bytes, &mut registry);
    assert_eq!(read.problems, []);
    let session_manager = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager";
    let Some(Data::MultiText(list)) =
        registry.value(session_manager, "PendingFileRenameOperations")
    else {
        panic!("the list of file renames is a multi-string");
    };
    // Pairs of source and target; an empty target means that the file is deleted.
    let entries = list.chunks(2).filter(|pair| !pair[0].is_empty()).count();
    assert_eq!(entries, 101);

    let as_of = Time::parse("2019-06-01T00:00:00Z").expect("a time");
    let (recording, _) = Recording::load(&[file], Some(as_of)).expect("it was read above");
    let said = Said {
        id: "win10_1903_SYSTEM".to_owned(),
        json: Inspected::of(&recording).to_json(),
    };
    assert_ne!(said.verdict("pending-reboot")["state"], "open");
    assert_ne!(said.fact(&["pending_reboot", "state"]), "pending");
    let signals = said.fact(&["pending_reboot", "signals"]);
    let signals = signals.as_array().expect("a list");
    assert!(
        signals.iter().all(|signal| signal["update"] == false),
        "{signals:?}"
    );
    assert!(!signals.is_empty(), "the renames are shown all the same");
}
