//! Lists of devices: what they are filtered and grouped by, and what was done with chosen ones.

use sickbay_diagnosis::filter::TextField;

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
