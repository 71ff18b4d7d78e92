//! `/issues/{issue}`: what it means, how it is mended, the causes its devices share, and the devices.

use askama::Template;
use sickbay_diagnosis::issue::Issue;
use sickbay_diagnosis::verdict::Cause;

use super::accept::AcceptForm;
use crate::chart::Chart;
use crate::component::{self, Bar, FilterBox};
use crate::facets::Facets;
use crate::links::{ExportFormat, List};
use crate::table::{Asked, DeviceTable};
use crate::views::Views;
use crate::{Chrome, document, links, region, text};

/// Devices that share a cause.
#[derive(Debug, Clone)]
pub struct CauseGroup {
    /// The cause.
    pub cause: Cause,
    /// How many of the devices that match the filter.
    pub devices: u64,
    /// The filter in force narrowed to this cause.
    pub filter: String,
}

/// `/issues/{issue}`.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/issue.html")]
pub struct IssuePage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// The issue.
    pub issue: &'static Issue,
    /// Devices that have it, whatever the filter.
    pub open: u64,
    /// Of these, serious ones.
    pub serious: u64,
    /// Devices of which it could not be told, whatever the filter.
    pub unknown: u64,
    /// Devices that have it, and of which that is accepted for a time, whatever the filter; not among the open ones.
    pub accepted: u64,
    /// Devices whose primary cause it is.
    pub primary: u64,
    /// Issues that this one explains where both are open.
    pub explains: Vec<&'static Issue>,
    /// What is asked of the list. Exports are given the same text, so list and export must read it alike (open findings, unless it
    /// says otherwise).
    pub filter: FilterBox,
    /// Other groups of them.
    pub facets: Facets,
    /// Causes among the devices that match, most first.
    pub causes: Vec<CauseGroup>,
    /// The devices of this part of the list; `None` where there are none.
    pub table: Option<DeviceTable>,
    /// Where the next part begins.
    pub next_cursor: Option<String>,
    /// The list as it is asked for.
    pub list: List,
    /// Views of this list.
    pub views: Views,
    /// Open findings day by day.
    pub trend: Chart,
    /// What was done with chosen devices.
    pub done: Option<Asked>,
}

impl IssuePage {
    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }

    fn primary_filter(&self) -> String {
        format!("primary:{}", self.issue.id)
    }

    /// The form that accepts it for the devices of the filter.
    fn accept(&self) -> AcceptForm {
        AcceptForm::new(self.issue.id, self.filter.text.clone(), self.chrome.now)
    }

    fn action(&self) -> String {
        links::issue(self.issue.id, "")
    }

    fn exports(&self) -> impl Iterator<Item = (&'static str, String)> + '_ {
        let matching = self.filter.matching;
        let href = move |format| self.list.export(format, matching);
        ExportFormat::ALL
            .into_iter()
            .map(move |format| (format.label(), href(format)))
    }

    fn next(&self) -> Option<String> {
        let cursor = self.next_cursor.as_deref()?;
        Some(self.list.after(cursor))
    }

    /// Length of a cause's bar, out of the largest group.
    fn share(&self, group: &CauseGroup) -> Bar {
        let largest = self.causes.iter().map(|g| g.devices).max().unwrap_or(0);
        Bar::new(largest, &[("accent", group.devices)])
    }
}
