//! `sickbay-collector service`: the Windows service, from entry to goodbye.

use std::path::Path;
use std::time::Duration;

use super::run::{block_on, this_machine};
use super::say;
use super::settings::default_state_dir;
use crate::policy::Policy;
#[cfg(windows)]
use crate::policy::{LOCAL_KEY, POLICY_KEY};
use crate::session::{CollectorOptions, Farewell, chain, say_goodbye};
use crate::state::remove_state;
use anyhow::Context as _;
use clap::{Args, Subcommand};

/// The name by which the service control manager, the event log and the installer know the collector.
pub(crate) const SERVICE: &str = "SickbayCollector";
/// How long an uninstallation waits for the server.
const GOODBYE: Duration = Duration::from_secs(10);

/// What to do with the service.
#[derive(Debug, Clone, Args)]
pub(super) struct ServiceArgs {
    #[command(subcommand)]
    command: ServiceCommand,
}

#[derive(Debug, Clone, Subcommand)]
enum ServiceCommand {
    /// Enter this program as a service and start it.
    Install,
    /// Say goodbye to the server, stop the service and remove its entry.
    Uninstall(Removal),
    /// Tell the server that this device is no more; what an uninstallation does once the service has stopped.
    Goodbye(Removal),
    /// Say that an upgrade is about to remove this version, which is then no goodbye; for the installer.
    Upgrading,
    /// Be the service; for the service control manager.
    Run,
}

/// What goes with the service.
#[derive(Debug, Clone, Copy, Args)]
struct Removal {
    /// Remove the state folder too: identity, waiting reports, logs.
    #[arg(long)]
    remove_state: bool,
}

pub(super) fn run(args: &ServiceArgs) -> anyhow::Result<()> {
    match args.command {
        ServiceCommand::Install => install(),
        ServiceCommand::Uninstall(removal) => {
            uninstall()?;
            goodbye(removal)
        }
        ServiceCommand::Goodbye(_) if upgrading(&default_state_dir()) => {
            say("An upgrade is under way, so that this is no goodbye.");
            Ok(())
        }
        ServiceCommand::Goodbye(removal) => goodbye(removal),
        ServiceCommand::Upgrading => note_upgrade(&default_state_dir()),
        ServiceCommand::Run => serve(),
    }
}

#[cfg(windows)]
fn install() -> anyhow::Result<()> {
    let program = std::env::current_exe().context("find this program")?;
    sickbay_service::windows::install(&sickbay_service::windows::Definition {
        name: SERVICE,
        display: "Sickbay Collector",
        description: "Reads the state of Windows Update on this machine and reports it to the Sickbay server. Read-only.",
        program,
        arguments: vec!["service".into(), "run".into()],
    })?;
    say(&format!("The service {SERVICE} is installed and runs."));
    let policy = Policy::of(&*this_machine());
    if policy.server_urls.is_empty() {
        say(&format!(
            "It waits for its settings: ServerUrls, EnrolmentToken and ServerCaPins, by group policy ({POLICY_KEY}) or here:\n  \
             reg add {LOCAL_KEY} /v ServerUrls /d https://SERVER:7443\n  \
             reg add {LOCAL_KEY} /v EnrolmentToken /d TOKEN\n  \
             reg add {LOCAL_KEY} /v ServerCaPins /d PIN"
        ));
    }
    Ok(())
}

#[cfg(windows)]
fn uninstall() -> anyhow::Result<()> {
    let was_there = sickbay_service::windows::uninstall(SERVICE)?;
    say(if was_there {
        "The service is stopped and its entry removed."
    } else {
        "There was no service."
    });
    Ok(())
}

/// Left by a version that is about to be replaced.
const UPGRADE: &str = "upgrading";
/// An installer that was interrupted must not keep a later uninstallation from saying goodbye.
const UPGRADE_TAKES: Duration = Duration::from_mins(15);

fn note_upgrade(dir: &Path) -> anyhow::Result<()> {
    if dir.is_dir() {
        let note = dir.join(UPGRADE);
        std::fs::write(&note, "").with_context(|| format!("write {}", note.display()))?;
    }
    Ok(())
}

/// Whether an upgrade was noted a moment ago; the note goes with the answer.
fn upgrading(dir: &Path) -> bool {
    let note = dir.join(UPGRADE);
    let written = std::fs::metadata(&note).and_then(|metadata| metadata.modified());
    let _ = std::fs::remove_file(&note);
    let age = written.ok().and_then(|at| at.elapsed().ok());
    age.is_some_and(|age| age < UPGRADE_TAKES)
}

/// The server is told while it can be; that it cannot stands in nobody's way.
fn goodbye(removal: Removal) -> anyhow::Result<()> {
    let dir = default_state_dir();
    if dir.is_dir() {
        let host = this_machine();
        let policy = Policy::of(&*host);
        let mut options = CollectorOptions::new(dir.clone(), policy.server_urls, host);
        options.proxy = policy.proxy;
        let said = block_on(async { Ok(say_goodbye(options, GOODBYE).await) })?;
        match said {
            Ok(Farewell::Retired { device_id }) => {
                say(&format!("The server retired device {device_id}."));
            }
            Ok(Farewell::NotEnrolled) => say("The device was not enrolled."),
            Err(error) => say(&format!(
                "The server could not be told, and will call this device silent: {}",
                chain(&error)
            )),
        }
    }
    if removal.remove_state {
        remove_state(&dir).with_context(|| format!("remove {}", dir.display()))?;
        say(&format!("{} is removed.", dir.display()));
    }
    Ok(())
}

