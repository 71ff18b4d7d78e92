//! Pauses of quality and feature updates (fact sheet section 1).

use sickbay_diagnosis::keys;

use super::looking::Looking;

const CLIENT: &[&str] = &[
    "PausedQualityStatus",
    "PausedQualityDate",
    "PausedFeatureStatus",
    "PausedFeatureDate",
];
const USER: &[&str] = &[
    "PauseUpdatesStartTime",
    "PauseUpdatesExpiryTime",
    "PauseQualityUpdatesStartTime",
    "PauseQualityUpdatesEndTime",
    "PauseFeatureUpdatesStartTime",
    "PauseFeatureUpdatesEndTime",
    "FlightSettingsMaxPauseDays",
];
const POLICY: &[&str] = &[
    "PauseQualityUpdatesStartTime",
    "PauseFeatureUpdatesStartTime",
    "PauseQualityUpdates",
    "PauseFeatureUpdates",
    "Pause",
];
const MDM: &[&str] = &[
    "PauseQualityUpdatesStartTime",
    "PauseFeatureUpdatesStartTime",
    "PauseQualityUpdates",
    "PauseFeatureUpdates",
    "PauseQualityUpdatesStartTime_WinningProvider",
    "PauseFeatureUpdatesStartTime_WinningProvider",
];

pub(super) fn look(looking: &mut Looking<'_>) {
    looking.key(keys::UPDATE_POLICY_SETTINGS);
    looking.values(keys::UPDATE_POLICY_SETTINGS, CLIENT);
    looking.present_values(keys::UX_SETTINGS, USER);
    looking.values(keys::POLICY, POLICY);
    looking.present_values(keys::MDM_UPDATE, MDM);
}
