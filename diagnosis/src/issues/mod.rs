//! Every issue that this build decides, one file each.
//!
//! An issue is a constant with its texts and a pure rule. What several rules share stands beside them: [`pauses`],
//! [`feature_upgrade`], [`lifecycle`], [`scans`], [`failures`] and
//! [`wanted_update`]. [`document`] tells of all of them.

mod automatic_updates_disabled;
mod behind_on_quality_updates;
mod checks_failing;
mod clock_skewed;
mod collector_outdated;
mod component_store_corrupt;
mod directory_registration_broken;
mod document;
mod download_failing;
mod duplicate_update_client_id;
mod end_of_service;
mod failures;
mod feature_updates_paused;
mod feature_upgrade;
mod install_failing;
mod lifecycle;
mod low_disk_space;
pub mod never_enrolled;
mod not_applicable_installed;
mod not_applicable_superseded;
mod not_applicable_wrong_target;
mod pauses;
mod pending_reboot;
mod pinned_to_old_release;
mod prerequisite_missing;
mod quality_updates_paused;
mod safeguard_hold;
mod scan_source_conflict;
mod scan_stale;
mod scans;
mod secure_boot_certificates_outdated;
mod servicing_stack_broken;
mod servicing_stack_outdated;
pub mod silent;
mod update_endpoint_unreachable;
mod update_health_tools_missing;
mod update_services_disabled;
mod updates_deferred_too_long;
mod upgrade_blocked;
pub(crate) mod wanted_update;
mod wrong_scan_source;
mod wsus_sync_recovery_failing;
mod wsus_without_tls;

pub use self::document::document;
use self::scans::Scans;
use crate::explanation::Scan;
use crate::facts::{DeviceFacts, NotKnown};
use crate::issue::{Case, FixStep, Issue};
use crate::observation::EvidenceRef;
use crate::time::Time;
use crate::verdict::Verdict;

/// The last step wherever a policy is changed.
const APPLY_POLICIES_AND_LOOK: FixStep = FixStep {
    text: "Apply the policies and look for updates.",
    command: Some("gpupdate /force && UsoClient StartScan"),
};

/// Every issue, along the path of an update: what keeps a device from looking for it, being offered it, downloading and installing it,
/// then what comes of that. A new one is one file plus one line here.
pub const ALL: &[&Issue] = &[
    &clock_skewed::ISSUE,
    &update_services_disabled::ISSUE,
    &automatic_updates_disabled::ISSUE,
    &scan_source_conflict::ISSUE,
    &wrong_scan_source::ISSUE,
    &duplicate_update_client_id::ISSUE,
    &directory_registration_broken::ISSUE,
    &wsus_sync_recovery_failing::ISSUE,
    &update_endpoint_unreachable::ISSUE,
    &scan_stale::ISSUE,
    &quality_updates_paused::ISSUE,
    &feature_updates_paused::ISSUE,
    &updates_deferred_too_long::ISSUE,
    &pinned_to_old_release::ISSUE,
    &safeguard_hold::ISSUE,
    &upgrade_blocked::ISSUE,
    &low_disk_space::ISSUE,
    &download_failing::ISSUE,
    &servicing_stack_broken::ISSUE,
    &component_store_corrupt::ISSUE,
    &not_applicable_wrong_target::ISSUE,
    &prerequisite_missing::ISSUE,
    &not_applicable_superseded::ISSUE,
    &not_applicable_installed::ISSUE,
    &install_failing::ISSUE,
    &pending_reboot::ISSUE,
    &servicing_stack_outdated::ISSUE,
    &end_of_service::ISSUE,
    &behind_on_quality_updates::ISSUE,
    &update_health_tools_missing::ISSUE,
    &wsus_without_tls::ISSUE,
    &secure_boot_certificates_outdated::ISSUE,
    &never_enrolled::ISSUE,
    &checks_failing::ISSUE,
    &collector_outdated::ISSUE,
    &silent::ISSUE,
];

/// The issue of that id.
pub fn get(id: &str) -> Option<&'static Issue> {
    ALL.iter().copied().find(|issue| issue.id == id)
}

/// Whether the one explains the other when both are open, directly or by way of further issues, open or not. A chain counts because
/// the link between may be unknown: services that do not run explain updates that are missing, whether or not the scan could be read.
pub fn explains(one: &Issue, other: &Issue) -> bool {
    one.explains
        .iter()
        .any(|id| *id == other.id || get(id).is_some_and(|between| explains(between, other)))
}

/// When the device last looked for updates, and the code with which looking fails.
pub(crate) fn last_scan(case: &Case<'_>) -> (Scan, Option<String>) {
    let scans = Scans::of(case);
    let scan = match (
        scans.succeeded,
        scans.never.is_empty(),
        scans.unknown.is_empty(),
    ) {
        (Some((at, _)), ..) => Scan::At(at),
        (None, false, true) => Scan::Never,
        (None, ..) => Scan::Unknown,
    };
    (scan, scans.error.map(|failure| failure.code))
}

/// The first moment at which the device's edition of its release gets no updates any more, where that is known.
pub(crate) fn serviced_until(device: &DeviceFacts) -> Option<Time> {
    let release = device.release.as_deref()?;
    Some(lifecycle::end_of(release, device)?.over_at())
}

/// The verdict where the check that a rule needs could not look.
fn not_known(why: &NotKnown) -> Verdict {
    let reason = &why.reason;
    if why.failed {
        Verdict::unknown(format!("The check failed: {reason}."))
    } else {
        Verdict::unknown(format!("Not known: {reason}."))
    }
}

/// The readings that tell release and edition, for verdicts that rest on them.
fn device_evidence<'a>(case: &Case<'a>) -> impl Iterator<Item = EvidenceRef> + 'a {
    let device = case.facts.device.as_ref().ok();
    device
        .into_iter()
        .flat_map(|device| device.evidence.iter().copied())
}

#[cfg(test)]
mod tests;
