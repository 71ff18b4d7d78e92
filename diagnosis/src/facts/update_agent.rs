//! The version of the update agent, by the file of its engine (fact sheet section 13).
//!
//! Windows 11 also runs an engine from the update stack package; the version of that one is not read.

use serde_json::{Value, json};

use super::valued::{Fact, Reader};
use crate::keys;
use crate::observation::{EvidenceRef, Lookup};
use crate::reading::Data;

/// What was found of the update agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateAgentFacts {
    /// File version of its engine, and whether there is one.
    pub engine: Engine,
    /// The id by which it makes itself known to WSUS.
    pub client_id: ClientId,
}

/// The agent's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientId {
    /// This one, in lower case.
    Is(Fact<String>),
    /// It has none (yet): it makes one when it first speaks with a WSUS server.
    None(EvidenceRef),
    /// It could not be told: why.
    Unknown(String),
}

/// The engine's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Engine {
    /// There, of this version.
    Version(Fact<String>),
    /// This Windows has no such file.
    Absent,
    /// It could not be told: why.
    Unknown(String),
}

impl UpdateAgentFacts {
    /// Interprets the readings of the check.
    pub fn derive(lookup: Lookup<'_>) -> Self {
        let reader = Reader::new(lookup);
        let engine = if let Some(version) = reader.text(keys::UPDATE_ENGINE, keys::FILE_VERSION) {
            Engine::Version(version)
        } else {
            let found = reader.value(keys::UPDATE_ENGINE, keys::FILE_VERSION);
            match found.map(|f| f.reading.data.clone()) {
                Some(Data::Absent) => Engine::Absent,
                Some(Data::Unreadable(why)) => {
                    Engine::Unknown(format!("its version could not be read: {why}"))
                }
                _ => Engine::Unknown("its version was not recorded".to_owned()),
            }
        };
        Self {
            engine,
            client_id: client_id(&reader),
        }
    }

    /// The facts as JSON.
    pub fn json(&self) -> Value {
        let (state, version, reason) = match &self.engine {
            Engine::Version(version) => ("present", Some(&version.value), None),
            Engine::Absent => ("absent", None, None),
            Engine::Unknown(why) => ("unknown", None, Some(why)),
        };
        json!({ "state": state, "version": version, "reason": reason })
    }
}

fn client_id(reader: &Reader<'_>) -> ClientId {
    if let Some(id) = reader.text(keys::WINDOWS_UPDATE, keys::CLIENT_ID) {
        return ClientId::Is(id.map(|id| id.to_ascii_lowercase()));
    }
    let Some(found) = reader.value(keys::WINDOWS_UPDATE, keys::CLIENT_ID) else {
        return ClientId::Unknown("its id was not looked at".to_owned());
    };
    match found.data() {
        Data::Unreadable(why) => ClientId::Unknown(format!("its id could not be read: {why}")),
        Data::NotRecorded => ClientId::Unknown("its id was not recorded".to_owned()),
        _ => ClientId::None(found.at),
    }
}
