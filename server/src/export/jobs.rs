//! Files that are made while nobody waits for an answer: asked for, watched, fetched, removed.
//!
//! At most [`AT_ONCE`] are made at a time, the others wait. A file is kept for [`KEPT_HOURS`] and belongs to whoever asked for it, as long as
//! they see the devices that they saw then. Files live in a folder of the data folder, which is emptied when the server starts.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sickbay_diagnosis::Time;
use sickbay_diagnosis::time::HOUR_MS;
use sickbay_store::Scope;
use tempfile::NamedTempFile;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::devices::{DeviceLine, DeviceList};
use super::{Columns, Format, to_file};
use crate::access::Viewer;
use crate::app::App;
use crate::audit;
use crate::events::Change;
use crate::problem::Problem;

/// Files that are made at a time.
pub const AT_ONCE: usize = 2;
/// How long a file is kept, in hours.
pub const KEPT_HOURS: i64 = 24;
/// Exports of one person, those that wait or are made included; the oldest finished one gives way to a new one.
pub const OF_ONE: usize = 10;
/// How often open pages are told how far a file is.
const TOLD_EVERY: Duration = Duration::from_secs(1);
/// Exports of everybody.
pub const OF_ALL: usize = 200;

/// What is asked for.
pub struct Wanted {
    /// Which devices.
    pub list: DeviceList,
    /// Which columns.
    pub columns: Columns<DeviceLine>,
    /// As what.
    pub format: Format,
}

/// How far an export is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Others are made before it.
    Waiting,
    /// It is made.
    Running,
    /// Its file can be fetched.
    Done {
        /// Bytes of the file.
        bytes: u64,
        /// When it was finished.
        at: Time,
    },
    /// It could not be made.
    Failed {
        /// Why, for people.
        why: String,
    },
}

impl State {
    /// Its name in the API.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done { .. } => "done",
            Self::Failed { .. } => "failed",
        }
    }

    const fn is_over(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Failed { .. })
    }
}

/// An export that was asked for.
pub struct Job {
    /// Its id.
    pub id: Uuid,
    /// Which devices.
    pub list: DeviceList,
    /// As what.
    pub format: Format,
    /// Names of its columns.
    pub columns: Vec<&'static str>,
    /// When it was asked for.
    pub asked_at: Time,
    /// Rows that it will have, as counted when it was asked for.
    pub expected: u64,
    owner: Uuid,
    name_of_owner: String,
    scope: Scope,
    rows: Arc<AtomicU64>,
    stop: CancellationToken,
    made: Mutex<Made>,
}

struct Made {
    state: State,
    file: Option<NamedTempFile>,
}

impl Job {
    /// Rows written so far.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// How far it is.
    pub fn state(&self) -> State {
        self.locked().state.clone()
    }

    /// Name of its file.
    pub fn file_name(&self) -> String {
        format!("{}.{}", self.list.name(), self.format.extension())
    }

    /// Its file from the beginning; `None` where it is not finished.
    ///
    /// # Errors
    /// Where the operating system does not open it.
    pub fn file(&self) -> io::Result<Option<File>> {
        let made = self.locked();
        made.file.as_ref().map(NamedTempFile::reopen).transpose()
    }

    fn is_of(&self, viewer: &Viewer) -> bool {
        self.owner == viewer.id && self.scope == viewer.scope
    }

    fn is_stale(&self, now: Time) -> bool {
        self.state().is_over() && now.since(self.asked_at) >= KEPT_HOURS * HOUR_MS
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn becomes(&self, state: State, file: Option<NamedTempFile>) {
        let mut made = self.locked();
        made.state = state;
        made.file = file;
    }
}

/// How many exports there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Those that wait for their turn.
    pub waiting: usize,
    /// Those that are made.
    pub running: usize,
    /// All of them, the finished ones included.
    pub kept: usize,
}

/// Every export that was asked for and is not over for long.
pub struct Exports {
    folder: PathBuf,
    jobs: Mutex<VecDeque<Arc<Job>>>,
    turns: Arc<Semaphore>,
}

