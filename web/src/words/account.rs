//! The page of one's own account.

use crate::pages::account::{Done, Mistake};

/// What a form just did.
pub(crate) const fn done(done: Done) -> &'static str {
    match done {
        Done::Password => "Your password is kept. Your other sessions have ended.",
        Done::Zone => "Times are told in the zone you chose.",
        Done::Session => "The session has ended.",
    }
}

/// Why a form did nothing.
pub(crate) fn mistake(mistake: &Mistake) -> String {
    let why = match mistake {
        Mistake::TooManyTries { seconds } => {
            return format!("There were many tries. Try again in {seconds} seconds.");
        }
        Mistake::WrongPassword => "The password until now is another one.",
        Mistake::TooShort { least } => {
            return format!(
                "A password has at least {least} characters: a few words make a good one."
            );
        }
        Mistake::TooLong { most } => return format!("A password has at most {most} bytes."),
        Mistake::NotTheSameTwice => "The new password was not typed the same twice.",
        Mistake::NoSuchZone => {
            "There is no such time zone. Choose one of the list, as Europe/Berlin."
        }
    };
    why.to_owned()
}
