//! `inspect` on Windows machines that Wine plays.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use sickbay_collector::cli::inspect::Inspected;
use sickbay_collector::host::recording::Recording;
use sickbay_diagnosis::Time;
use sickbay_tests::wine::{IDENTITY, Prefix};

#[tokio::test]
async fn called_without_arguments_it_says_how_to_call_it() -> anyhow::Result<()> {
    let machine = Prefix::new().await?;
    let output = machine.collector(&[]).await?;
    ensure!(output.status.code() == Some(64), "{:?}", output.status);
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        said.contains("Usage: sickbay-collector") && said.contains("inspect"),
        "{said}"
    );
    Ok(())
}

#[tokio::test]
async fn a_bare_machine_is_inspected_without_a_server_and_nothing_is_made_up() -> anyhow::Result<()>
{
    let machine = Prefix::new().await?;
    let output = machine.collector(&["inspect"]).await?;
    let table = String::from_utf8_lossy(&output.stdout);
    ensure!(
        matches!(output.status.code(), Some(1 | 2)),
        "{:?}: {table}",
        output.status
    );
    ensure!(
        table.contains("Windows 7") && table.contains("x64"),
        "{table}"
    );
    for heading in ["OPEN (", "UNKNOWN (", "CLEAR ("] {
        ensure!(table.contains(heading), "{heading} is missing: {table}");
    }

    let said = json(&machine.collector(&["inspect", "--format", "json"]).await?)?;
    // What a machine lacks is absent there, or could not be read; only a recording may not hold it.
    ensure!(!said.to_string().contains("not-recorded"), "{said:#}");
    ensure!(!said.to_string().contains("not recorded"), "{said:#}");
    let reboot = &said["facts"]["pending_reboot"];
    ensure!(reboot["signals"] == Value::Array(Vec::new()), "{reboot:#}");
    let agent = reading(&said, "pending_reboot", "update-agent", "RebootRequired");
    ensure!(
        agent.is_some_and(|agent| agent["data"] == "false"),
        "{agent:?}"
    );
    let wuauserv = &said["facts"]["services"]["wuauserv"];
    ensure!(
        wuauserv["start"] == "manual" && wuauserv["running"] == false,
        "{wuauserv:#}"
    );
    let name = reading(&said, "device", "system", "host_name").context("it has a name")?;
    ensure!(
        name["data"].as_str().is_some_and(|name| !name.is_empty()),
        "{name:#}"
    );
    Ok(())
}

/// The case's registry on a Windows machine, and as a recording: both hosts must have read the same, so that what an expert said of
/// the recording holds for the machine.
#[tokio::test]
async fn real_machines_come_out_the_same_from_windows_as_from_their_recording() -> anyhow::Result<()>
{
    let bare = Prefix::new().await?;
    let bare = readings(&json(
        &bare.collector(&["inspect", "--format", "json"]).await?,
    )?);
    let cases = cases()?;
    ensure!(
        cases.len() == 12,
        "every case is run, but there are {}",
        cases.len()
    );
    for case in cases {
        case.agrees(&bare).await.with_context(|| case.id.clone())?;
    }
    Ok(())
}

/// A real machine's registry and what an expert said of it.
struct Case {
    id: String,
    reg: PathBuf,
    as_of: String,
    expected: Vec<(String, Option<String>)>,
}

impl Case {
    async fn agrees(&self, bare: &Readings) -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let identity = folder.path().join("identity.reg");
        std::fs::write(&identity, IDENTITY)?;
        let as_of = Time::parse(&self.as_of)?;
        let (recording, problems) = Recording::load(&[&identity, &self.reg], Some(as_of))?;
        ensure!(problems.is_empty(), "{problems:?}");
        let recorded = Inspected::of(&recording).to_json();

        let machine = Prefix::new().await?;
        machine.import(&identity).await?;
        machine.import(&self.reg).await?;
        let arguments = ["inspect", "--format", "json", "--as-of", &self.as_of];
        let read = json(&machine.collector(&arguments).await?)?;

        same_readings(&readings(&recorded), &readings(&read), bare)?;
        for (check, subject) in &self.expected {
            for place in places(check, subject.as_deref())? {
                let (recorded, read) = (at(&recorded, &place), at(&read, &place));
                ensure!(
                    recorded.is_some() && recorded == read,
                    "{place}: {read:#?}, but by the recording {recorded:#?}"
                );
            }
        }
        Ok(())
    }
}

/// The registry's readings that found something: type and data by check, path and name. When a key was last written is left out: a
/// recording does not know it.
type Readings = BTreeMap<String, (String, String)>;

