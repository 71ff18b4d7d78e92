//! `config`: what is in force, or the documented defaults.

use clap::Args;

use super::{WithConfig, say};
use crate::config::DEFAULT_FILE;

#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    #[command(flatten)]
    config: WithConfig,
    /// Print the settings file with every key and its default instead
    #[arg(long)]
    default: bool,
}

pub(super) fn run(args: &ConfigArgs) -> anyhow::Result<()> {
    if args.default {
        say(DEFAULT_FILE.trim_end());
        return Ok(());
    }
    let config = args.config.load()?;
    say(toml::to_string_pretty(&config)?.trim_end());
    Ok(())
}
