//! A machine whose recording can be replaced while its collector runs.

use std::sync::{RwLock, RwLockReadGuard};

use sickbay_collector::host::recording::Recording;
use sickbay_collector::host::{Host, Listing, SystemFact};
use sickbay_diagnosis::Time;
use sickbay_diagnosis::reading::Data;

use crate::clock::Clock;

/// A simulated machine, as its collector sees it.
pub(super) struct LiveMachine {
    recording: RwLock<Recording>,
    clock: Clock,
}

impl LiveMachine {
    pub(super) fn new(recording: Recording, clock: Clock) -> Self {
        Self {
            recording: RwLock::new(recording),
            clock,
        }
    }

    /// From now on it reads like this.
    pub(super) fn becomes(&self, recording: Recording) {
        *self
            .recording
            .write()
            .expect("never poisoned: nothing panics while it is held") = recording;
    }

    fn now_reads(&self) -> RwLockReadGuard<'_, Recording> {
        self.recording
            .read()
            .expect("never poisoned: nothing panics while it is held")
    }
}

impl Host for LiveMachine {
    fn now(&self) -> Time {
        self.clock.now()
    }

    fn registry_value(&self, key: &str, name: &str) -> Data {
        self.now_reads().registry_value(key, name)
    }

    fn registry_key(&self, key: &str) -> Data {
        self.now_reads().registry_key(key)
    }

    fn registry_subkeys(&self, key: &str) -> Listing<String> {
        self.now_reads().registry_subkeys(key)
    }

    fn registry_values(&self, key: &str) -> Listing<(String, Data)> {
        self.now_reads().registry_values(key)
    }

    fn service_running(&self, name: &str) -> Data {
        self.now_reads().service_running(name)
    }

    fn file(&self, path: &str) -> Data {
        self.now_reads().file(path)
    }

    fn update_agent_reboot_required(&self) -> Data {
        self.now_reads().update_agent_reboot_required()
    }

    fn system(&self, fact: SystemFact) -> Data {
        self.now_reads().system(fact)
    }
}
