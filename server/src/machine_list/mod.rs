//! Reading a list of machines that should have a collector: CSV as `Get-ADComputer | Export-Csv` writes it, or plain columns.
//!
//! Columns are found by name, in any order and letter case; others are passed over. The list is taken whole or not at all: the first
//! row that cannot be understood is told with line, column and what to do. Limits: [`MACHINES`] rows, [`NAME_BYTES`] and
//! [`limits::TEXT_BYTES`] a cell, [`HEADER_BYTES`] for the line of the column names.
//!
//! What it leaves out: whether a machine is what its row says. Texts are kept as they are, and whoever shows them escapes them.

mod decoding;

use std::collections::HashSet;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::sync::Arc;

use csv::{ByteRecord, ErrorKind};
use sickbay_diagnosis::facts::device::organizational_unit_of;
use sickbay_proto::limits;
use sickbay_store::ListedMachine;

use decoding::Decoded;

/// Machines of one list.
pub const MACHINES: usize = 1_000_000;
/// Bytes of a name, with its domain where it has one.
pub const NAME_BYTES: usize = 255;
/// Bytes of the line that names the columns.
const HEADER_BYTES: u64 = 64 * 1024;
/// Characters of a column's name that a message repeats.
const COLUMN_SHOWN: usize = 40;

/// What a file lists.
#[derive(Debug, Default)]
pub struct MachineFile {
    /// Its machines, disabled ones left out.
    pub machines: Vec<ListedMachine>,
    /// How many were left out because their account is disabled.
    pub disabled: u64,
}

/// Why a list was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// No column is known.
    #[error(
        "the list names no machines: its first line must name the columns, among them Name or DNSHostName; \
         `Get-ADComputer -Filter * -Properties OperatingSystem | Export-Csv list.csv -NoTypeInformation -Encoding UTF8` writes such a file"
    )]
    NoColumns,
    /// The first line goes on for ever.
    #[error(
        "the first line is longer than {HEADER_BYTES} bytes: it must name the columns, and each machine stands on a line of its own"
    )]
    HeaderTooLong,
    /// Which of two columns is meant?
    #[error("two columns are called {0}: remove one of them")]
    ColumnTwice(&'static str),
    /// A cell cannot be understood.
    #[error("line {line}, column {column}: {reason}")]
    Cell {
        /// Line of the file, from 1.
        line: u64,
        /// The column, as the file calls it.
        column: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// A row has another number of cells.
    #[error(
        "line {line}: {found} cells where the first line names {expected} columns; put a text that holds the separator into double quotes"
    )]
    Cells {
        /// Line of the file, from 1.
        line: u64,
        /// Cells of the row.
        found: usize,
        /// Columns.
        expected: usize,
    },
    /// More than is taken.
    #[error("the list has more than {MACHINES} machines")]
    TooMany,
    /// The file cannot be read.
    #[error("the list cannot be read")]
    Read(#[source] io::Error),
}

/// Reads a whole list.
pub fn read(input: impl Read) -> Result<MachineFile, ListError> {
    let mut input = BufReader::new(Decoded::new(input));
    let (header, skipped) = header(&mut input)?;
    let delimiter = separator(&header);
    // The last line ends like every other one, so that lines can be counted by their ends.
    let rest = input.chain(&b"\n"[..]);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .from_reader(Cursor::new(header).chain(rest));
    let columns = Columns::of(reader.byte_headers().map_err(of_csv)?)?;
    let mut list = MachineFile::default();
    let mut texts = Texts::default();
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(of_csv)? {
        let row = Row {
            columns: &columns,
            record: &record,
            end: reader.position().line() + skipped,
        };
        row.is_whole()?;
        if !row.enabled()? {
            list.disabled += 1;
            continue;
        }
        if list.machines.len() == MACHINES {
            return Err(ListError::TooMany);
        }
        list.machines.push(row.machine(&mut texts)?);
    }
    Ok(list)
}

