//! What a `host.toml` says of the event log, the update agent's memory, the component store and the system drive.
//!
//! A list that is left out was not recorded; one that is empty was recorded and had nothing in it.

use serde::{Deserialize, Serialize};
use sickbay_diagnosis::Time;
use sickbay_diagnosis::reading::Data;

use super::host_toml::{Description, UpdateAgent, rfc3339};
use crate::host::endpoint::Step;
use crate::host::told::{
    Answer, Event, EventQuery, Events, HISTORY_ENTRIES, History, HistoryEntry, LastSuccess, Room,
    SERVICES, StoreState, UpdateService, UpdateServices,
};

/// An event channel at the moment of the recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelState {
    /// Whether there is such a channel.
    #[serde(default = "yes")]
    pub exists: bool,
    /// Whether it was enabled.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Why it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Its events in any order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<RecordedEvent>,
}

/// An event, with who wrote it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecordedEvent {
    /// Who wrote it; the update client where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Number of its record in the channel.
    pub record: u64,
    /// Its id.
    pub id: u32,
    /// When it was written.
    #[serde(with = "rfc3339", skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
    /// Its values by name.
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub values: std::collections::BTreeMap<String, String>,
}

/// The update agent's memory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Memory {
    /// The last search that worked.
    #[serde(with = "rfc3339", skip_serializing_if = "Option::is_none")]
    pub last_search: Option<Time>,
    /// The last installation that worked.
    #[serde(with = "rfc3339", skip_serializing_if = "Option::is_none")]
    pub last_installation: Option<Time>,
    /// The agent says that it never searched, or never installed, where the time of it is left out.
    pub never: bool,
    /// How many installations it remembers; without it as many as there are entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u32>,
    /// Installations, the latest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<Vec<HistoryEntry>>,
    /// The services that it takes updates from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub services: Option<Vec<UpdateService>>,
}

/// What servicing said of the component store: one of the three.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum StoreRecord {
    /// 0 not flagged, 1 repairable, 2 not repairable; asked at the moment of the recording.
    Health(u32),
    /// This Windows cannot be asked: what it lacks.
    Lacks(String),
    /// It could not be told: why.
    Error(String),
}

/// Room on the drive of Windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// Free bytes.
    pub free_bytes: u64,
    /// Its size in bytes.
    pub total_bytes: u64,
}

/// The way to the update server: one of the two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum EndpointRecord {
    /// The steps that were made, in order.
    Steps(Vec<Step>),
    /// It could not be gone: why.
    Error(String),
}

const fn yes() -> bool {
    true
}

impl Default for ChannelState {
    fn default() -> Self {
        Self {
            exists: true,
            enabled: true,
            error: None,
            events: Vec::new(),
        }
    }
}

impl RecordedEvent {
    fn is_wanted(&self, query: EventQuery, now: Time) -> bool {
        let provider = self.provider.as_deref();
        let oldest = now.plus_days(-i64::from(query.days));
        provider.unwrap_or(sickbay_diagnosis::keys::UPDATE_PROVIDER) == query.provider
            && query.ids.contains(&self.id)
            && self.at.is_none_or(|at| at >= oldest)
    }

    fn event(&self) -> Event {
        Event {
            record: self.record,
            id: self.id,
            at: self.at,
            values: self.values.clone(),
        }
    }
}

impl Description {
    pub(super) fn system_drive(&self) -> Room {
        match self.storage {
            Some(storage) => Room {
                free: Data::Qword(storage.free_bytes),
                total: Data::Qword(storage.total_bytes),
            },
            None => Room::unknown(Data::NotRecorded),
        }
    }

