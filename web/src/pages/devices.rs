//! `/devices`: the devices that match a filter, with how each stands.

use askama::Template;

use crate::component::{self, FilterBox};
use crate::facets::Facets;
use crate::links::{ExportFormat, List};
use crate::table::{Asked, DeviceTable};
use crate::views::Views;
use crate::{Chrome, document, links, region, text};

/// `/devices`.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/devices.html")]
pub struct DevicesPage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// The list as it is asked for.
    pub list: List,
    /// What is asked of the list.
    pub filter: FilterBox,
    /// Views of this list.
    pub views: Views,
    /// Groups of the devices that match.
    pub facets: Facets,
    /// The devices of this part of the list; `None` where there are none.
    pub table: Option<DeviceTable>,
    /// Where the next part begins.
    pub next_cursor: Option<String>,
    /// What was done with chosen devices.
    pub done: Option<Asked>,
}

impl DevicesPage {
    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
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
}
