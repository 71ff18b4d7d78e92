//! `/enrolment/ca`: the generations of the certificate authority, how far the devices have come with a rotation, and its steps.

use std::borrow::Borrow;

use askama::Template;
use sickbay_diagnosis::Time;

use crate::component;
use crate::words::ca as words;
use crate::{Chrome, document, links, text};

/// What a generation is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Devices hear of it.
    Announced,
    /// It issues.
    Issuing,
    /// It issued, and is still trusted.
    Trusted,
    /// Nobody trusts it any more.
    Retired,
}

impl Standing {
    const fn words(self) -> &'static str {
        words::standing(self)
    }

    const fn is_trusted(self) -> bool {
        !matches!(self, Self::Retired)
    }
}

/// A generation of the CA.
#[derive(Debug, Clone)]
pub struct Generation {
    /// Counts from 1.
    pub number: u64,
    /// What it is good for.
    pub standing: Standing,
    /// Since when.
    pub since: Time,
    /// What `ServerCaPins` holds for it.
    pub pin: String,
}

/// Where a rotation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// None is under way.
    Steady,
    /// The next CA is announced.
    Announced,
    /// It issues.
    Switched,
}

impl Phase {
    const fn words(self) -> &'static str {
        words::phase(self)
    }
}

/// A step of a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Announces another CA.
    Announce,
    /// Lets it issue.
    Switch,
    /// Retires the one before.
    Retire,
    /// Takes the last step back.
    BackOut,
}

impl Step {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Announce, Self::Switch, Self::Retire, Self::BackOut];

    /// As forms and addresses say it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Announce => "announce",
            Self::Switch => "switch",
            Self::Retire => "retire",
            Self::BackOut => "back-out",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.name() == name)
    }

    /// Whether it cannot be undone.
    const fn is_final(self) -> bool {
        matches!(self, Self::Retire)
    }

    const fn is_back(self) -> bool {
        matches!(self, Self::BackOut)
    }

    const fn label(self) -> &'static str {
        words::label(self)
    }

    const fn done(self) -> &'static str {
        words::done(self)
    }
}

/// `/enrolment/ca`.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/ca.html")]
pub struct CaPage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// Every generation, the newest first.
    pub generations: Vec<Generation>,
    /// Where a rotation stands.
    pub phase: Phase,
    /// How many of how many devices have come along, while one is under way.
    pub progress: Option<(u64, u64)>,
    /// Steps that can be taken now.
    pub steps: Vec<Step>,
    /// The step that a form just took.
    pub done: Option<Step>,
}

impl CaPage {
    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }

    fn meaning(&self, step: impl Borrow<Step>) -> &'static str {
        words::meaning(*step.borrow(), self.phase)
    }

    fn has_final(&self) -> bool {
        self.steps.iter().any(|step| step.is_final())
    }

    /// Pins that belong into the policy now.
    fn pins(&self) -> Vec<&str> {
        let trusted = self
            .generations
            .iter()
            .filter(|one| one.standing.is_trusted());
        trusted.map(|one| one.pin.as_str()).collect()
    }
}
