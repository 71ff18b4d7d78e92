//! Policies that contradict each other, have no effect or are malformed.
//!
//! Each is looked for on every family of releases that the device may belong to. What holds on all of them is certain; what holds
//! on some is only possible.

use super::address::{WsusAddress, normalise};
use super::decision::Family;
use super::settings::{Settings, Wsus};
use crate::expectation::UpdateClass;
use crate::keys;
use crate::observation::EvidenceRef;

/// Policies that do not go together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// Stable key, by which devices are grouped.
    pub key: String,
    /// For people.
    pub label: String,
    /// The readings that show it.
    pub evidence: Vec<EvidenceRef>,
}

impl Contradiction {
    fn new(
        key: impl Into<String>,
        label: impl Into<String>,
        evidence: impl IntoIterator<Item = EvidenceRef>,
    ) -> Self {
        Self {
            key: key.into(),
            label: label.into(),
            evidence: evidence.into_iter().collect(),
        }
    }
}

/// The certain ones, and those that are only possible.
pub(super) fn find(
    settings: &Settings,
    families: &[Family],
) -> (Vec<Contradiction>, Vec<Contradiction>) {
    let mut certain = of_any_release(settings);
    let mut possible: Vec<Contradiction> = Vec::new();
    let per_family: Vec<Vec<Contradiction>> = families
        .iter()
        .map(|family| of_family(settings, *family))
        .collect();
    for contradiction in per_family.iter().flatten() {
        let everywhere = per_family.iter().all(|found| found.contains(contradiction));
        let list = if everywhere {
            &mut certain
        } else {
            &mut possible
        };
        if !list.contains(contradiction) {
            list.push(contradiction.clone());
        }
    }
    (certain, possible)
}

fn of_any_release(settings: &Settings) -> Vec<Contradiction> {
    let mut found = Vec::new();
    found.extend(server_and_switch(settings));
    found.extend(bad_address(settings));
    found.extend(two_servers(settings));
    for (name, at) in &settings.mistyped {
        found.push(Contradiction::new(
            format!("{name} of the wrong type"),
            format!("{name} is no REG_DWORD, so Windows does not read it"),
            [*at],
        ));
    }
    found
}

fn of_family(settings: &Settings, family: Family) -> Vec<Contradiction> {
    let mut found = Vec::new();
    if matches!(family, Family::PerClass | Family::PerClassAlone) {
        found.extend(gate(settings));
        found.extend(class_values(settings));
        found.extend(not_taken_over(settings));
    }
    if family == Family::PerClassAlone {
        found.extend(windows_11(settings));
    }
    found
}

/// `UseWUServer` and `WUServer` have effect only together.
fn server_and_switch(settings: &Settings) -> Option<Contradiction> {
    match (&settings.wsus, &settings.wu_server) {
        (Wsus::WithoutServer, _) => Some(Contradiction::new(
            "UseWUServer without WUServer",
            "UseWUServer=1, but no WUServer is named",
            settings.use_wu_server.map(|f| f.at),
        )),
        (Wsus::Unset, Some(server)) => {
            let offline = settings.offline.filter(|f| f.value == 1);
            let mut label =
                "WUServer is named, but UseWUServer is not 1: the server is not used".to_owned();
            if offline.is_some() {
                label.push_str(
                    "; DoNotConnectToWindowsUpdateInternetLocations=1 means to keep the device off Windows Update, so \
                     together they intend no source at all",
                );
            }
            let evidence = [
                Some(server.at),
                settings.use_wu_server_at,
                offline.map(|f| f.at),
            ];
            Some(Contradiction::new(
                "WUServer without UseWUServer",
                label,
                evidence.into_iter().flatten(),
            ))
        }
        _ => None,
    }
}

fn bad_address(settings: &Settings) -> Option<Contradiction> {
    let Wsus::InUse { server, at, .. } = &settings.wsus else {
        return None;
    };
    WsusAddress::parse(server).is_none().then(|| {
        Contradiction::new(
            format!("bad address {}", normalise(server)),
            format!("the WSUS address {server:?} is no URL such as https://server:8531"),
            at.clone(),
        )
    })
}

