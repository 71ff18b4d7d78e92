use clap::Parser;
use sickbay_diagnosis::issue::Teller;
use sickbay_diagnosis::reading::Data;

use super::*;
use crate::host::recording::{Description, Registry};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    inspect: InspectArgs,
}

const POLICY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate";

fn now() -> Time {
    Time::parse("2026-11-23T08:00:00Z").expect("a time")
}

fn inspected(registry: Registry) -> Inspected {
    let mut recording = Recording::new(registry, Description::default());
    recording.set_now(now());
    Inspected::of(&recording)
}

fn with_http_wsus(address: &str) -> Registry {
    let mut registry = Registry::new();
    for name in ["WUServer", "WUStatusServer"] {
        registry.set_value(POLICY, name, Data::Text(address.to_owned()));
    }
    registry.set_value(&format!(r"{POLICY}\AU"), "UseWUServer", Data::Dword(1));
    registry
}

#[test]
fn the_options_are_those_of_the_documented_command() {
    let cli = Cli::try_parse_from([
        "inspect",
        "--recording",
        "a.reg",
        "--recording",
        "b",
        "--as-of",
        "2026-11-23T08:00:00Z",
        "--format",
        "json",
    ])
    .expect("as documented");
    assert_eq!(cli.inspect.recordings.len(), 2);
    assert_eq!(cli.inspect.as_of, Some(now()));
    assert_eq!(cli.inspect.format, Format::Json);
    assert!(Cli::try_parse_from(["inspect", "--as-of", "yesterday"]).is_err());
}

#[test]
fn the_json_object_has_the_documented_fields() {
    let json = inspected(with_http_wsus("http://wsus.example.com:8530")).to_json();
    for check in Check::ALL {
        assert!(json["facts"].get(check.name()).is_some(), "{check}");
        assert!(json["observations"][check.name()]["outcome"].is_string());
    }
    assert!(json["device"].is_object());
    let verdicts = json["verdicts"].as_array().expect("a list");
    let told_here = sickbay_diagnosis::issues::ALL
        .iter()
        .filter(|issue| issue.told_by == Teller::Device);
    assert_eq!(
        verdicts.len(),
        told_here.count(),
        "what only a server can tell is left out"
    );
    let open = verdicts
        .iter()
        .find(|verdict| verdict["issue"] == "wsus-without-tls")
        .expect("every issue has a verdict");
    assert_eq!(open["state"], "open");
    assert!(open["causes"][0]["key"].is_string() && open["causes"][0]["label"].is_string());
    let evidence = open["evidence"].as_array().expect("a list");
    let server = evidence
        .iter()
        .find(|evidence| evidence["name"] == "WUServer")
        .expect("the address proves it");
    assert_eq!(server["source"], "registry");
    assert_eq!(server["path"], POLICY);
    assert_eq!(server["type"], "REG_SZ");
    assert_eq!(server["data"], "http://wsus.example.com:8530");
    assert_eq!(server["read_at"], now().to_string());
}

#[test]
fn the_exit_status_tells_open_from_unknown() {
    assert_eq!(
        inspected(with_http_wsus("http://wsus:8530")).exit_status(),
        1
    );
    assert_eq!(
        inspected(Registry::new()).exit_status(),
        2,
        "an empty recording is unknown, never healthy"
    );
}

#[test]
fn a_machine_cannot_steer_the_terminal_of_whoever_looks_at_it() {
    let table = table::table(&inspected(with_http_wsus(
        "http://wsus\u{1b}[2J\u{202e}:8530",
    )));
    assert!(table.contains("http://wsus [2J:8530"), "{table}");
    assert!(!table.contains(['\u{1b}', '\u{202e}']));
}

#[test]
fn the_table_shows_open_issues_first_and_says_why_others_are_unknown() {
    let table = table::table(&inspected(with_http_wsus("http://wsus:8530")));
    let place = |text: &str| {
        table
            .find(text)
            .unwrap_or_else(|| panic!("{text}: {table}"))
    };
    assert!(place("\nOPEN (") < place("wsus-without-tls"));
    assert!(place("wsus-without-tls") < place("\nUNKNOWN ("));
    assert!(place("\nUNKNOWN (") < place("\nCLEAR ("));
}
