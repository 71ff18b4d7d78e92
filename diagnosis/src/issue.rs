//! What an issue is. The issues themselves stand in [`crate::issues`], one file each.

use std::cell::OnceCell;

use crate::context::{FleetContext, Sighting};
use crate::expectation::Expectations;
use crate::facts::Facts;
use crate::issues::wanted_update::Answer;
use crate::knowledge::Knowledge;
use crate::time::Time;
use crate::verdict::{Severity, State, Verdict};

/// A reason why a device does not get the updates it should, or gets others.
#[derive(Debug)]
pub struct Issue {
    /// Public id: in URLs, API, exports and rules. Never changes.
    pub id: &'static str,
    /// Short title.
    pub title: &'static str,
    /// One paragraph: what it means for the device.
    pub meaning: &'static str,
    /// The worst that an open verdict of it can be.
    pub severity: Severity,
    /// What its causes are, for example "hold id and target release".
    pub groups_by: &'static str,
    /// The way out, in order.
    pub fix: &'static [FixStep],
    /// The vendor's articles.
    pub links: &'static [Link],
    /// Issues that this one explains when both are open on a device.
    pub explains: &'static [&'static str],
    /// Who can tell it.
    pub told_by: Teller,
    /// Whether it says no more than that something else manages the device's updates; then it is not applicable where the owner says
    /// that something does.
    pub says_managed_elsewhere: bool,
    /// Answers that its rule never gives, each with the reason.
    pub never: &'static [(State, &'static str)],
    /// The rule. Pure.
    pub decide: fn(&Case<'_>) -> Verdict,
}

/// Who can tell an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Teller {
    /// The device's own readings, so that it is also told on the spot, without a server.
    Device,
    /// The readings together with what only the fleet knows.
    Fleet,
    /// The server alone, by what it saw of the device.
    Server,
}

/// One step of a fix.
#[derive(Debug, Clone, Copy)]
pub struct FixStep {
    /// What to do.
    pub text: &'static str,
    /// The exact command, where there is one.
    pub command: Option<&'static str>,
}

/// An article of the vendor.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// Its title.
    pub title: &'static str,
    /// Its address.
    pub url: &'static str,
}

/// All that a rule may look at.
#[derive(Debug, Clone)]
pub struct Case<'a> {
    /// What is known of the device.
    pub facts: &'a Facts,
    /// What the fleet's owner wants of it.
    pub expectations: &'a Expectations,
    /// What only the fleet knows.
    pub fleet: &'a FleetContext,
    /// What the server itself saw of the device; `None` where there is no server, as with `inspect`.
    pub sighting: Option<&'a Sighting>,
    /// The moment for which it is decided.
    pub now: Time,
    /// What several rules ask for; empty at first.
    pub shared: Shared,
}

/// What several rules ask for, worked out once a case.
#[derive(Debug, Clone, Default)]
pub struct Shared {
    pub(crate) wanted: OnceCell<Result<Vec<Answer>, Verdict>>,
}

impl<'a> Case<'a> {
    /// What is known of Windows.
    pub fn knowledge(&self) -> &'a Knowledge {
        self.facts.knowledge()
    }

    /// An error code in its one spelling, with what it means where that is known.
    pub fn in_words(&self, code: &str) -> String {
        self.knowledge().in_words(code)
    }
}
