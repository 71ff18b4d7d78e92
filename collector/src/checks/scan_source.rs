//! The policies that decide where updates come from (fact sheet section 3).

use sickbay_diagnosis::keys;

use super::looking::Looking;

/// Read there or not: what decides most.
const POLICY: &[&str] = &[
    "WUServer",
    "WUStatusServer",
    "DoNotConnectToWindowsUpdateInternetLocations",
    "DisableWindowsUpdateAccess",
    "DisableDualScan",
];
/// Read where they are there.
const FURTHER_POLICY: &[&str] = &[
    "UpdateServiceUrlAlternate",
    "FillEmptyContentUrls",
    "UseUpdateClassPolicySource",
    "DeferFeatureUpdates",
    "DeferFeatureUpdatesPeriodInDays",
    "DeferQualityUpdates",
    "DeferQualityUpdatesPeriodInDays",
    "DeferUpgrade",
    "DeferUpgradePeriod",
    "DeferUpdatePeriod",
    "PauseFeatureUpdates",
    "PauseQualityUpdates",
    "PauseFeatureUpdatesStartTime",
    "PauseQualityUpdatesStartTime",
    "Pause",
    "BranchReadinessLevel",
    "ExcludeWUDriversInQualityUpdate",
];
const POLICY_AU: &[&str] = &["UseWUServer", "UseUpdateClassPolicySource"];
const MDM: &[&str] = &[
    "UpdateServiceUrl",
    "DisableDualScan",
    "DeferFeatureUpdatesPeriodInDays",
    "DeferQualityUpdatesPeriodInDays",
    "PauseFeatureUpdates",
    "PauseQualityUpdates",
    "PauseFeatureUpdatesStartTime",
    "PauseQualityUpdatesStartTime",
];
const STATE: &[&str] = &[
    "UseUpdateClassPolicySource",
    "IsWUfBConfigured",
    "IsWUfBDualScanActive",
    "IsDeferralIsActive",
    "PolicySources",
];

pub(super) fn look(looking: &mut Looking<'_>) {
    looking.key(keys::POLICY);
    looking.values(keys::POLICY_AU, POLICY_AU);
    looking.values(keys::POLICY, POLICY);
    looking.present_values(keys::POLICY, &keys::CLASS_SOURCE_VALUES);
    looking.present_values(keys::POLICY, FURTHER_POLICY);
    for (key, names) in [(keys::MDM_UPDATE, MDM), (keys::UPDATE_POLICY_STATE, STATE)] {
        looking.present_values(key, names);
        looking.present_values(key, &keys::CLASS_SOURCE_VALUES);
    }
}
