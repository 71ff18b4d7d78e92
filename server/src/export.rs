//! Exports of exactly the filtered list, streamed row by row without cap: CSV, JSON, NDJSON.
//!
//! Cells that a spreadsheet would take for a formula are defused. A page of [`ROWS_AT_ONCE`] rows is in memory at a time.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use sickbay_diagnosis::filter::{Filter, Test};
use sickbay_diagnosis::verdict::Kept;
use sickbay_store::{IssueDevice, Page, Scope, Store, StoreError};

use crate::api::issues::FindingView;

/// Rows that are fetched at once.
const ROWS_AT_ONCE: u32 = 1000;

/// A row of a list that can be exported.
pub trait Exported: Send {
    /// The columns of a CSV export.
    const COLUMNS: &'static [&'static str];

    /// Its cells, one for each column.
    fn cells(&self) -> Vec<String>;

    /// It as one JSON object.
    fn json(&self) -> String;
}

impl Exported for IssueDevice {
    const COLUMNS: &'static [&'static str] = &[
        "device_id",
        "name",
        "domain",
        "ou",
        "site",
        "kind",
        "release",
        "build",
        "ubr",
        "edition",
        "arch",
        "tags",
        "state",
        "severity",
        "causes",
        "cause_labels",
        "summary",
        "since",
        "accepted_until",
        "last_seen_at",
        "last_report_at",
    ];

    fn cells(&self) -> Vec<String> {
        let view = FindingView::from(self);
        let device = view.device;
        let number = |n: Option<u32>| n.map(|n| n.to_string()).unwrap_or_default();
        let join = |texts: Vec<String>| texts.join("; ");
        vec![
            device.id,
            device.name,
            device.domain,
            device.ou,
            device.site,
            device.kind,
            device.release,
            number(device.build),
            number(device.ubr),
            device.edition,
            device.arch,
            join(device.tags),
            view.state.to_owned(),
            view.severity.unwrap_or_default().to_owned(),
            join(view.causes.iter().map(|c| c.key.clone()).collect()),
            join(view.causes.iter().map(|c| c.label.clone()).collect()),
            view.summary,
            view.since,
            view.accepted_until.unwrap_or_default(),
            device.last_seen_at.unwrap_or_default(),
            device.last_report_at.unwrap_or_default(),
        ]
    }

    fn json(&self) -> String {
        serde_json::to_string(&FindingView::from(self))
            .expect("strings and numbers always serialize")
    }
}

/// A format of exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Comma-separated values, UTF-8, CRLF.
    Csv,
    /// One JSON array.
    Json,
    /// One JSON object a line.
    Ndjson,
}

impl Format {
    /// The format of that file extension.
    pub fn named(extension: &str) -> Option<Self> {
        match extension {
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            "ndjson" => Some(Self::Ndjson),
            _ => None,
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
        }
    }

    const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
        }
    }
}

/// Lists of an issue show its open findings, unless the filter itself speaks of states.
pub fn open_unless_said(filter: Filter) -> Filter {
    if filter.names_state() {
        return filter;
    }
    let open = Filter::Is(Test::State(Kept::Open));
    filter.and(open)
}

