//! When the update client last looked for updates, as it noted in the registry (fact sheet section 3).
//!
//! At most [`SERVICES`] services and [`CATEGORIES`] times of each are read.

use sickbay_diagnosis::keys;

use super::looking::Looking;

const SERVICES: usize = 16;
const CATEGORIES: usize = 32;

pub(super) fn look(looking: &mut Looking<'_>) {
    looking.values(keys::DETECT_RESULTS, &["LastSuccessTime", "LastError"]);
    for service in looking.subkeys(keys::ONLINE_SCANS).iter().take(SERVICES) {
        looking.all_values(&format!(r"{}\{service}", keys::ONLINE_SCANS), CATEGORIES);
    }
}
