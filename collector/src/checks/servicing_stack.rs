//! Versions of the servicing stack (fact sheet section 7).
//!
//! At most [`PACKAGES`] packages and [`VERSIONS`] registered versions are read.

use sickbay_diagnosis::keys;

use super::looking::Looking;
use super::packages::{self, begins_with};

const PACKAGES: usize = 64;
const VERSIONS: usize = 64;

pub(super) fn look(looking: &mut Looking<'_>) {
    packages::look(looking, PACKAGES, |name| {
        begins_with(name, "Package_for_ServicingStack")
    });
    looking.key(keys::CBS_VERSION);
    for folder in looking.all_values(keys::CBS_VERSION, VERSIONS) {
        if let Some(folder) = folder.string() {
            looking.file(folder);
        }
    }
}
