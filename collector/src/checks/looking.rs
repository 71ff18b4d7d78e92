//! A check's look at a machine: every question becomes a reading.
//!
//! Limits: at most [`READINGS`] readings a check and [`NAMES`] names an enumeration; what is beyond them is not read. In a recording, a
//! key that every Windows has and that is missing although its hive is there was not recorded; what lies under it is then
//! `NotRecorded` rather than absent. On a machine itself it is absent.

use sickbay_diagnosis::Check;
use sickbay_diagnosis::keys;
use sickbay_diagnosis::observation::Outcome;
use sickbay_diagnosis::reading::{Data, Reading, Source};

use super::update_events;
use crate::host::told::{Answer, EventQuery};
use crate::host::{Host, Listing, SystemFact};

/// Most readings of one check.
const READINGS: usize = 4096;
/// Most names taken from one enumeration.
const NAMES: usize = 16 * 1024;

/// Collects the readings of one check.
pub(super) struct Looking<'a> {
    host: &'a dyn Host,
    readings: Vec<Reading>,
    missing_anchors: Vec<&'static str>,
    lacks: Option<String>,
}

impl<'a> Looking<'a> {
    pub(super) fn at(host: &'a dyn Host) -> Self {
        let missing =
            |key: &&str| !host.holds_everything() && host.registry_key(key) == Data::Absent;
        Self {
            host,
            readings: Vec::new(),
            missing_anchors: keys::ANCHORS.into_iter().filter(missing).collect(),
            lacks: None,
        }
    }

