//! The pages of updates.

use crate::pages::update::{Brings, BringsLine, Family, Teller};

/// The newest revisions of a release: place and heading.
pub(crate) const PLACES: [(usize, &str); 3] =
    [(0, "Newest here"), (1, "Before that"), (2, "And before")];

/// What an update brings to a family of builds, with who says so.
pub(crate) fn brings(line: &BringsLine) -> String {
    let to = match &line.to {
        Family::Releases(names) => names.clone(),
        Family::Build(build) => format!("devices of build {build}"),
    };
    let what = match &line.what {
        Brings::Revision(revision) => format!("brings {revision} to {to}"),
        Brings::Hotpatch { revision, covers } => {
            format!("is the hotpatch {revision} for {to}, with the content of {covers}")
        }
        Brings::Release(name) => format!("makes {name} of {to}"),
        Brings::Build(build) => format!("makes build {build} of {to}"),
    };
    let out = line
        .out
        .as_ref()
        .map_or_else(String::new, |day| format!(", out by {day}"));
    let who = match line.who {
        Teller::Table => "the table of updates says so".to_owned(),
        Teller::Imported => "it was imported".to_owned(),
        Teller::Fleet(Some(devices)) => format!("{devices} devices of this fleet say so"),
        Teller::Fleet(None) => "devices of this fleet say so".to_owned(),
    };
    format!("It {what}{out}: {who}.")
}
