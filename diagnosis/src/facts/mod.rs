//! What a device's observations mean: typed, each value with the reading it came from.
//!
//! Independent of the time: whether a pause has run out is asked with `now`, so facts stay good while time passes. A check that
//! could not look is [`NotKnown`], never a default.

pub mod automatic_updates;
pub mod component_store;
pub mod device;
pub mod directory;
pub(crate) mod failing;
pub mod last_scan;
pub mod pause;
pub mod pending_reboot;
pub mod safeguard_hold;
pub mod scan_source;
pub mod secure_boot;
pub mod services;
pub mod servicing_stack;
pub mod storage;
pub mod title;
pub mod update_agent;
pub mod update_endpoint;
pub mod update_events;
pub mod update_health_tools;
pub mod update_history;
pub mod update_log;
pub mod updates;
mod valued;

use std::sync::Arc;

use serde_json::{Value, json};

pub use self::automatic_updates::AutomaticUpdatesFacts;
pub use self::component_store::ComponentStoreFacts;
pub use self::device::{DeviceFacts, Windows};
pub use self::directory::DirectoryFacts;
use self::failing::Failing;
pub use self::last_scan::LastScanFacts;
pub use self::pause::PauseFacts;
pub use self::pending_reboot::PendingRebootFacts;
pub use self::safeguard_hold::SafeguardFacts;
pub use self::scan_source::ScanSourceFacts;
pub use self::secure_boot::SecureBootFacts;
pub use self::services::ServicesFacts;
pub use self::servicing_stack::ServicingStackFacts;
pub use self::storage::StorageFacts;
pub use self::title::Title;
pub use self::update_agent::UpdateAgentFacts;
pub use self::update_endpoint::UpdateEndpointFacts;
pub use self::update_events::UpdateEventsFacts;
pub use self::update_health_tools::UpdateHealthToolsFacts;
pub use self::update_history::UpdateHistoryFacts;
pub use self::updates::UpdatesFacts;
pub use self::valued::Fact;
use crate::check::Check;
use crate::expectation::ExpectedSource;
use crate::knowledge::Knowledge;
use crate::observation::{Lookup, Observation, Observations, Outcome};
use crate::time::Time;

/// Why a check's facts are not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotKnown {
    /// One clause for people: "this recording holds no HKLM\\SYSTEM".
    pub reason: String,
    /// Whether the check tried and failed, rather than having nothing to look at.
    pub failed: bool,
}

/// Facts of one check, or why there are none.
pub type Known<T> = Result<T, NotKnown>;

/// What is known of one device.
#[derive(Debug, Clone)]
pub struct Facts {
    knowledge: Arc<Knowledge>,
    /// Names, release, build, edition.
    pub device: Known<DeviceFacts>,
    /// Pauses.
    pub pause: Known<PauseFacts>,
    /// The compatibility appraiser's word.
    pub safeguard_hold: Known<SafeguardFacts>,
    /// Where updates come from.
    pub scan_source: Known<ScanSourceFacts>,
    /// Whether automatic updates are on.
    pub automatic_updates: Known<AutomaticUpdatesFacts>,
    /// The services that updating needs.
    pub services: Known<ServicesFacts>,
    /// Microsoft Update Health Tools.
    pub update_health_tools: Known<UpdateHealthToolsFacts>,
    /// Signals of a pending restart.
    pub pending_reboot: Known<PendingRebootFacts>,
    /// The servicing stack's version.
    pub servicing_stack: Known<ServicingStackFacts>,
    /// Update packages.
    pub updates: Known<UpdatesFacts>,
    /// Events of the update client and of servicing.
    pub update_events: Known<UpdateEventsFacts>,
    /// The update agent's memory.
    pub update_history: Known<UpdateHistoryFacts>,
    /// Installations that fail, by both. Several rules ask for them.
    pub(crate) failing_installs: Vec<Failing>,
    /// The component store.
    pub component_store: Known<ComponentStoreFacts>,
    /// Room on the system drive.
    pub storage: Known<StorageFacts>,
    /// The update agent's version.
    pub update_agent: Known<UpdateAgentFacts>,
    /// The last search for updates, by the client's own notes.
    pub last_scan: Known<LastScanFacts>,
    /// Registration with Entra ID.
    pub directory: Known<DirectoryFacts>,
    /// What rules need of release and edition; empty where the device check could not look.
    windows: Windows,
    /// Checks that reported, whatever came of them.
    pub reported: Vec<Check>,
    /// Checks that tried to look and could not, each with the reason.
    pub failed: Vec<(Check, String)>,
    /// The way to the update server.
    pub update_endpoint: Known<UpdateEndpointFacts>,
    /// Secure Boot.
    pub secure_boot: Known<SecureBootFacts>,
}

