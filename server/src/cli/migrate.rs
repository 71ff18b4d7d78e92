//! `migrate`: the schema of a database, and a fleet from one database into another.

use std::fmt::Write as _;

use clap::Args;
use sickbay_store::{Moved, shown};

use super::{WithConfig, say};
use crate::storage;

/// Without an address: brings the configured database's schema up to date.
#[derive(Debug, Args)]
pub(super) struct MigrateArgs {
    #[command(flatten)]
    with: WithConfig,
    /// Move everything out of this database; the server has to be stopped
    #[arg(long, value_name = "URL", requires = "to")]
    from: Option<String>,
    /// Move it into this one, which has to be empty
    #[arg(long, value_name = "URL", requires = "from")]
    to: Option<String>,
    /// Replace what the other database holds
    #[arg(long, requires = "to")]
    replace: bool,
}

pub(super) async fn run(args: &MigrateArgs) -> anyhow::Result<()> {
    let storage = args.with.load()?.storage;
    let (Some(from), Some(to)) = (&args.from, &args.to) else {
        let version = storage::migrate(&storage).await?;
        let url = shown(&storage.database_url());
        say(&format!("The schema of {url} is at version {version}."));
        return Ok(());
    };
    for url in [from, to] {
        storage::nobody_serves(url).await?;
    }
    let moved = storage::move_fleet(from, to, args.replace).await?;
    say(&told(&moved, from, to));
    Ok(())
}

fn told(moved: &[Moved], from: &str, to: &str) -> String {
    let mut text = String::new();
    for table in moved.iter().filter(|table| table.rows > 0) {
        let digest = hex::encode(table.digest);
        let _ = writeln!(text, "{:<20} {:>12}  {digest:.16}", table.table, table.rows);
    }
    let rows: u64 = moved.iter().map(|table| table.rows).sum();
    let _ = write!(
        text,
        "{rows} rows moved from {} to {}, each table read back and compared.\n\
         Name the new one in the settings, [storage] database, and start the server.",
        shown(from),
        shown(to)
    );
    text
}
