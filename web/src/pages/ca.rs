//! `/enrolment/ca`: the generations of the certificate authority, how far the devices have come with a rotation, and its steps.

use askama::Template;
use sickbay_diagnosis::Time;

use crate::component;
use crate::{Chrome, document, links, text};

/// A generation of the CA.
#[derive(Debug, Clone)]
pub struct Generation {
    /// Counts from 1.
    pub number: u64,
    /// What it is good for, in words.
    pub standing: &'static str,
    /// Since when.
    pub since: Time,
    /// What `ServerCaPins` holds for it.
    pub pin: String,
    /// Whether it is trusted.
    pub trusted: bool,
}

/// A step that can be taken now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// As the form sends it.
    pub value: &'static str,
    /// What the button says.
    pub label: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// Whether it cannot be undone.
    pub is_final: bool,
}

/// `/enrolment/ca`.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/ca.html")]
pub struct CaPage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// Every generation, the newest first.
    pub generations: Vec<Generation>,
    /// Where a rotation stands, in one sentence.
    pub phase: String,
    /// How many of how many devices have come along, while one is under way.
    pub progress: Option<(u64, u64)>,
    /// Steps that can be taken now.
    pub steps: Vec<Step>,
    /// What a form just did, in one sentence.
    pub done: Option<String>,
}

impl CaPage {
    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }

    fn has_final(&self) -> bool {
        self.steps.iter().any(|step| step.is_final)
    }

    /// Pins that belong into the policy now.
    fn pins(&self) -> Vec<&str> {
        let trusted = self.generations.iter().filter(|one| one.trusted);
        trusted.map(|one| one.pin.as_str()).collect()
    }
}
