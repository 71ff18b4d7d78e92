//! Signing in.

use super::time;
use crate::pages::sign_in::SignInReason;

/// Why nobody is signed in.
pub(crate) fn reason(reason: SignInReason) -> String {
    let sentence = match reason {
        SignInReason::Needed => "Sign in to see this server's devices.",
        SignInReason::Ended => "Your session has ended.",
        SignInReason::LinkRefused => {
            "This sign-in link does not work: it was used already, or has expired. Links work once."
        }
        SignInReason::WrongPassword => "This name and password do not let you in.",
        SignInReason::TooOften(seconds) => return too_often(seconds),
        SignInReason::NotUnderWay => {
            "This answer belongs to no sign-in of this browser, or it took too long. Begin again."
        }
        SignInReason::ProviderRefused => {
            "The provider's answer does not let you in. The record says why."
        }
        SignInReason::Shut => {
            "You are known here and have no role, or none any more. An administrator can give you one."
        }
    };
    sentence.to_owned()
}

fn too_often(seconds: u64) -> String {
    format!(
        "There were many tries. Try again in {}.",
        time::seconds(seconds)
    )
}
