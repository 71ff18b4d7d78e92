//! What the update agent remembers: installations, the services it takes updates from, its last success (fact sheet section 14).
//!
//! The agent forgets everything when its store is reset, so an empty memory is no proof that nothing was ever installed.

use serde_json::{Value, json};

use super::title::Title;
use super::update_events::is_of_the_store;
use super::valued::Reader;
use crate::error_code::hresult;
use crate::keys;
use crate::lines;
use crate::observation::{EvidenceRef, Found, Lookup};
use crate::reading::{Data, Source};
use crate::time::Time;

/// The update agent's memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateHistoryFacts {
    /// Whether installations could be read.
    pub history: Told,
    /// The readings that say that it was read, and of how many entries.
    pub read: Vec<EvidenceRef>,
    /// How many the agent remembers; only the newest are read.
    pub total: Option<u64>,
    /// The newest, in the agent's order: the latest first.
    pub entries: Vec<HistoryEntry>,
    /// Whether services could be read.
    pub services_told: Told,
    /// The services that the agent takes updates from.
    pub services: Vec<UpdateService>,
    /// The last search that worked.
    pub last_search: Moment,
    /// The last installation that worked.
    pub last_installation: Moment,
}

/// Whether the agent told something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// All of it.
    Whole,
    /// It could not be told, or not all of it: why.
    Unknown(String),
}

/// A moment that the agent may remember.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moment {
    /// Then, by this reading.
    At(Time, EvidenceRef),
    /// The agent says that it never happened, by this reading.
    Never(EvidenceRef),
    /// It could not be told: why.
    Unknown(String),
}

/// An installation, or the removal of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// When.
    pub at: Option<Time>,
    /// 1 installation, 2 removal.
    pub operation: Option<i64>,
    /// 0 not started, 1 in progress, 2 succeeded, 3 succeeded with errors, 4 failed, 5 aborted.
    pub result: Option<i64>,
    /// The agent's own code.
    pub code: Option<String>,
    /// The code of what did the work; often the telling one.
    pub unmapped_code: Option<String>,
    /// What was installed; in the machine's language.
    pub title: Option<String>,
    /// What that names.
    pub named: Title,
    /// The update's id.
    pub update: Option<String>,
    /// The service it came from.
    pub service: Option<String>,
    /// The reading.
    pub evidence: EvidenceRef,
}

/// A service that offers updates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateService {
    /// Its name.
    pub name: Option<String>,
    /// Its id.
    pub id: Option<String>,
    /// Whether it is the organisation's own.
    pub managed: Option<bool>,
    /// Whether automatic updates take what it offers.
    pub registered: Option<bool>,
    /// Whether it is the one that automatic updates use unless told otherwise.
    pub default: Option<bool>,
    /// The reading.
    pub evidence: EvidenceRef,
}

impl UpdateHistoryFacts {
    /// Interprets the readings of the check.
    pub fn derive(lookup: Lookup<'_>) -> Self {
        let reader = Reader::new(lookup);
        let lists = |path: &'static str| {
            reader
                .all()
                .filter(move |f| f.reading.source == Source::UpdateAgent)
                .filter(move |f| f.reading.path == path)
                .filter(|f| matches!(f.data(), Data::MultiText(_)))
        };
        Self {
            history: told(&reader, keys::UPDATE_HISTORY),
            read: reader
                .key(keys::UPDATE_HISTORY)
                .into_iter()
                .chain(reader.value(keys::UPDATE_HISTORY, keys::HISTORY_TOTAL))
                .map(|f| f.at)
                .collect(),
            total: reader
                .number(keys::UPDATE_HISTORY, keys::HISTORY_TOTAL)
                .map(|f| f.value),
            entries: lists(keys::UPDATE_HISTORY).map(|f| entry(&f)).collect(),
            services_told: told(&reader, keys::UPDATE_SERVICES),
            services: lists(keys::UPDATE_SERVICES).map(|f| service(&f)).collect(),
            last_search: moment(&reader, keys::LAST_SEARCH),
            last_installation: moment(&reader, keys::LAST_INSTALLATION),
        }
    }

    /// The facts as JSON.
    pub fn json(&self) -> Value {
        let entries: Vec<Value> = self.entries.iter().map(HistoryEntry::json).collect();
        let services: Vec<Value> = self.services.iter().map(UpdateService::json).collect();
        json!({
            "last_search": self.last_search.json(),
            "last_installation": self.last_installation.json(),
            "history": {
                "state": self.history.name(),
                "reason": self.history.reason(),
                "total": self.total,
                "entries": entries,
            },
            "services": {
                "state": self.services_told.name(),
                "reason": self.services_told.reason(),
                "entries": services,
            },
        })
    }
}

impl Told {
    const fn name(&self) -> &'static str {
        match self {
            Self::Whole => "known",
            Self::Unknown(_) => "unknown",
        }
    }

    fn reason(&self) -> Option<&str> {
        match self {
            Self::Whole => None,
            Self::Unknown(why) => Some(why),
        }
    }
}

impl Moment {
    fn json(&self) -> Value {
        match self {
            Self::At(at, _) => json!({ "state": "known", "at": at.to_string(), "reason": null }),
            Self::Never(_) => json!({ "state": "never", "at": null, "reason": null }),
            Self::Unknown(why) => json!({ "state": "unknown", "at": null, "reason": why }),
        }
    }
}

