//! Verdicts: what is decided for one device and one issue.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::observation::EvidenceRef;
use crate::time::Time;

/// The four answers, never two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The device has the issue.
    Open,
    /// It could not be told.
    Unknown,
    /// It was looked at and is good.
    Clear,
    /// The question does not arise on this device.
    NotApplicable,
}

impl State {
    /// The public word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Unknown => "unknown",
            Self::Clear => "clear",
            Self::NotApplicable => "not-applicable",
        }
    }

    /// The state of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Open, Self::Unknown, Self::Clear, Self::NotApplicable]
            .into_iter()
            .find(|state| state.name() == name)
    }
}

/// The states in which findings are kept: an open one that somebody accepted for a time counts apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kept {
    /// Open, and to be mended.
    Open,
    /// Open, and accepted until a day.
    Accepted,
    /// It could not be told.
    Unknown,
}

impl Kept {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Open, Self::Accepted, Self::Unknown];

    /// The public word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::Unknown => "unknown",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kept| kept.name() == name)
    }
}

/// How bad an open verdict is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth mending.
    Warning,
    /// Updates do not arrive, or wrong ones do.
    Serious,
}

impl Severity {
    /// The public word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Serious => "serious",
        }
    }
}

/// What an open verdict groups by: one value is usually one fix.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cause {
    /// Stable text that groups, for example `40667045/NI22H2`.
    pub key: String,
    /// For people, for example `Hold 40667045 for Windows 11 22H2`.
    pub label: String,
}

impl Cause {
    /// From key and label.
    pub fn new(key: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            label: label.into(),
        }
    }
}

/// What is decided, with exactly what belongs to each answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The device has the issue, for these causes (at least one).
    Open {
        /// How bad it is.
        severity: Severity,
        /// What it groups by.
        causes: Vec<Cause>,
    },
    /// Looked at, and good.
    Clear,
    /// It could not be told; the summary says why.
    Unknown,
    /// The question does not arise; the summary says why.
    NotApplicable,
}

/// The verdict on one issue of one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The answer.
    pub decision: Decision,
    /// One sentence for people: what is so, or for unknown and not-applicable the reason.
    pub summary: Cow<'static, str>,
    /// The readings that it rests on.
    pub evidence: Vec<EvidenceRef>,
    /// Until when it holds without a new report; `None` means until something changes.
    pub valid_until: Option<Time>,
}

impl Verdict {
    /// An open verdict.
    pub fn open(
        severity: Severity,
        causes: Vec<Cause>,
        summary: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(Decision::Open { severity, causes }, summary)
    }

    /// A clear verdict.
    pub fn clear(summary: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Decision::Clear, summary)
    }

    /// It could not be told, because of `reason`.
    pub fn unknown(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Decision::Unknown, reason)
    }

    /// The question does not arise, because of `reason`.
    pub fn not_applicable(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Decision::NotApplicable, reason)
    }

    fn new(decision: Decision, summary: impl Into<Cow<'static, str>>) -> Self {
        Self {
            decision,
            summary: summary.into(),
            evidence: Vec::new(),
            valid_until: None,
        }
    }

    /// Adds the readings that it rests on.
    pub fn with_evidence(mut self, evidence: impl IntoIterator<Item = EvidenceRef>) -> Self {
        self.evidence.extend(evidence);
        self
    }

    /// Where no reading shows what was decided, because nothing that was looked for is there, it rests on `at`: that a check looked.
    pub fn or_evidence(mut self, at: EvidenceRef) -> Self {
        let decided = matches!(self.state(), State::Open | State::Clear);
        if decided && self.evidence.is_empty() {
            self.evidence.push(at);
        }
        self
    }

    /// Holds until `at` at most.
    pub fn until(mut self, at: Option<Time>) -> Self {
        self.valid_until = match (self.valid_until, at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self
    }

    /// Which of the four answers it is.
    pub const fn state(&self) -> State {
        match self.decision {
            Decision::Open { .. } => State::Open,
            Decision::Clear => State::Clear,
            Decision::Unknown => State::Unknown,
            Decision::NotApplicable => State::NotApplicable,
        }
    }

    /// The severity of an open verdict.
    pub const fn severity(&self) -> Option<Severity> {
        match self.decision {
            Decision::Open { severity, .. } => Some(severity),
            _ => None,
        }
    }

    /// The causes of an open verdict; empty otherwise.
    pub fn causes(&self) -> &[Cause] {
        match &self.decision {
            Decision::Open { causes, .. } => causes,
            _ => &[],
        }
    }
}
