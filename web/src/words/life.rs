//! Where a device stands in its life, in one sentence.

use sickbay_diagnosis::Time;
use sickbay_diagnosis::time::{DAY_MS, HOUR_MS, MINUTE_MS};

use crate::pages::device::{Heard, Stage};

/// The sentence.
pub(crate) fn stage(stage: &Stage) -> String {
    match stage {
        Stage::Listed => {
            "It stands in the imported list of machines, and no collector ever spoke for it."
                .to_owned()
        }
        Stage::Waiting { since, why } => {
            let why = why.as_deref();
            let why = why.unwrap_or("its token asks for a person's approval");
            format!(
                "It asked to be let in on {} and waits: {why}.",
                since.date()
            )
        }
        Stage::Revoked { on: at, by } => format!(
            "Its key was revoked{}{} and is refused for ever; the machine can only come back under another key.",
            on(*at),
            by_whom(by.as_deref())
        ),
        Stage::Uninstalled { on: at } => format!(
            "Its collector was uninstalled{}, and said goodbye.",
            on(*at)
        ),
        Stage::Ephemeral { on: at, silent_ms } => format!(
            "It was made for a short life, fell silent for {} and retired by itself{}.",
            span(*silent_ms),
            on(*at)
        ),
        Stage::Retired { on: at, by } => {
            format!("It was retired{}{}.", on(*at), by_whom(by.as_deref()))
        }
        Stage::Merged { on: at } => format!(
            "It is the same machine as another device, by the word of a person{}; this is the past of that device.",
            on(*at)
        ),
        Stage::EnrolledAgain { on: at } => format!(
            "The same machine enrolled again{} and is another device now; this is its past, and its key is of no use any more.",
            on(*at)
        ),
        Stage::Cloned { on: at, where_to } => format!(
            "Its key was found on two machines on {}: {where_to}.",
            at.date()
        ),
        Stage::SetBack { on: at } => format!(
            "Its machine came back in an earlier state on {}, from a snapshot or a backup; it then reported everything anew.",
            at.date()
        ),
        Stage::CameHome { on: at } => format!(
            "It came home by itself on {} after its certificate had ended.",
            at.date()
        ),
        Stage::Renamed { on: at, before } => format!(
            "It has another name since {} ({before}); by its key it is the same device.",
            at.date()
        ),
        Stage::InPlaceOfAnother { since } => format!(
            "It stands in the place of an earlier device of the same machine since {}; what that one was trusted with did not go over to it.",
            since.date()
        ),
        Stage::ShortLived { silent_ms } => format!(
            "It is made for a short life: it retires by itself after {} of silence.",
            span(*silent_ms)
        ),
        Stage::Here {
            since,
            token,
            heard,
        } => here(*since, token.as_deref(), *heard),
    }
}

fn here(since: Time, token: Option<&str>, heard: Heard) -> String {
    let token = token.map_or_else(String::new, |name| format!(" with the token {name:?}"));
    let enrolled = format!("It enrolled on {}{token}", since.date());
    match heard {
        Heard::Connected => format!("{enrolled}, and is connected now."),
        Heard::Never => format!("{enrolled}, and was never heard of since."),
        Heard::Ago(ms) => format!("{enrolled}, and was last heard of {} ago.", span(ms)),
        Heard::Lately => format!("{enrolled}."),
    }
}

fn on(at: Option<Time>) -> String {
    at.map_or_else(String::new, |at| format!(" on {}", at.date()))
}

fn by_whom(actor: Option<&str>) -> String {
    actor.map_or_else(String::new, |actor| format!(" by {actor}"))
}

/// A length of time in its largest unit that is not zero.
fn span(ms: i64) -> String {
    let (count, unit) = match ms {
        DAY_MS.. => (ms / DAY_MS, "day"),
        HOUR_MS.. => (ms / HOUR_MS, "hour"),
        _ => (ms / MINUTE_MS, "minute"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}
