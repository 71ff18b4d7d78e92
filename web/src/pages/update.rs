//! `/updates/{kb}`: how the fleet stands with one update, every device in exactly one class, and the devices of a class.

use std::borrow::Borrow;

use askama::Template;
use sickbay_diagnosis::explanation::Class;

use crate::component::{self, Bar, FilterBox};
use crate::links::ExportFormat;
use crate::words::updates as words;
use crate::{Chrome, document, links, region, text};

/// A class with its devices.
#[derive(Debug, Clone, Copy)]
pub struct ClassRow {
    /// The class.
    pub class: Class,
    /// Devices in it.
    pub devices: u64,
}

/// A device, and where it stands.
#[derive(Debug, Clone)]
pub struct StandingRow {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `Windows 11 24H2`; empty where unknown.
    pub release: String,
    /// `26100.4351`; empty where unknown.
    pub build: String,
    /// Distinguished name of its OU; empty where unknown.
    pub ou: String,
    /// Its class.
    pub class: Class,
    /// Why, in one sentence.
    pub why: String,
}

/// What an update brings to a family of builds, with who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BringsLine {
    /// To whom.
    pub to: Family,
    /// What.
    pub what: Brings,
    /// By which day it was out, `2026-09-14`, where that is known.
    pub out: Option<String>,
    /// Who says so.
    pub who: Teller,
}

/// Devices whose builds are served together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Family {
    /// Of releases that are known.
    Releases(String),
    /// Of a build of which nothing else is known.
    Build(u32),
}

/// What an update brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Brings {
    /// A revision, `26100.9457`.
    Revision(String),
    /// A revision without a restart.
    Hotpatch {
        /// The revision.
        revision: String,
        /// The one that has the same content.
        covers: String,
    },
    /// Another release that is known.
    Release(String),
    /// Another release, of which the build is all that is known.
    Build(u32),
}

/// Who says what an update brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Teller {
    /// The table of updates.
    Table,
    /// A person imported it.
    Imported,
    /// Devices of the fleet: so many of them, where the viewer sees all.
    Fleet(Option<u64>),
}

impl BringsLine {
    fn words(&self) -> String {
        words::brings(self)
    }
}

/// `/updates/{kb}`.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/update.html")]
pub struct UpdatePage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// The update as it was asked for: its number or the name of a file.
    pub asked: String,
    /// Its number.
    pub kb: String,
    /// How the name of the file that was asked for begins; empty where a number was.
    pub file: String,
    /// What it brings, a line for each family of builds.
    pub brings: Vec<BringsLine>,
    /// The vendor's catalogue, asked for it.
    pub catalogue: String,
    /// Every class that has a device.
    pub classes: Vec<ClassRow>,
    /// All devices that match the filter.
    pub devices: u64,
    /// The class that is listed; all where none is chosen.
    pub chosen: Option<Class>,
    /// What is asked of the list.
    pub filter: FilterBox,
    /// The devices of this part of the list.
    pub rows: Vec<StandingRow>,
    /// Where the next part begins.
    pub next_cursor: Option<String>,
    /// Whether this part is not the first.
    pub is_continued: bool,
}

impl UpdatePage {
    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }

    fn action(&self) -> String {
        links::update(&self.asked, "", "")
    }

    fn chosen_name(&self) -> &'static str {
        self.chosen.map_or("", Class::name)
    }

    fn is_chosen(&self, class: impl Borrow<Class>) -> bool {
        self.chosen == Some(*class.borrow())
    }

    fn of_class(&self, class: impl Borrow<Class>) -> String {
        links::update(&self.asked, &self.filter.text, class.borrow().name())
    }

    fn all_classes(&self) -> String {
        links::update(&self.asked, &self.filter.text, "")
    }

    fn exports(&self) -> impl Iterator<Item = (&'static str, String)> + '_ {
        ExportFormat::ALL.into_iter().map(|format| {
            let href =
                links::update_export(&self.asked, format, &self.filter.text, self.chosen_name());
            (format.label(), href)
        })
    }

    fn next(&self) -> Option<String> {
        let cursor = self.next_cursor.as_deref()?;
        let next = links::update_after(&self.asked, &self.filter.text, self.chosen_name(), cursor);
        Some(format!("{next}#list"))
    }

    fn first(&self) -> String {
        let first = links::update(&self.asked, &self.filter.text, self.chosen_name());
        format!("{first}#list")
    }

    /// Devices that have what the update brings.
    fn done(&self) -> u64 {
        self.sum(Class::is_done)
    }

    /// Devices for which it is not.
    fn elsewhere(&self) -> u64 {
        self.sum(Class::is_elsewhere)
    }

    /// Devices of which it could not be told.
    fn unknown(&self) -> u64 {
        self.sum(|class| class == Class::Unknown)
    }

    /// Devices that it is for and that lack it.
    fn lacking(&self) -> u64 {
        self.devices - self.done() - self.elsewhere() - self.unknown()
    }

    fn sum(&self, counts: impl Fn(Class) -> bool) -> u64 {
        let of = self.classes.iter().filter(|row| counts(row.class));
        of.map(|row| row.devices).sum()
    }

    /// Length of a class's bar, out of the fleet.
    fn share(&self, row: &ClassRow) -> Bar {
        let colour = match row.class {
            class if class.is_done() => "healthy",
            class if class.is_elsewhere() => "quiet",
            Class::Unknown => "unknown",
            _ => "warning",
        };
        Bar::new(self.devices, &[(colour, row.devices)])
    }
}