impl Facts {
    /// Interprets a device's observations, by what is known of Windows.
    pub fn derive(observations: &Observations, known: &Arc<Knowledge>) -> Self {
        let mut facts = Self::nothing(known);
        // What the others rest on comes first: every observation of this is interpreted by release and edition.
        for check in Check::ALL {
            facts.interpret(*check, observations.get(*check));
        }
        facts.look_for_failing_installs();
        facts
    }

    /// Nothing was reported yet.
    fn nothing(known: &Arc<Knowledge>) -> Self {
        Self {
            knowledge: Arc::clone(known),
            device: not_reported(Check::Device),
            windows: Windows::default(),
            pause: not_reported(Check::Pause),
            safeguard_hold: not_reported(Check::SafeguardHold),
            scan_source: not_reported(Check::ScanSource),
            automatic_updates: not_reported(Check::AutomaticUpdates),
            services: not_reported(Check::Services),
            update_health_tools: not_reported(Check::UpdateHealthTools),
            pending_reboot: not_reported(Check::PendingReboot),
            servicing_stack: not_reported(Check::ServicingStack),
            updates: not_reported(Check::Updates),
            update_events: not_reported(Check::UpdateEvents),
            update_history: not_reported(Check::UpdateHistory),
            failing_installs: Vec::new(),
            component_store: not_reported(Check::ComponentStore),
            storage: not_reported(Check::Storage),
            update_agent: not_reported(Check::UpdateAgent),
            last_scan: not_reported(Check::LastScan),
            directory: not_reported(Check::Directory),
            reported: Vec::new(),
            failed: Vec::new(),
            update_endpoint: not_reported(Check::UpdateEndpoint),
            secure_boot: not_reported(Check::SecureBoot),
        }
    }

    /// Takes over what a check saw later, with the same outcome as if everything had been derived anew. `false` where it cannot: facts of
    /// other checks rest on what [`Check::Device`] saw.
    #[must_use = "where it is false, nothing was taken over"]
    pub fn see(&mut self, check: Check, observation: &Observation) -> bool {
        if check == Check::Device {
            return false;
        }
        self.interpret(check, Some(observation));
        if matches!(check, Check::UpdateEvents | Check::UpdateHistory) {
            self.look_for_failing_installs();
        }
        true
    }

    fn look_for_failing_installs(&mut self) {
        self.failing_installs = failing::installs(&self.update_events, &self.update_history);
    }

    fn interpret(&mut self, check: Check, observation: Option<&Observation>) {
        let windows = self.windows;
        let seen = look_at(check, observation);
        match check {
            Check::Device => {
                self.device = seen.map(|l| DeviceFacts::derive(l, &self.knowledge));
                let device = self.device.as_ref();
                self.windows = device.map(DeviceFacts::windows).unwrap_or_default();
            }
            Check::Pause => self.pause = seen.map(|l| PauseFacts::derive(l, windows)),
            Check::SafeguardHold => {
                self.safeguard_hold =
                    seen.map(|l| SafeguardFacts::derive(l, windows, &self.knowledge));
            }
            Check::ScanSource => {
                self.scan_source = seen.map(|l| ScanSourceFacts::derive(l, windows));
            }
            Check::AutomaticUpdates => {
                self.automatic_updates = seen.map(AutomaticUpdatesFacts::derive);
            }
            Check::Services => self.services = seen.map(ServicesFacts::derive),
            Check::UpdateHealthTools => {
                self.update_health_tools = seen.map(UpdateHealthToolsFacts::derive);
            }
            Check::PendingReboot => {
                self.pending_reboot = seen.map(|l| PendingRebootFacts::derive(l, windows));
            }
            Check::ServicingStack => {
                self.servicing_stack = seen.map(ServicingStackFacts::derive);
            }
            Check::Updates => self.updates = seen.map(UpdatesFacts::derive),
            Check::UpdateEvents => {
                self.update_events = seen.map(UpdateEventsFacts::derive);
            }
            Check::UpdateHistory => {
                self.update_history = seen.map(UpdateHistoryFacts::derive);
            }
            Check::ComponentStore => self.component_store = seen.map(ComponentStoreFacts::derive),
            Check::Storage => self.storage = seen.map(StorageFacts::derive),
            Check::UpdateAgent => self.update_agent = seen.map(UpdateAgentFacts::derive),
            Check::LastScan => self.last_scan = seen.map(LastScanFacts::derive),
            Check::Directory => self.directory = seen.map(DirectoryFacts::derive),
            Check::UpdateEndpoint => {
                self.update_endpoint = seen.map(UpdateEndpointFacts::derive);
            }
            Check::SecureBoot => self.secure_boot = seen.map(SecureBootFacts::derive),
        }
        self.note_outcome(check, observation);
    }

