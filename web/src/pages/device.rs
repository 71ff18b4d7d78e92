//! `/devices/{id}`: one device: why it does not get its updates, every verdict with the readings behind it, what changed, and
//! whether its collector is well.

use std::fmt;

use askama::Template;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::facts::update_log::Became;
use sickbay_diagnosis::facts::updates::PackageState;
use sickbay_diagnosis::issue::Issue;
use sickbay_diagnosis::issues;
use sickbay_diagnosis::reading::Evidence;
use sickbay_diagnosis::time::DAY_MS;
use sickbay_diagnosis::verdict::{Cause, Kept, Severity, State};

use super::accept::AcceptForm;
use crate::component;
use crate::words::{device as words, life, states};
use crate::{Chrome, document, links, region, text};

/// A certificate that ends within this is shown as a warning, in milliseconds: it should have been renewed at half-life.
const CERTIFICATE_SOON_MS: i64 = 10 * DAY_MS;

/// Who the device is, as it says. Texts are empty where it did not say.
#[derive(Debug, Clone, Default)]
pub struct Identity {
    /// Device id.
    pub id: String,
    /// Host name.
    pub name: String,
    /// `pending`, `active`, `revoked`, `retired`, `replaced` or `listed`.
    pub status: String,
    /// `client` or `server`.
    pub kind: String,
    /// `Windows 11 24H2`.
    pub release: String,
    /// `26100.4351`.
    pub build: String,
    /// Edition id.
    pub edition: String,
    /// `x64`, `arm64`, `x86`.
    pub arch: String,
    /// DNS domain.
    pub domain: String,
    /// Distinguished name of its OU.
    pub ou: String,
    /// AD site.
    pub site: String,
    /// Tags.
    pub tags: Vec<String>,
}

/// Where a device stands in its life: what a person who looks at it has to know first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Stage {
    /// It stands in the imported list, and nothing ever spoke for it.
    #[default]
    Listed,
    /// It waits to be let in.
    Waiting {
        /// When it asked.
        since: Time,
        /// Why it was not let in by itself; `None` where its token asks for a person.
        why: Option<String>,
    },
    /// Its key was revoked.
    Revoked {
        /// When.
        on: Option<Time>,
        /// By whom.
        by: Option<String>,
    },
    /// Its collector was uninstalled.
    Uninstalled {
        /// When.
        on: Option<Time>,
    },
    /// It was made for a short life, which is over.
    Ephemeral {
        /// When it retired.
        on: Option<Time>,
        /// The silence after which it did, in milliseconds.
        silent_ms: i64,
    },
    /// Somebody retired it.
    Retired {
        /// When.
        on: Option<Time>,
        /// By whom.
        by: Option<String>,
    },
    /// Somebody said that it is the same machine as another device.
    Merged {
        /// When.
        on: Option<Time>,
    },
    /// Its machine enrolled again, as another device.
    EnrolledAgain {
        /// When.
        on: Option<Time>,
    },
    /// Its key was found on two machines.
    Cloned {
        /// When.
        on: Time,
        /// Which, as the record says it.
        where_to: String,
    },
    /// Its machine came back in an earlier state.
    SetBack {
        /// When.
        on: Time,
    },
    /// It came back after its certificate had ended.
    CameHome {
        /// When.
        on: Time,
    },
    /// It has another name.
    Renamed {
        /// Since when.
        on: Time,
        /// The one before, as the record says it.
        before: String,
    },
    /// It stands in the place of an earlier device of the same machine.
    InPlaceOfAnother {
        /// Since when.
        since: Time,
    },
    /// It is made for a short life.
    ShortLived {
        /// The silence after which it retires, in milliseconds.
        silent_ms: i64,
    },
    /// It is here, and nothing else has to be said first.
    Here {
        /// Since when.
        since: Time,
        /// The token that it enrolled with.
        token: Option<String>,
        /// When it was heard of.
        heard: Heard,
    },
}

/// When a device was heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It is connected.
    Connected,
    /// Not since it enrolled.
    Never,
    /// So many milliseconds ago.
    Ago(i64),
    /// So lately that nothing is to be said of it.
    Lately,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&life::stage(self))
    }
}

/// Where the device stands in its life.
#[derive(Debug, Clone, Default)]
pub struct Story {
    /// Where.
    pub stage: Stage,
    /// Id and host name of a device that it speaks of.
    pub other: Option<(String, String)>,
    /// What was done to it, the newest first.
    pub record: Vec<RecordLine>,
}

