//! Lists of devices: what they are filtered and grouped by, and what was done with chosen ones.

use std::borrow::Cow;

use sickbay_diagnosis::filter::TextField;
use sickbay_diagnosis::issue::Issue;

use crate::table::Asked;
use crate::text;

/// Ways in which a condition may hold, each with its words.
pub(crate) const WAYS: [(&str, &str); 6] = [
    ("is", "is"),
    ("is-not", "is not"),
    ("contains", "contains"),
    ("starts", "starts with"),
    ("at-least", "is at least"),
    ("at-most", "is at most"),
];

/// What devices of which nothing is open have for a primary cause.
pub(crate) const NO_CAUSE: &str = "none";

/// Of what a condition may be, each with what people call it.
pub(crate) const FIELDS: [(&str, &str); 17] = [
    ("name", field(TextField::Name)),
    ("ou", field(TextField::Ou)),
    ("site", field(TextField::Site)),
    ("domain", field(TextField::Domain)),
    ("tag", field(TextField::Tag)),
    ("kind", field(TextField::Kind)),
    ("release", field(TextField::Release)),
    ("build", "Build"),
    ("ubr", "Revision"),
    ("edition", field(TextField::Edition)),
    ("arch", field(TextField::Arch)),
    ("source", field(TextField::Source)),
    ("standing", field(TextField::Standing)),
    ("issue", "Issue"),
    ("primary", field(TextField::Primary)),
    ("cause", "Cause"),
    ("state", "State"),
];

/// A field of devices.
pub(crate) const fn field(field: TextField) -> &'static str {
    match field {
        TextField::Name => "Name",
        TextField::Id => "Id",
        TextField::Domain => "Domain",
        TextField::Ou => "OU",
        TextField::Site => "Site",
        TextField::Tag => "Tag",
        TextField::Kind => "Kind",
        TextField::Release => "Release",
        TextField::Edition => "Edition",
        TextField::Arch => "Architecture",
        TextField::Standing => "Health",
        TextField::Primary => "Primary cause",
        TextField::Source => "Source",
    }
}

/// A field in the midst of a sentence.
pub(crate) fn field_within(of: TextField) -> String {
    match of {
        TextField::Ou => field(of).to_owned(),
        other => field(other).to_lowercase(),
    }
}

/// What a table of devices lists.
pub(crate) fn caption(issue: Option<&Issue>) -> Cow<'static, str> {
    match issue {
        None => "Devices".into(),
        Some(issue) => format!("Devices with {}", issue.title).into(),
    }
}

/// What became of asking devices to look again.
pub(crate) fn asked(
    Asked {
        asked,
        not_connected,
    }: Asked,
) -> String {
    let counted = |number: u64, one: &str, more: &str| match number {
        1 => one.to_owned(),
        number => format!("{} {more}", text::number(number)),
    };
    let asked = match asked {
        0 => "No device was asked to look again.".to_owned(),
        number => format!(
            "{} now, and this list follows. That starts no Windows Update scan.",
            counted(number, "One device looks again", "devices look again")
        ),
    };
    match not_connected {
        0 => asked,
        number => format!(
            "{asked} {} and will report by {}.",
            counted(number, "One is not connected", "are not connected"),
            if number == 1 { "itself" } else { "themselves" }
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_told_in_words() {
        let told = |asked, not_connected| {
            super::asked(Asked {
                asked,
                not_connected,
            })
        };
        assert!(told(1, 0).starts_with("One device looks again now"));
        let both = told(1_200, 3);
        assert!(both.starts_with("1,200 devices look again now"), "{both}");
        assert!(both.ends_with("3 are not connected and will report by themselves."));
        assert!(told(0, 1).contains("One is not connected"));
    }
}