/// An export as an HTTP answer, under a name without an extension. An error in the midst breaks the connection off, so that nobody takes
/// half a list for a whole one.
pub fn response(
    name: &str,
    format: Format,
    rows: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> Response {
    let disposition = format!("attachment; filename=\"{name}.{}\"", format.extension());
    (
        [
            (header::CONTENT_TYPE, format.content_type().to_owned()),
            (header::CONTENT_DISPOSITION, disposition),
        ],
        Body::from_stream(rows),
    )
        .into_response()
}

/// Rows as a stream of bytes.
pub fn written<R: Exported>(
    pages: impl Stream<Item = Result<VecDeque<R>, StoreError>> + Send,
    format: Format,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let head = match format {
        Format::Csv => csv_line(R::COLUMNS.iter().map(|name| (*name).to_owned())),
        Format::Json => "[".to_owned(),
        Format::Ndjson => String::new(),
    };
    let tail = match format {
        Format::Json => "]\n".to_owned(),
        Format::Csv | Format::Ndjson => String::new(),
    };
    let mut first = true;
    let body = pages.map(move |rows| {
        let rows = rows.map_err(|error| {
            tracing::error!(error = %crate::ingest::chain(&error), "an export was broken off");
            io::Error::other("the database did not answer")
        })?;
        let mut text = String::new();
        for row in &rows {
            match format {
                Format::Csv => text.push_str(&csv_line(row.cells())),
                Format::Json => {
                    text.push_str(if first { "\n" } else { ",\n" });
                    text.push_str(&row.json());
                }
                Format::Ndjson => {
                    text.push_str(&row.json());
                    text.push('\n');
                }
            }
            first = false;
        }
        Ok(Bytes::from(text))
    });
    futures::stream::iter([Ok(Bytes::from(head))])
        .chain(body)
        .chain(futures::stream::iter([Ok(Bytes::from(tail))]))
        .filter(|chunk| {
            let empty = matches!(chunk, Ok(bytes) if bytes.is_empty());
            futures::future::ready(!empty)
        })
}

struct Walk {
    store: Arc<dyn Store>,
    scope: Scope,
    issue: String,
    filter: Filter,
    page: Option<Page>,
}

/// Every device of an issue that matches, a page at a time.
pub fn devices_of_issue(
    store: Arc<dyn Store>,
    scope: Scope,
    issue: String,
    filter: Filter,
) -> impl Stream<Item = Result<VecDeque<IssueDevice>, StoreError>> + Send {
    let walk = Walk {
        store,
        scope,
        issue,
        filter,
        page: Some(Page {
            after: None,
            limit: ROWS_AT_ONCE,
        }),
    };
    futures::stream::unfold(walk, |mut walk| async move {
        let page = walk.page.take()?;
        let rows = walk
            .store
            .issue_devices(&walk.scope, &walk.issue, &walk.filter, &page)
            .await;
        if let Ok(rows) = &rows
            && rows.len() == ROWS_AT_ONCE as usize
            && let Some(last) = rows.last()
        {
            walk.page = Some(Page {
                after: Some(last.device.cursor()),
                limit: ROWS_AT_ONCE,
            });
        }
        Some((rows.map(VecDeque::from), walk))
    })
}

fn csv_line(cells: impl IntoIterator<Item = String>) -> String {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    writer
        .write_record(cells.into_iter().map(|cell| defuse(&cell)))
        .expect("writing to memory cannot fail");
    let bytes = writer.into_inner().expect("writing to memory cannot fail");
    String::from_utf8(bytes).expect("only UTF-8 was written")
}

/// Keeps a spreadsheet from taking a device's text for a formula: a leading apostrophe makes it text. What would steer a terminal or reorder
/// what stands beside it is made visible; the ends of lines stay.
fn defuse(cell: &str) -> String {
    let cell = sickbay_web::text::block(cell);
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        format!("'{cell}")
    } else {
        cell.into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_from_a_device_is_text_in_a_spreadsheet() {
        assert_eq!(defuse("=HYPERLINK(1)"), "'=HYPERLINK(1)");
        assert_eq!(defuse("@SUM(A1)"), "'@SUM(A1)");
        assert_eq!(defuse("PC-1"), "PC-1");
    }

    #[test]
    fn a_list_of_an_issue_shows_open_findings_unless_the_filter_speaks_of_states() {
        let open = Filter::Is(Test::State(Kept::Open));
        assert_eq!(open_unless_said(Filter::Everything), open);
        let unknown = Filter::Not(Box::new(open));
        assert_eq!(open_unless_said(unknown.clone()), unknown);
    }
}
