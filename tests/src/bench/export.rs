//! How fast lists are taken away: every device of a large fleet as CSV, NDJSON and a workbook, from the database to the bytes of the file,
//! and how much memory that takes.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use futures::StreamExt as _;
use sickbay_diagnosis::filter::Filter;
use sickbay_server::clock::Clock;
use sickbay_server::export::devices::DeviceList;
use sickbay_server::export::{Format, text, to_file};
use sickbay_server::rules::Rules;
use sickbay_store::{DeviceStatus, Scope, Store};

use super::{Figures, stored, this_machine};
use crate::server::open_store;

/// The columns: fifteen, of every kind.
const COLUMNS: &str = "device_id,name,domain,ou,site,kind,release,build,ubr,edition,tags,primary_issue,open_findings,last_seen_at,enrolled_at";
/// Rows of CSV in a second, at least.
const CSV: f64 = 200_000.0;
/// Rows of a workbook in a second, at least.
const WORKBOOK: f64 = 40_000.0;
/// By how much memory may grow, in MiB.
const GROWS_MIB: f64 = 64.0;

pub(super) async fn measure(devices: usize) -> anyhow::Result<Figures> {
    let now = Clock::system().now();
    let folder = tempfile::tempdir().context("make a folder for the database")?;
    let store = open_store(folder.path()).await?;
    let begun = Instant::now();
    let devices = stored::fleet(&store, devices, now).await?;
    // What was needed to make the fleet counts for nothing.
    store.close().await;
    let store = open_store(folder.path()).await?;

    let mut figures = Figures::new("export");
    figures.put("machine", this_machine());
    figures.put("rows", devices);
    figures.put("columns", COLUMNS.split(',').count());
    figures.put("fleet_made_in_s", begun.elapsed().as_secs());
    // A server has the fleet in memory since its start.
    store
        .count_with_status(&Scope::All, DeviceStatus::Retired, &Filter::Everything)
        .await?;
    // What the peak was so far is forgotten (proc(5), clear_refs).
    std::fs::write("/proc/self/clear_refs", "5").context("forget the peak of memory")?;
    let before = memory_mib("VmRSS:")?;
    let (csv, bytes) = streamed(&store, Format::Csv, devices).await?;
    figures.put_least("csv_rows_per_second", csv, CSV);
    figures.put("csv_bytes", bytes);
    let (ndjson, _) = streamed(&store, Format::Ndjson, devices).await?;
    figures.put("ndjson_rows_per_second", ndjson.round());
    let (workbook, bytes) = made(&store, folder.path(), devices).await?;
    figures.put_least("xlsx_rows_per_second", workbook, WORKBOOK);
    figures.put("xlsx_bytes", bytes);
    let grown = memory_mib("VmHWM:")? - before;
    figures.put_limited("memory_grown_mib", grown, GROWS_MIB);
    store.close().await;
    Ok(figures)
}

async fn streamed(
    store: &Arc<dyn Store>,
    format: Format,
    devices: usize,
) -> anyhow::Result<(f64, usize)> {
    let list =
        DeviceList::read(None, None, None).map_err(|problem| anyhow::anyhow!(problem.detail))?;
    let columns = list
        .columns(Some(COLUMNS))
        .map_err(|problem| anyhow::anyhow!(problem.detail))?;
    let format = format.as_text().context("a format of text")?;
    let begun = Instant::now();
    let rows = list.rows(
        Arc::clone(store),
        Scope::All,
        &columns,
        Arc::new(Rules::default()),
        Clock::system().now(),
    );
    let mut text = std::pin::pin!(text::written(rows, columns, format));
    let (mut bytes, mut lines) = (0, 0);
    while let Some(chunk) = text.next().await {
        let chunk = chunk?;
        bytes += chunk.len();
        lines += std::str::from_utf8(&chunk)?.lines().count();
    }
    let took = begun.elapsed();
    ensure!(lines >= devices, "{lines} lines of {devices} devices");
    Ok((devices as f64 / took.as_secs_f64(), bytes))
}

async fn made(
    store: &Arc<dyn Store>,
    folder: &std::path::Path,
    devices: usize,
) -> anyhow::Result<(f64, u64)> {
    let list =
        DeviceList::read(None, None, None).map_err(|problem| anyhow::anyhow!(problem.detail))?;
    let columns = list
        .columns(Some(COLUMNS))
        .map_err(|problem| anyhow::anyhow!(problem.detail))?;
    let now = Clock::system().now();
    let about = list.about("bench", now);
    let begun = Instant::now();
    let rules = Arc::new(Rules::default());
    let rows = list.rows(Arc::clone(store), Scope::All, &columns, rules, now);
    let count = Arc::default();
    let file = to_file(
        rows,
        columns,
        Format::Xlsx,
        about,
        folder,
        Arc::clone(&count),
    )
    .await?;
    let took = begun.elapsed();
    let rows = count.load(std::sync::atomic::Ordering::Relaxed);
    ensure!(rows == devices as u64, "{rows} rows of {devices} devices");
    Ok((
        devices as f64 / took.as_secs_f64(),
        file.as_file().metadata()?.len(),
    ))
}

/// A line of what the system says of this process' memory, in MiB.
fn memory_mib(line: &str) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status").context("read /proc/self/status")?;
    let kib = status
        .lines()
        .find_map(|said| said.strip_prefix(line)?.trim().strip_suffix(" kB"))
        .and_then(|number| number.trim().parse::<f64>().ok());
    Ok(kib.with_context(|| format!("/proc/self/status says no {line}"))? / 1024.0)
}
