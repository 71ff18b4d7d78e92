//! The form that accepts an issue: folded away on the page of an issue and at each open verdict of a device, and as a page of its own
//! where something of it has to be put right.

use askama::Template;

use sickbay_diagnosis::Time;

use crate::component;
use crate::{Chrome, document, links, text};

/// What the form proposes, in days.
const MONTH_DAYS: i64 = 30;
/// The end that the form allows, in days: two years.
const LONGEST_DAYS: i64 = 730;

/// What was typed into the form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AcceptForm {
    /// Id of the issue.
    pub issue: String,
    /// Filter of the devices; empty for all.
    pub scope: String,
    /// Why.
    pub reason: String,
    /// Until when, `2026-12-31`.
    pub until: String,
    /// The first day that can be the last one.
    pub earliest: String,
    /// The last one.
    pub latest: String,
}

impl AcceptForm {
    /// An empty one for the devices of `scope`, ending in a month.
    pub(crate) fn new(issue: &str, scope: String, now: Time) -> Self {
        Self {
            issue: issue.to_owned(),
            scope,
            reason: String::new(),
            until: now.plus_days(MONTH_DAYS).date(),
            earliest: now.date(),
            latest: now.plus_days(LONGEST_DAYS).date(),
        }
    }
}

/// Shown where an acceptance cannot be taken as typed.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/accept.html")]
pub struct AcceptPage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// The issue's title.
    pub title: String,
    /// What was typed.
    pub form: AcceptForm,
    /// The part that cannot be: `issue`, `scope`, `reason`, `until`, or empty for none of them.
    pub part: String,
    /// Why not.
    pub error: String,
}

impl AcceptPage {
    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }

    fn why(&self, part: &str) -> Option<&str> {
        (self.part == part).then_some(self.error.as_str())
    }

    /// Where the error belongs to no part of the form that can be seen.
    fn is_apart(&self) -> bool {
        !matches!(self.part.as_str(), "scope" | "reason" | "until")
    }
}
