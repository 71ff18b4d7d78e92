//! What happens to machines of the demo, in one line for people.

use super::ailment::{Ailment, Kind};

/// How an ailment began.
pub(super) fn began(ailment: &Ailment) -> String {
    match ailment.kind {
        Kind::PausedByUser => format!(
            "a user pauses updates until {}",
            ailment.user_pause_ends().date()
        ),
        Kind::QualityPausedByPolicy => "a group policy pauses quality updates".to_owned(),
        Kind::FeaturePausedByMdm => "MDM pauses feature updates".to_owned(),
        Kind::Held => format!("safeguard hold {} applies", ailment.hold()),
        Kind::HardwareTooOld => format!("the appraiser finds a block: {}", ailment.red_reason()),
        Kind::NotAppraised => "the results of the appraiser are gone".to_owned(),
        Kind::LostWsus => "the WSUS policy no longer applies".to_owned(),
        Kind::PlainHttpWsus => "an old policy names a WSUS server over plain HTTP".to_owned(),
        Kind::WsusNotSwitchedOn => "UseWUServer disappears from the policy".to_owned(),
        Kind::ClassesNotSwitchedOn => {
            "UseUpdateClassPolicySource disappears from the policy".to_owned()
        }
        Kind::NoHealthTools => "Update Health Tools are uninstalled".to_owned(),
        Kind::HealthServiceDisabled => "the service uhssvc is disabled".to_owned(),
        Kind::RestartPending => "an update waits for a restart".to_owned(),
        Kind::AgentFails => "the update agent no longer answers".to_owned(),
        Kind::AutomaticUpdatesOff => "a policy turns automatic updates off".to_owned(),
        Kind::ServiceDisabled => format!("the service {} is disabled", ailment.disabled_service()),
        Kind::ServerUnreachable => "the update server can no longer be reached".to_owned(),
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
        Kind::Held => format!("safeguard hold {} is lifted", ailment.hold()),
        Kind::HardwareTooOld => format!("the block {} is gone", ailment.red_reason()),
        Kind::NotAppraised => "the appraiser has run".to_owned(),
        Kind::LostWsus => "the WSUS policy applies again".to_owned(),
        Kind::PlainHttpWsus => "it moves to the WSUS server with TLS".to_owned(),
        Kind::WsusNotSwitchedOn => "UseWUServer is back in the policy".to_owned(),
        Kind::ClassesNotSwitchedOn => "UseUpdateClassPolicySource is back in the policy".to_owned(),
        Kind::NoHealthTools => "Update Health Tools are installed".to_owned(),
        Kind::HealthServiceDisabled => "the service uhssvc is enabled".to_owned(),
        Kind::RestartPending => "restarts and finishes its update".to_owned(),
        Kind::AgentFails => "the update agent answers again".to_owned(),
        Kind::AutomaticUpdatesOff => "automatic updates are on again".to_owned(),
        Kind::ServiceDisabled => format!("the service {} is enabled", ailment.disabled_service()),
        Kind::ServerUnreachable => "the update server can be reached again".to_owned(),
    }
}
