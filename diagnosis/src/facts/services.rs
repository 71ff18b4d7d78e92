//! The services that updating needs (fact sheet section 13).
//!
//! Start types only, and whether a service runs as a fact beside it: most of them are started by triggers, so one that is stopped
//! is normal.

use serde_json::{Map, Value, json};

use super::valued::Reader;
use crate::keys;
use crate::observation::{EvidenceRef, Found, Lookup};
use crate::reading::Data;

/// The services that were looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicesFacts {
    /// In the order of [`keys::WATCHED_SERVICES`].
    pub services: Vec<Service>,
    /// Whether the list holds what every Windows has. Where it does not, an absent service may just not have been recorded.
    pub list_is_whole: bool,
}

/// One service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: &'static str,
    /// How it starts.
    pub start: StartType,
    /// Whether its automatic start comes later than that of others.
    pub delayed: bool,
    /// Whether it runs, where that is known.
    pub running: Option<bool>,
    /// The readings of its key and start type.
    pub evidence: Vec<EvidenceRef>,
}

/// How a service starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartType {
    /// With Windows.
    Auto,
    /// On demand or by a trigger.
    Manual,
    /// Never.
    Disabled,
    /// There is no such service.
    Absent,
    /// It could not be told: why.
    Unknown(String),
}

impl StartType {
    /// The public word.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Manual => "manual",
            Self::Disabled => "disabled",
            Self::Absent => "absent",
            Self::Unknown(_) => "unknown",
        }
    }
}

impl ServicesFacts {
    /// Interprets the readings of the check.
    pub fn derive(lookup: Lookup<'_>) -> Self {
        let reader = Reader::new(lookup);
        let witness = reader.key(&keys::service(keys::WITNESS_SERVICE));
        Self {
            services: keys::WATCHED_SERVICES
                .iter()
                .map(|name| service(&reader, name))
                .collect(),
            list_is_whole: witness.is_some_and(|w| w.data().is_present()),
        }
    }

    /// The service of that name, where it is one that is looked at.
    pub fn get(&self, name: &str) -> Option<&Service> {
        self.services
            .iter()
            .find(|s| s.name.eq_ignore_ascii_case(name))
    }

    /// The facts as JSON: one object per service.
    pub fn json(&self) -> Value {
        let services = self.services.iter().map(|s| {
            let facts = json!({
                "start": s.start.name(),
                "delayed": s.delayed,
                "running": s.running,
            });
            (s.name.to_owned(), facts)
        });
        Value::Object(services.collect::<Map<String, Value>>())
    }
}

fn service(reader: &Reader<'_>, name: &'static str) -> Service {
    let path = keys::service(name);
    let mut evidence = reader.told(&path, &["Start"]);
    if evidence.is_empty() {
        evidence.extend(reader.key(&path).map(|key| key.at));
    }
    Service {
        name,
        start: start_type(reader, &path),
        delayed: reader
            .number(&path, "DelayedAutostart")
            .is_some_and(|f| f.value == 1),
        running: match reader
            .value(name, keys::RUNNING)
            .map(|f| f.reading.data.clone())
        {
            Some(Data::Flag(running)) => Some(running),
            _ => None,
        },
        evidence,
    }
}

/// The start type that the readings of a service's key tell.
pub(super) fn start_type(reader: &Reader<'_>, path: &str) -> StartType {
    let key = reader.key(path);
    match key.as_ref().map(Found::data) {
        Some(Data::Absent) => return StartType::Absent,
        Some(Data::Unreadable(why)) => {
            return StartType::Unknown(format!("its key could not be read: {why}"));
        }
        Some(Data::NotRecorded) => {
            return StartType::Unknown("its key was not recorded".to_owned());
        }
        _ => {}
    }
    let start = reader.value(path, "Start");
    match start.as_ref().map(Found::data) {
        None if key.is_none() => StartType::Unknown("it was not looked at".to_owned()),
        None | Some(Data::Absent) => StartType::Unknown("its key has no start type".to_owned()),
        Some(Data::Unreadable(why)) => {
            StartType::Unknown(format!("its start type could not be read: {why}"))
        }
        Some(data) => match data.number() {
            Some(0..=2) => StartType::Auto,
            Some(3) => StartType::Manual,
            Some(4) => StartType::Disabled,
            _ => StartType::Unknown(format!("its start type is {:?}", data.text())),
        },
    }
}