    /// Keeps the lists of checks that reported, and of those that failed, in the order of checks.
    fn note_outcome(&mut self, check: Check, observation: Option<&Observation>) {
        if observation.is_some()
            && let Err(place) = self.reported.binary_search(&check)
        {
            self.reported.insert(place, check);
        }
        self.failed.retain(|(failed, _)| *failed != check);
        if let Some(Outcome::Failed(reason)) = observation.map(|o| &o.outcome) {
            let place = self.failed.partition_point(|(failed, _)| *failed < check);
            self.failed.insert(place, (check, reason.clone()));
        }
    }

    /// What is known of Windows, by which these facts were told.
    pub fn knowledge(&self) -> &Knowledge {
        &self.knowledge
    }

    /// Whether they were told by this.
    pub fn are_by(&self, knowledge: &Arc<Knowledge>) -> bool {
        Arc::ptr_eq(&self.knowledge, knowledge)
    }

    /// What rules need of release and edition; empty where the device check could not look.
    pub const fn windows(&self) -> Windows {
        self.windows
    }

    /// Where each class of updates comes from, in the order of `UpdateClass::ALL`, server addresses in one spelling. `None`
    /// where the check could not look.
    pub fn sources(&self) -> [Option<ExpectedSource>; 4] {
        match &self.scan_source {
            Ok(facts) => facts.sources().map(Some),
            Err(_) => [None, None, None, None],
        }
    }

    /// The facts as `inspect`, pages and the API show them, as of `now`. One member per check; a check that is not known is
    /// `{"state": "unknown", "reason": ...}`, an empty object where members are names, an empty list for `updates`.
    pub fn to_json(&self, now: Time) -> Value {
        json!({
            "device": shown(&self.device, DeviceFacts::json),
            "pause": match &self.pause {
                Ok(facts) => facts.json(now),
                Err(why) => json!({ "quality": unknown(why), "feature": unknown(why) }),
            },
            "safeguard_hold": shown_or(&self.safeguard_hold, SafeguardFacts::json, json!({})),
            "scan_source": match &self.scan_source {
                Ok(facts) => facts.json(),
                Err(why) => scan_source::unknown_json(&why.reason),
            },
            "automatic_updates": shown(&self.automatic_updates, AutomaticUpdatesFacts::json),
            "services": shown_or(&self.services, ServicesFacts::json, json!({})),
            "update_health_tools": shown(&self.update_health_tools, UpdateHealthToolsFacts::json),
            "pending_reboot": match &self.pending_reboot {
                Ok(facts) => facts.json(),
                Err(why) => json!({ "state": "unknown", "reason": why.reason, "signals": [] }),
            },
            "servicing_stack": shown(&self.servicing_stack, ServicingStackFacts::json),
            "updates": shown_or(&self.updates, UpdatesFacts::json, json!([])),
            "update_events": shown(&self.update_events, UpdateEventsFacts::json),
            "update_history": shown(&self.update_history, UpdateHistoryFacts::json),
            "component_store": shown(&self.component_store, ComponentStoreFacts::json),
            "storage": shown(&self.storage, StorageFacts::json),
            "update_agent": shown(&self.update_agent, UpdateAgentFacts::json),
            "last_scan": shown(&self.last_scan, LastScanFacts::json),
            "directory": shown(&self.directory, DirectoryFacts::json),
            "update_endpoint": shown(&self.update_endpoint, UpdateEndpointFacts::json),
            "secure_boot": shown(&self.secure_boot, SecureBootFacts::json),
        })
    }
}

/// The readings of a check, or why there are none.
pub fn look(observations: &Observations, check: Check) -> Known<Lookup<'_>> {
    look_at(check, observations.get(check))
}

fn look_at(check: Check, observation: Option<&Observation>) -> Known<Lookup<'_>> {
    match observation.map(|o| &o.outcome) {
        Some(Outcome::Seen(readings)) => Ok(Lookup::new(check, readings)),
        Some(Outcome::Unavailable(reason)) => Err(NotKnown {
            reason: reason.clone(),
            failed: false,
        }),
        Some(Outcome::Failed(reason)) => Err(NotKnown {
            reason: reason.clone(),
            failed: true,
        }),
        None => not_reported(check),
    }
}

fn not_reported<T>(check: Check) -> Known<T> {
    Err(NotKnown {
        reason: format!("check {check} has not reported"),
        failed: false,
    })
}

fn unknown(why: &NotKnown) -> Value {
    json!({ "state": "unknown", "by": null, "until": null, "reason": why.reason })
}

fn shown<T>(facts: &Known<T>, show: impl Fn(&T) -> Value) -> Value {
    match facts {
        Ok(facts) => show(facts),
        Err(why) => json!({ "state": "unknown", "reason": why.reason }),
    }
}

fn shown_or<T>(facts: &Known<T>, show: impl Fn(&T) -> Value, otherwise: Value) -> Value {
    facts.as_ref().map_or(otherwise, show)
}
