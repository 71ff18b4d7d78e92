//! The policies about the scan source as they were read.

use super::deferral::Deferrals;
use crate::expectation::UpdateClass;
use crate::facts::valued::{Fact, Reader};
use crate::keys;
use crate::observation::{EvidenceRef, Lookup};

const WU_SERVER: &str = "WUServer";
const USE_WU_SERVER: &str = "UseWUServer";
const MDM_SERVER: &str = "UpdateServiceUrl";
const GATE: &str = "UseUpdateClassPolicySource";
const DUAL_SCAN_OFF: &str = "DisableDualScan";
const OFFLINE: &str = "DoNotConnectToWindowsUpdateInternetLocations";
const ACCESS_OFF: &str = "DisableWindowsUpdateAccess";

/// Policies that defer or pause, any of which starts dual scan beside WSUS. With each the number that sets it.
const DEFERRAL_SWITCHES: [&str; 6] = [
    "DeferFeatureUpdates",
    "DeferQualityUpdates",
    "DeferUpgrade",
    "PauseFeatureUpdates",
    "PauseQualityUpdates",
    "Pause",
];
const DEFERRAL_DATES: [&str; 2] = [
    "PauseFeatureUpdatesStartTime",
    "PauseQualityUpdatesStartTime",
];
/// Device management has no switch beside the number of days.
const MDM_DEFERRAL_DAYS: [&str; 2] = [
    "DeferFeatureUpdatesPeriodInDays",
    "DeferQualityUpdatesPeriodInDays",
];

/// The WSUS setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wsus {
    /// None is in use.
    Unset,
    /// This server is.
    InUse {
        /// As the policy writes it.
        server: String,
        /// In short, what sets it.
        decided_by: String,
        /// The readings that set it.
        at: Vec<EvidenceRef>,
    },
    /// Policy says to use one and names none.
    WithoutServer,
}

impl Wsus {
    /// The server in use.
    pub fn in_use(&self) -> Option<&str> {
        match self {
            Self::InUse { server, .. } => Some(server),
            Self::Unset | Self::WithoutServer => None,
        }
    }
}

/// Every policy about the scan source.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) wsus: Wsus,
    pub(super) wu_server: Option<Fact<String>>,
    pub(super) use_wu_server: Option<Fact<u64>>,
    pub(super) mdm_server: Option<Fact<String>>,
    pub(super) dual_scan_off: Option<Fact<u64>>,
    pub(super) gate: Option<Fact<u64>>,
    pub(super) gate_misplaced: Option<Fact<u64>>,
    /// By group policy, in the order of [`UpdateClass::ALL`].
    pub(super) class: [Option<Fact<u64>>; 4],
    /// By device management.
    pub(super) mdm_class: [Option<Fact<u64>>; 4],
    /// Deferral and pause policies that are set.
    pub(super) deferrals: Vec<EvidenceRef>,
    /// For how long updates are deferred.
    pub(super) periods: Deferrals,
    pub(super) offline: Option<Fact<u64>>,
    pub(super) access_off: Option<Fact<u64>>,
    /// What the client took over from the policies.
    pub(super) state_gate: Option<Fact<u64>>,
    pub(super) state_class: [Option<Fact<u64>>; 4],
    /// Deciding values of a type that Windows does not read as a number, by name.
    pub(super) mistyped: Vec<(&'static str, EvidenceRef)>,
    /// The reading of `UseWUServer`, there or not.
    pub(super) use_wu_server_at: Option<EvidenceRef>,
    pub(super) unreadable: Option<String>,
    pub(super) evidence: Vec<EvidenceRef>,
}

impl Settings {
    pub(super) fn read(lookup: Lookup<'_>) -> Self {
        let reader = Reader::new(lookup);
        let classes = |path: &str| keys::CLASS_SOURCE_VALUES.map(|name| reader.number(path, name));
        let wu_server = reader.text(keys::POLICY, WU_SERVER);
        let use_wu_server = reader.number(keys::POLICY_AU, USE_WU_SERVER);
        let mdm_server = reader.text(keys::MDM_UPDATE, MDM_SERVER);
        Self {
            wsus: wsus(wu_server.as_ref(), use_wu_server, mdm_server.as_ref()),
            dual_scan_off: reader
                .number(keys::POLICY, DUAL_SCAN_OFF)
                .or_else(|| reader.number(keys::MDM_UPDATE, DUAL_SCAN_OFF)),
            gate: reader.number(keys::POLICY_AU, GATE),
            gate_misplaced: reader.number(keys::POLICY, GATE),
            class: classes(keys::POLICY),
            mdm_class: classes(keys::MDM_UPDATE),
            deferrals: deferrals(&reader),
            periods: Deferrals::read(&reader),
            offline: reader.number(keys::POLICY, OFFLINE),
            access_off: reader.number(keys::POLICY, ACCESS_OFF),
            state_gate: reader.number(keys::UPDATE_POLICY_STATE, GATE),
            state_class: classes(keys::UPDATE_POLICY_STATE),
            mistyped: mistyped(&reader),
            use_wu_server_at: reader.value(keys::POLICY_AU, USE_WU_SERVER).map(|f| f.at),
            unreadable: reader
                .unreadable(&[keys::POLICY, keys::POLICY_AU])
                .map(|why| why.value),
            evidence: evidence(&reader),
            wu_server,
            use_wu_server,
            mdm_server,
        }
    }

