//! What happens to machines of the demo, in one line for people.

use sickbay_diagnosis::Time;

use super::ailment::{Ailment, Kind};

/// How an ailment began.
pub(super) fn began(ailment: &Ailment, now: Time) -> String {
    let code = ailment.code();
    match ailment.kind {
        Kind::PausedByUser => format!(
            "a user pauses updates until {}",
            ailment.user_pause_ends(now).date()
        ),
        Kind::QualityPausedByPolicy => "a group policy pauses quality updates".to_owned(),
        Kind::FeaturePausedByMdm => "MDM pauses feature updates".to_owned(),
        Kind::DeferredTooLong => format!(
            "a group policy defers quality updates by {} days",
            ailment.deferral_days()
        ),
        Kind::Held => format!("safeguard hold {} applies", ailment.hold()),
        Kind::HardwareTooOld => format!("the appraiser finds a block: {}", ailment.red_reason()),
        Kind::NotAppraised => "the results of the appraiser are gone".to_owned(),
        Kind::Pinned => {
            "is reinstalled with an old image, whose policy pins its release".to_owned()
        }
        Kind::Outlived | Kind::NearingEnd => "is reinstalled with an old image".to_owned(),
        Kind::LostWsus => "the WSUS policy no longer applies".to_owned(),
        Kind::PlainHttpWsus => "an old policy names a WSUS server over plain HTTP".to_owned(),
        Kind::WsusNotSwitchedOn => "UseWUServer disappears from the policy".to_owned(),
        Kind::ClassesNotSwitchedOn => {
            "UseUpdateClassPolicySource disappears from the policy".to_owned()
        }
        Kind::RecoveryRefused => format!("WSUS refuses its list of updates with {code}"),
        Kind::NoHealthTools => "Update Health Tools are uninstalled".to_owned(),
        Kind::HealthServiceDisabled => "the service uhssvc is disabled".to_owned(),
        Kind::RestartPending => "an update waits for a restart".to_owned(),
        Kind::AgentFails => "the update agent no longer answers".to_owned(),
        Kind::StoreUnasked => "servicing no longer answers".to_owned(),
        Kind::AutomaticUpdatesOff => "a policy turns automatic updates off".to_owned(),
        Kind::ServiceDisabled => format!("the service {} is disabled", ailment.disabled_service()),
        Kind::Neglected => format!("searches for updates fail with {code}"),
        Kind::ServerUnreachable => "the update server can no longer be reached".to_owned(),
        Kind::DownloadFails => format!("downloads fail with {code}"),
        Kind::DiskLow => "its drive fills up".to_owned(),
        Kind::StoreCorrupt => format!("its component store is damaged: {code}"),
        Kind::StackBroken => "its servicing stack's folder is gone".to_owned(),
        Kind::StackOutdated => "is set back to an old servicing stack".to_owned(),
        Kind::InstallFails => format!("an update fails again and again with {code}"),
        Kind::SentWhatItHas => "is sent the update that it has".to_owned(),
        Kind::SentWhatIsReplaced => "is sent an update that was replaced".to_owned(),
        Kind::SentAnothers => "is sent the update of another release".to_owned(),
        Kind::ImageTooOld => "is reinstalled from the first image of its release".to_owned(),
        Kind::Cloned => "is cloned from an image with an update client id".to_owned(),
        Kind::RegistrationBroken => "the certificate of its registration is removed".to_owned(),
        Kind::NotRegistered => "leaves the directory".to_owned(),
        Kind::OldCertificates => "its firmware is set back to the certificates of 2011".to_owned(),
        Kind::ClockOff => "its clock goes wrong".to_owned(),
        Kind::Silent | Kind::OldCollector => "is switched off".to_owned(),
    }
}

/// How an ailment ended.
pub(super) fn ended(ailment: &Ailment) -> String {
    match ailment.kind {
        Kind::PausedByUser => "the user resumes updates".to_owned(),
        Kind::QualityPausedByPolicy => {
            "the policy that paused quality updates is withdrawn".to_owned()
        }
        Kind::FeaturePausedByMdm => "MDM resumes feature updates".to_owned(),
        Kind::DeferredTooLong => "the deferral of quality updates is withdrawn".to_owned(),
        Kind::Held => format!("safeguard hold {} is lifted", ailment.hold()),
        Kind::HardwareTooOld => "is replaced by newer hardware".to_owned(),
        Kind::NotAppraised => "the appraiser has run".to_owned(),
        Kind::Pinned => "the pin is withdrawn, and it upgrades".to_owned(),
        Kind::Outlived | Kind::NearingEnd => "is upgraded to a release in service".to_owned(),
        Kind::LostWsus => "the WSUS policy applies again".to_owned(),
        Kind::PlainHttpWsus => "it moves to the WSUS server with TLS".to_owned(),
        Kind::WsusNotSwitchedOn => "UseWUServer is back in the policy".to_owned(),
        Kind::ClassesNotSwitchedOn => "UseUpdateClassPolicySource is back in the policy".to_owned(),
        Kind::RecoveryRefused => "WSUS takes its list of updates again".to_owned(),
        Kind::NoHealthTools => "Update Health Tools are installed".to_owned(),
        Kind::HealthServiceDisabled => "the service uhssvc is enabled".to_owned(),
        Kind::RestartPending => "restarts and finishes its update".to_owned(),
        Kind::AgentFails => "the update agent answers again".to_owned(),
        Kind::StoreUnasked => "servicing answers again".to_owned(),
        Kind::AutomaticUpdatesOff => "automatic updates are on again".to_owned(),
        Kind::ServiceDisabled => format!("the service {} is enabled", ailment.disabled_service()),
        Kind::Neglected => "searches work again, and it catches up".to_owned(),
        Kind::ServerUnreachable => "the update server can be reached again".to_owned(),
        Kind::DownloadFails => "downloads work again".to_owned(),
        Kind::DiskLow => "its drive is cleaned up".to_owned(),
        Kind::StoreCorrupt => "its component store is repaired".to_owned(),
        Kind::StackBroken => "its servicing stack is repaired".to_owned(),
        Kind::StackOutdated => "gets the newest servicing stack".to_owned(),
        Kind::InstallFails => "the update installs at last".to_owned(),
        Kind::SentWhatItHas | Kind::SentWhatIsReplaced | Kind::SentAnothers => {
            "is left out of the deployment that was not for it".to_owned()
        }
        Kind::ImageTooOld => "gets the updates that its image lacked".to_owned(),
        Kind::Cloned => "makes an update client id of its own".to_owned(),
        Kind::RegistrationBroken | Kind::NotRegistered => {
            "is registered with the directory again".to_owned()
        }
        Kind::OldCertificates => "its firmware gets the certificates of 2023".to_owned(),
        Kind::ClockOff => "its clock is set".to_owned(),
        Kind::Silent | Kind::OldCollector => "is switched on again".to_owned(),
    }
}
