//! `/exports`: a list as a file, in chosen columns, made while one goes on working; and the files that are there.

use askama::Template;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::issue::Issue;

use crate::component;
use crate::links::ExportFormat;
use crate::words::exports as words;
use crate::{Chrome, document, links, region, text};

/// A column that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnChoice {
    /// Its name in the file.
    pub name: &'static str,
    /// Whether it is chosen.
    pub chosen: bool,
}

/// Which list is exported, and how.
#[derive(Debug, Clone)]
pub struct ExportForm {
    /// Its issue; `None`: all devices.
    pub issue: Option<&'static Issue>,
    /// The filter.
    pub filter: String,
    /// Devices that it has now.
    pub matching: u64,
    /// Columns that it can have.
    pub columns: Vec<ColumnChoice>,
    /// The format that is chosen.
    pub format: ExportFormat,
}

impl ExportForm {
    fn title(&self) -> &str {
        self.issue.map_or(words::ALL_DEVICES, |issue| issue.title)
    }

    fn list(&self) -> String {
        self.issue.map_or_else(
            || links::devices(&self.filter),
            |issue| links::issue(issue.id, &self.filter),
        )
    }

    /// A column's name for people.
    fn label(column: &ColumnChoice) -> String {
        column.name.replace('_', " ")
    }
}

/// How far an export is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Others are made before it.
    Waiting,
    /// It is made.
    Running,
    /// It can be fetched.
    Done {
        /// Bytes of its file.
        bytes: u64,
        /// Address of its file.
        href: String,
    },
    /// It could not be made.
    Failed {
        /// Why.
        why: String,
    },
}

/// An export of the viewer's.
#[derive(Debug, Clone)]
pub struct ExportLine {
    /// Its id.
    pub id: String,
    /// Its issue; `None`: all devices.
    pub issue: Option<&'static Issue>,
    /// Its filter.
    pub filter: String,
    /// Its format.
    pub format: ExportFormat,
    /// When it was asked for.
    pub asked_at: Time,
    /// Rows written so far.
    pub rows: u64,
    /// Rows that it will have.
    pub expected: u64,
    /// How far it is.
    pub progress: Progress,
}

impl ExportLine {
    fn title(&self) -> &str {
        self.issue.map_or(words::ALL_DEVICES, |issue| issue.title)
    }

    /// As much as a progress bar shows; rows may come and go while a file is made.
    fn shown(&self) -> u64 {
        self.rows.min(self.expected)
    }
}

/// Why a form did nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// No column was chosen.
    NoColumn,
}

impl Mistake {
    const fn words(self) -> &'static str {
        words::mistake(self)
    }
}

/// `/exports`.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/exports.html")]
pub struct ExportsPage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// The form of a new one, where the address names a list.
    pub form: Option<ExportForm>,
    /// The viewer's exports, the newest first.
    pub exports: Vec<ExportLine>,
    /// How long files are kept, in hours.
    pub kept_hours: i64,
    /// Why a form did nothing.
    pub mistake: Option<Mistake>,
}

impl ExportsPage {
    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }

    /// Whether one of them is not over.
    fn is_busy(&self) -> bool {
        self.exports
            .iter()
            .any(|line| matches!(line.progress, Progress::Waiting | Progress::Running))
    }
}
