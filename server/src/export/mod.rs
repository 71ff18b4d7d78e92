//! Exports of exactly the filtered list, without cap: CSV, JSON and NDJSON are streamed row by row, a workbook is made as a file first.
//!
//! [`devices`] says what lists of devices there are and what their rows say, [`column`] what a column is, [`text`] and [`workbook`] write,
//! [`jobs`] makes files while nobody waits for an answer, and [`schedule`] those that the owner wants every day.

pub mod column;
pub mod devices;
pub mod jobs;
pub mod order;
pub mod schedule;
pub mod text;
pub mod workbook;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt as _};
use serde::{Deserialize, Serialize};
use sickbay_store::StoreError;
use tempfile::NamedTempFile;
use thiserror::Error;
use tokio::io::AsyncWriteExt as _;
use tokio_util::io::ReaderStream;
use utoipa::ToSchema;

pub use column::{Cell, Column, Columns, Exported};
pub use workbook::{About, about};

/// Declares columns: name, width, and what a row says.
macro_rules! columns {
    ($($name:literal $width:literal $read:expr;)*) => {
        &[$($crate::export::Column { name: $name, width: $width, read: $read }),*]
    };
}
pub(crate) use columns;

use crate::problem::Problem;
use workbook::{WorkbookError, Workplace};

/// A format of exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Comma-separated values, UTF-8, CRLF.
    Csv,
    /// A workbook of Excel.
    Xlsx,
    /// One JSON array.
    Json,
    /// One JSON object a line.
    Ndjson,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Csv, Self::Xlsx, Self::Json, Self::Ndjson];

    /// The format of that file extension.
    pub fn named(extension: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|format| format.extension() == extension)
    }

    /// The format by the name of a file, `devices.csv` of the list `devices`.
    ///
    /// # Errors
    /// Names the files that there are.
    pub fn of_file(file: &str, list: &str) -> Result<Self, Problem> {
        file.strip_prefix(list)
            .and_then(|rest| rest.strip_prefix('.'))
            .and_then(Self::named)
            .ok_or_else(|| {
                Problem::not_found(format!(
                    "Exports are {list}.csv, {list}.xlsx, {list}.json and {list}.ndjson."
                ))
            })
    }

    /// The ending of such files.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
        }
    }
}

/// Pages of rows that come one after the other.
pub trait Rows<R>: Stream<Item = Result<VecDeque<R>, StoreError>> + Send + 'static {}

impl<R, S: Stream<Item = Result<VecDeque<R>, StoreError>> + Send + 'static> Rows<R> for S {}

/// Why a file was not made.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The folder or the file could not be written.
    #[error("the file could not be written")]
    Writing(#[from] std::io::Error),
    /// There is no workbook.
    #[error("no workbook was made")]
    Workbook(#[from] WorkbookError),
}

impl From<ExportError> for Problem {
    fn from(error: ExportError) -> Self {
        tracing::error!(error = %crate::ingest::chain(&error), "an export failed");
        Self::new(
            axum::http::StatusCode::SERVICE_UNAVAILABLE,
            "The file could not be made",
            "The server may have no room left for it; its log says why. CSV and NDJSON need no room.",
        )
    }
}

/// An export as an HTTP answer, under a name without an extension. What is streamed breaks the connection off where an error comes in the
/// midst, so that nobody takes half a list for a whole one.
///
/// # Errors
/// Where a workbook cannot be made in `folder`.
pub async fn answer<R: Exported>(
    name: &str,
    format: Format,
    rows: impl Rows<R>,
    columns: Columns<R>,
    about: About,
    folder: &Path,
) -> Result<Response, Problem> {
    let body = if let Some(format) = format.as_text() {
        Body::from_stream(text::written(rows, columns, format))
    } else {
        let file = workbook_file(rows, columns, about, folder, Arc::default()).await?;
        // The handle reads on after the name is gone.
        body_of(file.reopen().map_err(ExportError::from)?)
    };
    Ok(as_file(name, format, body))
}

/// The bytes of an open file.
pub(crate) fn body_of(file: std::fs::File) -> Body {
    Body::from_stream(ReaderStream::new(tokio::fs::File::from_std(file)))
}

/// A file as an HTTP answer.
pub(crate) fn as_file(name: &str, format: Format, body: Body) -> Response {
    let disposition = format!("attachment; filename=\"{name}.{}\"", format.extension());
    (
        [
            (header::CONTENT_TYPE, format.content_type().to_owned()),
            (header::CONTENT_DISPOSITION, disposition),
        ],
        body,
    )
        .into_response()
}

/// Writes an export into a new file of `folder` that is gone when it is dropped, and counts rows as they are written.
///
/// # Errors
/// Where the folder cannot be written, or the rows end early.
pub async fn to_file<R: Exported>(
    rows: impl Rows<R>,
    columns: Columns<R>,
    format: Format,
    about: About,
    folder: &Path,
    count: Arc<AtomicU64>,
) -> Result<NamedTempFile, ExportError> {
    let Some(format) = format.as_text() else {
        return workbook_file(rows, columns, about, folder, count).await;
    };
    let file = new_file(folder).await?;
    let handle = tokio::fs::File::from_std(file.reopen()?);
    let mut out = tokio::io::BufWriter::new(handle);
    let counted = rows.inspect(move |page| {
        if let Ok(page) = page {
            count.fetch_add(page.len() as u64, std::sync::atomic::Ordering::Relaxed);
        }
    });
    let mut text = std::pin::pin!(text::written(counted, columns, format));
    while let Some(chunk) = text.next().await {
        out.write_all(&chunk?).await?;
    }
    out.flush().await?;
    Ok(file)
}

async fn workbook_file<R: Exported>(
    rows: impl Rows<R>,
    columns: Columns<R>,
    about: About,
    folder: &Path,
    count: Arc<AtomicU64>,
) -> Result<NamedTempFile, ExportError> {
    let file = new_file(folder).await?;
    let folder = folder.to_owned();
    // One page is written while the next one is read.
    let (sender, receiver) = tokio::sync::mpsc::channel(2);
    let written = tokio::task::spawn_blocking(move || {
        let place = Workplace::new(&folder, file.as_file(), &count);
        workbook::write(receiver, &columns, about, &place)?;
        Ok::<_, WorkbookError>(file)
    });
    let mut rows = std::pin::pin!(rows);
    while let Some(page) = rows.next().await {
        if sender.send(Some(page)).await.is_err() {
            break;
        }
    }
    // Without this last word the writer knows that nobody waits any more. It is gone already where it failed.
    let _ = sender.send(None).await;
    Ok(written.await.map_err(std::io::Error::other)??)
}

async fn new_file(folder: &Path) -> Result<NamedTempFile, std::io::Error> {
    tokio::fs::create_dir_all(folder).await?;
    NamedTempFile::new_in(folder)
}
