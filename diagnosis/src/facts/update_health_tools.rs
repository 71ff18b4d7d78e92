//! Microsoft Update Health Tools (fact sheet section 4).
//!
//! Found by the name among the installed programs, by the program file or by the service; any of them is enough. Absent only
//! where the list of installed programs could be read and none of them is there.

use serde_json::{Value, json};

use super::services::{StartType, start_type};
use super::valued::{Fact, Reader, children};
use crate::keys;
use crate::observation::{EvidenceRef, Found, Lookup};
use crate::reading::{Data, Source};

/// What was found of the tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateHealthToolsFacts {
    /// Whether they are there.
    pub state: ToolsState,
    /// The installed version, where the list of programs tells.
    pub version: Option<Fact<String>>,
    /// How their service starts.
    pub service: StartType,
    /// The reading of that.
    pub service_at: Option<EvidenceRef>,
    /// The readings that show the tools, or where they were looked for.
    pub evidence: Vec<EvidenceRef>,
}

/// Whether the tools are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolsState {
    /// Found.
    Present,
    /// Looked for in every place, and not found.
    Absent,
    /// It could not be told: why.
    Unknown(String),
}

impl UpdateHealthToolsFacts {
    /// Interprets the readings of the check.
    pub fn derive(lookup: Lookup<'_>) -> Self {
        let reader = Reader::new(lookup);
        let entries = entries(&reader);
        let service_path = keys::service(keys::UHSSVC);
        let service = start_type(&reader, &service_path);
        let service_there = reader
            .key(&service_path)
            .is_some_and(|key| key.data().is_present());
        let program = reader
            .all()
            .find(|f| f.reading.source == Source::File && f.data().is_present());
        let found = !entries.is_empty() || service_there || program.is_some();
        let mut evidence: Vec<EvidenceRef> = entries.iter().flat_map(|e| e.at.clone()).collect();
        evidence.extend(program.map(|p| p.at));
        if !found {
            evidence.extend(reader.key(keys::UNINSTALL).map(|k| k.at));
        }
        evidence.extend(reader.key(&service_path).map(|k| k.at));
        let start = reader.value(&service_path, "Start").map(|s| s.at);
        evidence.extend(start);
        Self {
            state: if found {
                ToolsState::Present
            } else {
                missing(&reader)
            },
            version: entries
                .into_iter()
                .filter_map(|e| e.version)
                .max_by(|a, b| compare_versions(&a.value, &b.value)),
            service,
            service_at: start,
            evidence,
        }
    }

    /// The facts as JSON.
    pub fn json(&self) -> Value {
        let (state, reason) = match &self.state {
            ToolsState::Present => ("present", None),
            ToolsState::Absent => ("absent", None),
            ToolsState::Unknown(why) => ("unknown", Some(why)),
        };
        json!({
            "state": state,
            "version": self.version.as_ref().map(|v| v.value.clone()),
            "service": self.service.name(),
            "reason": reason,
        })
    }
}

/// An entry among the installed programs.
struct Entry {
    version: Option<Fact<String>>,
    at: Vec<EvidenceRef>,
}

fn entries(reader: &Reader<'_>) -> Vec<Entry> {
    let mut found = Vec::new();
    for list in [keys::UNINSTALL, keys::UNINSTALL_32] {
        for product in children(reader, list) {
            let path = format!(r"{list}\{product}");
            let named = reader
                .text(&path, "DisplayName")
                .is_some_and(|name| name.value.eq_ignore_ascii_case(keys::UHT_DISPLAY_NAME));
            if named {
                found.push(Entry {
                    version: reader.text(&path, "DisplayVersion"),
                    at: reader.told(&path, &["DisplayName", "DisplayVersion", "InstallDate"]),
                });
            }
        }
    }
    found
}

/// Nothing was found: whether that means absent.
fn missing(reader: &Reader<'_>) -> ToolsState {
    match reader.key(keys::UNINSTALL).as_ref().map(Found::data) {
        Some(Data::Key(_)) => match reader.unreadable(&[keys::UNINSTALL]) {
            Some(why) => ToolsState::Unknown(why.value),
            None => ToolsState::Absent,
        },
        Some(Data::Unreadable(why)) => ToolsState::Unknown(format!(
            "the list of installed programs could not be read: {why}"
        )),
        Some(Data::Absent) => {
            ToolsState::Unknown("this Windows has no list of installed programs".to_owned())
        }
        _ => ToolsState::Unknown("the list of installed programs was not recorded".to_owned()),
    }
}

/// Compares dotted versions by their numbers, so that 3.9 comes before 3.72.
pub(crate) fn compare_versions(a: &str, b: &str) -> std::cmp::Ordering {
    numbers(a).cmp(&numbers(b))
}

/// The numbers of a dotted version; a part that is no number counts as zero.
pub(crate) fn numbers(version: &str) -> Vec<u64> {
    version
        .split('.')
        .map(|part| part.trim().parse().unwrap_or(0))
        .collect()
}
