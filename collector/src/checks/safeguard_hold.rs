//! What the compatibility appraiser says of each target release, and the policies about it (fact sheet section 2).
//!
//! At most [`TARGETS`] targets are read; there are about twenty releases.

use sickbay_diagnosis::keys;

use super::looking::Looking;

/// Most target releases.
const TARGETS: usize = 64;

const VALUES: &[&str] = &[
    "GatedBlockId",
    "GatedBlockReason",
    "RedReason",
    "FailedPrereqs",
    "UpgEx",
    "UpgExU",
    "GStatus",
    "DestBuildNum",
    "Timestamp",
    "TimestampEpochString",
];
/// Read there or not: what decides most.
const PIN: &[&str] = &["TargetReleaseVersion", "TargetReleaseVersionInfo"];
/// Read where they are there.
const POLICY: &[&str] = &["DisableWUfBSafeguards", "ProductVersion"];

pub(super) fn look(looking: &mut Looking<'_>) {
    for target in looking
        .subkeys(keys::APPRAISER_TARGETS)
        .iter()
        .take(TARGETS)
    {
        let key = format!(r"{}\{target}", keys::APPRAISER_TARGETS);
        looking.key(&key);
        looking.present_values(&key, VALUES);
    }
    looking.values(keys::POLICY, PIN);
    looking.present_values(keys::POLICY, POLICY);
    looking.present_values(keys::MDM_UPDATE, PIN);
    looking.present_values(keys::MDM_UPDATE, POLICY);
}