fn readings(said: &Value) -> Readings {
    let mut found = Readings::new();
    for (check, observation) in said["observations"].as_object().into_iter().flatten() {
        for reading in observation["readings"].as_array().into_iter().flatten() {
            let text = |field: &str| reading[field].as_str().unwrap_or_default().to_owned();
            let kind = text("type");
            if text("source") == "registry" && !matches!(kind.as_str(), "absent" | "not-recorded") {
                let data = if kind == "key" {
                    String::new()
                } else {
                    text("data")
                };
                let place = format!("{check}: {} {}", text("path"), text("name"));
                found.insert(place.to_ascii_lowercase(), (kind, data));
            }
        }
    }
    found
}

/// Every value of the recording stands on the machine, of the same type and with the same data; and what stands there besides is
/// what a bare machine has anyway.
fn same_readings(recorded: &Readings, read: &Readings, bare: &Readings) -> anyhow::Result<()> {
    for (place, data) in recorded {
        ensure!(
            read.get(place) == Some(data),
            "{place}: {:?}, but by the recording {data:?}",
            read.get(place)
        );
    }
    for (place, data) in read {
        let explained = recorded.contains_key(place) || bare.contains_key(place);
        ensure!(
            explained,
            "{place}: {data:?} stands neither in the case nor on a bare machine"
        );
    }
    Ok(())
}

/// Where in the JSON stands what a case expects of a check: JSON pointers, or `verdict/ISSUE`.
fn places(check: &str, subject: Option<&str>) -> anyhow::Result<Vec<String>> {
    let one = |place: String| Ok(vec![place]);
    match (check, subject) {
        ("pause_quality", None) => one("/facts/pause/quality".to_owned()),
        ("pause_feature", None) => one("/facts/pause/feature".to_owned()),
        ("safeguard_hold", Some(target)) => one(format!("/facts/safeguard_hold/{target}")),
        ("scan_source", Some("all")) => Ok(["quality", "feature", "driver", "other"]
            .map(|class| format!("/facts/scan_source/{class}"))
            .to_vec()),
        ("scan_source", Some(class)) => one(format!("/facts/scan_source/{class}")),
        ("wsus_transport", None) => one("verdict/wsus-without-tls".to_owned()),
        ("internet_locations", None) => one("verdict/scan-source-conflict".to_owned()),
        ("auto_update", None) => one("/facts/automatic_updates".to_owned()),
        ("pending_reboot", _) => Ok(vec![
            "/facts/pending_reboot/state".to_owned(),
            "verdict/pending-reboot".to_owned(),
        ]),
        ("installed_update", Some(_)) => one("/facts/updates".to_owned()),
        ("servicing_stack", Some(_)) => one("/facts/servicing_stack".to_owned()),
        ("update_health_tools", None) => one("/facts/update_health_tools".to_owned()),
        ("service", Some(name)) => one(format!("/facts/services/{name}/start")),
        _ => bail!("{check} {subject:?} has no place"),
    }
}

fn at<'a>(said: &'a Value, place: &str) -> Option<&'a Value> {
    let Some(issue) = place.strip_prefix("verdict/") else {
        return said.pointer(place);
    };
    let verdicts = said["verdicts"].as_array()?;
    verdicts
        .iter()
        .find(|verdict| verdict["issue"] == issue)?
        .get("state")
}

fn reading<'a>(said: &'a Value, check: &str, source: &str, name: &str) -> Option<&'a Value> {
    let readings = said["observations"][check]["readings"].as_array()?;
    readings
        .iter()
        .find(|reading| reading["source"] == source && reading["name"] == name)
}

pub(super) fn json(output: &Output) -> anyhow::Result<Value> {
    let status = output.status.code();
    ensure!(
        matches!(status, Some(0..=2)),
        "inspect ended with {status:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).context("inspect prints JSON")
}

fn cases() -> anyhow::Result<Vec<Case>> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../collector/tests/fixtures/real-cases");
    let mut cases = Vec::new();
    for entry in folder.read_dir().context("the collector's fixtures")? {
        let file = entry?.path();
        if !file.to_string_lossy().ends_with(".expected.toml") {
            continue;
        }
        let case: toml::Table = std::fs::read_to_string(&file)?.parse()?;
        let text = |table: &toml::Table, key: &str| table.get(key)?.as_str().map(str::to_owned);
        let id = text(&case, "id").context("a case has an id")?;
        let expected = case.get("expect").and_then(toml::Value::as_array);
        cases.push(Case {
            reg: folder.join(format!("{id}.reg")).canonicalize()?,
            id,
            as_of: text(&case, "as_of").context("a case has a time")?,
            expected: expected
                .into_iter()
                .flatten()
                .filter_map(toml::Value::as_table)
                .map(|expect| {
                    (
                        text(expect, "check").unwrap_or_default(),
                        text(expect, "subject"),
                    )
                })
                .collect(),
        });
    }
    cases.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(cases)
}
