//! A list of devices in the columns that somebody chose, ordered as they like it, with a box before each device.

use std::borrow::{Borrow, Cow};

use askama::Template;
use askama::filters::HtmlSafe;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::issue::Issue;
use sickbay_diagnosis::verdict::{Cause, Kept, Severity};

use crate::words::{lists as words, states};
use crate::{Zone, columns, component, links, text};

/// What a device says in a column.
#[derive(Debug, Clone)]
pub enum Cell {
    /// Nothing: it is not known, or there is none.
    Nothing,
    /// A text of the device.
    Text(String),
    /// Texts of the device.
    Texts(Vec<String>),
    /// A distinguished name.
    Ou(String),
    /// A number.
    Number(u64),
    /// A moment.
    When(Time),
    /// The last day of what ends then.
    LastDay(Time),
    /// How it stands, as the filter language says it.
    Standing(&'static str),
    /// How the finding is kept, and how bad it is where it is open.
    State(Kept, Option<Severity>),
    /// What the finding groups by; where it groups by nothing, its sentence.
    Causes(Vec<Cause>, String),
    /// An issue.
    Issue(&'static Issue),
}

/// A device.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// Its name, in the first column always.
    pub name: String,
    /// Its status, shown unless `active`.
    pub status: &'static str,
    /// What it says in the other columns, in their order.
    pub cells: Vec<Cell>,
}

/// The way that a list is ordered by a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The smallest first.
    Ascending,
    /// The largest first.
    Descending,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its name.
    pub name: &'static str,
    /// The list in the order of this column, or the other way round where it is already.
    pub sort: Option<String>,
    /// Where the list is ordered by it.
    pub ordered: Option<Direction>,
}

/// A column that can be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Its name.
    pub name: &'static str,
    /// Whether it is.
    pub shown: bool,
}

/// A list of devices.
#[derive(Debug, Clone, Template)]
#[template(path = "components/table.html")]
pub struct DeviceTable {
    /// The issue whose findings it shows; links lead to the verdict then.
    pub issue: Option<&'static Issue>,
    /// The column of names, and the others.
    pub heads: Vec<Head>,
    /// Columns to choose from, but for the names.
    pub choices: Vec<Choice>,
    /// The list's address without its columns, and what has to be said again with them.
    pub action: String,
    /// See above.
    pub kept: Vec<(&'static str, String)>,
    /// The devices.
    pub rows: Vec<Row>,
    /// When it is shown.
    pub now: Time,
    /// The zone in which exact times are told.
    pub zone: Zone,
    /// Devices of the whole list.
    pub matching: u64,
    /// What can be done with chosen devices.
    pub selection: Option<Selection>,
}

/// What can be done with chosen devices of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Proves that the form comes from this session.
    pub csrf: String,
    /// The filter of the whole list.
    pub filter: String,
    /// Whether they may be asked to look again.
    pub inspects: bool,
    /// Whether the issue may be accepted for them.
    pub accepts: bool,
}

// Its template escapes what it shows.
impl HtmlSafe for DeviceTable {}

/// What was done with chosen devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// So many look again now.
    pub asked: u64,
    /// So many will, once they are connected.
    pub not_connected: u64,
}

impl Asked {
    pub(crate) fn words(self) -> String {
        words::asked(self)
    }
}

impl DeviceTable {
    /// What it lists, for whoever hears it.
    fn caption(&self) -> Cow<'static, str> {
        words::caption(self.issue)
    }

    /// Where a device's name leads.
    fn href(&self, row: &Row) -> String {
        match self.issue {
            Some(issue) => links::verdict(&row.id, issue.id),
            None => links::device(&row.id),
        }
    }

    /// The list that is named in forms.
    fn list(&self) -> &'static str {
        self.issue.map_or(links::ALL_DEVICES, |issue| issue.id)
    }

    /// The other columns of a row, each with its heading.
    fn cells<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = (&'static str, &'a Cell)> {
        let heads = self.heads.iter().skip(1).map(|head| head.name);
        heads.zip(&row.cells)
    }

    /// The list in its usual columns.
    fn usual(&self) -> String {
        let kept: Vec<(&str, &str)> = self
            .kept
            .iter()
            .filter(|(name, _)| *name != "columns")
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        links::with_query(self.action.clone(), &kept)
    }

    /// What the list is ordered by, where that is one of its columns.
    fn order(&self) -> Option<(&'static str, Direction)> {
        self.heads
            .iter()
            .find_map(|head| Some((head.name, head.ordered?)))
    }

    fn is_chosen(&self) -> bool {
        self.kept.iter().any(|(name, _)| *name == "columns")
    }

    /// Class and word of how a device stands.
    fn standing(word: &str) -> (&'static str, &'static str) {
        match word {
            "serious" => ("serious", states::SERIOUS),
            "warning" => ("warning", states::WARNING),
            "healthy" => ("clear", states::HEALTHY),
            "never-reported" => ("quiet", states::NEVER_REPORTED),
            _ => ("unknown", states::UNKNOWN),
        }
    }

    /// The class of a column's cells.
    fn class(name: &str) -> &'static str {
        match name {
            "ou" => "ou",
            "build" => "build",
            "release" => "release",
            "cause_labels" | "summary" => "cause-cell",
            name if name.ends_with("_at") || name == "since" => "when",
            name if columns::is_number(name) => "num",
            _ => "",
        }
    }

    fn when(&self, at: impl Borrow<Time>) -> component::When {
        component::When {
            time: *at.borrow(),
            now: self.now,
            zone: self.zone.clone(),
        }
    }
}

impl Head {
    fn aria(&self) -> &'static str {
        match self.ordered {
            Some(Direction::Ascending) => "ascending",
            Some(Direction::Descending) => "descending",
            None => "none",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_never_reported_is_not_shown_as_healthy() {
        assert_eq!(DeviceTable::standing("never-reported").1, "Never reported");
        assert_eq!(DeviceTable::standing("healthy").1, "Healthy");
        // A word of a later version.
        assert_eq!(DeviceTable::standing("resting").1, "Unknown");
    }
}