#[cfg(windows)]
fn serve() -> anyhow::Result<()> {
    sickbay_service::windows::run(SERVICE, windows::work).map_err(anyhow::Error::new)
}

#[cfg(not(windows))]
fn install() -> anyhow::Result<()> {
    not_windows()
}

#[cfg(not(windows))]
fn uninstall() -> anyhow::Result<()> {
    not_windows()
}

#[cfg(not(windows))]
fn serve() -> anyhow::Result<()> {
    not_windows()
}

#[cfg(not(windows))]
fn not_windows() -> anyhow::Result<()> {
    Err(super::settings::Usage(
        "this is no Windows machine; `sickbay-collector run` reports in the foreground".to_owned(),
    )
    .into())
}

#[cfg(windows)]
mod windows {
    //! The service's work.

    use std::path::Path;
    use std::sync::Arc;
    use std::time::Duration;

    use sickbay_diagnosis::Check;
    use sickbay_service::event_log::{Event, EventLog};
    use sickbay_service::windows::{Orders, confine, settle};
    use sickbay_service::{LogFileLimits, LogLevel, init_logging_to_files};

    use super::super::run::{block_on, this_machine, watch_changes};
    use super::super::settings::{default_state_dir, keep_both_private};
    use super::{SERVICE, chain};
    use crate::crash;
    use crate::policy::Policy;
    use crate::supervisor::{Happenings, Surroundings, supervise};

    /// Private memory that the process may use; it needs a few megabytes, and a full inspection of a large machine some more.
    const MEMORY_BYTES: usize = 128 * 1024 * 1024;
    /// How often a folder that cannot be kept private is tried again.
    const FOLDER_AGAIN: Duration = Duration::from_mins(1);
    const LOG: &str = "collector";

    /// Until the service control manager orders it to stop.
    pub(super) fn work(orders: Orders) -> Result<(), String> {
        let events = EventLog::open(SERVICE);
        let done = block_on(async { Ok(serve(events, orders).await) });
        done.map_err(|error| format!("{error:#}"))
    }

    async fn serve(events: EventLog, orders: Orders) {
        let dir = default_state_dir();
        // Nothing is written into a folder that others could read or change.
        let mut told = false;
        let aside = loop {
            match keep_both_private(&dir) {
                Ok(aside) => break aside,
                Err(error) if !told => {
                    told = true;
                    events.tell(
                        Event::Failed,
                        &format!(
                            "The collector cannot begin: {}. It is tried again every minute.",
                            chain(&error)
                        ),
                    );
                }
                Err(_) => {}
            }
            tokio::select! {
                () = orders.stop.cancelled() => return,
                () = tokio::time::sleep(FOLDER_AGAIN) => {}
            }
        };
        // A version that starts is no longer about to be replaced.
        super::upgrading(&dir);
        let host = this_machine();
        let level = log_to_files(&dir, &Policy::of(&*host), &events);
        events.tell(
            Event::Started,
            &format!("Sickbay Collector {} started.", env!("CARGO_PKG_VERSION")),
        );
        if let Some(aside) = aside {
            let text = format!(
                "{} was not made by SYSTEM or an administrator, so that it was set aside as {}.",
                dir.display(),
                aside.display()
            );
            events.tell(Event::Failed, &text);
        }
        crash::watch_over(&dir, |text| events.tell(Event::Failed, text));
        confine(MEMORY_BYTES);
        if let Err(error) = settle(SERVICE) {
            tracing::info!(reason = %chain(&error), "the service's entry stays as it is");
        }
        let happenings = Arc::new(Happenings::default());
        let _watch = watch_changes(Arc::clone(&happenings));
        let (woken, hearing) = (Arc::clone(&orders.woken), Arc::clone(&happenings));
        tokio::spawn(async move {
            loop {
                woken.notified().await;
                tracing::info!("the machine woke up");
                hearing.changed(Check::ALL);
            }
        });
        let surroundings = Surroundings {
            host,
            state_dir: dir,
            events,
            level,
            happenings,
        };
        supervise(surroundings, orders.stop).await;
        EventLog::open(SERVICE).tell(Event::Stopped, "Sickbay Collector stopped.");
    }

    /// Without files the event log is all there is.
    fn log_to_files(dir: &Path, policy: &Policy, events: &EventLog) -> Option<LogLevel> {
        let folder = dir.join("logs");
        match init_logging_to_files(&folder, LOG, LogFileLimits::default(), policy.log_level()) {
            Ok(level) => Some(level),
            Err(error) => {
                let text = format!(
                    "The collector works without a log of its own: {}.",
                    chain(&error)
                );
                events.tell(Event::Failed, &text);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upgrade_is_no_goodbye_and_the_next_uninstallation_is_one_again() {
        let dir = tempfile::tempdir().expect("a folder");
        assert!(!upgrading(dir.path()));
        note_upgrade(dir.path()).expect("written");
        assert!(upgrading(dir.path()));
        assert!(!upgrading(dir.path()), "the note is for one uninstallation");
        note_upgrade(dir.path()).expect("written");
        let note = std::fs::File::options()
            .write(true)
            .open(dir.path().join(UPGRADE))
            .expect("there");
        let long_ago = std::time::SystemTime::now() - 2 * UPGRADE_TAKES;
        note.set_modified(long_ago).expect("a time");
        assert!(
            !upgrading(dir.path()),
            "an upgrade that was interrupted long ago"
        );
    }
}
