//! Packages of component based servicing: which of the thousands are read.

use sickbay_diagnosis::keys;

use super::looking::Looking;

/// What is read of a package.
const VALUES: &[&str] = &[
    "CurrentState",
    "InstallTimeHigh",
    "InstallTimeLow",
    "InstallClient",
];

/// Reads the packages whose name is wanted, the latest names first, `most` at the most.
pub(super) fn look(looking: &mut Looking<'_>, most: usize, wanted: impl Fn(&str) -> bool) {
    let names = looking.subkeys(keys::CBS_PACKAGES);
    for name in names.iter().rev().filter(|name| wanted(name)).take(most) {
        looking.present_values(&format!(r"{}\{name}", keys::CBS_PACKAGES), VALUES);
    }
}

/// Whether the part of the name before the first tilde begins so, without regard to case.
pub(super) fn begins_with(name: &str, start: &str) -> bool {
    name.get(..start.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(start))
}
