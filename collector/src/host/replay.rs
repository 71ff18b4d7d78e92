//! A machine that is played from a recording and may change while it is looked at: `run --recording`, the demo, tests.
//!
//! Its clock is this computer's, whatever the recording says, because a session with a server happens now; it may be made to be off. A
//! machine that changes during an inspection is seen half old, half new, as a real one would be.

use std::sync::{Arc, PoisonError, RwLock};

use sickbay_diagnosis::Time;
use sickbay_diagnosis::reading::Data;

use super::endpoint::{Endpoint, Step};
use super::firmware::Firmware;
use super::recording::Recording;
use super::told::{
    Answer, EventQuery, Events, History, LastSuccess, Room, StoreState, UpdateServices,
};
use super::{Host, Listing, SystemFact};
use crate::clock;

/// Plays a recording.
#[derive(Debug)]
pub struct Replay {
    recording: RwLock<Arc<Recording>>,
    clock_ahead_ms: i64,
}

impl Replay {
    /// Plays `recording` until it is replaced.
    pub fn new(recording: Recording) -> Self {
        Self {
            recording: RwLock::new(Arc::new(recording)),
            clock_ahead_ms: 0,
        }
    }

    /// With a clock that is ahead of this computer's, or behind it where this is negative.
    pub const fn with_clock_ahead(mut self, ms: i64) -> Self {
        self.clock_ahead_ms = ms;
        self
    }

    /// Plays another recording from now on.
    pub fn replace(&self, recording: Recording) {
        *self
            .recording
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(recording);
    }

    /// The recording that is played.
    pub fn recording(&self) -> Arc<Recording> {
        Arc::clone(
            &self
                .recording
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}

impl Host for Replay {
    fn now(&self) -> Time {
        clock::now().plus_millis(self.clock_ahead_ms)
    }

    fn registry_value(&self, key: &str, name: &str) -> Data {
        self.recording().registry_value(key, name)
    }

    fn registry_key(&self, key: &str) -> Data {
        self.recording().registry_key(key)
    }

    fn registry_subkeys(&self, key: &str) -> Listing<String> {
        self.recording().registry_subkeys(key)
    }

    fn registry_values(&self, key: &str) -> Listing<(String, Data)> {
        self.recording().registry_values(key)
    }

    fn service_running(&self, name: &str) -> Data {
        self.recording().service_running(name)
    }

    fn file(&self, path: &str) -> Data {
        self.recording().file(path)
    }

    fn update_agent_reboot_required(&self) -> Data {
        self.recording().update_agent_reboot_required()
    }

    fn system(&self, fact: SystemFact) -> Data {
        self.recording().system(fact)
    }

    fn file_version(&self, path: &str) -> Data {
        self.recording().file_version(path)
    }

    fn system_drive(&self) -> Room {
        self.recording().system_drive()
    }

    fn event_channel(&self, channel: &str) -> Data {
        self.recording().event_channel(channel)
    }

    fn events(&self, query: EventQuery) -> Answer<Events> {
        // A recorded channel is searched back from the end of the recording, not from now.
        self.recording().events(query)
    }

    fn update_history(&self) -> Answer<History> {
        self.recording().update_history()
    }

    fn update_services(&self) -> Answer<UpdateServices> {
        self.recording().update_services()
    }

    fn last_success(&self) -> LastSuccess {
        self.recording().last_success()
    }

    fn component_store(&self, now: Time) -> Answer<StoreState> {
        self.recording().component_store(now)
    }

    fn update_endpoint(&self, endpoint: &Endpoint) -> Answer<Vec<Step>> {
        self.recording().update_endpoint(endpoint)
    }

    fn firmware(&self) -> Firmware {
        self.recording().firmware()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::recording::{Description, Registry};

    #[test]
    fn a_clock_may_be_off_by_as_much_as_is_wanted() {
        let replay = |ahead| {
            let recording = Recording::new(Registry::new(), Description::default());
            Replay::new(recording).with_clock_ahead(ahead)
        };
        let (right, behind) = (replay(0).now(), replay(-3_600_000).now());
        let off = right.since(behind);
        assert!((3_500_000..=3_600_000).contains(&off), "{off} ms");
    }
}
