//! CSV, JSON and NDJSON, written a page of rows at a time.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use sickbay_store::StoreError;

use super::Format;
use super::column::{Columns, Exported};

/// Rows as a stream of bytes. Of [`Format::Xlsx`] there is none: a workbook is a file, see `workbook`.
pub fn written<R: Exported>(
    pages: impl Stream<Item = Result<VecDeque<R>, StoreError>> + Send,
    columns: Columns<R>,
    format: TextFormat,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let head = match format {
        TextFormat::Csv => {
            let mut lines = csv_lines();
            put_line(
                &mut lines,
                columns.iter().map(|column| Cow::Borrowed(column.name)),
            );
            finished(lines)
        }
        TextFormat::Json => Bytes::from_static(b"["),
        TextFormat::Ndjson => Bytes::new(),
    };
    let tail = match format {
        TextFormat::Json => Bytes::from_static(b"]\n"),
        TextFormat::Csv | TextFormat::Ndjson => Bytes::new(),
    };
    let mut first = true;
    let body = pages.map(move |rows| {
        let rows = rows.map_err(|error| {
            tracing::error!(error = %crate::ingest::chain(&error), "an export was broken off");
            io::Error::other("the database did not answer")
        })?;
        Ok(match format {
            TextFormat::Csv => {
                let mut lines = csv_lines();
                for row in &rows {
                    let cells = columns.iter().map(|column| (column.read)(row).into_text());
                    put_line(&mut lines, cells);
                }
                finished(lines)
            }
            TextFormat::Json | TextFormat::Ndjson => {
                let mut text = String::new();
                for row in &rows {
                    if format == TextFormat::Json {
                        text.push_str(if first { "\n" } else { ",\n" });
                        first = false;
                    }
                    text.push_str(&columns.json(row));
                    if format == TextFormat::Ndjson {
                        text.push('\n');
                    }
                }
                Bytes::from(text)
            }
        })
    });
    futures::stream::iter([Ok(head)])
        .chain(body)
        .chain(futures::stream::iter([Ok(tail)]))
        .filter(|chunk| {
            let empty = matches!(chunk, Ok(bytes) if bytes.is_empty());
            futures::future::ready(!empty)
        })
}

/// A format that is written row by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextFormat {
    /// Comma-separated values, UTF-8, CRLF.
    Csv,
    /// One JSON array.
    Json,
    /// One JSON object a line.
    Ndjson,
}

impl Format {
    /// The format, where it is written row by row.
    pub const fn as_text(self) -> Option<TextFormat> {
        match self {
            Self::Csv => Some(TextFormat::Csv),
            Self::Json => Some(TextFormat::Json),
            Self::Ndjson => Some(TextFormat::Ndjson),
            Self::Xlsx => None,
        }
    }
}

fn csv_lines() -> csv::Writer<Vec<u8>> {
    csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new())
}

fn put_line<'a>(lines: &mut csv::Writer<Vec<u8>>, cells: impl Iterator<Item = Cow<'a, str>>) {
    for cell in cells {
        lines
            .write_field(defused(cell).as_bytes())
            .expect("writing to memory cannot fail");
    }
    lines
        .write_record(None::<&[u8]>)
        .expect("writing to memory cannot fail");
}

fn finished(lines: csv::Writer<Vec<u8>>) -> Bytes {
    Bytes::from(lines.into_inner().expect("writing to memory cannot fail"))
}

/// Whether a spreadsheet that reads this as typed would take it for a formula.
pub(super) fn is_formula(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n'])
}

/// Keeps a spreadsheet from taking a device's text for a formula: a leading apostrophe makes it text. What would steer a terminal or reorder
/// what stands beside it is made visible; the ends of lines stay.
fn defused(cell: Cow<'_, str>) -> Cow<'_, str> {
    let shown = match sickbay_web::text::block(&cell) {
        Cow::Borrowed(_) => None,
        Cow::Owned(shown) => Some(shown),
    };
    let cell = shown.map_or(cell, Cow::Owned);
    if is_formula(&cell) {
        Cow::Owned(format!("'{cell}"))
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_from_a_device_is_text_in_a_spreadsheet() {
        assert_eq!(defused("=HYPERLINK(1)".into()), "'=HYPERLINK(1)");
        assert_eq!(defused("@SUM(A1)".into()), "'@SUM(A1)");
        assert_eq!(defused("PC-1".into()), "PC-1");
    }
}