    fn channel(&self, name: &str) -> Option<&ChannelState> {
        let found = self
            .event_channels
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, channel)| channel)
    }

    pub(super) fn event_channel(&self, name: &str) -> Data {
        match self.channel(name) {
            None => Data::NotRecorded,
            Some(channel) if !channel.exists => Data::Absent,
            Some(channel) => Data::Flag(channel.enabled),
        }
    }

    pub(super) fn events(&self, query: EventQuery, now: Time) -> Answer<Events> {
        let Some(channel) = self.channel(query.channel) else {
            return Answer::NotRecorded;
        };
        if let Some(why) = &channel.error {
            return Answer::Unreadable(why.clone());
        }
        if !channel.exists {
            return Answer::Absent(format!(
                "this Windows has no event channel {}",
                query.channel
            ));
        }
        let wanted = channel.events.iter().filter(|e| e.is_wanted(query, now));
        let mut newest: Vec<Event> = wanted.map(RecordedEvent::event).collect();
        newest.sort_by_key(|event| std::cmp::Reverse((event.at, event.record)));
        newest.truncate(query.most);
        Answer::Found(Events {
            newest,
            left_out: 0,
        })
    }

    /// Why the update agent answered nothing, where it failed.
    pub(super) fn agent_error(&self) -> Option<String> {
        match &self.update_agent {
            Some(UpdateAgent::Error(code)) => Some(format!("the update agent failed with {code}")),
            _ => None,
        }
    }

    pub(super) fn update_history(&self) -> Answer<History> {
        let memory = self.update_history.as_ref();
        let Some((memory, entries)) = memory.and_then(|m| Some((m, m.entries.as_ref()?))) else {
            return Answer::NotRecorded;
        };
        let there = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        Answer::Found(History {
            total: memory.total.unwrap_or(there),
            newest: entries.iter().take(HISTORY_ENTRIES).cloned().collect(),
            incomplete: None,
        })
    }

    pub(super) fn update_services(&self) -> Answer<UpdateServices> {
        let services = self
            .update_history
            .as_ref()
            .and_then(|m| m.services.as_ref());
        match services {
            Some(known) => Answer::Found(UpdateServices {
                known: known.iter().take(SERVICES).cloned().collect(),
                incomplete: None,
            }),
            None => Answer::NotRecorded,
        }
    }

    pub(super) fn last_success(&self) -> LastSuccess {
        let Some(memory) = &self.update_history else {
            return LastSuccess::unknown(Data::NotRecorded);
        };
        let told = |at: Option<Time>| match at {
            Some(at) => Data::Text(at.to_string()),
            None if memory.never => Data::Absent,
            None => Data::NotRecorded,
        };
        LastSuccess {
            search: told(memory.last_search),
            installation: told(memory.last_installation),
        }
    }

    pub(super) fn component_store(&self, now: Time) -> Answer<StoreState> {
        match &self.component_store {
            None => Answer::NotRecorded,
            Some(StoreRecord::Health(health)) => Answer::Found(StoreState {
                health: *health,
                checked_at: self.now.unwrap_or(now),
            }),
            Some(StoreRecord::Lacks(what)) => Answer::Absent(what.clone()),
            Some(StoreRecord::Error(why)) => Answer::Unreadable(why.clone()),
        }
    }

    pub(super) fn way_to_update_endpoint(&self) -> Answer<Vec<Step>> {
        match &self.update_endpoint {
            None => Answer::NotRecorded,
            Some(EndpointRecord::Steps(steps)) => Answer::Found(steps.clone()),
            Some(EndpointRecord::Error(why)) => Answer::Unreadable(why.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use sickbay_diagnosis::keys;

    use super::*;

    const QUERY: EventQuery = EventQuery {
        channel: keys::SYSTEM_CHANNEL,
        provider: keys::UPDATE_PROVIDER,
        ids: &[19, 20],
        most: 2,
        days: 30,
    };

    fn described(text: &str) -> Description {
        Description::parse(text).expect("it is well-formed")
    }

    fn now() -> Time {
        Time::parse("2026-11-25T00:00:00Z").expect("a time")
    }

    #[test]
    fn what_was_recorded_and_empty_is_another_than_what_was_not_recorded() {
        let nothing = Description::default();
        assert_eq!(nothing.events(QUERY, now()), Answer::NotRecorded);
        assert_eq!(nothing.event_channel("System"), Data::NotRecorded);
        assert_eq!(nothing.update_history(), Answer::NotRecorded);
        assert_eq!(nothing.update_services(), Answer::NotRecorded);
        assert_eq!(nothing.component_store(now()), Answer::NotRecorded);
        assert_eq!(nothing.system_drive().free, Data::NotRecorded);
        let empty =
            described("[event_channels.System]\n[update_history]\nentries = []\nnever = true");
        assert_eq!(empty.events(QUERY, now()), Answer::Found(Events::default()));
        assert_eq!(empty.event_channel("SYSTEM"), Data::Flag(true));
        assert_eq!(empty.update_history(), Answer::Found(History::default()));
        assert_eq!(empty.update_services(), Answer::NotRecorded);
        assert_eq!(empty.last_success().search, Data::Absent);
    }

    #[test]
    fn the_newest_events_that_were_asked_for_are_answered() {
        let host = described(
            "[[event_channels.System.events]]\nid = 19\nrecord = 1\nat = 2026-11-20T00:00:00Z\n\
             [[event_channels.System.events]]\nid = 20\nrecord = 3\nat = 2026-11-22T00:00:00Z\n\
             [[event_channels.System.events]]\nid = 20\nrecord = 2\nat = 2026-11-21T00:00:00Z\n\
             [[event_channels.System.events]]\nid = 27\nrecord = 4\nat = 2026-11-23T00:00:00Z\n\
             [[event_channels.System.events]]\nid = 20\nrecord = 5\nprovider = 'else'\n\
             [[event_channels.System.events]]\nid = 20\nrecord = 0\nat = 2026-10-01T00:00:00Z\n",
        );
        let Answer::Found(events) = host.events(QUERY, now()) else {
            panic!("the channel was recorded");
        };
        let records: Vec<u64> = events.newest.iter().map(|event| event.record).collect();
        assert_eq!(records, [3, 2]);
    }

    #[test]
    fn a_channel_that_could_not_be_read_says_why() {
        let denied = described("[event_channels.System]\nerror = 'access is denied'");
        assert!(
            matches!(denied.events(QUERY, now()), Answer::Unreadable(why) if why.contains("denied"))
        );
        let missing = described("[event_channels.System]\nexists = false");
        assert_eq!(missing.event_channel("System"), Data::Absent);
        assert!(matches!(missing.events(QUERY, now()), Answer::Absent(_)));
        let agent = described("[update_agent]\nerror = '0x8024001E'");
        assert!(
            agent
                .agent_error()
                .is_some_and(|why| why.contains("0x8024001E"))
        );
        let store = described("[component_store]\nlacks = 'no dismapi.dll'");
        assert_eq!(
            store.component_store(now()),
            Answer::Absent("no dismapi.dll".to_owned())
        );
    }
}
