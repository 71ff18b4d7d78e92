//! `/`: how the fleet stands, what is wrong in order of weight, and what changed last. A fresh server says what to do first.

use askama::Template;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::expectation::ExpectedSource;
use sickbay_diagnosis::issue::Issue;
use sickbay_diagnosis::verdict::{Severity, State};

use super::expectations::ProvisionalLine;
pub use super::issues::IssueLine;
use crate::chart::{Chart, Difference};
use crate::component::{self, Bar};
use crate::views::View;
use crate::words::{expectations, overview as words, states};
use crate::{Chrome, document, links, region, text};

/// A number of devices and the filter that lists them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Count {
    /// Devices.
    pub devices: u64,
    /// The filter of `/devices` that shows exactly these; `None` where the filter language cannot say it, the number is then no link.
    pub filter: Option<String>,
}

/// How the fleet stands. An active device is in exactly one of the first five.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FleetHealth {
    /// With a serious open finding.
    pub serious: Count,
    /// With an open finding, none serious.
    pub warning: Count,
    /// Nothing open, something unknown.
    pub unknown: Count,
    /// Nothing open, nothing unknown.
    pub healthy: Count,
    /// Active devices that never reported.
    pub never_reported: Count,
    /// Waiting for approval; not active yet. Links to the enrolment page.
    pub pending: u64,
}

impl FleetHealth {
    /// Active devices.
    pub fn active(&self) -> u64 {
        [
            &self.serious,
            &self.warning,
            &self.unknown,
            &self.healthy,
            &self.never_reported,
        ]
        .iter()
        .map(|count| count.devices)
        .sum()
    }
}

/// Why devices are not heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// They should have a collector and have none.
    NeverEnrolled,
    /// Nothing came for longer than is expected.
    Silent,
    /// They enrolled, and nothing came.
    NeverReported,
}

/// Devices that are not heard.
#[derive(Debug, Clone)]
pub struct Unheard {
    /// Which ones.
    pub who: Silence,
    /// How many.
    pub devices: u64,
    /// The list of them.
    pub href: String,
    /// Today against days before.
    pub difference: Difference,
}

impl Unheard {
    const fn label(&self) -> &'static str {
        words::silence(self.who).0
    }

    const fn hint(&self) -> &'static str {
        words::silence(self.who).1
    }
}

/// A revision of a release, or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revisions {
    /// `26100.7171`.
    One(String),
    /// Those that are not named.
    Older,
    /// That are not known.
    Unknown,
}

/// Devices of a release with one revision, or several.
#[derive(Debug, Clone)]
pub struct RevisionShare {
    /// Which.
    pub of: Revisions,
    /// How many.
    pub devices: u64,
    /// The list of them.
    pub href: String,
}

impl RevisionShare {
    fn label(&self) -> &str {
        words::revisions(&self.of)
    }
}

/// A release with the devices that run it.
#[derive(Debug, Clone)]
pub struct ReleaseShare {
    /// `Windows 11 24H2`.
    pub name: String,
    /// All of them.
    pub devices: u64,
    /// The list of them.
    pub href: String,
    /// The newest revisions, the newest first: at most three.
    pub shares: Vec<RevisionShare>,
    /// Devices with other revisions.
    pub others: RevisionShare,
    /// Devices whose revision is not known.
    pub unknown: RevisionShare,
}

impl ReleaseShare {
    fn bar(&self) -> Bar {
        let newest = self.shares.first().map_or(0, |share| share.devices);
        let later = self.shares.iter().skip(1).map(|share| share.devices).sum();
        Bar::new(
            self.devices,
            &[
                ("healthy", newest),
                ("warning", later),
                ("serious", self.others.devices),
                ("unknown", self.unknown.devices),
            ],
        )
    }

    /// Devices that are behind the newest revision here, as far as is known.
    fn behind(&self) -> u64 {
        let later: u64 = self.shares.iter().skip(1).map(|share| share.devices).sum();
        later + self.others.devices
    }
}

/// Devices whose quality updates come from one source.
#[derive(Debug, Clone)]
pub struct SourceShare {
    /// The source.
    pub source: ExpectedSource,
    /// How many.
    pub devices: u64,
    /// The list of them.
    pub href: String,
}

impl SourceShare {
    fn label(&self) -> String {
        expectations::source(&self.source)
    }
}

/// A finding that changed, with its device.
#[derive(Debug, Clone)]
pub struct Change {
    /// When.
    pub at: Time,
    /// The device's id.
    pub device_id: String,
    /// The device's name.
    pub device_name: String,
    /// The issue.
    pub issue: &'static Issue,
    /// From.
    pub from: State,
    /// To.
    pub to: State,
    /// One sentence, after the change.
    pub summary: String,
}

