//! Start types of the services that updating needs, and whether they run (fact sheet section 13).

use sickbay_diagnosis::keys;

use super::looking::Looking;

const VALUES: &[&str] = &["Start", "DelayedAutostart"];

pub(super) fn look(looking: &mut Looking<'_>) {
    looking.key(&keys::service(keys::WITNESS_SERVICE));
    for service in keys::WATCHED_SERVICES {
        let key = keys::service(service);
        if looking.key(&key).is_present() {
            looking.values(&key, VALUES);
            looking.running(service);
        }
    }
}
