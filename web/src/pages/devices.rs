//! `/devices`: the devices that match a filter, with how each stands.

use askama::Template;
use sickbay_diagnosis::Time;

use crate::component::{self, FilterBox};
use crate::facets::Facets;
use crate::links::ExportFormat;
use crate::{Chrome, document, links, region, text};

/// A device in the list.
#[derive(Debug, Clone)]
pub struct DeviceLine {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `active`, `pending`, `revoked`, `retired`: shown unless active.
    pub status: String,
    /// `Windows 11 24H2`; empty where unknown.
    pub release: String,
    /// `26100.4351`; empty where unknown.
    pub build: String,
    /// DNS domain; empty in a workgroup.
    pub domain: String,
    /// Distinguished name of its OU; empty where unknown.
    pub ou: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Title of its primary cause; empty where nothing is open.
    pub primary: String,
    /// Open findings.
    pub open: u32,
    /// Of these, serious ones.
    pub serious: u32,
    /// Unknown ones.
    pub unknown: u32,
    /// When it was last heard of.
    pub last_seen_at: Option<Time>,
    /// Whether a report was ever taken in. Without one nothing is known, which is not the same as healthy.
    pub has_reported: bool,
}

impl DeviceLine {
    /// Colour and word of how it stands.
    fn standing(&self) -> (&'static str, &'static str) {
        match (self.has_reported, self.serious, self.open, self.unknown) {
            (false, ..) => ("quiet", "Never reported"),
            (_, 1.., _, _) => ("serious", "Serious"),
            (_, _, 1.., _) => ("warning", "Warning"),
            (_, _, _, 1..) => ("unknown", "Unknown"),
            _ => ("clear", "Healthy"),
        }
    }
}

/// `/devices`.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/devices.html")]
pub struct DevicesPage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// What is asked of the list.
    pub filter: FilterBox,
    /// Groups of the devices that match.
    pub facets: Facets,
    /// The devices of this part of the list.
    pub devices: Vec<DeviceLine>,
    /// Where the next part begins.
    pub next_cursor: Option<String>,
    /// Whether this part is not the first.
    pub is_continued: bool,
}

impl DevicesPage {
    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }

    fn exports(&self) -> impl Iterator<Item = (&'static str, String)> + '_ {
        let filter = &self.filter;
        ExportFormat::ALL.into_iter().map(|format| {
            let href = links::devices_export(format, &filter.text, filter.matching);
            (format.label(), href)
        })
    }

    fn choose_columns(&self) -> String {
        links::exports_of(links::ALL_DEVICES, &self.filter.text)
    }

    fn next(&self) -> Option<String> {
        let cursor = self.next_cursor.as_deref()?;
        Some(links::devices_after(&self.filter.text, Some(cursor)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_never_reported_is_not_shown_as_healthy() {
        let mut device = DeviceLine {
            id: String::new(),
            name: String::new(),
            status: "active".to_owned(),
            release: String::new(),
            build: String::new(),
            domain: String::new(),
            ou: String::new(),
            tags: Vec::new(),
            primary: String::new(),
            open: 0,
            serious: 0,
            unknown: 0,
            last_seen_at: None,
            has_reported: false,
        };
        assert_eq!(device.standing().1, "Never reported");
        device.has_reported = true;
        assert_eq!(device.standing().1, "Healthy");
        device.unknown = 1;
        assert_eq!(device.standing().1, "Unknown");
        device.open = 1;
        assert_eq!(device.standing().1, "Warning");
        device.serious = 1;
        assert_eq!(device.standing().1, "Serious");
    }
}
