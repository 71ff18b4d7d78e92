//! `sickbay-collector run`: reports to the server, in the foreground, until stopped.
//!
//! On Windows a change of the registry has the checks that read it run again within moments; so does, for a recording, a change of
//! its files.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use clap::Args;
use sickbay_diagnosis::Check;

use sickbay_service::event_log::{Event, EventLog};

use super::service::SERVICE;
use super::settings::{Settings, SettingsArgs, Usage, prepare_state_dir};
use crate::crash;
use crate::host::Host;
use crate::host::recording::Recording;
#[cfg(not(windows))]
use crate::host::recording::{Description, Registry};
use crate::host::replay::Replay;
use crate::session::Collector;
use crate::state::StateDir;
use crate::supervisor::{Happenings, Surroundings, supervise};

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
    if settings.servers.is_empty() && settings.recording.is_empty() && cfg!(windows) {
        return by_policy(settings.state_dir);
    }
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
    prepare_state_dir(&settings.state_dir)?;
    let paths = settings.recording.clone();
    let machine = Machine::at(&paths)?;
    let state_dir = settings.state_dir.clone();
    let mut collector = Collector::new(settings.options(machine.host()))?;
    // Only once the folder is locked: another collector's record must not be replaced beneath it.
    crash::watch_over(&state_dir, |text| tracing::error!("{text}"));
    block_on(async {
        let stop = sickbay_service::stop_on_signals()?;
        let happenings = Happenings::of(collector.handle());
        let _watch = machine.follow(paths, Arc::new(happenings));
        sickbay_service::ready("collecting");
        let ended = collector.run(stop).await;
        sickbay_service::stopping();
        ended.context("run the collector")?;
        Ok(())
    })
}

/// With the settings of the registry, as the service would.
fn by_policy(state_dir: PathBuf) -> anyhow::Result<()> {
    prepare_state_dir(&state_dir)?;
    // Beside the service there is nothing to do but to say so: its record of how it ended must not be replaced beneath it.
    drop(StateDir::open(&state_dir)?);
    block_on(async {
        let stop = sickbay_service::stop_on_signals()?;
        let happenings = Arc::new(Happenings::default());
        let _watch = watch_changes(Arc::clone(&happenings));
        let events = EventLog::open(SERVICE);
        crash::watch_over(&state_dir, |text| events.tell(Event::Failed, text));
        let surroundings = Surroundings {
            host: this_machine(),
            state_dir,
            events,
            level: None,
            happenings,
        };
        supervise(surroundings, stop).await;
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

/// The machine to look at.
pub(super) enum Machine {
    /// A recording.
    Recorded(Arc<Replay>),
    /// The one that this program runs on.
    Here(Arc<dyn Host>),
}

impl Machine {
    /// A recording where one is given, else this machine.
    pub(super) fn at(recording: &[PathBuf]) -> anyhow::Result<Self> {
        if recording.is_empty() {
            return Ok(Self::Here(this_machine()));
        }
        let replay = Replay::new(load(recording)?);
        Ok(Self::Recorded(Arc::new(replay)))
    }

    pub(super) fn host(&self) -> Arc<dyn Host> {
        match self {
            Self::Recorded(replay) => Arc::clone(replay) as _,
            Self::Here(host) => Arc::clone(host),
        }
    }

    /// Has the collector inspect again what changes, as long as what this returns is kept. Call it inside a tokio runtime.
    fn follow(self, paths: Vec<PathBuf>, happenings: Arc<Happenings>) -> Option<ChangeWatch> {
        match self {
            Self::Recorded(replay) => {
                tokio::spawn(follow(paths, replay, happenings));
                None
            }
            Self::Here(_) => watch_changes(happenings),
        }
    }
}

#[cfg(windows)]
use crate::host::Changed;
#[cfg(windows)]
pub(super) use crate::host::windows::watch::Watch as ChangeWatch;

#[cfg(windows)]
pub(super) fn this_machine() -> Arc<dyn Host> {
    Arc::new(crate::host::windows::ThisDevice::new())
}

/// Changes that cannot be watched are seen by the full inspections.
#[cfg(windows)]
pub(super) fn watch_changes(happenings: Arc<Happenings>) -> Option<ChangeWatch> {
    let hearing = move |changed: Changed| {
        happenings.changed(&changed.checks);
        if changed.settings {
            happenings.settings_changed();
        }
    };
    match ChangeWatch::start(hearing) {
        Ok(watch) => Some(watch),
        Err(error) => {
            tracing::error!(%error, "changes of the registry cannot be watched");
            None
        }
    }
}

/// Elsewhere there is nothing to look at but this computer's name, which is enough to enrol.
#[cfg(not(windows))]
pub(super) fn this_machine() -> Arc<dyn Host> {
    let description = Description {
        host_name: this_host_name(),
        ..Description::default()
    };
    Arc::new(Replay::new(Recording::new(Registry::new(), description)))
}

#[cfg(not(windows))]
type ChangeWatch = std::convert::Infallible;

#[cfg(not(windows))]
fn watch_changes(_happenings: Arc<Happenings>) -> Option<ChangeWatch> {
    None
}

fn load(paths: &[PathBuf]) -> anyhow::Result<Recording> {
    let (recording, problems) = Recording::load(paths, None).context("read the recording")?;
    for problem in problems {
        tracing::warn!(%problem, "a part of the recording could not be read");
    }
    Ok(recording)
}

#[cfg(not(windows))]
fn this_host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Reads the recording again when its files change. What cannot be read is told, and the old one is played on.
async fn follow(paths: Vec<PathBuf>, host: Arc<Replay>, happenings: Arc<Happenings>) {
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
                happenings.changed(Check::ALL);
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
