//! Every issue that this build decides, one file each.
//!
//! An issue is a constant with its texts and a pure rule. What several rules share stands beside them: [`pauses`] and
//! [`feature_upgrade`].

mod automatic_updates_disabled;
mod feature_updates_paused;
mod feature_upgrade;
pub mod never_enrolled;
mod pauses;
mod pending_reboot;
mod quality_updates_paused;
mod safeguard_hold;
mod scan_source_conflict;
mod update_health_tools_missing;
mod update_services_disabled;
mod upgrade_blocked;
mod wrong_scan_source;
mod wsus_without_tls;

use crate::facts::{DeviceFacts, NotKnown};
use crate::issue::{Case, Issue};
use crate::observation::EvidenceRef;
use crate::verdict::Verdict;

/// Every issue. A new one is one file plus one line here.
pub const ALL: &[&Issue] = &[
    &quality_updates_paused::ISSUE,
    &feature_updates_paused::ISSUE,
    &safeguard_hold::ISSUE,
    &upgrade_blocked::ISSUE,
    &wrong_scan_source::ISSUE,
    &scan_source_conflict::ISSUE,
    &automatic_updates_disabled::ISSUE,
    &update_services_disabled::ISSUE,
    &pending_reboot::ISSUE,
    &update_health_tools_missing::ISSUE,
    &wsus_without_tls::ISSUE,
    &never_enrolled::ISSUE,
];

/// The issue of that id.
pub fn get(id: &str) -> Option<&'static Issue> {
    ALL.iter().copied().find(|issue| issue.id == id)
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
fn device_evidence(case: &Case<'_>) -> Vec<EvidenceRef> {
    case.facts
        .device
        .as_ref()
        .map(DeviceFacts::evidence)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
