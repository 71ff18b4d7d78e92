//! `export ISSUE`: all devices of an issue that match a filter, to standard output.

use std::pin::pin;

use anyhow::{Context as _, bail};
use clap::Args;
use futures::StreamExt as _;
use sickbay_diagnosis::filter::Filter;
use sickbay_diagnosis::issues;
use sickbay_store::Scope;
use tokio::io::AsyncWriteExt as _;

use super::{WithConfig, operator};
use crate::audit;
use crate::export::{Format, devices_of_issue, open_unless_said, written};

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    config: WithConfig,
    /// Id of the issue, for example safeguard-hold
    issue: String,
    /// Format
    #[arg(long, value_enum, default_value = "csv")]
    format: Format,
    /// Condition in the filter language; open findings only, unless it speaks of states
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
}

pub(super) async fn run(args: ExportArgs) -> anyhow::Result<()> {
    if issues::get(&args.issue).is_none() {
        let known: Vec<&str> = issues::ALL.iter().map(|issue| issue.id).collect();
        bail!(
            "there is no issue {:?}; known ones: {}",
            args.issue,
            known.join(", ")
        );
    }
    let filter = match &args.filter {
        None => Filter::Everything,
        Some(text) => Filter::parse(text).context("--filter cannot be understood")?,
    };
    let opened = args.config.open().await?;
    let line = audit::exported(
        opened.clock.now(),
        &operator(),
        &args.issue,
        "command line",
        args.filter.as_deref(),
    );
    opened.store.record(vec![line]).await?;
    let rows = devices_of_issue(
        opened.store,
        Scope::All,
        args.issue,
        open_unless_said(filter),
    );
    let mut rows = pin!(written(rows, args.format));
    let mut out = tokio::io::stdout();
    while let Some(chunk) = rows.next().await {
        out.write_all(&chunk?)
            .await
            .context("cannot write to standard output")?;
    }
    out.flush().await.context("cannot write to standard output")
}
