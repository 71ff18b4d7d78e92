//! A device from its recording: .reg exports and a `host.toml`, or built in memory. The same checks run on it on any system.
//!
//! A key or value that is not there is absent. But where nothing of its hive (`HKLM\SOFTWARE`, `HKLM\SYSTEM`, ...) was exported, or
//! the `host.toml` does not say, the answer is [`Data::NotRecorded`]: the recording cannot tell.
//!
//! A [`Recording`] is a snapshot that clones cheaply; one that changes, as in the demo, is copied only where it is changed.

pub mod host_toml;
mod load;
pub(super) mod reg_data;
pub mod reg_file;
mod reg_text;
mod reg_write;
mod registry;
pub mod upkeep;

use std::path::Path;
use std::sync::Arc;

use sickbay_diagnosis::Time;
use sickbay_diagnosis::reading::Data;

pub use host_toml::Description;
pub use load::{LoadError, MAX_FILE_BYTES, MAX_FILES};
pub use reg_file::{Problem, read_reg};
pub use reg_write::write_reg;
pub use registry::Registry;

use super::endpoint::{Endpoint, Step};
use super::firmware::{Firmware, FirmwareRecord};
use super::told::{
    Answer, EventQuery, Events, History, LastSuccess, Room, StoreState, UpdateServices,
};
use super::{Host, Listing, SystemFact};
use crate::clock;

/// A recorded device.
#[derive(Debug, Clone)]
pub struct Recording {
    registry: Arc<Registry>,
    description: Arc<Description>,
    now: Time,
}

impl Recording {
    /// Built in memory. Its clock stands at the description's `now`, else at the epoch until [`Recording::set_now`].
    pub fn new(registry: Registry, description: Description) -> Self {
        Self {
            now: description.now.unwrap_or(Time::from_millis(0)),
            registry: Arc::new(registry),
            description: Arc::new(description),
        }
    }

    /// Reads files (.reg, `host.toml`) and folders of them as one device; what is read later goes on top. The clock stands at `as_of`,
    /// else at the `now` of a `host.toml`, else at this computer's time. What could not be read is among the problems, and the rest
    /// is kept.
    pub fn load(
        paths: &[impl AsRef<Path>],
        as_of: Option<Time>,
    ) -> Result<(Self, Vec<Problem>), LoadError> {
        let mut loaded = load::Loaded::default();
        for path in paths {
            loaded.add(path.as_ref())?;
        }
        let load::Loaded {
            mut registry,
            description,
            problems,
        } = loaded;
        // A key may be named by its control set's number or as the current one, so both names are tried.
        apply_last_writes(&mut registry, &description);
        registry.adopt_current_control_set();
        apply_last_writes(&mut registry, &description);
        // This computer's clock stands in where neither the recording nor the caller gives a time.
        let now = as_of.or(description.now).unwrap_or_else(clock::now);
        let mut recording = Self::new(registry, description);
        recording.set_now(now);
        Ok((recording, problems))
    }

    /// Moves the clock.
    pub const fn set_now(&mut self, now: Time) {
        self.now = now;
    }

    /// The registry.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The registry, to change it. Clones made before keep the old one.
    pub fn registry_mut(&mut self) -> &mut Registry {
        Arc::make_mut(&mut self.registry)
    }

    /// What is known beside the registry.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// What is known beside the registry, to change it. Clones made before keep the old one.
    pub fn description_mut(&mut self) -> &mut Description {
        Arc::make_mut(&mut self.description)
    }

    /// What to answer for something that is not in the registry.
    fn missing(&self, key: &str) -> Data {
        if self.registry.records_hive_of(key) {
            Data::Absent
        } else {
            Data::NotRecorded
        }
    }

    fn missing_listing<T>(&self, key: &str) -> Listing<T> {
        if self.registry.records_hive_of(key) {
            Listing::Absent
        } else {
            Listing::NotRecorded
        }
    }
}

impl Host for Recording {
    fn now(&self) -> Time {
        self.now
    }

    fn registry_value(&self, key: &str, name: &str) -> Data {
        self.registry
            .value(key, name)
            .cloned()
            .unwrap_or_else(|| self.missing(key))
    }

    fn registry_key(&self, key: &str) -> Data {
        if self.registry.has_key(key) {
            Data::Key(self.registry.last_write(key))
        } else {
            self.missing(key)
        }
    }

    fn registry_subkeys(&self, key: &str) -> Listing<String> {
        match self.registry.subkeys(key) {
            Some(names) => Listing::Found(names.map(str::to_owned).collect()),
            None => self.missing_listing(key),
        }
    }

    fn registry_values(&self, key: &str) -> Listing<(String, Data)> {
        match self.registry.values(key) {
            Some(values) => Listing::Found(
                values
                    .map(|(name, data)| (name.to_owned(), data.clone()))
                    .collect(),
            ),
            None => self.missing_listing(key),
        }
    }

    fn service_running(&self, name: &str) -> Data {
        self.description.service_running(name)
    }

    fn file(&self, path: &str) -> Data {
        self.description.file(path)
    }

    fn update_agent_reboot_required(&self) -> Data {
        self.description.reboot_required()
    }

    fn system(&self, fact: SystemFact) -> Data {
        self.description.system(fact)
    }

    fn file_version(&self, path: &str) -> Data {
        self.description.file_version(path)
    }

    fn system_drive(&self) -> Room {
        self.description.system_drive()
    }

    fn event_channel(&self, channel: &str) -> Data {
        self.description.event_channel(channel)
    }

    fn events(&self, query: EventQuery) -> Answer<Events> {
        self.description.events(query, self.now)
    }

    fn update_history(&self) -> Answer<History> {
        match self.description.agent_error() {
            Some(why) => Answer::Unreadable(why),
            None => self.description.update_history(),
        }
    }

    fn update_services(&self) -> Answer<UpdateServices> {
        match self.description.agent_error() {
            Some(why) => Answer::Unreadable(why),
            None => self.description.update_services(),
        }
    }

    fn last_success(&self) -> LastSuccess {
        match self.description.agent_error() {
            Some(why) => LastSuccess::unknown(Data::Unreadable(why)),
            None => self.description.last_success(),
        }
    }

    fn component_store(&self, now: Time) -> Answer<StoreState> {
        self.description.component_store(now)
    }

    fn update_endpoint(&self, _endpoint: &Endpoint) -> Answer<Vec<Step>> {
        self.description.way_to_update_endpoint()
    }

    fn firmware(&self) -> Firmware {
        let recorded = self.description.firmware.as_ref();
        recorded.map_or_else(
            || Firmware::unknown(&Data::NotRecorded),
            FirmwareRecord::told,
        )
    }
}

fn apply_last_writes(registry: &mut Registry, description: &Description) {
    for key in &description.keys {
        if let Some(at) = key.last_write.filter(|_| registry.has_key(&key.path)) {
            registry.set_last_write(&key.path, at);
        }
    }
}

#[cfg(test)]
mod tests;
