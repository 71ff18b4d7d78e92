//! The state folder and the spool of a running collector, used from blocking tasks.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use super::{CollectorError, CollectorOptions};
use crate::session::chain;
use crate::session::message::Report;
use crate::session::outbox::Base;
use crate::spool::Spool;
use crate::spool::filesystem::Disk;
use crate::state::{Crash, Credentials, StateDir, peek_crashes};
use crate::wire;

/// Blocking tasks of all collectors of this process that run at the same time. More would not make a disk faster, and without a
/// bound a process of a thousand simulated collectors would start hundreds of threads.
const BLOCKING_TASKS: usize = 8;
static SLOTS: Semaphore = Semaphore::const_new(BLOCKING_TASKS);

/// The collector's files. They stay locked until the last task that uses them has ended.
#[derive(Clone)]
pub(super) struct Storage(Arc<Mutex<Files>>);

pub(super) struct Files {
    pub(super) state: StateDir,
    pub(super) spool: Spool,
}

/// What the folder held.
pub(super) struct Found {
    pub(super) credentials: Credentials,
    pub(super) base: Base,
    /// Whether `base` is the new one that was offered.
    pub(super) base_is_new: bool,
    pub(super) reports: Vec<Report>,
    /// Whether reports had to be set aside.
    pub(super) lost_reports: bool,
    pub(super) crashes: Vec<Crash>,
}

impl Storage {
    /// Opens everything; `new_base` counts where the folder holds none.
    pub(super) fn open(
        options: &CollectorOptions,
        new_base: Base,
    ) -> Result<(Self, Found), CollectorError> {
        let state = StateDir::open(&options.state_dir)?;
        let (credentials, mut aside) = state.load_credentials()?;
        let (base, bad_base) = state.load_base()?;
        aside.extend(bad_base);
        for file in aside {
            tracing::warn!(file = file.name, reason = %file.reason, "a state file could not be used and was set aside");
        }
        // What cannot be read leaves no check out; a collector that does not start for it would be worse.
        let crashes = peek_crashes(state.path()).unwrap_or_else(|error| {
            tracing::warn!(reason = %chain(&error), "what ended the collector before cannot be read; no check is left out for it");
            Vec::new()
        });
        let base_is_new = base.is_none();
        let base = if let Some(base) = base {
            base
        } else {
            // The epoch must be on the disk before the first report, or that report would belong to nobody after a crash.
            state.save_base(&new_base)?;
            new_base
        };
        let acknowledged = base
            .acknowledged
            .map_or(0, |acknowledged| acknowledged.sequence);
        let opened = Spool::open(
            Disk,
            &state.spool_path(),
            options.spool,
            &base.epoch.0,
            acknowledged,
        )?;
        let mut lost_reports = false;
        for bad in &opened.bad {
            lost_reports = true;
            tracing::warn!(file = %bad.name, reason = %bad.reason, "a report in the spool could not be used and was set aside");
        }
        let mut reports = Vec::with_capacity(opened.waiting.len());
        for waiting in opened.waiting {
            match wire::decode_report(&waiting.body) {
                Ok(report) => reports.push(report),
                Err(error) => {
                    lost_reports = true;
                    tracing::warn!(report = waiting.sequence, reason = %error, "a report in the spool could not be read");
                }
            }
        }
        let files = Files {
            state,
            spool: opened.spool,
        };
        let found = Found {
            credentials,
            base,
            base_is_new,
            reports,
            lost_reports,
            crashes,
        };
        Ok((Self(Arc::new(Mutex::new(files))), found))
    }

    /// Runs `work` on the files, off the async threads.
    pub(super) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Files) -> T + Send + 'static,
    ) -> T {
        let files = Arc::clone(&self.0);
        blocking(move || work(&mut files.lock().unwrap_or_else(PoisonError::into_inner))).await
    }
}

/// Runs `work` on a blocking thread, a bounded number at a time.
///
/// Waiting for a place, and giving it back, is a task of its own: whoever called may stop looking at this future for a while, and a
/// place that it then held could be the one that it waits for elsewhere.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let working = tokio::spawn(async move {
        let _slot = SLOTS
            .acquire()
            .await
            .expect("the semaphore is never closed");
        tokio::task::spawn_blocking(work).await
    });
    match working.await {
        Ok(Ok(done)) => done,
        Ok(Err(error)) | Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn work_that_nobody_looks_after_holds_no_place_that_others_wait_for() {
        let mut unwatched: Vec<_> = (0..2 * BLOCKING_TASKS)
            .map(|_| Box::pin(blocking(|| ())))
            .collect();
        for work in &mut unwatched {
            // Started, and not looked at again.
            let _ = futures::poll!(work);
        }
        let another = tokio::time::timeout(Duration::from_secs(10), blocking(|| 7)).await;
        assert_eq!(another, Ok(7));
    }
}
