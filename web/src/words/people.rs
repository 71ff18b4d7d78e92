//! The page of accounts, sessions and API tokens.

use crate::pages::people::{Done, Mistake, SecretOf};

/// A token can be used.
pub(crate) const VALID: &str = "valid";
/// Its time is over.
pub(crate) const ENDED: &str = "ended";
/// Somebody revoked it.
pub(crate) const REVOKED: &str = "revoked";

/// What a form just did.
pub(crate) const fn done(done: Done) -> &'static str {
    match done {
        Done::Access => "It counts from their next click.",
        Done::ShutOut => "They are shut out, and their sessions have ended.",
        Done::LetIn => "They may sign in again.",
        Done::Session => "The session has ended.",
        Done::Token => "The token is revoked.",
    }
}

/// Why a form did nothing.
pub(crate) fn mistake(mistake: &Mistake) -> String {
    match mistake {
        Mistake::NameTaken { name } => format!("There is an account {name:?} already."),
        Mistake::IsShutOut { name } => format!("{name} is shut out: let them in again first."),
        Mistake::Days { most } => format!("An API token lives for 1 to {most} days."),
        Mistake::Unreadable(why) => why.clone(),
    }
}

/// What a secret is that is shown once.
pub(crate) fn secret(of: &SecretOf) -> String {
    match of {
        SecretOf::PasswordLink { name, hours } => format!(
            "Give this link to {name}: it works once within {hours} hours, to choose a password."
        ),
        SecretOf::ApiToken { name } => format!("The API token for {name}."),
    }
}
