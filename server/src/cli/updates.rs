//! `updates export|import`: what the fleet has learned of which update brings which build, taken to another fleet.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};

use sickbay_store::Scope;

use super::{WithConfig, operator, say};
use crate::jobs::context::as_stored;
use crate::updates;

/// Longest file, in bytes.
const FILE_BYTES: u64 = 16 << 20;

#[derive(Debug, Args)]
pub(super) struct UpdatesArgs {
    #[command(subcommand)]
    command: UpdatesCommand,
}

#[derive(Debug, Subcommand)]
enum UpdatesCommand {
    /// Write what is believed of updates to standard output
    Export {
        #[command(flatten)]
        config: WithConfig,
    },
    /// Take what another fleet exported; it is believed at once, and replaces what was imported before
    Import {
        #[command(flatten)]
        config: WithConfig,
        /// The file; `-` reads standard input
        file: PathBuf,
    },
}

pub(super) async fn run(args: UpdatesArgs) -> anyhow::Result<()> {
    match args.command {
        UpdatesCommand::Export { config } => export(&config).await,
        UpdatesCommand::Import { config, file } => import(&config, &file).await,
    }
}

async fn export(config: &WithConfig) -> anyhow::Result<()> {
    let opened = config.open().await?;
    let store = opened.store.as_ref();
    let rules = as_stored(store, &opened.config, opened.clock.now()).await?;
    let told = updates::all_told(&rules.fleet.updates, &Scope::All);
    let wanted = told
        .iter()
        .filter(|(_, _, believed)| *believed)
        .map(|(told, update, _)| (told, update));
    say(updates::write_file(wanted).trim_end());
    Ok(())
}

async fn import(config: &WithConfig, file: &Path) -> anyhow::Result<()> {
    let text = read(file)?;
    let opened = config.open().await?;
    let rows = updates::read_file(&text, opened.clock.now())
        .with_context(|| format!("nothing was imported from {}", file.display()))?;
    opened
        .store
        .import_updates(&rows, &operator(), opened.clock.now())
        .await?;
    say(&format!(
        "{} updates imported; a running server takes them up within seconds",
        rows.len()
    ));
    Ok(())
}

fn read(file: &Path) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        io::stdin()
            .lock()
            .take(FILE_BYTES + 1)
            .read_to_end(&mut bytes)
            .context("cannot read standard input")?;
    } else {
        fs::File::open(file)
            .and_then(|input| input.take(FILE_BYTES + 1).read_to_end(&mut bytes))
            .with_context(|| format!("cannot read {}", file.display()))?;
    }
    ensure!(
        bytes.len() as u64 <= FILE_BYTES,
        "{} is longer than {FILE_BYTES} bytes, which no export is",
        file.display()
    );
    String::from_utf8(bytes).with_context(|| format!("{} is no UTF-8 text", file.display()))
}
