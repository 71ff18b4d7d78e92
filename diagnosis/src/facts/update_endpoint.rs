//! The way to the update server or service, step by step, where it was gone (fact sheet section 10).
//!
//! The collector goes it only while scans fail or are stale, so that it was not gone is the usual fact and tells nothing bad. It tells
//! of each step what came of it; whether an HTTP answer is a good one, and which step a code belongs to, is said here.

use serde_json::{Map, Value, json};

use super::valued::Reader;
use crate::error_code::network::{self, NetworkFailure};
use crate::keys;
use crate::lines;
use crate::observation::{EvidenceRef, Found, Lookup};
use crate::reading::Data;

/// What is known of the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateEndpointFacts {
    /// Whether it was gone, and how far it led.
    pub probe: Probe,
    /// The URL that policy comes to, where it comes to one.
    pub address: Option<String>,
    /// The readings that tell, those of the steps last.
    pub evidence: Vec<EvidenceRef>,
}

/// Whether the way was gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// No, and nothing asks for it: why.
    NotMade(String),
    /// Yes.
    Made(Way),
    /// It could not be told whether to, or it could not be gone: why.
    Unknown(String),
}

/// The way as it was gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// Host and port of the server that was asked.
    pub host: String,
    /// Whether TLS is part of it.
    pub tls: bool,
    /// The steps that were made, in order; none follows the first that failed.
    pub steps: Vec<Step>,
}

/// What a step is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    /// Which proxy the machine's settings name for it.
    Proxy,
    /// The address of the proxy, or else of the server.
    Dns,
    /// A connection there.
    Tcp,
    /// TLS with the server.
    Tls,
    /// An answer.
    Http,
}

/// A step that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which.
    pub kind: StepKind,
    /// Why it did not work; nothing where it did.
    pub failure: Option<Failure>,
    /// What it found: the proxy, addresses.
    pub found: Option<String>,
    /// The status of the answer.
    pub status: Option<u16>,
    /// What the system says of a failure, in its own language.
    pub said: Option<String>,
    /// How long it took.
    pub took_ms: Option<u64>,
    /// The reading.
    pub evidence: EvidenceRef,
}

/// Why a step did not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// It failed with this Winsock or WinHTTP code.
    Code(u32),
    /// It failed without one.
    Unnamed,
    /// The answer has a status that is no good.
    Status(u16),
}

impl StepKind {
    /// Every step, in order.
    pub const ALL: [Self; 5] = [Self::Proxy, Self::Dns, Self::Tcp, Self::Tls, Self::Http];

    /// The name in readings, causes and JSON.
    pub const fn name(self) -> &'static str {
        keys::ENDPOINT_STEPS[self as usize]
    }

    /// The name for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Proxy => "proxy",
            Self::Dns => "DNS",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Http => "HTTP",
        }
    }
}

impl Failure {
    /// Its kind, where that is known.
    pub const fn family(self) -> Option<NetworkFailure> {
        match self {
            Self::Code(code) => NetworkFailure::of_code(code),
            Self::Status(status) => Some(NetworkFailure::of_status(status)),
            Self::Unnamed => None,
        }
    }

    /// In words that stand behind the step's name.
    fn words(self) -> String {
        match self {
            Self::Code(code) => {
                let words = network::words(code).unwrap_or("failed");
                format!("{words} ({code})")
            }
            Self::Unnamed => "failed".to_owned(),
            Self::Status(407) => "wants a sign-in (407)".to_owned(),
            Self::Status(status) => format!("answers with status {status}"),
        }
    }
}

impl Step {
    /// The step to which its failure belongs: an answer that wants a sign-in at the proxy is the proxy's.
    pub fn blamed(&self) -> StepKind {
        match self.failure.and_then(Failure::family) {
            Some(NetworkFailure::Proxy) => StepKind::Proxy,
            Some(NetworkFailure::Certificate) => StepKind::Tls,
            _ => self.kind,
        }
    }

    /// What came of it, for people: `TCP refused (10061)`.
    pub fn told(&self) -> String {
        match (self.failure, self.kind, self.found.as_deref()) {
            (Some(failure), ..) => format!("{} {}", self.blamed().title(), failure.words()),
            (None, StepKind::Proxy, Some(keys::DIRECT)) => "no proxy".to_owned(),
            (None, StepKind::Proxy, Some(proxy)) => format!("proxy {proxy}"),
            (None, kind, _) => format!("{} works", kind.title()),
        }
    }
}

impl Way {
    /// The step that failed.
    pub fn failed(&self) -> Option<&Step> {
        self.steps.iter().find(|step| step.failure.is_some())
    }

    /// Whether it led to an answer.
    pub fn leads_there(&self) -> bool {
        let answered = |step: &Step| step.kind == StepKind::Http && step.status.is_some();
        self.failed().is_none() && self.steps.iter().any(answered)
    }

    /// Each step for people, those too that were not come to.
    pub fn told(&self) -> String {
        let parts: Vec<String> = StepKind::ALL
            .into_iter()
            .filter(|kind| self.tls || *kind != StepKind::Tls)
            .map(|kind| match self.step(kind) {
                Some(step) => step.told(),
                None => format!("{} not reached", kind.title()),
            })
            .collect();
        parts.join(", ")
    }