impl HistoryEntry {
    /// The public word for its result.
    pub const fn result_name(&self) -> &'static str {
        match self.result {
            Some(0) => "not-started",
            Some(1) => "in-progress",
            Some(2) => "succeeded",
            Some(3) => "succeeded-with-errors",
            Some(4) => "failed",
            Some(5) => "aborted",
            _ => "unknown",
        }
    }

    /// Whether it is about a program of the Store.
    pub fn is_of_the_store(&self) -> bool {
        is_of_the_store(self.service.as_deref(), self.title.as_deref())
    }

    fn json(&self) -> Value {
        json!({
            "at": self.at.map(|at| at.to_string()),
            "operation": match self.operation {
                Some(1) => "install",
                Some(2) => "uninstall",
                _ => "unknown",
            },
            "result": self.result_name(),
            "code": self.code,
            "unmapped_code": self.unmapped_code,
            "title": self.title,
            "update": self.update,
            "service": self.service,
        })
    }
}

impl UpdateService {
    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "id": self.id,
            "managed": self.managed,
            "registered": self.registered,
            "default": self.default,
        })
    }
}

fn told(reader: &Reader<'_>, path: &str) -> Told {
    let whole = reader.key(path);
    let rest = reader.value(path, keys::INCOMPLETE);
    match (
        whole.as_ref().map(Found::data),
        rest.as_ref().map(Found::data),
    ) {
        (Some(Data::Unreadable(why)), _) | (_, Some(Data::Unreadable(why))) => {
            Told::Unknown(why.clone())
        }
        (Some(Data::Key(_)), _) => Told::Whole,
        _ => Told::Unknown("what the update agent says of it was not recorded".to_owned()),
    }
}

fn moment(reader: &Reader<'_>, name: &str) -> Moment {
    let Some(found) = reader.value(keys::UPDATE_RESULTS, name) else {
        return Moment::Unknown("it was not looked at".to_owned());
    };
    match found.data() {
        Data::Absent => Moment::Never(found.at),
        Data::Unreadable(why) => Moment::Unknown(why.clone()),
        data => match data.string().and_then(Time::parse_loose) {
            Some(at) => Moment::At(at, found.at),
            None => Moment::Unknown("it was not recorded".to_owned()),
        },
    }
}

fn entry(found: &Found<'_>) -> HistoryEntry {
    let data = found.data();
    let text = |name| text(data, name);
    let number = |name| lines::get(data, name).and_then(|text| text.parse().ok());
    let title = text("title");
    HistoryEntry {
        at: lines::get(data, "at").and_then(Time::parse_loose),
        operation: number("operation"),
        result: number("result"),
        code: text("code").and_then(|t| hresult(&t)),
        unmapped_code: text("unmapped_code").and_then(|t| hresult(&t)),
        named: title.as_deref().map(Title::read).unwrap_or_default(),
        title,
        update: text("update").map(|id| id.to_ascii_lowercase()),
        service: text("service").map(|id| id.to_ascii_lowercase()),
        evidence: found.at,
    }
}

fn service(found: &Found<'_>) -> UpdateService {
    let data = found.data();
    let flag = |name| lines::get(data, name).and_then(|text| text.parse().ok());
    UpdateService {
        name: text(data, "name"),
        id: text(data, "id").map(|id| id.to_ascii_lowercase()),
        managed: flag("managed"),
        registered: flag("registered"),
        default: flag("default"),
        evidence: found.at,
    }
}

fn text(data: &Data, name: &str) -> Option<String> {
    let text = lines::get(data, name)?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Check;
    use crate::reading::Reading;

    fn reading(path: &str, name: Option<&str>, data: Data) -> Reading {
        Reading {
            source: Source::UpdateAgent,
            path: path.to_owned(),
            name: name.map(str::to_owned),
            data,
        }
    }

    fn facts(readings: &[Reading]) -> UpdateHistoryFacts {
        UpdateHistoryFacts::derive(Lookup::new(Check::UpdateHistory, readings))
    }

    #[test]
    fn an_agent_that_remembers_nothing_is_another_than_one_that_did_not_answer() {
        let empty = facts(&[
            reading(keys::UPDATE_HISTORY, None, Data::Key(None)),
            reading(
                keys::UPDATE_HISTORY,
                Some(keys::HISTORY_TOTAL),
                Data::Dword(0),
            ),
            reading(keys::UPDATE_RESULTS, Some(keys::LAST_SEARCH), Data::Absent),
        ])
        .json();
        assert_eq!(empty["history"]["state"], "known");
        assert_eq!(empty["history"]["total"], 0);
        assert_eq!(empty["last_search"]["state"], "never");
        let why = "the update agent failed with 0x8024001E";
        let silent = facts(&[reading(
            keys::UPDATE_HISTORY,
            None,
            Data::Unreadable(why.to_owned()),
        )])
        .json();
        assert_eq!(silent["history"]["state"], "unknown");
        assert_eq!(silent["history"]["reason"], why);
        assert_eq!(silent["services"]["state"], "unknown");
        assert_eq!(silent["last_search"]["state"], "unknown");
    }

    #[test]
    fn an_entry_is_told_with_both_codes_and_in_words() {
        let entry = lines::data([
            ("at", "2026-11-11T03:00:00Z".to_owned()),
            ("operation", "1".to_owned()),
            ("result", "4".to_owned()),
            ("code", "-2145124329".to_owned()),
            ("unmapped_code", "-2146498530".to_owned()),
            ("title", String::new()),
        ]);
        let json = facts(&[
            reading(keys::UPDATE_HISTORY, None, Data::Key(None)),
            reading(keys::UPDATE_HISTORY, Some("1"), entry),
        ])
        .json();
        let told = &json["history"]["entries"][0];
        assert_eq!(told["result"], "failed");
        assert_eq!(told["code"], "0x80240017");
        assert_eq!(told["unmapped_code"], "0x800F081E");
        assert_eq!(told["title"], Value::Null);
    }
}
