//! `backup` and `restore`.

use std::path::PathBuf;

use clap::Args;

use super::{WithConfig, operator, say};
use crate::backup;
use crate::clock::Clock;

/// A copy of the database, the keys and the settings, while the server runs.
#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    #[command(flatten)]
    with: WithConfig,
    /// The folder to make; it holds the keys of the CA, so keep it as safe as the server
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

/// Puts such a copy back; the server has to be stopped.
#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    #[command(flatten)]
    with: WithConfig,
    /// The folder that `backup` made
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// Replace the database and the keys that are there
    #[arg(long)]
    replace: bool,
}

pub(super) async fn make(args: &BackupArgs) -> anyhow::Result<()> {
    let config = args.with.load()?;
    let settings = args.with.config.as_deref();
    let now = Clock::system().now();
    let made = backup::make(&config, settings, &args.to, &operator(), now).await?;
    say(&format!(
        "{} rows of {} and {} files stand in {}, read back and compared. The keys of the CA are among them: keep it safe.",
        made.rows(),
        made.of,
        made.files.len(),
        args.to.display()
    ));
    Ok(())
}

pub(super) async fn restore(args: &RestoreArgs) -> anyhow::Result<()> {
    let config = args.with.load()?;
    let now = Clock::system().now();
    let put = backup::restore(&config, &args.from, args.replace, &operator(), now).await?;
    say(&format!(
        "{} rows are back as they were at {}. Start the server: collectors send again what it lost since. The settings of then stand in {}.",
        put.rows(),
        put.made_at,
        args.from.join("settings.toml").display()
    ));
    Ok(())
}