    fn step(&self, kind: StepKind) -> Option<&Step> {
        self.steps.iter().find(|step| step.kind == kind)
    }
}

impl UpdateEndpointFacts {
    /// Interprets the readings of the check.
    pub fn derive(lookup: Lookup<'_>) -> Self {
        let reader = Reader::new(lookup);
        let path = keys::UPDATE_ENDPOINT;
        let address = reader
            .text(path, keys::ENDPOINT_ADDRESS)
            .map(|address| address.value);
        let asked = [
            keys::PROBED,
            keys::PROBE_REASON,
            keys::ENDPOINT_ADDRESS,
            keys::ENDPOINT_HOST,
        ];
        Self {
            probe: probe(&reader, address.as_deref()),
            address,
            evidence: [
                reader.told(path, &asked),
                reader.told(path, &keys::ENDPOINT_STEPS),
            ]
            .concat(),
        }
    }

    /// The facts as JSON.
    pub fn json(&self) -> Value {
        let (state, reason, way) = match &self.probe {
            Probe::NotMade(why) => ("not-probed", Some(why.as_str()), None),
            Probe::Unknown(why) => ("unknown", Some(why.as_str()), None),
            Probe::Made(way) if way.failed().is_some() => ("unreachable", None, Some(way)),
            Probe::Made(way) if way.leads_there() => ("answers", None, Some(way)),
            Probe::Made(way) => ("unknown", Some("it was not gone to its end"), Some(way)),
        };
        json!({
            "state": state,
            "reason": reason,
            "address": self.address,
            "host": way.map(|way| &way.host),
            "steps": way.map(Way::json),
        })
    }
}

impl Way {
    fn json(&self) -> Value {
        let steps: Map<String, Value> = StepKind::ALL
            .into_iter()
            .map(|kind| {
                let without = match kind {
                    StepKind::Tls if !self.tls => "not-needed",
                    _ => "not-reached",
                };
                let step = self.step(kind);
                let told = step.map_or_else(|| json!({ "state": without }), Step::json);
                (kind.name().to_owned(), told)
            })
            .collect();
        Value::Object(steps)
    }
}

impl Step {
    fn json(&self) -> Value {
        let code = match self.failure {
            Some(Failure::Code(code)) => Some(code),
            _ => None,
        };
        let family = self.failure.and_then(Failure::family);
        json!({
            "state": if self.failure.is_some() { "failed" } else { "ok" },
            "code": code,
            "family": family.map(NetworkFailure::name),
            "status": self.status,
            "found": self.found,
            "said": self.said,
            "took_ms": self.took_ms,
        })
    }
}

fn probe(reader: &Reader<'_>, address: Option<&str>) -> Probe {
    let path = keys::UPDATE_ENDPOINT;
    let probed = reader.value(path, keys::PROBED);
    match probed.as_ref().map(Found::data) {
        Some(Data::Flag(true)) => {}
        Some(Data::Flag(false)) => {
            let reason = reader.text(path, keys::PROBE_REASON);
            return Probe::NotMade(
                reason.map_or_else(|| "the collector does not say why".to_owned(), |r| r.value),
            );
        }
        Some(Data::Unreadable(why)) => return Probe::Unknown(why.clone()),
        _ => return Probe::Unknown("whether it can be reached was not recorded".to_owned()),
    }
    let Some(host) = reader.text(path, keys::ENDPOINT_HOST) else {
        return Probe::Unknown("which server was asked is not told".to_owned());
    };
    let address = address.unwrap_or_default();
    let steps: Vec<Step> = StepKind::ALL
        .into_iter()
        .filter_map(|kind| step(reader, kind, address))
        .collect();
    if steps.is_empty() {
        return Probe::Unknown("what came of going there was not recorded".to_owned());
    }
    Probe::Made(Way {
        host: host.value,
        tls: address.starts_with("https://"),
        steps,
    })
}

fn step(reader: &Reader<'_>, kind: StepKind, address: &str) -> Option<Step> {
    let found = reader.value(keys::UPDATE_ENDPOINT, kind.name())?;
    let part = |name| lines::get(found.data(), name);
    let status = part("status").and_then(|status| status.parse().ok());
    let failure = match part("outcome")? {
        "ok" => status
            .filter(|status| !is_good(*status, address))
            .map(Failure::Status),
        _ => Some(
            part("code")
                .and_then(|code| code.parse().ok())
                .map_or(Failure::Unnamed, Failure::Code),
        ),
    };
    Some(Step {
        kind,
        failure,
        found: part("found").map(str::to_owned),
        status,
        said: part("said").map(str::to_owned),
        took_ms: part("took_ms").and_then(|took| took.parse().ok()),
        evidence: found.at,
    })
}

/// A WSUS server has that file and gives it to everybody. Windows Update answers such a question with a refusal, but it answers.
fn is_good(status: u16, address: &str) -> bool {
    if address.ends_with(keys::WSUS_VERSION_FILE) {
        (200..300).contains(&status)
    } else {
        (100..500).contains(&status) && status != 407
    }
}

#[cfg(test)]
mod tests;
