//! Pages that say what went wrong, where pages alone can.

use crate::pages::message::{Refusal, Standing};

/// What is so, in a few words.
pub(crate) const fn heading(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::ChangedMeanwhile => "Somebody else changed the expectations meanwhile",
        Refusal::StepNotNow { .. } => "This step is not possible now",
        Refusal::CaBroken => "The CA cannot be used",
        other => match other.standing() {
            Standing::NotFound => "Not found",
            _ => "The request cannot be understood",
        },
    }
}

/// What to do about it.
pub(crate) fn advice(refusal: &Refusal) -> String {
    let advice = match refusal {
        Refusal::NoSuchPage => {
            "This page does not exist. The address may be mistyped, or the device may have been deleted."
        }
        Refusal::NoSuchDevice => "There is no such device, or you may not see it.",
        Refusal::NoDeviceOfId { id } => return format!("There is no device {id}."),
        Refusal::ChosenIsGone { id } => {
            return format!(
                "There is no device {id}, or you may not see it. Nobody was asked; load the list again."
            );
        }
        Refusal::NotYourSession => "You have no such session; it may have ended.",
        Refusal::NoSuchSession => "There is no such session; it may have ended.",
        Refusal::NoSuchLocalAccount => {
            "There is no such local account. What an account of a directory may do, its groups say."
        }
        Refusal::NoSuchAccount => "There is no such account.",
        Refusal::NoSuchApiToken => "There is no such API token.",
        Refusal::NoSuchScope => "There is no scope at this place (any more).",
        Refusal::NoSuchAcceptance => "This acceptance does not hold (any more).",
        Refusal::NoPasswordHere => "Only a local account has a password here.",
        Refusal::NoSuchStep => "There is no such step of a rotation.",
        Refusal::NoTimeOfPage => {
            "the field 'all' is the time of the page in milliseconds: load it again"
        }
        Refusal::NoSuchChange => "The form asks for no change that is known.",
        Refusal::NoExpectations => "The form holds no expectations.",
        Refusal::NoFormat => "Choose a format: CSV, Excel, JSON or NDJSON.",
        Refusal::NoIssue => "Choose the devices on the page of the issue.",
        Refusal::NoDeed => "Choose what is to be done with them.",
        Refusal::NothingChosen => {
            "No device was chosen. Go back, and tick the boxes before their names, or the one for the whole list."
        }
        Refusal::TooManyChosen { most } => {
            return format!(
                "At most {most} devices are chosen one by one; for more, filter the list and choose all of it."
            );
        }
        Refusal::NoSuchColumn { name, offered } => {
            return format!(
                "This page has no column {name:?}; `columns` may name {}.",
                offered.join(", ")
            );
        }
        Refusal::NumberCompared { field } => {
            return format!("{field} is a number: it is, is not, is at least or is at most.");
        }
        Refusal::NotANumber { field, value } => {
            return format!("{field} is a number, and {value:?} is none.");
        }
        Refusal::TextCompared { field } => {
            return format!(
                "{field} is no number: it is, is not, contains or starts with something."
            );
        }
        Refusal::NoSuchState => "A state is open, accepted or unknown.",
        Refusal::NoSuchField { field } => return format!("There is no {field:?} to filter by."),
        Refusal::ChangedMeanwhile => {
            "Nothing was changed by you. Look at the page of expectations again, and make your change anew."
        }
        Refusal::StepNotNow { why } => why,
        Refusal::CaBroken => "The server's log says why.",
    };
    advice.to_owned()
}
