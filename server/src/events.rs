//! Change events: what open pages listen to. They say which regions of pages are out of date, never what is in them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::broadcast;

/// Changes that may wait for a slow listener before it is told "everything changed".
const WAITING: usize = 256;

/// What a commit changed.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Keys of devices, each with the ids of issues of which its finding changed.
    pub devices: BTreeMap<i64, BTreeSet<String>>,
    /// Ids of issues whose findings changed of devices that are not named.
    pub others: BTreeSet<String>,
    /// Devices were enrolled, approved, revoked or retired.
    pub enrolment: bool,
    /// Files that are being made have come further.
    pub exports: bool,
}

impl Change {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        !self.is_of_devices() && !self.exports
    }

    /// Whether it says anything of devices.
    pub fn is_of_devices(&self) -> bool {
        !self.devices.is_empty() || !self.others.is_empty() || self.enrolment
    }

    /// Ids of every issue of which a finding changed.
    pub fn issues(&self) -> impl Iterator<Item = &String> {
        self.devices.values().flatten().chain(&self.others)
    }

    /// Adds another change to this one.
    pub fn join(&mut self, other: &Self) {
        for (device, issues) in &other.devices {
            let known = self.devices.entry(*device).or_default();
            known.extend(issues.iter().cloned());
        }
        self.others.extend(other.others.iter().cloned());
        self.enrolment |= other.enrolment;
        self.exports |= other.exports;
    }
}

/// Where changes are published.
#[derive(Debug, Clone)]
pub struct Events(broadcast::Sender<Arc<Change>>);

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

    /// Listens from now on.
    pub fn listen(&self) -> broadcast::Receiver<Arc<Change>> {
        self.0.subscribe()
    }
}
