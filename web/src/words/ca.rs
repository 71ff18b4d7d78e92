//! The page of the certificate authority.

use crate::pages::ca::{Phase, Standing, Step};

/// What a generation is good for.
pub(crate) const fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Announced => "announced",
        Standing::Issuing => "issues",
        Standing::Trusted => "trusted still",
        Standing::Retired => "retired",
    }
}

/// Where a rotation stands.
pub(crate) const fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Steady => "No rotation is under way.",
        Phase::Announced => {
            "The next CA is announced: devices hear whom to trust besides this one."
        }
        Phase::Switched => {
            "The new CA issues: devices fetch their certificates from it, and both are trusted."
        }
    }
}

/// What the button of a step says.
pub(crate) const fn label(step: Step) -> &'static str {
    match step {
        Step::Announce => "Announce another CA",
        Step::Switch => "Switch to it",
        Step::Retire => "Retire the old CA",
        Step::BackOut => "One step back",
    }
}

/// What a step does, taken in this phase.
pub(crate) const fn meaning(step: Step, phase: Phase) -> &'static str {
    match (step, phase) {
        (Step::Announce, _) => {
            "Makes the next CA. Devices trust both from then on; nothing else changes, and it can be undone."
        }
        (Step::Switch, _) => {
            "Issues every certificate by the next CA. Devices that have not heard of it yet follow all the same."
        }
        (Step::Retire, _) => {
            "Trusts the old CA no more and removes its key. This cannot be undone; devices that slept through it come home by themselves."
        }
        (Step::BackOut, Phase::Switched) => "Issues by the old CA again.",
        (Step::BackOut, _) => "Forgets the next CA again.",
    }
}

/// What a step did that was just taken.
pub(crate) const fn done(step: Step) -> &'static str {
    match step {
        Step::Announce => "The next CA is announced. Devices hear of it one by one.",
        Step::Switch => "The new CA issues from now on.",
        Step::Retire => "The old CA is retired, and its key is removed.",
        Step::BackOut => "One step back.",
    }
}