/// The line that names the columns, and how many lines stood before it: `#TYPE` of PowerShell, `sep=` of Excel, empty ones.
fn header(input: &mut impl BufRead) -> Result<(Vec<u8>, u64), ListError> {
    let mut skipped = 0;
    loop {
        let mut line = Vec::new();
        input
            .by_ref()
            .take(HEADER_BYTES)
            .read_until(b'\n', &mut line)
            .map_err(ListError::Read)?;
        if line.len() as u64 == HEADER_BYTES {
            return Err(ListError::HeaderTooLong);
        }
        if line.is_empty() {
            return Err(ListError::NoColumns);
        }
        let text = line.trim_ascii();
        if !(text.is_empty() || text.starts_with(b"#TYPE") || text.starts_with(b"sep=")) {
            return Ok((line, skipped));
        }
        skipped += 1;
    }
}

/// The separator that the line of the columns' names holds most of, outside of quotes.
fn separator(header: &[u8]) -> u8 {
    let count = |separator: u8| {
        let mut quoted = false;
        header
            .iter()
            .filter(|byte| {
                quoted ^= **byte == b'"';
                !quoted && **byte == separator
            })
            .count()
    };
    let [comma, semicolon, tab] = [b',', b';', b'\t'].map(count);
    if semicolon > comma && semicolon >= tab {
        b';'
    } else if tab > comma {
        b'\t'
    } else {
        b','
    }
}

fn of_csv(error: csv::Error) -> ListError {
    match error.into_kind() {
        ErrorKind::Io(error) => ListError::Read(error),
        other => ListError::Read(io::Error::other(format!("{other:?}"))),
    }
}

/// Where in a row which column stands.
#[derive(Debug, Default)]
struct Columns {
    name: Option<usize>,
    dns_host_name: Option<usize>,
    domain: Option<usize>,
    distinguished_name: Option<usize>,
    ou: Option<usize>,
    operating_system: Option<usize>,
    enabled: Option<usize>,
    shown: Vec<String>,
}

impl Columns {
    fn of(names: &ByteRecord) -> Result<Self, ListError> {
        let mut columns = Self::default();
        for (place, name) in names.iter().enumerate() {
            let name = String::from_utf8_lossy(name);
            let shown = name.trim().chars().take(COLUMN_SHOWN);
            columns
                .shown
                .push(shown.flat_map(char::escape_debug).collect());
            let known: String = name
                .chars()
                .filter(|c| !matches!(c, ' ' | '_' | '-'))
                .map(|c| c.to_ascii_lowercase())
                .collect();
            let (column, called) = match known.as_str() {
                "name" => (&mut columns.name, "Name"),
                "dnshostname" => (&mut columns.dns_host_name, "DNSHostName"),
                "domain" => (&mut columns.domain, "Domain"),
                "distinguishedname" => (&mut columns.distinguished_name, "DistinguishedName"),
                "ou" => (&mut columns.ou, "OU"),
                "operatingsystem" => (&mut columns.operating_system, "OperatingSystem"),
                "enabled" => (&mut columns.enabled, "Enabled"),
                _ => continue,
            };
            if column.replace(place).is_some() {
                return Err(ListError::ColumnTwice(called));
            }
        }
        if columns.name.is_none() && columns.dns_host_name.is_none() {
            return Err(ListError::NoColumns);
        }
        Ok(columns)
    }
}

/// One row, being read.
struct Row<'a> {
    columns: &'a Columns,
    record: &'a ByteRecord,
    /// The line after its last one.
    end: u64,
}

