//! What the rules for paused quality and feature updates share.

use crate::check::Check;
use crate::facts::pause::{Pause, PauseNow, PauseState, PausedBy};
use crate::observation::EvidenceRef;
use crate::time::Time;
use crate::verdict::{Cause, Severity, Verdict};

/// The verdict on a pause. `what` names the updates, for example `Quality updates`.
pub(super) fn decide(pause: &Pause, what: &str, severity: Severity, now: Time) -> Verdict {
    let at = pause.at(now);
    let verdict = match at.state {
        PauseState::Paused => Verdict::open(severity, vec![cause(&at)], paused(&at, pause, what)),
        PauseState::Expired => Verdict::clear(expired(&at, what)),
        PauseState::NotPaused => Verdict::clear(format!("{what} are not paused.")),
        PauseState::Contradictory => Verdict::clear(format!(
            "{what} are not paused: the update client says so, although the dates of a pause{} lie ahead.",
            until(&at)
        )),
        PauseState::Unknown => Verdict::unknown(format!(
            "Whether {} are paused is not known: {}.",
            what.to_lowercase(),
            at.reason.unwrap_or_default()
        )),
    };
    verdict
        .with_evidence(pause.evidence.iter().copied())
        .or_evidence(EvidenceRef::Outcome(Check::Pause))
        .until(at.changes_at)
}

fn cause(at: &PauseNow) -> Cause {
    let by = at.by.map_or("unnamed", PausedBy::name);
    match at.until {
        Some(end) => Cause::new(
            format!("{by}/{}", end.day()),
            format!("Paused by {} until {}", who(at.by), end.day()),
        ),
        None => Cause::new(
            format!("{by}/no end"),
            format!("Paused by {}, no end known", who(at.by)),
        ),
    }
}

fn paused(at: &PauseNow, pause: &Pause, what: &str) -> String {
    let mut text = format!("{what} are paused by {}{}.", who(at.by), until(at));
    if !at.confirmed {
        text.push_str(" The update client has not confirmed it yet.");
    }
    if pause.tampered {
        text.push_str(" The pause is longer than Windows allows, which a tool must have written.");
    }
    text
}

fn expired(at: &PauseNow, what: &str) -> String {
    match at.until {
        Some(end) => format!(
            "{what} are not paused: the pause by {} ended on {}.",
            who(at.by),
            end.day()
        ),
        None => format!("{what} are not paused: a pause ran out and they resumed."),
    }
}

fn until(at: &PauseNow) -> String {
    at.until
        .map_or_else(String::new, |end| format!(" until {}", end.day()))
}

const fn who(by: Option<PausedBy>) -> &'static str {
    match by {
        Some(PausedBy::User) => "the user",
        Some(PausedBy::Gpo) => "group policy",
        Some(PausedBy::Mdm) => "device management",
        None => "someone unnamed",
    }
}
