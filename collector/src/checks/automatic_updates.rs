//! The policies that turn automatic updates on and off (fact sheet section 3).

use sickbay_diagnosis::keys;

use super::looking::Looking;

const POLICY: &[&str] = &["NoAutoUpdate", "AUOptions"];
const MDM: &[&str] = &["AllowAutoUpdate"];

pub(super) fn look(looking: &mut Looking<'_>) {
    looking.key(keys::POLICY_AU);
    looking.values(keys::POLICY_AU, POLICY);
    looking.values(keys::MDM_UPDATE, MDM);
}