    /// The machine, for questions whose answers the check itself makes into readings.
    pub(super) const fn host(&self) -> &'a dyn Host {
        self.host
    }

    /// Takes down a reading.
    pub(super) fn read(&mut self, source: Source, path: &str, name: Option<&str>, data: Data) {
        self.push(source, path, name, data);
    }

    /// Takes down what the update agent said.
    pub(super) fn agent(&mut self, path: &str, name: Option<&str>, data: Data) {
        self.push(Source::UpdateAgent, path, name, data);
    }

    /// This Windows lacks what the check looks at: what that is.
    pub(super) fn lacks(&mut self, what: String) {
        self.lacks = Some(what);
    }

    /// Events of one channel by several queries, each a reading named by the number of its record.
    pub(super) fn events(&mut self, queries: &[EventQuery]) {
        let Some(channel) = queries.first().map(|query| query.channel) else {
            return;
        };
        let enabled = self.host.event_channel(channel);
        let is_there = enabled != Data::Absent;
        self.push(
            Source::EventLog,
            channel,
            Some(keys::CHANNEL_ENABLED),
            enabled,
        );
        if !is_there {
            return;
        }
        let (mut found, mut left_out) = (Vec::new(), 0_u32);
        let mut read = Data::Key(None);
        for query in queries {
            match self.host.events(*query) {
                Answer::Found(events) => {
                    left_out = left_out.saturating_add(events.left_out);
                    found.extend(events.newest);
                }
                Answer::Absent(_) => read = Data::Absent,
                Answer::Unreadable(why) => read = Data::Unreadable(why),
                Answer::NotRecorded => read = Data::NotRecorded,
            }
        }
        self.push(Source::EventLog, channel, None, read);
        for event in found {
            let record = event.record.to_string();
            let data = update_events::data(&event);
            self.push(Source::EventLog, channel, Some(&record), data);
        }
        if left_out > 0 {
            let left_out = Data::Dword(left_out);
            self.push(Source::EventLog, channel, Some(keys::LEFT_OUT), left_out);
        }
    }

    /// Reads a value.
    pub(super) fn value(&mut self, key: &str, name: &str) -> Data {
        let data = if self.is_unrecorded(key) {
            Data::NotRecorded
        } else {
            self.host.registry_value(key, name)
        };
        self.push(Source::Registry, key, Some(name), data)
    }

    /// Reads values of one key.
    pub(super) fn values(&mut self, key: &str, names: &[&str]) {
        let found = if self.is_unrecorded(key) {
            vec![Data::NotRecorded; names.len()]
        } else {
            self.host.registry_values_named(key, names)
        };
        for (name, data) in names.iter().zip(found) {
            self.push(Source::Registry, key, Some(name), data);
        }
    }

    /// Reads those of these values that are there or could not be read, for keys of which most values are usually absent.
    pub(super) fn present_values(&mut self, key: &str, names: &[&str]) {
        let found = self.host.registry_values_named(key, names);
        for (name, data) in names.iter().zip(found) {
            if !matches!(data, Data::Absent | Data::NotRecorded) {
                self.push(Source::Registry, key, Some(name), data);
            }
        }
    }

    /// Reads a value to decide what else to read; it becomes no reading.
    pub(super) fn peek(&self, key: &str, name: &str) -> Data {
        self.host.registry_value(key, name)
    }

    /// Looks whether a key is there.
    pub(super) fn key(&mut self, key: &str) -> Data {
        let data = if self.is_unrecorded(key) {
            Data::NotRecorded
        } else {
            self.host.registry_key(key)
        };
        self.push(Source::Registry, key, None, data)
    }

    /// Names of the subkeys, in order; the key itself becomes a reading that tells why there are none.
    pub(super) fn subkeys(&mut self, key: &str) -> Vec<String> {
        if self.is_unrecorded(key) {
            self.push(Source::Registry, key, None, Data::NotRecorded);
            return Vec::new();
        }
        let (data, mut names) = match self.host.registry_subkeys(key) {
            Listing::Found(names) => (Data::Key(None), names),
            Listing::Absent => (Data::Absent, Vec::new()),
            Listing::Unreadable(why) => (Data::Unreadable(why), Vec::new()),
            Listing::NotRecorded => (Data::NotRecorded, Vec::new()),
        };
        self.push(Source::Registry, key, None, data);
        names.sort_unstable();
        names.truncate(NAMES);
        names
    }

    /// The values of a key, by name in order, as readings; `most` of them at the most. Nothing where it has none.
    pub(super) fn all_values(&mut self, key: &str, most: usize) -> Vec<Data> {
        if self.is_unrecorded(key) {
            return Vec::new();
        }
        let Listing::Found(mut values) = self.host.registry_values(key) else {
            return Vec::new();
        };
        values.sort_by(|(a, _), (b, _)| a.cmp(b));
        values
            .into_iter()
            .take(most)
            .map(|(name, data)| self.push(Source::Registry, key, Some(&name), data))
            .collect()
    }

    /// Whether a service runs.
    pub(super) fn running(&mut self, service: &str) {
        let data = self.host.service_running(service);
        self.push(Source::ServiceManager, service, Some(keys::RUNNING), data);
    }

    /// Whether a file or folder is there.
    pub(super) fn file(&mut self, path: &str) {
        let data = self.host.file(path);
        self.push(Source::File, path, None, data);
    }

    /// Whether the update agent wants a restart.
    pub(super) fn update_agent_reboot(&mut self) {
        let data = self.host.update_agent_reboot_required();
        let name = Some(keys::UPDATE_AGENT_REBOOT);
        self.push(Source::UpdateAgent, keys::UPDATE_AGENT, name, data);
    }

    /// A fact of the operating system.
    pub(super) fn system(&mut self, fact: SystemFact) {
        let data = self.host.system(fact);
        self.push(Source::System, keys::SYSTEM, Some(fact.name()), data);
    }

    /// What came of looking: unavailable where no source was recorded, failed where none could be read.
    pub(super) fn outcome(self, check: Check) -> Outcome {
        if let Some(what) = self.lacks {
            return Outcome::Unavailable(what);
        }
        let all = |wanted: fn(&Data) -> bool| self.readings.iter().all(|r| wanted(&r.data));
        if all(|data| *data == Data::NotRecorded) {
            return Outcome::Unavailable(self.what_was_not_recorded(check));
        }
        if all(|data| matches!(data, Data::Unreadable(_) | Data::NotRecorded)) {
            return Outcome::Failed(self.what_failed());
        }
        Outcome::Seen(self.readings)
    }

    fn what_was_not_recorded(&self, check: Check) -> String {
        let mut sources: Vec<String> = Vec::new();
        for reading in &self.readings {
            let source = match reading.source {
                Source::Registry => self.unrecorded_root(&reading.path),
                other => in_words(other).to_owned(),
            };
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
        if sources.is_empty() {
            return format!("nothing of the check {check} was recorded");
        }
        let verb = if sources.len() == 1 { "was" } else { "were" };
        format!("{} {verb} not recorded", sources.join(", "))
    }

    fn what_failed(&self) -> String {
        let first = self
            .readings
            .iter()
            .find_map(|reading| match &reading.data {
                Data::Unreadable(why) => Some(format!("{} could not be read: {why}", reading.path)),
                _ => None,
            });
        first.unwrap_or_else(|| "nothing could be read".to_owned())
    }

    /// The anchor that is missing, or the hive.
    fn unrecorded_root(&self, path: &str) -> String {
        let anchor = self
            .missing_anchors
            .iter()
            .find(|anchor| is_under(path, anchor));
        anchor.map_or_else(
            || {
                path.splitn(3, '\\')
                    .take(2)
                    .collect::<Vec<&str>>()
                    .join("\\")
            },
            |anchor| (*anchor).to_owned(),
        )
    }

    fn is_unrecorded(&self, key: &str) -> bool {
        self.missing_anchors
            .iter()
            .any(|anchor| is_under(key, anchor))
    }

    fn push(&mut self, source: Source, path: &str, name: Option<&str>, data: Data) -> Data {
        if self.readings.len() < READINGS {
            self.readings.push(Reading {
                source,
                path: path.to_owned(),
                name: name.map(str::to_owned),
                data: data.clone(),
            });
        }
        data
    }
}

/// What a source is called in a sentence.
fn in_words(source: Source) -> &'static str {
    match source {
        Source::Registry => "the registry",
        Source::ServiceManager => "what the service manager says",
        Source::File => "what is on the system drive",
        Source::EventLog => "the event log",
        Source::UpdateAgent => "what the update agent says",
        Source::System => "what Windows says of itself",
    }
}

/// Whether `key` is `anchor` or lies under it.
fn is_under(key: &str, anchor: &str) -> bool {
    key.get(..anchor.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(anchor))
        && key
            .get(anchor.len()..)
            .is_some_and(|tail| tail.is_empty() || tail.starts_with('\\'))
}
