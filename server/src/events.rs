//! Change events: what open pages listen to. They say which regions of pages are out of date, never what is in them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sickbay_store::News;
use tokio::sync::broadcast;

/// Changes that may wait for a slow listener before it is told "everything changed".
const WAITING: usize = 256;

/// What changed.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Keys of devices, each with the ids of issues of which its finding changed.
    pub devices: BTreeMap<i64, BTreeSet<String>>,
    /// Devices were enrolled, approved, revoked or retired.
    pub enrolment: bool,
    /// More than is named: anything may be different.
    pub anything: bool,
    /// Files that are being made have come further.
    pub exports: bool,
}

impl Change {
    /// Something of one device that no finding says.
    pub fn of_device(key: i64) -> Self {
        Self::of_devices([key])
    }

    /// The same of several.
    pub fn of_devices(keys: impl IntoIterator<Item = i64>) -> Self {
        Self {
            devices: keys.into_iter().map(|key| (key, BTreeSet::new())).collect(),
            ..Self::default()
        }
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        !self.is_of_devices() && !self.exports && !self.anything
    }

    /// Whether it says anything of devices.
    pub fn is_of_devices(&self) -> bool {
        !self.devices.is_empty() || self.enrolment
    }

    /// Ids of every issue of which a finding changed.
    pub fn issues(&self) -> impl Iterator<Item = &String> {
        self.devices.values().flatten()
    }

    /// Adds another change to this one.
    pub fn join(&mut self, other: &Self) {
        for (device, issues) in &other.devices {
            let known = self.devices.entry(*device).or_default();
            known.extend(issues.iter().cloned());
        }
        self.enrolment |= other.enrolment;
        self.anything |= other.anything;
        self.exports |= other.exports;
    }
}

/// Where changes are published.
#[derive(Debug, Clone)]
pub struct Events(broadcast::Sender<Arc<Change>>);

impl From<News> for Change {
    fn from(news: News) -> Self {
        Self {
            devices: news.devices,
            enrolment: news.statuses,
            anything: news.anything,
            exports: false,
        }
    }
}

impl Default for Events {
    fn default() -> Self {
        Self(broadcast::channel(WAITING).0)
    }
}

impl Events {
    /// Tells everyone who listens.
    pub fn publish(&self, change: Change) {
        if !change.is_empty() {
            // Nobody listening is fine.
            let _ = self.0.send(Arc::new(change));
        }
    }

    /// Whether anybody listens.
    pub fn are_heard(&self) -> bool {
        self.0.receiver_count() > 0
    }

    /// How many listen.
    pub fn listeners(&self) -> usize {
        self.0.receiver_count()
    }

    /// Listens from now on.
    pub fn listen(&self) -> broadcast::Receiver<Arc<Change>> {
        self.0.subscribe()
    }
}