impl Row<'_> {
    /// The line on which it begins.
    fn line(&self) -> u64 {
        let text = String::from_utf8_lossy(self.record.as_slice());
        self.end
            .saturating_sub(1 + text.matches('\n').count() as u64)
    }

    fn is_whole(&self) -> Result<(), ListError> {
        let (found, expected) = (self.record.len(), self.columns.shown.len());
        if found == expected {
            return Ok(());
        }
        Err(ListError::Cells {
            line: self.line(),
            found,
            expected,
        })
    }

    fn enabled(&self) -> Result<bool, ListError> {
        let text = self.cell(self.columns.enabled, limits::TEXT_BYTES)?;
        match text.to_ascii_lowercase().as_str() {
            "" | "true" | "yes" | "1" => Ok(true),
            "false" | "no" | "0" => Ok(false),
            _ => Err(self.bad(
                self.columns.enabled,
                "write True or False, or leave it empty".to_owned(),
            )),
        }
    }

    fn machine(&self, texts: &mut Texts) -> Result<ListedMachine, ListError> {
        let columns = self.columns;
        // The name in DNS is what a collector reports; that of the account may be cut off.
        let dns = self.cell(columns.dns_host_name, NAME_BYTES)?;
        let (full, column) = if dns.is_empty() {
            (self.cell(columns.name, NAME_BYTES)?, columns.name)
        } else {
            (dns, columns.dns_host_name)
        };
        let (name, suffix) = full.split_once('.').unwrap_or((full, ""));
        if name.is_empty() {
            return Err(self.bad(
                column.or(columns.dns_host_name),
                "no machine is named: write its host name, or remove the line".to_owned(),
            ));
        }
        let dn = self.cell(columns.distinguished_name, limits::TEXT_BYTES)?;
        let ou = match self.cell(columns.ou, limits::TEXT_BYTES)? {
            "" => organizational_unit_of(dn).unwrap_or_default(),
            ou => ou.to_owned(),
        };
        let domain = match self.cell(columns.domain, NAME_BYTES)? {
            "" if suffix.is_empty() => domain_of(dn),
            "" => suffix.to_owned(),
            domain => domain.to_owned(),
        };
        let system = self.cell(columns.operating_system, limits::TEXT_BYTES)?;
        Ok(ListedMachine {
            name: name.to_owned(),
            domain: texts.shared(&domain),
            ou: texts.shared(&ou),
            operating_system: texts.shared(system),
        })
    }

    /// A cell without blanks around; empty where there is no such column.
    fn cell(&self, column: Option<usize>, most: usize) -> Result<&str, ListError> {
        let bytes = column.and_then(|place| self.record.get(place));
        let bytes = bytes.unwrap_or_default().trim_ascii();
        if bytes.len() > most {
            return Err(self.bad(
                column,
                format!(
                    "{} bytes where {most} are the most; shorten it, or remove the line",
                    bytes.len()
                ),
            ));
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Err(self.bad(
                column,
                "this is no UTF-8; write the file with `-Encoding UTF8` or `-Encoding Unicode`"
                    .to_owned(),
            ));
        };
        if text.chars().any(char::is_control) {
            return Err(self.bad(
                column,
                "it holds a control character or a line break; correct it, or remove the line"
                    .to_owned(),
            ));
        }
        Ok(text)
    }

    fn bad(&self, column: Option<usize>, reason: String) -> ListError {
        let column = column.and_then(|place| self.columns.shown.get(place));
        ListError::Cell {
            line: self.line(),
            column: column.cloned().unwrap_or_default(),
            reason,
        }
    }
}

/// The domain that a distinguished name ends with.
fn domain_of(dn: &str) -> String {
    let labels: Vec<&str> = dn
        .split(',')
        .filter_map(|part| part.trim().split_once('='))
        .filter(|(kind, _)| kind.eq_ignore_ascii_case("dc"))
        .map(|(_, label)| label)
        .collect();
    labels.join(".")
}

/// Texts that many rows have in common, each kept once.
#[derive(Debug, Default)]
struct Texts(HashSet<Arc<str>>);

impl Texts {
    fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.0.insert(Arc::clone(&new));
        new
    }
}

#[cfg(test)]
mod tests;
