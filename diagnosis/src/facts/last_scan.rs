//! When the update client last looked for updates, as it noted in the registry (fact sheet section 3).
//!
//! Older clients note one result, newer ones a time for each service and kind of program; neither is a fault where it is missing.

use serde_json::{Value, json};

use super::valued::{Fact, Reader};
use crate::error_code::spelled;
use crate::keys;
use crate::observation::{EvidenceRef, Lookup};
use crate::reading::Data;
use crate::time::Time;

/// What was found of the last search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastScanFacts {
    /// The newest time that a search worked.
    pub succeeded: Option<Fact<Time>>,
    /// The code with which the last search failed, in the one spelling; nothing where it worked, or a newer client has worked since.
    pub error: Option<Fact<String>>,
    /// Whether the client's notes could be read, so that a time which is not there was never written.
    pub readable: bool,
    /// The readings that tell.
    pub evidence: Vec<EvidenceRef>,
}

impl LastScanFacts {
    /// Interprets the readings of the check.
    pub fn derive(lookup: Lookup<'_>) -> Self {
        let reader = Reader::new(lookup);
        let detected = reader
            .text(keys::DETECT_RESULTS, "LastSuccessTime")
            .and_then(|f| f.and_then(|text| Time::parse_loose(&text)));
        let online = reader
            .all()
            .filter(|f| is_below(&f.reading.path, keys::ONLINE_SCANS))
            .filter_map(|f| {
                let value = Time::parse_loose(f.reading.data.string()?)?;
                Some(Fact { value, at: f.at })
            });
        let succeeded = detected.into_iter().chain(online).max_by_key(|f| f.value);
        // A client that notes times by service writes no error any more: what is there was left by the one before it.
        let is_left_over = detected.map(|f| f.value) < succeeded.map(|f| f.value);
        let error = reader
            .number(keys::DETECT_RESULTS, "LastError")
            .filter(|_| !is_left_over)
            .and_then(|f| f.and_then(|n| u32::try_from(n).ok().filter(|n| *n != 0)))
            .map(|f| f.map(spelled));
        let told = |data: &Data| !matches!(data, Data::Unreadable(_) | Data::NotRecorded);
        let key = reader.key(keys::ONLINE_SCANS);
        let value = reader.value(keys::DETECT_RESULTS, "LastSuccessTime");
        let readable = key.as_ref().is_some_and(|f| told(f.data()))
            && value.as_ref().is_some_and(|f| told(f.data()));
        Self {
            evidence: succeeded
                .map(|f| f.at)
                .into_iter()
                .chain(error.as_ref().map(|f| f.at))
                .chain(value.filter(|_| succeeded.is_none()).map(|f| f.at))
                .chain(key.filter(|_| succeeded.is_none()).map(|f| f.at))
                .collect(),
            succeeded,
            error,
            readable,
        }
    }

    /// The facts as JSON.
    pub fn json(&self) -> Value {
        json!({
            "succeeded_at": self.succeeded.map(|f| f.value.to_string()),
            "error": self.error.as_ref().map(|f| &f.value),
        })
    }
}

fn is_below(path: &str, parent: &str) -> bool {
    path.len() > parent.len()
        && path
            .get(..parent.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(parent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Check;
    use crate::testing::Machine;

    fn facts(machine: &Machine) -> LastScanFacts {
        machine.facts().last_scan.expect("the check looked")
    }

    #[test]
    fn the_newest_of_all_notes_counts() {
        let store = format!(r"{}\855E8A7C", keys::ONLINE_SCANS);
        let updates = format!(r"{}\8B24B027", keys::ONLINE_SCANS);
        let machine = Machine::new()
            .on(Check::LastScan)
            .sz(
                keys::DETECT_RESULTS,
                "LastSuccessTime",
                "2026-09-01 10:00:00",
            )
            .dword(keys::DETECT_RESULTS, "LastError", 0)
            .key(keys::ONLINE_SCANS)
            .sz(&store, "{1}", "2026-10-01 10:00:00")
            .sz(&updates, "{2}", "2026-10-02 10:00:00")
            .sz(&updates, "{3}", "never");
        let facts = facts(&machine);
        let newest = facts.succeeded.map(|f| f.value.to_string());
        assert_eq!(newest.as_deref(), Some("2026-10-02T10:00:00Z"));
        assert_eq!(facts.error, None);
    }

    #[test]
    fn a_note_that_is_not_there_differs_from_one_that_could_not_be_read() {
        let never = Machine::new()
            .on(Check::LastScan)
            .data(keys::DETECT_RESULTS, Some("LastSuccessTime"), Data::Absent)
            .dword(keys::DETECT_RESULTS, "LastError", 0x8024_402C)
            .absent_key(keys::ONLINE_SCANS);
        let told = facts(&never);
        assert!(told.readable && told.succeeded.is_none());
        assert_eq!(told.error.map(|f| f.value).as_deref(), Some("0x8024402C"));
        let denied = Machine::new()
            .on(Check::LastScan)
            .data(keys::DETECT_RESULTS, Some("LastSuccessTime"), Data::Absent)
            .unreadable_key(keys::ONLINE_SCANS);
        assert!(!facts(&denied).readable);
    }
}