/// Group policy and device management name different servers, or different sources for a class.
fn two_servers(settings: &Settings) -> Vec<Contradiction> {
    let mut found = Vec::new();
    if let (Wsus::InUse { .. }, Some(gpo), Some(mdm)) =
        (&settings.wsus, &settings.wu_server, &settings.mdm_server)
        && normalise(&gpo.value) != normalise(&mdm.value)
    {
        found.push(Contradiction::new(
            "GPO and MDM name different servers",
            format!(
                "group policy names {}, device management {}",
                gpo.value, mdm.value
            ),
            [gpo.at, mdm.at],
        ));
    }
    for class in UpdateClass::ALL {
        let place = class as usize;
        let by_policy = settings.class[place].filter(|_| settings.gate_on());
        if let (Some(gpo), Some(mdm)) = (by_policy, settings.mdm_class[place])
            && gpo.value != mdm.value
        {
            found.push(Contradiction::new(
                format!("GPO and MDM differ on {}", class.name()),
                format!(
                    "group policy sets {}={}, device management {}",
                    keys::CLASS_SOURCE_VALUES[place],
                    gpo.value,
                    mdm.value
                ),
                [gpo.at, mdm.at],
            ));
        }
    }
    found
}

/// The switch without which group policy's source values do nothing.
fn gate(settings: &Settings) -> Option<Contradiction> {
    if settings.gate_on() {
        return None;
    }
    let misplaced = settings.gate_misplaced.filter(|f| f.value == 1);
    let values = settings.class.iter().flatten().map(|f| f.at);
    if let Some(misplaced) = misplaced {
        return Some(Contradiction::new(
            "UseUpdateClassPolicySource at the wrong key",
            r"UseUpdateClassPolicySource=1 stands in WindowsUpdate instead of WindowsUpdate\AU, where it has no effect",
            std::iter::once(misplaced.at).chain(values),
        ));
    }
    settings.class.iter().any(Option::is_some).then(|| {
        Contradiction::new(
            "source per class without UseUpdateClassPolicySource",
            r"a source per class is set, but AU\UseUpdateClassPolicySource is not 1, so it has no effect",
            values,
        )
    })
}

/// Some classes without a source, sources that are none, and WSUS without a server.
fn class_values(settings: &Settings) -> Vec<Contradiction> {
    let mut found = Vec::new();
    if !settings.any_class_value() {
        return found;
    }
    let unset: Vec<&str> = UpdateClass::ALL
        .iter()
        .filter(|class| settings.class_value(**class).is_none())
        .map(|class| class.name())
        .collect();
    let read = UpdateClass::ALL.map(|class| settings.class_value(class));
    let refs = || read.iter().flatten().map(|f| f.at);
    if !unset.is_empty() {
        found.push(Contradiction::new(
            format!("no source for {}", unset.join(", ")),
            format!(
                "a source is set for some classes, but not for {}",
                unset.join(", ")
            ),
            refs(),
        ));
    }
    let wants_wsus = read.iter().flatten().any(|f| f.value == 1);
    if wants_wsus && settings.wsus == Wsus::Unset {
        found.push(Contradiction::new(
            "source per class names WSUS without a server",
            "a class is sent to WSUS, but no WSUS server is in use",
            refs(),
        ));
    }
    for (place, fact) in settings.class.iter().enumerate() {
        if let Some(fact) = fact.filter(|f| f.value > 1) {
            let name = keys::CLASS_SOURCE_VALUES[place];
            found.push(Contradiction::new(
                format!("{name}={}", fact.value),
                format!("{name} is {}, which names no source", fact.value),
                [fact.at],
            ));
        }
    }
    found
}

/// The client works from other values than the policies hold.
fn not_taken_over(settings: &Settings) -> Option<Contradiction> {
    let gate_lags = match (settings.gate, settings.state_gate) {
        (Some(policy), Some(state)) if policy.value != state.value => Some([policy.at, state.at]),
        _ => None,
    };
    let class_lags = UpdateClass::ALL.iter().find_map(|class| {
        let place = *class as usize;
        let policy = settings.class[place].filter(|_| settings.gate_on())?;
        let state = settings.state_class[place]?;
        (policy.value != state.value).then_some([policy.at, state.at])
    });
    gate_lags.or(class_lags).map(|evidence| {
        Contradiction::new(
            "policy not yet taken over",
            "the update client still works from other source values than the policies hold",
            evidence,
        )
    })
}

/// What Windows 11 reads differently from Windows 10.
fn windows_11(settings: &Settings) -> Vec<Contradiction> {
    let mut found = Vec::new();
    if settings.deferrals.is_empty() {
        return found;
    }
    let in_use = settings.wsus.in_use().is_some();
    if settings.dual_scan_is_off() {
        let switch = settings.dual_scan_off.map(|f| f.at);
        found.push(Contradiction::new(
            "DisableDualScan with deferrals",
            "DisableDualScan=1 is meant to keep deferred updates on WSUS, but this release does not read it",
            switch.into_iter().chain(settings.deferrals.iter().copied()),
        ));
    } else if in_use && !settings.any_class_value() {
        found.push(Contradiction::new(
            "WSUS with deferrals",
            "WSUS and deferral or pause policies are set without a source per class: monthly and feature updates come from \
             Windows Update",
            settings.deferrals.iter().copied(),
        ));
    }
    found
}
