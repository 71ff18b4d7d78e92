//! For how long policies defer updates (fact sheet section 1).
//!
//! Group policy has a switch beside the days, device management has none. Windows 10 1511 counted in weeks and months instead; a
//! month is taken as 30 days.

use serde_json::{Value, json};

use crate::facts::valued::{Fact, Reader};
use crate::keys;
use crate::observation::EvidenceRef;

/// A deferral that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deferral {
    /// For so many days.
    pub days: u64,
    /// `gpo` or `mdm`.
    pub by: &'static str,
    /// The value that says so, for people: `DeferQualityUpdatesPeriodInDays`.
    pub value: &'static str,
    /// The readings.
    pub evidence: Vec<EvidenceRef>,
}

impl Deferral {
    /// Whose policy it is, for people.
    pub fn by_in_words(&self) -> &'static str {
        match self.by {
            "gpo" => "group policy",
            _ => "device management",
        }
    }
}

/// The deferrals of both classes that can be deferred.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deferrals {
    /// Of quality updates; nothing where none is in force.
    pub quality: Option<Deferral>,
    /// Of feature updates.
    pub feature: Option<Deferral>,
}

/// The names of one class's values.
struct Names {
    switch: &'static str,
    days: &'static str,
    /// Of Windows 10 1511, and how many days one of it is.
    old: (&'static str, u64),
}

const QUALITY: Names = Names {
    switch: "DeferQualityUpdates",
    days: "DeferQualityUpdatesPeriodInDays",
    old: ("DeferUpdatePeriod", 7),
};
const FEATURE: Names = Names {
    switch: "DeferFeatureUpdates",
    days: "DeferFeatureUpdatesPeriodInDays",
    old: ("DeferUpgradePeriod", 30),
};
/// The switch of Windows 10 1511, for both classes.
const OLD_SWITCH: &str = "DeferUpgrade";

impl Deferrals {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        Self {
            quality: of(reader, &QUALITY),
            feature: of(reader, &FEATURE),
        }
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "quality": self.quality.as_ref().map(Deferral::json),
            "feature": self.feature.as_ref().map(Deferral::json),
        })
    }
}

impl Deferral {
    fn json(&self) -> Value {
        json!({ "days": self.days, "by": self.by })
    }
}

/// Group policy goes before device management, as for every update policy.
fn of(reader: &Reader<'_>, names: &Names) -> Option<Deferral> {
    let switched = |name| {
        reader
            .number(keys::POLICY, name)
            .filter(|f: &Fact<u64>| f.value == 1)
    };
    let in_force = |days: Fact<u64>, by, value, switch: Option<EvidenceRef>| {
        (days.value > 0).then(|| Deferral {
            days: days.value,
            by,
            value,
            evidence: switch.into_iter().chain([days.at]).collect(),
        })
    };
    if let Some(switch) = switched(names.switch)
        && let Some(days) = reader.number(keys::POLICY, names.days)
    {
        return in_force(days, "gpo", names.days, Some(switch.at));
    }
    if let Some(days) = reader.number(keys::MDM_UPDATE, names.days) {
        return in_force(days, "mdm", names.days, None);
    }
    let switch = switched(OLD_SWITCH)?;
    let (name, each) = names.old;
    let days = reader
        .number(keys::POLICY, name)?
        .map(|n| n.saturating_mul(each));
    in_force(days, "gpo", name, Some(switch.at))
}
