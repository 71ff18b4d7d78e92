//! The store's words: rows in and out, free of any database.

mod days;
mod fleet_knowledge;
mod identity;
mod knowledge;
mod order;
mod people;
mod servers;
#[cfg(any(test, feature = "benchmarks"))]
mod sizes;
mod updates;
mod views;

use sickbay_diagnosis::Time;
use sickbay_diagnosis::context::Sighting;
use sickbay_diagnosis::expectation::ExpectedSource;
use sickbay_diagnosis::filter::Filter;
use sickbay_diagnosis::knowledge::DeviceKind;
use sickbay_diagnosis::observation::Observations;
use sickbay_diagnosis::verdict::{Cause, Kept, Severity, State};
use uuid::Uuid;

use crate::Packed;

pub use self::days::{Day, DayCounts};
pub use self::fleet_knowledge::{AcceptanceRow, Baseline, Claim, Concerned, SeenRevision};
pub use self::identity::{
    Approval, AuditQuery, AuditRow, CaProgress, CaRow, Deed, Ended, EnrolOutcome, EnrolRequest,
    Introduction, LIVE_MS, Life, NewAudit, NewToken, RECOVERY_DAYS, Relative, Standing, TokenRow,
    action,
};
pub use self::knowledge::{ImportedPack, PackMark};
pub use self::order::{Order, OrderBy, Ordered};
pub use self::people::{
    Access, AccountMade, AccountRow, AccountSource, ApiTokenRow, NewApiToken, NewSession, Role,
    SessionRow, TakenLink,
};
pub use self::servers::{Bulletin, Bulletins, EndedDevices, News};
#[cfg(any(test, feature = "benchmarks"))]
pub use self::sizes::{PartSize, Sizes};
pub use self::updates::{LearnedRow, Profiled, ProfiledDevice, RevisionCount};
pub use self::views::{MAX_VIEWS, ViewRow, ViewSaved};

/// Which devices a viewer may see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Scope {
    /// All of them.
    #[default]
    All,
    /// Those that match. A tag is one of the enrolment token alone: the tags that a device gives itself put it into nobody's sight, and
    /// out of nobody's. Its other words count as it says them.
    Matching(Filter),
}

impl Scope {
    /// As people write it, and as it is kept: the filter; empty for all devices.
    pub fn text(&self) -> String {
        match self {
            Self::All => String::new(),
            Self::Matching(filter) => filter.to_string(),
        }
    }
}

/// Life of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeviceStatus {
    /// Enrolled by token, not yet approved.
    Pending,
    /// Reports and counts.
    Active,
    /// Its key is refused for ever.
    Revoked,
    /// Gone on purpose; counts nowhere.
    Retired,
    /// The same machine is another device now, which knows of this one; counts nowhere.
    Replaced,
    /// A machine of the imported list that no device stands for: no key, no report, and one open finding, `never-enrolled`. It is made
    /// and removed by [`crate::Store::import_machines`] and goes when a device of its name comes.
    Listed,
}

impl DeviceStatus {
    /// The public word, also stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Revoked => "revoked",
            Self::Retired => "retired",
            Self::Replaced => "replaced",
            Self::Listed => "listed",
        }
    }

    /// The status of that name.
    pub fn named(name: &str) -> Option<Self> {
        [
            Self::Pending,
            Self::Active,
            Self::Revoked,
            Self::Retired,
            Self::Replaced,
            Self::Listed,
        ]
        .into_iter()
        .find(|status| status.name() == name)
    }
}

/// Who a device is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceIdentity {
    /// Inside key.
    pub key: i64,
    /// Outside id.
    pub id: Uuid,
    /// Its status.
    pub status: DeviceStatus,
}

/// A certificate that was issued.
#[derive(Debug, Clone)]
pub struct IssuedCertificate {
    /// To whom.
    pub device_key: i64,
    /// Its serial number.
    pub serial: Vec<u8>,
    /// SHA-256 of the key's SubjectPublicKeyInfo. A renewal over a new key adds that key to the device.
    pub key_sha256: Vec<u8>,
    /// When it was issued.
    pub issued_at: Time,
    /// When it ends.
    pub not_after: Time,
    /// Which generation of the CA issued it.
    pub ca: u32,
    /// What the record says of it, if anything.
    pub line: Option<NewAudit>,
}

/// Where a device's reports stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportMark {
    /// The collector's epoch; empty where it never reported.
    pub epoch: Vec<u8>,
    /// Newest durable sequence number.
    pub sequence: u64,
    /// The digest that came with it.
    pub digest: Vec<u8>,
}