/// Something that was done to the device.
#[derive(Debug, Clone)]
pub struct RecordLine {
    /// When.
    pub at: Time,
    /// What, in one of the record's words.
    pub action: String,
    /// By whom.
    pub actor: String,
    /// What else there is to say; may be empty.
    pub detail: String,
}

/// A verdict with the readings behind it.
#[derive(Debug, Clone)]
pub struct VerdictView {
    /// The issue.
    pub issue: &'static Issue,
    /// Of an open one.
    pub severity: Option<Severity>,
    /// One sentence; for unknown and not-applicable the reason.
    pub summary: String,
    /// Of an open one.
    pub causes: Vec<Cause>,
    /// Since when, where the server keeps it (open and unknown ones).
    pub since: Option<Time>,
    /// Until when an open one is accepted.
    pub accepted_until: Option<Time>,
    /// Until when it holds without a new report, where that is known.
    pub valid_until: Option<Time>,
    /// The readings.
    pub evidence: Vec<Evidence>,
}

/// What one check found.
#[derive(Debug, Clone)]
pub struct FactGroup {
    /// Name of the check.
    pub check: String,
    /// When it was taken, by the device's clock.
    pub taken_at: Option<Time>,
    /// Why there is nothing, where the check could not look.
    pub trouble: Option<String>,
    /// Name and value of each fact.
    pub facts: Vec<(String, String)>,
}

/// A row of history.
#[derive(Debug, Clone)]
pub struct HistoryLine {
    /// When.
    pub at: Time,
    /// The issue.
    pub issue: &'static Issue,
    /// From.
    pub from: State,
    /// To.
    pub to: State,
    /// Causes after the change.
    pub causes: Vec<Cause>,
    /// One sentence, after the change.
    pub summary: String,
}

/// What became of updates on the device.
#[derive(Debug, Clone, Default)]
pub struct Updates {
    /// The newest first.
    pub lines: Vec<UpdateLine>,
    /// Sources that tell nothing or not all: which, and why.
    pub silent: Vec<(String, String)>,
}

/// Something that became of an update.
#[derive(Debug, Clone)]
pub struct UpdateLine {
    /// When, by the device's clock.
    pub at: Option<Time>,
    /// What.
    pub what: Became,
    /// The update's title, or a package's name; `None` for a search.
    pub title: Option<String>,
    /// The KB that the title names.
    pub kb: Option<String>,
    /// The code that it ended with.
    pub code: Option<String>,
    /// What the code means.
    pub meaning: Option<String>,
    /// Whether it is about a program of the Store.
    pub of_the_store: bool,
    /// How often in a row, this time included.
    pub times: u64,
    /// When it was the first of them.
    pub since: Option<Time>,
    /// Who tells it; of several times, who tells the last.
    pub told_by: String,
    /// The readings.
    pub evidence: Vec<Evidence>,
}

impl Updates {
    /// Lines that stand there at once; the rest is folded.
    const AT_ONCE: usize = 6;

    const fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.silent.is_empty()
    }

    fn newest(&self) -> &[UpdateLine] {
        self.lines.get(..Self::AT_ONCE).unwrap_or(&self.lines)
    }

    fn older(&self) -> &[UpdateLine] {
        self.lines.get(Self::AT_ONCE..).unwrap_or_default()
    }
}

/// The lines of one list.
#[derive(Template)]
#[template(path = "components/update_log.html")]
struct UpdateLog<'a> {
    lines: &'a [UpdateLine],
    device: &'a str,
    chrome: &'a Chrome,
}

impl askama::filters::HtmlSafe for UpdateLog<'_> {}

impl UpdateLine {
    /// In words.
    const fn word(&self) -> &'static str {
        states::became(self.what)
    }

    /// How its badge looks.
    const fn class(&self) -> &'static str {
        match self.what {
            what if what.is_failure() => "serious",
            Became::Installed | Became::Removed => "clear",
            Became::InstalledWithErrors => "warning",
            Became::Unsettled(PackageState::Unknown(_)) => "unknown",
            _ => "quiet",
        }
    }
}

