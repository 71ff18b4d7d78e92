//! `export [ISSUE]`: all devices of an issue, or of the fleet, that match a filter, to standard output or into a file.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;
use sickbay_diagnosis::issues;
use sickbay_store::Scope;
use tokio::io::AsyncWriteExt as _;

use super::{WithConfig, operator};
use crate::audit;
use crate::export::devices::DeviceList;
use crate::export::{Format, text, to_file};
use crate::jobs::context;

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    config: WithConfig,
    /// Id of the issue, for example safeguard-hold; left out: all active devices
    issue: Option<String>,
    /// Format
    #[arg(long, value_enum, default_value = "csv")]
    format: Format,
    /// Condition in the filter language; open findings only, unless it speaks of states
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// Columns in order, with commas between them, for example name,ou,causes,evidence; left out: the usual ones
    #[arg(long, value_name = "NAMES")]
    columns: Option<String>,
    /// File to write; left out: standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) async fn run(args: ExportArgs) -> anyhow::Result<()> {
    let issue = args
        .issue
        .as_deref()
        .map(|id| {
            issues::get(id).with_context(|| {
                let known: Vec<&str> = issues::ALL.iter().map(|issue| issue.id).collect();
                format!("there is no issue {id:?}; known ones: {}", known.join(", "))
            })
        })
        .transpose()?;
    let list = DeviceList::read(issue, args.filter.as_deref(), None)
        .map_err(|problem| anyhow::anyhow!("--filter cannot be understood: {}", problem.detail))?;
    let columns = list
        .columns(args.columns.as_deref())
        .map_err(|problem| anyhow::anyhow!("--columns cannot be used: {}", problem.detail))?;
    if args.format == Format::Xlsx && args.output.is_none() && std::io::stdout().is_terminal() {
        bail!("a workbook is nothing for a terminal: name a file with --output FILE");
    }
    let opened = args.config.open().await?;
    let now = opened.clock.now();
    let rules = context::as_stored(opened.store.as_ref(), &opened.config, now).await?;
    let line = audit::exported(
        now,
        &operator(),
        list.name(),
        "command line",
        args.filter.as_deref(),
    );
    opened.store.record(vec![line]).await?;
    let about = list.about(&operator(), now);
    let rows = list.rows(opened.store, Scope::All, &columns, Arc::new(rules), now);
    let out = Output::open(args.output)?;
    let Some(format) = args.format.as_text() else {
        let folder = tempfile::tempdir().context("cannot make a folder for the workbook")?;
        let count = Arc::default();
        let made = to_file(rows, columns, args.format, about, folder.path(), count).await?;
        let mut made = tokio::fs::File::from_std(made.reopen()?);
        return out.copy(&mut made).await;
    };
    let text = text::written(rows, columns, format);
    let text = pin!(text);
    let mut text = tokio_util::io::StreamReader::new(text);
    out.copy(&mut text).await
}

/// Where the list goes.
enum Output {
    Standard(tokio::io::Stdout),
    File {
        file: tokio::fs::File,
        unfinished: tempfile::TempPath,
        path: PathBuf,
    },
}

impl Output {
    fn open(path: Option<PathBuf>) -> anyhow::Result<Self> {
        let Some(path) = path else {
            return Ok(Self::Standard(tokio::io::stdout()));
        };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => std::path::Path::new("."),
        };
        let (file, unfinished) = tempfile::Builder::new()
            .prefix(".sickbay-export-")
            .tempfile_in(folder)
            .with_context(|| format!("cannot write into {}", folder.display()))?
            .into_parts();
        Ok(Self::File {
            file: tokio::fs::File::from_std(file),
            unfinished,
            path,
        })
    }

    /// Writes all of it. A file takes its name when it is whole.
    async fn copy(self, from: &mut (impl tokio::io::AsyncRead + Unpin)) -> anyhow::Result<()> {
        match self {
            Self::Standard(mut out) => {
                tokio::io::copy(from, &mut out)
                    .await
                    .context("cannot write to standard output")?;
                out.flush().await.context("cannot write to standard output")
            }
            Self::File {
                mut file,
                unfinished,
                path,
            } => {
                let whole = async {
                    tokio::io::copy(from, &mut file).await?;
                    file.sync_all().await
                };
                whole
                    .await
                    .with_context(|| format!("cannot write {}", path.display()))?;
                unfinished
                    .persist(&path)
                    .with_context(|| format!("cannot write {}", path.display()))
            }
        }
    }
}
