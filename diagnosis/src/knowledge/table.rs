//! A table as text: tab-separated columns under a header.

use std::collections::BTreeSet;

use super::TableName;
use crate::time::Time;

/// A table, its rows not understood yet.
#[derive(Debug)]
pub(super) struct Table<'a> {
    pub(super) name: TableName,
    pub(super) dated: &'a str,
    pub(super) rows: Vec<Row<'a>>,
}

/// A row: its columns, empty where the line ends before them.
#[derive(Debug)]
pub(super) struct Row<'a> {
    name: TableName,
    line: usize,
    columns: Vec<&'a str>,
}

/// A table that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{table}, line {line}: {problem}")]
pub struct TableError {
    /// Which table.
    pub table: TableName,
    /// Which line of it, from 1.
    pub line: usize,
    /// What is wrong, and what should be there.
    pub problem: String,
}

impl<'a> Table<'a> {
    /// Splits a table into rows. Its header must be that of the built-in table: a column more or less is another form.
    pub(super) fn parse(name: TableName, text: &'a str) -> Result<Self, TableError> {
        let error = |line, problem| TableError {
            table: name,
            line,
            problem,
        };
        let mut lines = text.lines().enumerate();
        let first = lines.next().map_or("", |(_, line)| line.trim());
        let dated = first
            .strip_prefix("# dated ")
            .map(str::trim)
            .filter(|day| Time::parse_day(day).is_some());
        let Some(dated) = dated else {
            let wanted = "the first line must be `# dated YYYY-MM-DD`, the day up to which the table was collected";
            return Err(error(1, wanted.to_owned()));
        };
        let header = lines.next().map_or("", |(_, line)| line.trim_end());
        let known = name.built_in().lines().nth(1).unwrap_or_default();
        if header != known {
            return Err(error(
                2,
                format!("the columns must be {known:?}, and are {header:?}"),
            ));
        }
        let width = header.split('\t').count();
        let mut rows = Vec::new();
        for (place, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
            let columns: Vec<&str> = line.split('\t').map(str::trim).collect();
            if columns.len() > width {
                let found = columns.len();
                let problem =
                    format!("there are {found} columns, and the table has {width}: a tab too many");
                return Err(error(place + 1, problem));
            }
            rows.push(Row {
                name,
                line: place + 1,
                columns,
            });
        }
        if rows.is_empty() {
            return Err(error(
                3,
                "there is no row: the table was cut off".to_owned(),
            ));
        }
        Ok(Self { name, dated, rows })
    }

    /// Refuses a second row of what is told only once.
    pub(super) fn each_once<K: Ord>(
        &self,
        what: &str,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<(), TableError> {
        let mut told = BTreeSet::new();
        for (row, key) in self.rows.iter().zip(keys) {
            if !told.insert(key) {
                return Err(row.error(format!("{what} stands in the table twice")));
            }
        }
        Ok(())
    }
}

impl<'a> Row<'a> {
    /// A column's text; empty where there is none.
    pub(super) fn text(&self, place: usize) -> &'a str {
        self.columns.get(place).copied().unwrap_or_default()
    }

    /// A column's text that must be there.
    pub(super) fn filled(&self, place: usize, what: &str) -> Result<&'a str, TableError> {
        let text = self.text(place);
        if text.is_empty() {
            return Err(self.error(format!("{what} is missing (column {})", place + 1)));
        }
        Ok(text)
    }

    /// A column's text, or nothing where it is empty.
    pub(super) fn optional(&self, place: usize) -> Option<&'a str> {
        Some(self.text(place)).filter(|text| !text.is_empty())
    }

    /// A column's text understood, which must be there.
    pub(super) fn understood<T>(
        &self,
        place: usize,
        what: &str,
        understand: impl Fn(&'a str) -> Option<T>,
    ) -> Result<T, TableError> {
        let text = self.filled(place, what)?;
        understand(text).ok_or_else(|| self.error(format!("{text:?} is not {what}")))
    }

    /// A column's text understood where it is not empty.
    pub(super) fn understood_if_there<T>(
        &self,
        place: usize,
        what: &str,
        understand: impl Fn(&'a str) -> Option<T>,
    ) -> Result<Option<T>, TableError> {
        if self.text(place).is_empty() {
            return Ok(None);
        }
        self.understood(place, what, understand).map(Some)
    }

    pub(super) fn error(&self, problem: String) -> TableError {
        TableError {
            table: self.name,
            line: self.line,
            problem,
        }
    }
}
