//! A hold on a running collector: to make it look, and to see where it stands.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use sickbay_diagnosis::Check;
use tokio::sync::{Notify, watch};

/// Where a collector stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Whether a session is established.
    pub live: bool,
    /// The device id, once enrolled.
    pub device_id: Option<String>,
    /// Newest acknowledged report; 0 for none.
    pub acknowledged: u64,
    /// Reports that wait.
    pub waiting: usize,
}

/// A hold on a running collector. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(super) shared: Arc<Shared>,
    pub(super) progress: watch::Receiver<Progress>,
}

#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) wanted: Mutex<BTreeSet<Check>>,
    pub(super) notify: Notify,
}

impl Handle {
    /// Runs these checks as soon as the running inspection is over: something that they read has changed.
    pub fn inspect_soon(&self, checks: &[Check]) {
        let mut wanted = self
            .shared
            .wanted
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        wanted.extend(checks);
        drop(wanted);
        self.shared.notify.notify_one();
    }

    /// Where the collector stands now.
    pub fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// Where the collector stands, to wait on.
    pub fn watch(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }
}
