//! What the service costs a machine.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::{Figures, this_machine};
use crate::api::Visitor;
use crate::server::Server;
use crate::wait::eventually;
use crate::wine::process::Process;
use crate::wine::service::SERVICE;
use crate::wine::{Build, IDENTITY, Prefix};

/// The empty service, which `cargo xtask dist` builds from `tests/stand-ins`.
const EMPTY: &str = "empty-service.exe";
const EMPTY_SERVICE: &str = "Empty";
/// Longest time until a service has come to rest.
const REST: Duration = Duration::from_secs(30);
/// After the last inspection the allocator and Wine settle for a while.
const CALM: Duration = Duration::from_secs(10);
/// A large machine.
const PACKAGES: usize = 3_000;
const PROGRAMS: usize = 300;
/// Inspections of it; the fastest counts, because the others tell of the neighbours.
const INSPECTIONS: usize = 5;
/// Checks that mostly wait for what Wine only plays: COM and DISM.
const APART: [&str; 3] = ["update_history", "component_store", "update_agent"];
/// The limits of the issue that asked for this.
const MEMORY_BYTES: f64 = 8.0 * 1024.0 * 1024.0;
const PROCESSOR_PERCENT: f64 = 0.05;
const INSPECTION_MS: f64 = 500.0;

/// Idle memory and processor time of the service, beside an empty one; then a full inspection of a large machine.
pub(super) async fn measure(minutes: u64) -> anyhow::Result<Figures> {
    ensure!(minutes > 0, "nothing is measured in no time");
    let mut server = Server::start().await?;
    let machine = Prefix::with(Build::Dist).await?;
    let empty = machine.install_empty_service(EMPTY_SERVICE, EMPTY).await?;
    machine.import_text("identity.reg", IDENTITY).await?;
    machine.set_policy(&server).await?;
    machine.install_service().await?;
    let visitor = Visitor::with_token(&server.url(), &server.api_token().await?)?;
    eventually(REST, async || {
        let devices = visitor.json("/api/v1/devices").await?;
        ensure!(devices["items"][0]["release"].is_string(), "{devices}");
        Ok(())
    })
    .await
    .with_context(|| machine.service_log())?;
    tokio::time::sleep(CALM).await;

    let collector = Process::find(machine.folder(), "sickbay-collector.exe")?;
    let empty = Process::find(machine.folder(), &empty)?;
    let before = collector.processor_time()?;
    tokio::time::sleep(Duration::from_secs(60 * minutes)).await;
    let used = collector.processor_time()?.saturating_sub(before);
    let (own, floor) = (collector.private_bytes()?, empty.private_bytes()?);
    machine.stop_service().await.with_context(|| SERVICE)?;
    server.stop().await?;
    let fastest = inspect_large(&machine).await?;

    let mut figures = Figures::new("collector");
    figures.put("machine", this_machine());
    figures.put("idle_minutes", minutes);
    figures.put("private_bytes", own);
    figures.put("empty_service_private_bytes", floor);
    #[expect(clippy::cast_precision_loss, reason = "megabytes")]
    figures.put_limited(
        "private_bytes_above_empty",
        own.saturating_sub(floor) as f64,
        MEMORY_BYTES,
    );
    let share = used.as_secs_f64() / (60 * minutes) as f64 * 100.0;
    figures.put(
        "idle_processor_ms",
        super::rounded(used.as_secs_f64() * 1_000.0),
    );
    figures.put_limited("idle_processor_percent", share, PROCESSOR_PERCENT);
    figures.put("packages", PACKAGES);
    figures.put("uninstall_keys", PROGRAMS);
    figures.put_limited("full_inspection_ms", fastest, INSPECTION_MS);
    Ok(figures)
}

/// Milliseconds of the fastest of some inspections of a machine with thousands of packages.
async fn inspect_large(machine: &Prefix) -> anyhow::Result<f64> {
    machine.import_text("large.reg", &large()).await?;
    let mut fastest = f64::MAX;
    for _ in 0..INSPECTIONS {
        let output = machine.collector(&["inspect", "--format", "json"]).await?;
        let said: Value = serde_json::from_slice(&output.stdout)
            .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
        let updates = said["facts"]["updates"].as_array().map_or(0, Vec::len);
        ensure!(
            updates > 100,
            "only {updates} updates were found among {PACKAGES} packages"
        );
        let took = said["elapsed_ms"]
            .as_object()
            .context("inspect tells how long each check took")?;
        let all: f64 = took
            .iter()
            .filter(|(check, _)| !APART.contains(&check.as_str()))
            .filter_map(|(_, ms)| ms.as_f64())
            .sum();
        fastest = fastest.min(all);
    }
    Ok(fastest)
}

/// A .reg file that makes a machine large.
fn large() -> String {
    let mut text = String::from("REGEDIT4\r\n");
    let servicing = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\Packages";
    for number in 0..PACKAGES {
        let package = if number % 20 == 0 {
            format!(
                "Package_for_KB{}~31bf3856ad364e35~amd64~~10.0.1.{number}",
                5_000_000 + number
            )
        } else {
            format!(
                "Microsoft-Windows-Feature-{number}-Package~31bf3856ad364e35~amd64~~10.0.19041.{number}"
            )
        };
        let _ = write!(
            text,
            "\r\n[{servicing}\\{package}]\r\n\"CurrentState\"=dword:00000070\r\n\"InstallClient\"=\"DISM Package Manager Provider\"\r\n\
             \"InstallName\"=\"{package}.mum\"\r\n\"InstallTimeHigh\"=dword:01db0000\r\n\"InstallTimeLow\"=dword:00000001\r\n\
             \"Visibility\"=dword:00000001\r\n\"SelfUpdate\"=dword:00000000\r\n"
        );
    }
    let uninstall = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall";
    for number in 0..PROGRAMS {
        let _ = write!(
            text,
            "\r\n[{uninstall}\\{{00000000-0000-0000-0000-{number:012}}}]\r\n\"DisplayName\"=\"Program {number}\"\r\n\
             \"DisplayVersion\"=\"1.{number}\"\r\n\"Publisher\"=\"Somebody\"\r\n"
        );
    }
    text
}
