//! What the update client and servicing wrote to the event log (fact sheet section 14).
//!
//! Events are understood by id and by the names of their values, never by their words or the order of their values: both differ from
//! one Windows to the next. A channel that is disabled, absent or refused tells nothing, and says so.

use serde_json::{Map, Value, json};

use super::title::Title;
use super::update_log::Became;
use super::valued::{Fact, Reader};
use crate::error_code::hresult;
use crate::keys;
use crate::lines;
use crate::observation::{EvidenceRef, Found, Lookup};
use crate::reading::{Data, Source};
use crate::time::Time;

const INSTALLED: u32 = 19;
const INSTALL_FAILED: u32 = 20;
const SCAN_FAILED: u32 = 25;
const SCANNED: u32 = 26;
const DOWNLOAD_FAILED: u32 = 31;
const DOWNLOADED: u32 = 41;
const INSTALL_BEGUN: u32 = 43;
const DOWNLOAD_BEGUN: u32 = 44;
const CORRUPTION: [u32; 2] = [1014, 1015];
/// Failures that are listed.
const FAILURES: usize = 10;

/// What the event log tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateEventsFacts {
    /// Each channel, in the order of [`keys::CHANNELS`].
    pub channels: Vec<(&'static str, Channel)>,
    /// The readings that say how each was read, in the same order.
    pub channel_evidence: Vec<Vec<EvidenceRef>>,
    /// Every event, the newest first.
    pub events: Vec<Event>,
    /// Events that could not be understood.
    pub left_out: u64,
}

/// What a channel can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Channel {
    /// It was read, and events that are not there did not happen.
    Read,
    /// It is switched off, so what is not there may have happened all the same.
    Disabled,
    /// This Windows has no such channel.
    Absent,
    /// It could not be read: why.
    Unreadable(String),
    /// The recording does not hold it.
    NotRecorded,
}

/// Failures of one update in a row: nothing that worked came between or after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureRun<'a> {
    /// The newest.
    pub newest: &'a Event,
    /// How many.
    pub times: usize,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The channel it stands in.
    pub channel: String,
    /// Its id.
    pub id: u32,
    /// When it was written.
    pub at: Option<Time>,
    /// Its values by name.
    pub values: Vec<(String, String)>,
    /// What the title of the update names that it is about.
    pub title: Title,
    /// The id of that update, in the one spelling.
    update: Option<String>,
    /// The reading.
    pub evidence: EvidenceRef,
}

impl Channel {
    /// The public word.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Disabled => "disabled",
            Self::Absent => "absent",
            Self::Unreadable(_) => "unreadable",
            Self::NotRecorded => "not-recorded",
        }
    }
}