/// What a fresh server tells its owner to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FirstSteps {
    /// The command that makes an enrolment token.
    pub token_command: String,
    /// The command that joins a first device.
    pub enrol_command: String,
    /// Where collectors reach this server, for the policy's `ServerUrls`.
    pub collector_address: String,
    /// SHA-256 of the CA's public key, for the policy's `ServerCaPins`.
    pub ca_pin: String,
}

/// `/`.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/overview.html")]
pub struct OverviewPage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// How the fleet stands.
    pub fleet: FleetHealth,
    /// How it stood day by day.
    pub past: Chart,
    /// Devices that are not heard.
    pub unheard: Vec<Unheard>,
    /// Releases, those of most devices first.
    pub releases: Vec<ReleaseShare>,
    /// Where quality updates come from, the most devices first.
    pub sources: Vec<SourceShare>,
    /// Views that were saved.
    pub views: Vec<View>,
    /// Every issue, in the order shown; see [`super::issues::by_weight`]. Those with nothing open are set apart.
    pub issues: Vec<IssueLine>,
    /// Newest changes, newest first.
    pub changes: Vec<Change>,
    /// Expectations that nobody confirmed.
    pub provisional: Vec<ProvisionalLine>,
    /// What to do first; shown while there is no device at all.
    pub first_steps: FirstSteps,
}

/// A number of the summary as the page shows it.
struct Tile {
    class: &'static str,
    label: &'static str,
    hint: &'static str,
    devices: u64,
    href: Option<String>,
}

impl OverviewPage {
    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }

    fn is_fresh(&self) -> bool {
        self.fleet.active() == 0 && self.fleet.pending == 0
    }

    fn tiles(&self) -> Vec<Tile> {
        let fleet = &self.fleet;
        let tile = |class, (label, hint): words::Tile, count: &Count| Tile {
            class,
            label,
            hint,
            devices: count.devices,
            href: count.filter.as_deref().map(links::devices),
        };
        let mut tiles = vec![
            tile("serious", words::SERIOUS, &fleet.serious),
            tile("warning", words::WARNING, &fleet.warning),
            tile("unknown", words::UNKNOWN, &fleet.unknown),
            tile("healthy", words::HEALTHY, &fleet.healthy),
            tile("quiet", words::NEVER_REPORTED, &fleet.never_reported),
        ];
        let (label, hint) = words::PENDING;
        tiles.push(Tile {
            class: "pending",
            label,
            hint,
            devices: fleet.pending,
            href: Some(links::ENROLMENT.to_owned()),
        });
        tiles
    }

    fn bar(&self) -> Bar {
        let fleet = &self.fleet;
        Bar::new(
            fleet.active(),
            &[
                ("serious", fleet.serious.devices),
                ("warning", fleet.warning.devices),
                ("unknown", fleet.unknown.devices),
                ("healthy", fleet.healthy.devices),
                ("quiet", fleet.never_reported.devices),
            ],
        )
    }

    /// Length of a source's bar, out of the largest.
    fn source_bar(&self, share: &SourceShare) -> Bar {
        let largest = self.sources.iter().map(|s| s.devices).max().unwrap_or(0);
        Bar::new(largest, &[("accent", share.devices)])
    }

    /// The fleet in one sentence.
    fn sentence(&self) -> String {
        let fleet = &self.fleet;
        let all_known = fleet.unknown.devices + fleet.never_reported.devices == 0;
        let (serious, warning) = (fleet.serious.devices, fleet.warning.devices);
        words::fleet(fleet.active(), serious, warning, all_known)
    }

    /// Issues that are open, of one severity.
    fn open_of(&self, severity: Severity) -> Vec<&IssueLine> {
        self.issues
            .iter()
            .filter(|line| line.open > 0 && line.severity() == severity)
            .collect()
    }

    /// Open issues as the page groups them.
    fn groups(&self) -> Vec<(&'static str, Severity, Vec<&IssueLine>)> {
        [Severity::Serious, Severity::Warning]
            .into_iter()
            .map(|severity| {
                (
                    states::severities(severity),
                    severity,
                    self.open_of(severity),
                )
            })
            .filter(|(_, _, lines)| !lines.is_empty())
            .collect()
    }

    /// Issues with nothing open.
    fn rest(&self) -> Vec<&IssueLine> {
        self.issues.iter().filter(|line| line.open == 0).collect()
    }
}
