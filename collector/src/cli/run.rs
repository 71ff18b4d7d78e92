//! `sickbay-collector run`: reports to the server, in the foreground, until stopped.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use clap::Args;
use sickbay_diagnosis::Check;

use super::settings::{Settings, SettingsArgs, Usage};
use crate::host::recording::{Description, Recording, Registry};
use crate::host::replay::Replay;
use crate::session::{Collector, Handle};

/// How often the files of a recording are looked at for changes.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Largest number of files of a recording whose changes are noticed.
const WATCHED_FILES: usize = 4096;

/// How to run.
#[derive(Debug, Clone, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    settings: SettingsArgs,
    /// Minutes between two full inspections. Without it: as the server sets, else 60.
    #[arg(
        long,
        value_name = "MINUTES",
        env = "SICKBAY_COLLECTOR_INSPECTION_INTERVAL_MINUTES"
    )]
    inspection_interval: Option<u32>,
}

pub(super) fn run(args: RunArgs) -> anyhow::Result<()> {
    sickbay_service::init_logging("info")?;
    let settings = Settings::load(args.settings, args.inspection_interval)?;
    if settings.servers.is_empty() {
        return Err(Usage(
            "no server is given; give one with --server https://HOST:7443".to_owned(),
        )
        .into());
    }
    if settings.recording.is_empty() && !cfg!(windows) {
        return Err(Usage(
            "this is no Windows machine; give a recording of one with --recording PATH (a .reg file or a folder)".to_owned(),
        )
        .into());
    }
    let paths = settings.recording.clone();
    let host = Arc::new(machine(&paths)?);
    let mut collector = Collector::new(settings.options(Arc::clone(&host) as _))?;
    block_on(async {
        let stop = sickbay_service::stop_on_signals()?;
        tokio::spawn(follow(paths, host, collector.handle()));
        sickbay_service::ready("collecting");
        let ended = collector.run(stop).await;
        sickbay_service::stopping();
        ended.context("run the collector")?;
        Ok(())
    })
}

/// One thread for everything: a collector mostly waits.
pub(super) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the runtime")?
        .block_on(work)
}

/// The machine to look at: a recording, or, to enrol without one, nothing but this computer's name.
pub(super) fn machine(recording: &[PathBuf]) -> anyhow::Result<Replay> {
    if recording.is_empty() {
        let description = Description {
            host_name: this_host_name(),
            ..Description::default()
        };
        return Ok(Replay::new(Recording::new(Registry::new(), description)));
    }
    load(recording).map(Replay::new)
}

fn load(paths: &[PathBuf]) -> anyhow::Result<Recording> {
    let (recording, problems) = Recording::load(paths, None).context("read the recording")?;
    for problem in problems {
        tracing::warn!(%problem, "a part of the recording could not be read");
    }
    Ok(recording)
}

fn this_host_name() -> Option<String> {
    let name = std::env::var("COMPUTERNAME")
        .ok()
        .or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok())?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Reads the recording again when its files change. What cannot be read is told, and the old one is played on.
async fn follow(paths: Vec<PathBuf>, host: Arc<Replay>, collector: Handle) {
    if paths.is_empty() {
        return;
    }
    let mut known = stamps(&paths);
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let looked = paths.clone();
        let Ok(found) = tokio::task::spawn_blocking(move || stamps(&looked)).await else {
            return;
        };
        if found == known {
            continue;
        }
        known = found;
        match load(&paths) {
            Ok(recording) => {
                tracing::info!("the recording changed");
                host.replace(recording);
                collector.inspect_soon(Check::ALL);
            }
            Err(error) => {
                tracing::warn!(reason = %format!("{error:#}"), "the changed recording cannot be played");
            }
        }
    }
}

/// What tells that a file changed: its name, its length, when it was written.
fn stamps(paths: &[PathBuf]) -> Vec<(PathBuf, u64, Option<SystemTime>)> {
    let mut files = Vec::new();
    for path in paths {
        match std::fs::read_dir(path) {
            Ok(entries) => files.extend(
                entries
                    .flatten()
                    .map(|entry| entry.path())
                    .take(WATCHED_FILES),
            ),
            Err(_) => files.push(path.clone()),
        }
    }
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let metadata = std::fs::metadata(&path).ok();
            let length = metadata.as_ref().map_or(0, std::fs::Metadata::len);
            let written = metadata.and_then(|metadata| metadata.modified().ok());
            (path, length, written)
        })
        .collect()
}
