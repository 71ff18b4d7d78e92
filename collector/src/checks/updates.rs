//! Update packages: cumulative updates, servicing stack, .NET and those named by KB (fact sheet section 9).
//!
//! At most [`PACKAGES`] are read. Windows 7 splits an update into many packages; of those only the one that is named by the KB
//! alone is read.

use super::looking::Looking;
use super::packages::{self, begins_with};

/// Most packages.
const PACKAGES: usize = 400;

const WANTED: &[&str] = &[
    "Package_for_RollupFix",
    "Package_for_ServicingStack",
    "Package_for_DotNetRollup",
    "Package_for_KB",
];

pub(super) fn look(looking: &mut Looking<'_>) {
    packages::look(looking, PACKAGES, |name| {
        WANTED.iter().any(|start| begins_with(name, start))
    });
}
