//! `/updates/{kb}/devices/{id}`: why one update is, or is not, on one device, with the readings that show it and the way out.

use askama::Template;
use sickbay_diagnosis::error_code::spelled_in;
use sickbay_diagnosis::explanation::Class;
use sickbay_diagnosis::issue::Issue;
use sickbay_diagnosis::reading::Evidence;

use crate::component;
use crate::{Chrome, document, links, region, text};

/// A reason with what shows it.
#[derive(Debug, Clone)]
pub struct ReasonView {
    /// The class that it makes.
    pub class: Class,
    /// In one sentence.
    pub sentence: String,
    /// The readings.
    pub evidence: Vec<Evidence>,
}

/// What to do by hand.
#[derive(Debug, Clone)]
pub struct WayOutView {
    /// The vendor's catalogue, asked for the update.
    pub catalogue: String,
    /// What to do, each with a command where there is one.
    pub steps: Vec<(String, Option<String>)>,
}

/// `/updates/{kb}/devices/{id}`.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/update_on.html")]
pub struct UpdateOnPage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// The update as it was asked for.
    pub asked: String,
    /// Its number.
    pub kb: String,
    /// What it is for, in words; empty where that is not known.
    pub is_for: String,
    /// The device's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `Windows 11 24H2`; empty where unknown.
    pub release: String,
    /// `26100.4351`; empty where unknown.
    pub build: String,
    /// `x64`; empty where unknown.
    pub arch: String,
    /// What decides.
    pub decisive: ReasonView,
    /// What would decide if that were not so, in order.
    pub rest: Vec<ReasonView>,
    /// The issue that most likely keeps updates away in general.
    pub primary: Option<&'static Issue>,
    /// What to do by hand; nothing where the device has the update, or it is for others.
    pub way_out: Option<WayOutView>,
}

impl UpdateOnPage {
    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }

    /// The error code that decides.
    fn code(&self) -> Option<&str> {
        spelled_in(&self.decisive.sentence)
    }

    fn tone(&self) -> &'static str {
        match self.decisive.class {
            class if class.is_done() => "clear",
            Class::Unknown => "unknown",
            class if class.is_elsewhere() => "unknown",
            _ => "warning",
        }
    }
}