/// Whether what is shown can be relied on.
#[derive(Debug, Clone, Default)]
pub struct CollectorHealth {
    /// Version of the collector; empty where it never said.
    pub version: String,
    /// When the device was last heard of.
    pub last_seen_at: Option<Time>,
    /// When a report was last taken in.
    pub last_report_at: Option<Time>,
    /// When its facts were last confirmed unchanged, by its own clock.
    pub confirmed_at: Option<Time>,
    /// When it was enrolled.
    pub enrolled_at: Option<Time>,
    /// End of its newest certificate.
    pub certificate_not_after: Option<Time>,
}

/// What became of the last request to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looked {
    /// It was asked then and has not answered yet.
    Asked(Time),
    /// It looked, and said so then.
    Done(Time),
    /// It answered then that it will not: it was asked too often, or its policy forbids it.
    Refused(Time),
    /// It is not connected, so nobody asked it.
    Away,
}

/// `/devices/{id}`.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/device.html")]
pub struct DevicePage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// Whether its collector is connected.
    pub connected: bool,
    /// Whether the viewer may ask it to look again.
    pub may_inspect: bool,
    /// What became of that when it was asked last.
    pub looked: Option<Looked>,
    /// Who it is.
    pub identity: Identity,
    /// Where it stands in its life.
    pub story: Story,
    /// The issue that explains the others, where one is open. Its verdict is among `open`.
    pub primary: Option<&'static Issue>,
    /// Open verdicts, the gravest first.
    pub open: Vec<VerdictView>,
    /// Verdicts that could not be told.
    pub unknown: Vec<VerdictView>,
    /// Clear verdicts.
    pub clear: Vec<VerdictView>,
    /// Verdicts that do not arise here.
    pub not_applicable: Vec<VerdictView>,
    /// What its checks found.
    pub facts: Vec<FactGroup>,
    /// What changed, newest first.
    pub history: Vec<HistoryLine>,
    /// What became of updates.
    pub updates: Updates,
    /// The id of the last row of history shown, where there are older ones.
    pub history_before: Option<i64>,
    /// Its collector.
    pub health: CollectorHealth,
}

impl DevicePage {
    const fn log<'a>(&'a self, lines: &'a [UpdateLine]) -> UpdateLog<'a> {
        UpdateLog {
            lines,
            device: self.identity.id.as_str(),
            chrome: &self.chrome,
        }
    }

    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }

    /// The primary cause's verdict.
    fn primary_verdict(&self) -> Option<&VerdictView> {
        let primary = self.primary?;
        self.open
            .iter()
            .find(|verdict| verdict.issue.id == primary.id)
    }

    /// The form that accepts a verdict on this device.
    fn accept(&self, verdict: &VerdictView) -> AcceptForm {
        let scope = format!("id:{}", self.identity.id);
        AcceptForm::new(verdict.issue.id, scope, self.chrome.now)
    }

    /// Open issues that the primary cause explains.
    fn explained(&self) -> Vec<&'static Issue> {
        let Some(primary) = self.primary else {
            return Vec::new();
        };
        self.open
            .iter()
            .map(|verdict| verdict.issue)
            .filter(|issue| issues::explains(primary, issue))
            .collect()
    }

    fn has_reported(&self) -> bool {
        self.health.last_report_at.is_some()
    }

    /// What the identity header lists: label and value, those that are known.
    fn known(&self) -> Vec<(&'static str, &str)> {
        let identity = &self.identity;
        [
            (words::RELEASE, identity.release.as_str()),
            (words::BUILD, &identity.build),
            (words::EDITION, &identity.edition),
            (words::ARCHITECTURE, &identity.arch),
            (words::KIND, &identity.kind),
            (words::DOMAIN, &identity.domain),
            (words::OU, &identity.ou),
            (words::SITE, &identity.site),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect()
    }

    /// Verdicts that are shown folded: label, anchor and list.
    fn folded(&self) -> [(&'static str, &'static str, State, &[VerdictView]); 2] {
        let folded = |state, verdicts| (states::state(state), State::name(state), state, verdicts);
        [
            folded(State::Clear, self.clear.as_slice()),
            folded(State::NotApplicable, self.not_applicable.as_slice()),
        ]
    }

    /// What to know of the certificate's end, where it is near or past.
    fn certificate_trouble(&self) -> Option<&'static str> {
        let left = self.health.certificate_not_after?.since(self.chrome.now);
        match left {
            ..=0 => Some(words::CERTIFICATE_ENDED),
            1..=CERTIFICATE_SOON_MS => Some(words::CERTIFICATE_NEAR_ITS_END),
            _ => None,
        }
    }
}