/// The stored state of a device, as ingest needs it.
#[derive(Debug, Clone)]
pub struct DeviceState {
    /// Who it is.
    pub identity: DeviceIdentity,
    /// Counts every commit; guards against two writers.
    pub version: i64,
    /// Where its reports stand.
    pub mark: ReportMark,
    /// What its checks saw.
    pub packed: Packed,
    /// Its open and unknown findings.
    pub findings: Vec<Finding>,
    /// What it is called and runs, as last written.
    pub summary: DeviceSummary,
    /// Tags that its token gave it.
    pub tags: Vec<String>,
    /// What the server saw of it.
    pub sighting: Sighting,
    /// What is kept of it for questions about updates, in the server's own form; empty where nothing is.
    pub profile: Vec<u8>,
    /// When a verdict may change by itself.
    pub due_at: Option<Time>,
}

/// What lists and filters need of a device, taken from its facts. Empty texts stand for what is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceSummary {
    /// Host name.
    pub name: String,
    /// DNS domain.
    pub domain: String,
    /// Distinguished name of the OU.
    pub ou: String,
    /// AD site.
    pub site: String,
    /// `client`, `server` or empty.
    pub kind: String,
    /// `Windows 11 24H2`.
    pub release: String,
    /// Build number.
    pub build: Option<u32>,
    /// Update build revision.
    pub ubr: Option<u32>,
    /// Edition id.
    pub edition: String,
    /// `x64`, `arm64`, `x86`.
    pub arch: String,
    /// Where each class comes from, in the order of `UpdateClass::ALL`; `None` where the check never reported.
    pub sources: [Option<ExpectedSource>; 4],
    /// Id of the issue that explains the others; empty where nothing is open.
    pub primary_issue: String,
    /// The id of its update agent, in lower case; empty where it has none or none is known.
    pub client_id: String,
    /// Revision of its servicing stack.
    pub stack: Option<u32>,
    /// Tags that the device reports. Anybody who runs it can choose them, so that nothing that decides who sees what may rest on them.
    pub reported_tags: Vec<String>,
}

/// A finding while it is open or unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Id of the issue.
    pub issue: String,
    /// [`State::Open`] or [`State::Unknown`].
    pub state: State,
    /// Of an open one.
    pub severity: Option<Severity>,
    /// One sentence.
    pub summary: String,
    /// Of an open one.
    pub causes: Vec<Cause>,
    /// Since when it is in this state.
    pub since: Time,
    /// When causes, severity or summary last changed.
    pub changed_at: Time,
    /// Until when an open one is accepted.
    pub accepted_until: Option<Time>,
}

impl Finding {
    /// How it is kept.
    pub const fn kept(&self) -> Kept {
        match (self.state, self.accepted_until) {
            (State::Open, Some(_)) => Kept::Accepted,
            (State::Open, None) => Kept::Open,
            _ => Kept::Unknown,
        }
    }
}

/// What happened to a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FindingChange {
    /// It is new or different.
    Put(Finding),
    /// It is neither open nor unknown any more.
    Remove {
        /// Id of the issue.
        issue: String,
    },
}

/// A row of history: a verdict changed its state, causes or severity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHistory {
    /// Id of the issue.
    pub issue: String,
    /// From.
    pub from: State,
    /// To.
    pub to: State,
    /// Causes after the change.
    pub causes: Vec<Cause>,
    /// One sentence, after the change.
    pub summary: String,
}

/// All that changes about one device in one commit.
#[derive(Debug, Clone)]
pub struct DeviceChange {
    /// Inside key.
    pub key: i64,
    /// The version that was loaded.
    pub expected_version: i64,
    /// New mark, where a report was taken in.
    pub mark: Option<ReportMark>,
    /// What its checks saw, where that changed.
    pub packed: Option<Packed>,
    /// New summary, where it changed.
    pub summary: Option<DeviceSummary>,
    /// What is kept of it for questions about updates, where that changed.
    pub profile: Option<Vec<u8>>,
    /// Changed findings.
    pub findings: Vec<FindingChange>,
    /// What goes into the history.
    pub history: Vec<NewHistory>,
    /// Revisions that it has from now on.
    pub claims: Vec<Claim>,
    /// When a verdict may change by itself next.
    pub due_at: Option<Time>,
    /// When the report was received; `None` for a diagnosis without a report.
    pub received_at: Option<Time>,
    /// Now.
    pub now: Time,
}

impl DeviceChange {
    /// Changes nothing yet of the device that was loaded so.
    pub fn of(state: &DeviceState, now: Time) -> Self {
        Self {
            key: state.identity.key,
            expected_version: state.version,
            mark: None,
            packed: None,
            summary: None,
            profile: None,
            findings: Vec::new(),
            history: Vec::new(),
            claims: Vec::new(),
            due_at: state.due_at,
            received_at: None,
            now,
        }
    }
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// Durable.
    Done,
    /// Someone else wrote first (or the device is gone): load again.
    Conflict,
}

/// A sign of life.
#[derive(Debug, Clone)]
pub struct Touch {
    /// Inside key.
    pub key: i64,
    /// When the server heard of it.
    pub seen_at: Time,
    /// When the collector last confirmed its unchanged facts.
    pub confirmed_at: Option<Time>,
    /// What it said when it connected.
    pub greeting: Option<Greeting>,
}