impl Exports {
    /// None yet. Files are made in the folder `exports` of this data folder; what a server left there that was killed is removed.
    ///
    /// # Errors
    /// Where the folder cannot be emptied or made.
    pub fn open(data_dir: &Path) -> io::Result<Self> {
        let folder = data_dir.join("exports");
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => std::fs::create_dir_all(&folder)?,
        }
        Ok(Self {
            folder,
            jobs: Mutex::default(),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        })
    }

    /// The folder of files that are made.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Begins an export, recorded as such.
    ///
    /// # Errors
    /// Where the database does not answer, or too many are under way.
    pub async fn begin(
        &self,
        app: &App,
        viewer: &Viewer,
        wanted: Wanted,
    ) -> Result<Arc<Job>, Problem> {
        let now = app.clock.now();
        let expected = wanted.list.count(app.store.as_ref(), &viewer.scope).await?;
        let job = Arc::new(Job {
            id: Uuid::now_v7(),
            format: wanted.format,
            columns: wanted.columns.iter().map(|column| column.name).collect(),
            asked_at: now,
            expected,
            owner: viewer.id,
            name_of_owner: viewer.name.clone(),
            scope: viewer.scope.clone(),
            rows: Arc::default(),
            stop: app.stop.child_token(),
            made: Mutex::new(Made {
                state: State::Waiting,
                file: None,
            }),
            list: wanted.list,
        });
        self.take_in(&job, now)?;
        let line = audit::exported(
            now,
            &viewer.name,
            job.list.name(),
            &job.file_name(),
            Some(job.list.said()),
        );
        if let Err(error) = app.store.record(vec![line]).await {
            self.forget(job.id);
            return Err(error.into());
        }
        let made = make(
            app.clone(),
            Arc::clone(&job),
            wanted.columns,
            self.folder.clone(),
            Arc::clone(&self.turns),
        );
        tokio::spawn(made);
        Ok(job)
    }

    /// Somebody's exports, the newest first.
    pub fn of(&self, viewer: &Viewer, now: Time) -> Vec<Arc<Job>> {
        let mut jobs = self.locked();
        jobs.retain(|job| !job.is_stale(now));
        jobs.iter()
            .rev()
            .filter(|job| job.is_of(viewer))
            .cloned()
            .collect()
    }

    /// One of somebody's exports.
    pub fn get(&self, viewer: &Viewer, id: Uuid, now: Time) -> Option<Arc<Job>> {
        self.of(viewer, now).into_iter().find(|job| job.id == id)
    }

    /// Removes one of somebody's exports, finished or not. Says whether there was one.
    pub fn remove(&self, viewer: &Viewer, id: Uuid, now: Time) -> bool {
        let Some(job) = self.get(viewer, id, now) else {
            return false;
        };
        job.stop.cancel();
        self.forget(id);
        true
    }

    /// How much is asked of it now.
    pub fn load(&self) -> Load {
        let jobs = self.locked();
        let of = |state: &State| jobs.iter().filter(|job| job.state() == *state).count();
        Load {
            waiting: of(&State::Waiting),
            running: of(&State::Running),
            kept: jobs.len(),
        }
    }

    fn forget(&self, id: Uuid) {
        self.locked().retain(|job| job.id != id);
    }

    fn take_in(&self, job: &Arc<Job>, now: Time) -> Result<(), Problem> {
        let mut jobs = self.locked();
        jobs.retain(|job| !job.is_stale(now));
        let own = jobs.iter().filter(|other| other.owner == job.owner).count();
        if own >= OF_ONE {
            let oldest = jobs
                .iter()
                .position(|other| other.owner == job.owner && other.state().is_over());
            match oldest {
                Some(oldest) => {
                    jobs.remove(oldest);
                }
                None => {
                    return Err(busy(format!(
                        "{OF_ONE} of your exports are still being made; wait for one of them, or remove it."
                    )));
                }
            }
        }
        if jobs.len() >= OF_ALL {
            return Err(busy(
                "Too many exports are kept or being made; try again in a while.",
            ));
        }
        jobs.push_back(Arc::clone(job));
        Ok(())
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, VecDeque<Arc<Job>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn busy(why: impl Into<String>) -> Problem {
    Problem::new(
        axum::http::StatusCode::TOO_MANY_REQUESTS,
        "Too many exports",
        why,
    )
}

async fn make(
    app: App,
    job: Arc<Job>,
    columns: Columns<DeviceLine>,
    folder: PathBuf,
    turns: Arc<Semaphore>,
) {
    let made = async {
        let Ok(_turn) = turns.acquire().await else {
            return;
        };
        job.becomes(State::Running, None);
        let rows = job.list.clone().rows(
            Arc::clone(&app.store),
            job.scope.clone(),
            &columns,
            app.rules.get(),
            app.clock.now(),
        );
        let about = job.list.about(&job.name_of_owner, job.asked_at);
        let count = Arc::clone(&job.rows);
        let file = to_file(rows, columns, job.format, about, &folder, count).await;
        app.metrics.web.export_rows.inc_by(job.rows());
        match file {
            Ok(file) => {
                let bytes = file.as_file().metadata().map_or(0, |file| file.len());
                let at = app.clock.now();
                job.becomes(State::Done { bytes, at }, Some(file));
            }
            Err(error) => {
                let why = Problem::from(error).detail;
                job.becomes(State::Failed { why }, None);
            }
        }
    };
    let tell = || {
        app.events.publish(Change {
            exports: true,
            ..Change::default()
        });
    };
    let told_meanwhile = async {
        loop {
            tokio::time::sleep(TOLD_EVERY).await;
            tell();
        }
    };
    tokio::select! {
        () = job.stop.cancelled() => {}
        () = made => {}
        () = told_meanwhile => {}
    }
    tell();
}