    /// The source value of a class that the client reads: group policy's with its switch, else device management's, which needs
    /// none.
    pub(super) fn class_value(&self, class: UpdateClass) -> Option<Fact<u64>> {
        let place = class as usize;
        let by_policy = self.class[place].filter(|_| self.gate_on());
        by_policy
            .or(self.mdm_class[place])
            .filter(|fact| fact.value <= 1)
    }

    pub(super) fn gate_on(&self) -> bool {
        self.gate.is_some_and(|f| f.value == 1)
    }

    pub(super) fn dual_scan_is_off(&self) -> bool {
        self.dual_scan_off.is_some_and(|f| f.value == 1)
    }

    /// Whether the client reads a source value for any class.
    pub(super) fn any_class_value(&self) -> bool {
        UpdateClass::ALL
            .iter()
            .any(|class| self.class_value(*class).is_some())
    }
}

fn wsus(
    server: Option<&Fact<String>>,
    switch: Option<Fact<u64>>,
    mdm_server: Option<&Fact<String>>,
) -> Wsus {
    let switched_on = switch.filter(|f| f.value == 1);
    match (switched_on, server, mdm_server) {
        (Some(switch), Some(server), _) => Wsus::InUse {
            server: server.value.clone(),
            decided_by: "UseWUServer=1 with WUServer".to_owned(),
            at: vec![switch.at, server.at],
        },
        (_, _, Some(server)) => Wsus::InUse {
            server: server.value.clone(),
            decided_by: "UpdateServiceUrl from device management".to_owned(),
            at: vec![server.at],
        },
        (Some(_), None, None) => Wsus::WithoutServer,
        (None, _, None) => Wsus::Unset,
    }
}

fn deferrals(reader: &Reader<'_>) -> Vec<EvidenceRef> {
    let mut refs = Vec::new();
    for path in [keys::POLICY, keys::MDM_UPDATE] {
        let switches = DEFERRAL_SWITCHES.iter();
        refs.extend(
            switches
                .filter_map(|name| reader.number(path, name))
                .filter(|f| f.value == 1)
                .map(|f| f.at),
        );
        refs.extend(
            DEFERRAL_DATES
                .iter()
                .filter_map(|name| Some(reader.text(path, name)?.at)),
        );
    }
    let days = MDM_DEFERRAL_DAYS.iter();
    refs.extend(
        days.filter_map(|name| reader.number(keys::MDM_UPDATE, name))
            .filter(|f| f.value > 0)
            .map(|f| f.at),
    );
    refs
}

fn mistyped(reader: &Reader<'_>) -> Vec<(&'static str, EvidenceRef)> {
    let in_policy = keys::CLASS_SOURCE_VALUES
        .into_iter()
        .chain([DUAL_SCAN_OFF, OFFLINE, ACCESS_OFF])
        .map(|name| (keys::POLICY, name));
    in_policy
        .chain([(keys::POLICY_AU, USE_WU_SERVER), (keys::POLICY_AU, GATE)])
        .filter_map(|(path, name)| Some((name, reader.mistyped(path, name)?)))
        .collect()
}

/// What is set, and the deciding switch whether it is set or not.
fn evidence(reader: &Reader<'_>) -> Vec<EvidenceRef> {
    let policy: Vec<&str> = [
        WU_SERVER,
        "WUStatusServer",
        OFFLINE,
        ACCESS_OFF,
        DUAL_SCAN_OFF,
        GATE,
    ]
    .into_iter()
    .chain(keys::CLASS_SOURCE_VALUES)
    .chain(DEFERRAL_SWITCHES)
    .chain(DEFERRAL_DATES)
    .collect();
    let mut refs = reader.refs(keys::POLICY_AU, &[USE_WU_SERVER]);
    refs.extend(reader.told(keys::POLICY_AU, &[GATE]));
    refs.extend(reader.told(keys::POLICY, &policy));
    let mdm: Vec<&str> = [MDM_SERVER, DUAL_SCAN_OFF]
        .into_iter()
        .chain(keys::CLASS_SOURCE_VALUES)
        .chain(MDM_DEFERRAL_DAYS)
        .collect();
    refs.extend(reader.told(keys::MDM_UPDATE, &mdm));
    refs
}
