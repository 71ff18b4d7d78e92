//! The overview.

use super::states;
use crate::pages::overview::{Revisions, Silence};
use crate::text;

/// What a number of the summary counts, and what that means.
pub(crate) type Tile = (&'static str, &'static str);

pub(crate) const SERIOUS: Tile = (states::SERIOUS, "updates do not arrive, or wrong ones do");
pub(crate) const WARNING: Tile = (states::WARNING, "worth mending");
pub(crate) const UNKNOWN: Tile = (states::UNKNOWN, "something could not be told");
pub(crate) const HEALTHY: Tile = (states::HEALTHY, "everything looked at and good");
pub(crate) const NEVER_REPORTED: Tile = (states::NEVER_REPORTED, "active, but not heard of yet");
pub(crate) const PENDING: Tile = ("Pending", "waiting for approval");

/// Devices that are not heard, and what that means.
pub(crate) const fn silence(who: Silence) -> (&'static str, &'static str) {
    match who {
        Silence::NeverEnrolled => (
            "Never enrolled",
            "on the imported list, without a collector",
        ),
        Silence::Silent => ("Silent", "not heard of for longer than is expected"),
        Silence::NeverReported => (states::NEVER_REPORTED, "enrolled, and then nothing came"),
    }
}

/// A revision of a release, or several.
pub(crate) fn revisions(of: &Revisions) -> &str {
    match of {
        Revisions::One(revision) => revision,
        Revisions::Older => "older",
        Revisions::Unknown => "not known",
    }
}

/// A fleet of so many active devices, in one sentence: `serious` of them have a serious problem, `warning` a warning alone, and whether all is
/// known of the rest.
pub(crate) fn fleet(active: u64, serious: u64, warning: u64, all_known: bool) -> String {
    let active = text::counted(active, "active device", "active devices");
    let have = |devices: u64| text::counted(devices, "device has", "devices have");
    match (serious, warning) {
        (0, 0) if all_known => format!("Nothing is open on {active}."),
        (0, 0) => format!("Nothing is open on {active}; of some, not everything is known."),
        (0, warning) => format!("{} a warning, out of {active}.", have(warning)),
        (serious, _) => format!(
            "{} a serious problem with updates, out of {active}.",
            have(serious)
        ),
    }
}
