//! Registration with Entra ID (fact sheet section 11). The person who registered the machine is not read.
//!
//! At most [`REGISTRATIONS`] registrations are read; a machine has one.

use sickbay_diagnosis::keys;

use super::looking::Looking;

const REGISTRATIONS: usize = 4;

pub(super) fn look(looking: &mut Looking<'_>) {
    looking.key(keys::CLOUD_DOMAIN_JOIN);
    for thumbprint in looking.subkeys(keys::JOIN_INFO).iter().take(REGISTRATIONS) {
        looking.values(&format!(r"{}\{thumbprint}", keys::JOIN_INFO), &["TenantId"]);
        looking.key(&format!(r"{}\{thumbprint}", keys::MACHINE_CERTIFICATES));
    }
}