impl Event {
    /// The value of that name.
    pub fn value(&self, name: &str) -> Option<&str> {
        let found = self
            .values
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Its error code in the one spelling.
    pub fn error(&self) -> Option<String> {
        hresult(self.value("errorCode")?)
    }

    /// The update it is about.
    pub fn update(&self) -> Option<&str> {
        self.update.as_deref()
    }

    /// Whether it tells of an installation that worked.
    pub const fn is_installation(&self) -> bool {
        self.id == INSTALLED
    }

    /// Whether it shows that an update was offered: it was downloaded, or its installation begun.
    pub const fn is_offer(&self) -> bool {
        matches!(
            self.id,
            DOWNLOADED | DOWNLOAD_FAILED | DOWNLOAD_BEGUN | INSTALL_BEGUN
        )
    }

    /// What it says became of an update, or of a search for some. That something began says nothing of how it ended.
    pub const fn became(&self) -> Option<Became> {
        match self.id {
            INSTALLED => Some(Became::Installed),
            INSTALL_FAILED => Some(Became::InstallFailed),
            DOWNLOAD_FAILED => Some(Became::DownloadFailed),
            SCAN_FAILED => Some(Became::ScanFailed),
            _ => None,
        }
    }

    /// Whether it is about a program of the Store.
    pub fn is_of_the_store(&self) -> bool {
        is_of_the_store(self.value("serviceGuid"), self.value("updateTitle"))
    }
}

/// Whether an update is a program of the Store, by the id of the service it came from and by its title, which then begins with the
/// program's twelve characters.
pub(super) fn is_of_the_store(service: Option<&str>, title: Option<&str>) -> bool {
    service
        .unwrap_or_default()
        .trim_matches(['{', '}'])
        .eq_ignore_ascii_case(keys::STORE_SERVICE)
        || title.is_some_and(|title| {
            title.starts_with("9N")
                && title
                    .split('-')
                    .next()
                    .is_some_and(|code| code.trim().len() == 12)
        })
}

impl UpdateEventsFacts {
    /// Interprets the readings of the check.
    pub fn derive(lookup: Lookup<'_>) -> Self {
        let reader = Reader::new(lookup);
        let mut events: Vec<Event> = reader.all().filter_map(|f| event(&f)).collect();
        events.sort_by_key(|event| std::cmp::Reverse(event.at));
        let left_out = keys::CHANNELS
            .iter()
            .filter_map(|channel| reader.number(channel, keys::LEFT_OUT))
            .map(|f| f.value)
            .fold(0, u64::saturating_add);
        Self {
            channels: keys::CHANNELS
                .iter()
                .map(|name| (*name, channel(&reader, name)))
                .collect(),
            channel_evidence: keys::CHANNELS
                .iter()
                .map(|name| {
                    let enabled = reader.value(name, keys::CHANNEL_ENABLED);
                    let read = reader.key(name);
                    enabled.into_iter().chain(read).map(|f| f.at).collect()
                })
                .collect(),
            events,
            left_out,
        }
    }

    /// The newest event of this id.
    pub fn newest(&self, id: u32) -> Option<&Event> {
        self.events.iter().find(|event| event.id == id)
    }

    /// The last time that looking for updates worked.
    pub fn scanned(&self) -> Option<Fact<Time>> {
        moment(self.newest(SCANNED)?)
    }

    /// The last time that looking for updates failed.
    pub fn scan_failed(&self) -> Option<&Event> {
        self.newest(SCAN_FAILED)
    }

    /// Installations that failed and did not work later, the newest of each update.
    pub fn failed_installs(&self) -> Vec<&Event> {
        self.unmended(INSTALL_FAILED, INSTALLED)
    }

    /// Downloads that failed and did not work later, the newest of each update.
    pub fn failed_downloads(&self) -> Vec<&Event> {
        self.unmended(DOWNLOAD_FAILED, DOWNLOADED)
    }

    /// Installations that failed and did not work later, per update, the newest first.
    pub fn runs_of_failed_installs(&self) -> Vec<FailureRun<'_>> {
        self.runs(INSTALL_FAILED, INSTALLED)
    }