/// What a collector says of itself when it connects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    /// Its version.
    pub collector_version: String,
    /// By how much its clock was ahead of the server's, in milliseconds.
    pub clock_ahead_ms: i64,
}

/// How many devices get a class of updates from one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceCount {
    /// Client or server, where it is known.
    pub kind: Option<DeviceKind>,
    /// Place in `UpdateClass::ALL`.
    pub class: usize,
    /// The source.
    pub source: ExpectedSource,
    /// Devices.
    pub devices: u64,
}

/// Counts of one issue. Issues without findings are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IssueCount {
    /// Id of the issue.
    pub issue: String,
    /// Devices that have it.
    pub open: u64,
    /// Of these, serious ones.
    pub serious: u64,
    /// Devices of which it could not be told.
    pub unknown: u64,
    /// Devices that have it, and of which that is accepted; not among the open ones.
    pub accepted: u64,
    /// Devices whose primary cause it is.
    pub primary: u64,
}

/// How the fleet stands: active devices, each in exactly one of the first four.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FleetCounts {
    /// With a serious open finding.
    pub serious: u64,
    /// With an open finding, none serious.
    pub warning: u64,
    /// Nothing open, something unknown.
    pub unknown: u64,
    /// Nothing open, nothing unknown.
    pub healthy: u64,
    /// Active devices that never reported.
    pub never_reported: u64,
    /// Waiting for approval.
    pub pending: u64,
    /// Machines of the imported list that no collector ever spoke for.
    pub never_enrolled: u64,
}

impl FleetCounts {
    /// Active devices.
    pub const fn active(&self) -> u64 {
        self.serious + self.warning + self.unknown + self.healthy + self.never_reported
    }
}

/// Which rows of a list.
#[derive(Debug, Clone)]
pub struct Page {
    /// The last row seen; `None` from the start.
    pub after: Option<Cursor>,
    /// How many at most.
    pub limit: u32,
}

/// A place in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Lower-case name of the last row seen.
    pub name: String,
    /// Its key.
    pub key: i64,
    /// By what the row was ordered before its name; `None` in a list by name.
    pub by: Option<Ordered>,
}

/// A device in a list.
#[derive(Debug, Clone)]
pub struct DeviceRow {
    /// Who it is.
    pub identity: DeviceIdentity,
    /// What it is called and runs.
    pub summary: DeviceSummary,
    /// Tags: those that its token gave it, and those that it reports; in order, each once.
    pub tags: Vec<String>,
    /// When it was last heard of.
    pub last_seen_at: Option<Time>,
    /// When a report was last taken in.
    pub last_report_at: Option<Time>,
    /// When it was enrolled.
    pub enrolled_at: Time,
    /// Open findings.
    pub open: u32,
    /// Of these, serious ones.
    pub serious: u32,
    /// Unknown ones.
    pub unknown: u32,
    /// Open ones that are accepted; not among the open ones.
    pub accepted: u32,
}

impl DeviceRow {
    /// How it stands, as the filter language says it.
    pub const fn standing(&self) -> &'static str {
        match (self.last_report_at, self.serious, self.open, self.unknown) {
            (None, ..) => "never-reported",
            (_, 1.., _, _) => "serious",
            (_, _, 1.., _) => "warning",
            (_, _, _, 1..) => "unknown",
            _ => "healthy",
        }
    }

    /// The place of this row in a list.
    pub fn cursor(&self) -> Cursor {
        Cursor {
            name: self.summary.name.to_ascii_lowercase(),
            key: self.identity.key,
            by: None,
        }
    }
}

/// A finding with its device.
#[derive(Debug, Clone)]
pub struct IssueDevice {
    /// The device.
    pub device: DeviceRow,
    /// Its finding.
    pub finding: Finding,
}

/// Devices that share a cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CauseCount {
    /// The cause.
    pub cause: Cause,
    /// How many devices.
    pub devices: u64,
}

/// A device with all that is known of it.
#[derive(Debug, Clone)]
pub struct DeviceDetail {
    /// As in a list.
    pub row: DeviceRow,
    /// Its facts.
    pub observations: Observations,
    /// Its findings.
    pub findings: Vec<Finding>,
    /// When its facts were last confirmed unchanged, by its own clock.
    pub confirmed_at: Option<Time>,
    /// Version of its collector as it last said.
    pub collector_version: String,
    /// Where its reports stand.
    pub mark: ReportMark,
    /// End of its newest certificate.
    pub certificate_not_after: Option<Time>,
    /// What the server saw of it.
    pub sighting: Sighting,
    /// How it came, and how it ended.
    pub life: Life,
}

/// A row of a device's history.
#[derive(Debug, Clone)]
pub struct HistoryRow {
    /// Its place; grows.
    pub id: i64,
    /// When.
    pub at: Time,
    /// What.
    pub change: NewHistory,
}
