//! Where each class of updates comes from (fact sheet section 3).
//!
//! [`settings`] reads the policies, [`decision`] is the table that says what they come to on each family of releases, and
//! [`contradictions`] finds policies that contradict each other. Where the release is not known, an answer is given only if it is
//! the same on every release that it may be.

mod address;
mod contradictions;
mod decision;
mod deferral;
mod settings;

use serde_json::{Map, Value, json};

pub use address::WsusAddress;
pub use contradictions::Contradiction;
pub use deferral::{Deferral, Deferrals};
pub use settings::Wsus;

use self::decision::Family;
use self::settings::Settings;
use super::device::Windows;
use crate::expectation::{ExpectedSource, UpdateClass, UpdateSource};
use crate::observation::{EvidenceRef, Lookup};

/// Where updates come from, per class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanSourceFacts {
    /// In the order of [`UpdateClass::ALL`].
    pub classes: [ClassSource; 4],
    /// The WSUS setting.
    pub wsus: Wsus,
    /// The address of the WSUS server in use, where it is a URL.
    pub wsus_address: Option<WsusAddress>,
    /// The WSUS address that policy names, used or not.
    pub named_server: Option<String>,
    /// Policies that contradict each other or are malformed, whatever the release.
    pub contradictions: Vec<Contradiction>,
    /// Further ones that depend on the release, which is not known.
    pub possible_contradictions: Vec<Contradiction>,
    /// For how long updates are deferred.
    pub deferrals: Deferrals,
    /// The policy against internet update locations.
    pub internet_locations: InternetLocations,
    /// Why the policies could not be read.
    pub unreadable: Option<String>,
    /// Every policy that is set, and the readings of the deciding ones that are not.
    pub evidence: Vec<EvidenceRef>,
}

/// The source of one class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassSource {
    /// Where from.
    pub source: UpdateSource,
    /// The WSUS server as the policy writes it, where it is one.
    pub server: Option<String>,
    /// The same in the one spelling.
    pub address: Option<String>,
    /// The setting that decided it, in short.
    pub decided_by: String,
}

/// The policy `DoNotConnectToWindowsUpdateInternetLocations`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InternetLocations {
    /// It is set.
    pub blocked: bool,
    /// It takes hold, which it does only beside a WSUS setting that is in use.
    pub effective: bool,
}

impl ScanSourceFacts {
    /// Interprets the readings of the check.
    pub fn derive(lookup: Lookup<'_>, windows: Windows) -> Self {
        let settings = Settings::read(lookup);
        let families = decision::families(windows, &settings);
        let classes = UpdateClass::ALL.map(|class| class_source(&settings, families, class));
        let (contradictions, possible_contradictions) = contradictions::find(&settings, families);
        let blocked = settings.offline.is_some_and(|f| f.value == 1);
        Self {
            classes,
            internet_locations: InternetLocations {
                blocked,
                effective: blocked && settings.wsus.in_use().is_some(),
            },
            wsus_address: settings.wsus.in_use().and_then(WsusAddress::parse),
            named_server: settings.wu_server.as_ref().map(|f| f.value.clone()),
            contradictions,
            possible_contradictions,
            deferrals: settings.periods,
            unreadable: settings.unreadable.clone(),
            evidence: settings.evidence.clone(),
            wsus: settings.wsus,
        }
    }

    /// The source of a class.
    pub fn of(&self, class: UpdateClass) -> &ClassSource {
        &self.classes[class as usize]
    }

    /// The sources as the fleet compares them: server addresses in one spelling.
    pub fn sources(&self) -> [ExpectedSource; 4] {
        self.classes.each_ref().map(|class| ExpectedSource {
            source: class.source,
            server: class.address.clone(),
        })
    }

    /// The facts as JSON.
    pub fn json(&self) -> Value {
        let mut all: Map<String, Value> = UpdateClass::ALL
            .iter()
            .map(|class| (class.name().to_owned(), self.of(*class).json()))
            .collect();
        let locations = if self.internet_locations.blocked {
            "blocked"
        } else {
            "allowed"
        };
        all.insert("internet_locations".to_owned(), json!(locations));
        all.insert(
            "internet_locations_effective".to_owned(),
            json!(self.internet_locations.effective),
        );
        all.insert("wsus".to_owned(), self.wsus_json());
        let keys: Vec<&str> = self.contradictions.iter().map(|c| c.key.as_str()).collect();
        all.insert("contradictions".to_owned(), json!(keys));
        all.insert("deferrals".to_owned(), self.deferrals.json());
        Value::Object(all)
    }

    fn wsus_json(&self) -> Value {
        let in_use = self.wsus.in_use();
        let server = in_use.or(self.named_server.as_deref());
        let transport = server.and_then(WsusAddress::parse).map(|a| a.scheme());
        json!({ "server": server, "in_use": in_use.is_some(), "transport": transport })
    }
}

impl ClassSource {
    fn json(&self) -> Value {
        json!({
            "source": self.source.name(),
            "server": self.server,
            "decided_by": self.decided_by,
        })
    }
}

/// One spelling of a server address, so that expectations and devices compare.
pub fn normalised_server(server: &str) -> String {
    address::normalise(server)
}

/// The JSON of sources that are not known.
pub(crate) fn unknown_json(reason: &str) -> Value {
    let unknown = |class: &UpdateClass| {
        let source = ClassSource {
            source: UpdateSource::Unknown,
            server: None,
            address: None,
            decided_by: reason.to_owned(),
        };
        (class.name().to_owned(), source.json())
    };
    Value::Object(UpdateClass::ALL.iter().map(unknown).collect())
}

/// The answer that all families share, or unknown.
fn class_source(settings: &Settings, families: &[Family], class: UpdateClass) -> ClassSource {
    if let Some(why) = &settings.unreadable {
        return ClassSource {
            source: UpdateSource::Unknown,
            server: None,
            address: None,
            decided_by: why.clone(),
        };
    }
    let answers: Vec<decision::Answer> = families
        .iter()
        .map(|family| decision::decide(settings, *family, class))
        .collect();
    let agreed = answers
        .first()
        .filter(|first| answers.iter().all(|other| other.source == first.source));
    let (source, decided_by) = match agreed {
        Some(answer) => (answer.source, answer.decided_by.clone()),
        None => (
            UpdateSource::Unknown,
            "the release decides between the policies, and it is not known".to_owned(),
        ),
    };
    let server = settings
        .wsus
        .in_use()
        .filter(|_| source == UpdateSource::Wsus);
    ClassSource {
        server: server.map(str::to_owned),
        address: server.map(address::normalise),
        source,
        decided_by,
    }
}

#[cfg(test)]
mod tests;