    /// Downloads that failed and did not work later, per update, the newest first.
    pub fn runs_of_failed_downloads(&self) -> Vec<FailureRun<'_>> {
        self.runs(DOWNLOAD_FAILED, DOWNLOADED)
    }

    /// What the channel of that name can tell.
    pub fn channel(&self, name: &str) -> &Channel {
        let found = self.channels.iter().find(|(known, _)| *known == name);
        found.map_or(&Channel::NotRecorded, |(_, channel)| channel)
    }

    /// The readings that say how the channel of that name was read.
    pub fn channel_evidence(&self, name: &str) -> &[EvidenceRef] {
        let place = keys::CHANNELS.iter().position(|known| *known == name);
        place
            .and_then(|place| self.channel_evidence.get(place))
            .map_or(&[], Vec::as_slice)
    }

    fn runs(&self, failed: u32, mended: u32) -> Vec<FailureRun<'_>> {
        let newest = self.unmended(failed, mended);
        let runs = newest.into_iter().map(|newest| {
            let same = |e: &&Event| e.update() == newest.update();
            let last_success = self.events.iter().find(|e| e.id == mended && same(e));
            let since = last_success.and_then(|e| e.at);
            let times = self
                .events
                .iter()
                .filter(|e| e.id == failed && same(e) && e.at > since)
                .count();
            FailureRun { newest, times }
        });
        runs.collect()
    }

    /// The newest result of a look for damage in the component store.
    pub fn corruption(&self) -> Option<&Event> {
        self.events.iter().find(|e| CORRUPTION.contains(&e.id))
    }

    fn unmended(&self, failed: u32, mended: u32) -> Vec<&Event> {
        let mut found: Vec<&Event> = Vec::new();
        for event in self.events.iter().filter(|e| e.id == failed) {
            let same = |other: &&Event| other.update() == event.update();
            let later = self
                .events
                .iter()
                .any(|e| e.id == mended && same(&e) && e.at >= event.at);
            if !later && !found.iter().any(same) {
                found.push(event);
            }
        }
        found.truncate(FAILURES);
        found
    }

    /// The facts as JSON.
    pub fn json(&self) -> Value {
        let channels: Map<String, Value> = self
            .channels
            .iter()
            .map(|(name, channel)| {
                let reason = match channel {
                    Channel::Unreadable(why) => Some(why),
                    _ => None,
                };
                let told = json!({ "state": channel.name(), "reason": reason });
                ((*name).to_owned(), told)
            })
            .collect();
        let text = |at: Option<Time>| at.map(|at| at.to_string());
        json!({
            "channels": channels,
            "scan": {
                "succeeded_at": text(self.scanned().map(|f| f.value)),
                "failed_at": text(self.scan_failed().and_then(|e| e.at)),
                "error": self.scan_failed().and_then(Event::error),
            },
            "failed_installs": self.failed_installs().iter().map(|e| e.json()).collect::<Vec<_>>(),
            "failed_downloads": self.failed_downloads().iter().map(|e| e.json()).collect::<Vec<_>>(),
            "corruption": self.corruption().map(|e| json!({
                "at": text(e.at),
                "error": e.error(),
                "found": e.value("totalCorruption"),
                "repaired": e.value("repaired"),
            })),
            "events": self.events.len(),
            "left_out": self.left_out,
        })
    }
}

impl Event {
    fn json(&self) -> Value {
        json!({
            "at": self.at.map(|at| at.to_string()),
            "error": self.error(),
            "title": self.value("updateTitle"),
            "update": self.update(),
            "service": self.value("serviceGuid"),
            "store": self.is_of_the_store(),
        })
    }
}

fn moment(event: &Event) -> Option<Fact<Time>> {
    event.at.map(|value| Fact {
        value,
        at: event.evidence,
    })
}

/// An event is named by the number of its record.
fn event(found: &Found<'_>) -> Option<Event> {
    let reading = found.reading;
    let record = reading.name.as_deref()?;
    if reading.source != Source::EventLog || !record.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let own = |name: &str| name == "id" || name == "at";
    let value = |name| lines::get(&reading.data, name);
    let spelled = |id: &str| id.trim_matches(['{', '}']).to_ascii_lowercase();
    Some(Event {
        channel: reading.path.clone(),
        id: value("id")?.parse().ok()?,
        at: value("at").and_then(Time::parse_loose),
        title: value("updateTitle").map(Title::read).unwrap_or_default(),
        update: value("updateGuid").map(spelled),
        values: lines::all(&reading.data)
            .filter(|(name, _)| !own(name))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        evidence: found.at,
    })
}

fn channel(reader: &Reader<'_>, name: &str) -> Channel {
    let enabled = reader.value(name, keys::CHANNEL_ENABLED);
    let read = reader.key(name);
    match (
        enabled.as_ref().map(Found::data),
        read.as_ref().map(Found::data),
    ) {
        (Some(Data::Absent), _) | (_, Some(Data::Absent)) => Channel::Absent,
        (_, Some(Data::Unreadable(why))) | (Some(Data::Unreadable(why)), _) => {
            Channel::Unreadable(why.clone())
        }
        (Some(Data::Flag(false)), _) => Channel::Disabled,
        (_, Some(Data::Key(_))) => Channel::Read,
        _ => Channel::NotRecorded,
    }
}

#[cfg(test)]
mod tests;
