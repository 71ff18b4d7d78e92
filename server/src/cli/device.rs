//! `device list|approve|revoke|retire|import`.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand, ValueEnum};
use sickbay_diagnosis::filter::Filter;
use sickbay_store::{AuditQuery, Deed, DeviceIdentity, DeviceStatus, Page, Scope};
use uuid::Uuid;

use super::token::plain;
use super::{WithConfig, operator, say};
use crate::machine_list;

/// Devices changed in one transaction.
const CHANGED_AT_ONCE: usize = 500;
/// Rows fetched at once.
const ROWS: u32 = 1000;

#[derive(Debug, Args)]
pub(super) struct DeviceArgs {
    #[command(subcommand)]
    command: DeviceCommand,
}

#[derive(Debug, Subcommand)]
enum DeviceCommand {
    /// List devices
    List {
        #[command(flatten)]
        config: WithConfig,
        /// Only devices of this status
        #[arg(long, value_enum, default_value = "active")]
        status: Status,
    },
    /// Let pending devices in: some by their ids, or all that match a filter
    Approve {
        #[command(flatten)]
        config: WithConfig,
        /// Device ids, from `device list --status pending`
        #[arg(required_unless_present = "filter", conflicts_with = "filter")]
        ids: Vec<Uuid>,
        /// All pending devices that match, for example 'domain:corp.example.org ou:*Berlin*'; '' for all
        #[arg(long, value_name = "FILTER")]
        filter: Option<String>,
    },
    /// Refuse devices for ever, within a second
    Revoke(Which),
    /// Say that devices are the same machine as another one, which stands in their place from now on
    Merge {
        #[command(flatten)]
        which: Which,
        /// The device that stays
        #[arg(long, value_name = "ID")]
        into: Uuid,
    },
    /// Remove devices with their history; only such as are retired, replaced or pending
    Delete(Which),
    /// What was done to a device, newest first
    Record {
        #[command(flatten)]
        config: WithConfig,
        /// The device's id, from `device list`
        id: Uuid,
    },
    /// Take devices out of the fleet
    Retire(Which),
    /// Import the list of machines that should have a collector; it replaces the one before
    Import {
        #[command(flatten)]
        config: WithConfig,
        /// CSV, for example of `Get-ADComputer -Filter * -Properties OperatingSystem | Export-Csv list.csv`; `-` reads standard input
        file: PathBuf,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Status {
    Pending,
    Active,
    Revoked,
    Retired,
    Replaced,
    /// Machines of the imported list that never enrolled
    Listed,
}

impl From<Status> for DeviceStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => Self::Pending,
            Status::Active => Self::Active,
            Status::Revoked => Self::Revoked,
            Status::Retired => Self::Retired,
            Status::Replaced => Self::Replaced,
            Status::Listed => Self::Listed,
        }
    }
}

#[derive(Debug, Args)]
struct Which {
    #[command(flatten)]
    config: WithConfig,
    /// Device ids, from `device list`
    #[arg(required = true)]
    ids: Vec<Uuid>,
}

pub(super) async fn run(args: DeviceArgs) -> anyhow::Result<()> {
    match args.command {
        DeviceCommand::List { config, status } => list(&config, status.into()).await,
        DeviceCommand::Approve {
            config,
            ids,
            filter,
        } => {
            let ids = match filter {
                None => ids,
                Some(text) => pending(&config, &Filter::parse(&text)?).await?,
            };
            set(Which { config, ids }, DeviceStatus::Active, "approved").await
        }
        DeviceCommand::Revoke(which) => set(which, DeviceStatus::Revoked, "revoked").await,
        DeviceCommand::Retire(which) => set(which, DeviceStatus::Retired, "retired").await,
        DeviceCommand::Merge { which, into } => {
            let opened = which.config.open().await?;
            let deed = Deed::by(operator(), opened.clock.now());
            let changed = opened.store.merge(&which.ids, into, &deed).await?;
            told(&which.ids, &changed, "merged")
        }
        DeviceCommand::Delete(which) => {
            let opened = which.config.open().await?;
            let deed = Deed::by(operator(), opened.clock.now());
            let changed = opened.store.delete_devices(&which.ids, &deed).await?;
            told(&which.ids, &changed, "deleted")
        }
        DeviceCommand::Record { config, id } => record(&config, id).await,
        DeviceCommand::Import { config, file } => import(&config, &file).await,
    }
}

async fn list(config: &WithConfig, status: DeviceStatus) -> anyhow::Result<()> {
    let opened = config.open().await?;
    say("ID\tNAME\tRELEASE\tOPEN\tUNKNOWN\tLAST SEEN");
    let mut page = Page {
        after: None,
        limit: ROWS,
    };
    loop {
        let rows = opened
            .store
            .devices_with_status(&Scope::All, status, &Filter::Everything, &page)
            .await?;
        for row in &rows {
            let seen = row
                .last_seen_at
                .map_or_else(|| "never".to_owned(), |t| t.to_string());
            say(&format!(
                "{}\t{}\t{}\t{}\t{}\t{seen}",
                row.identity.id,
                plain(&row.summary.name),
                plain(&row.summary.release),
                row.open,
                row.unknown
            ));
        }
        match rows.last() {
            Some(last) if rows.len() == ROWS as usize => page.after = Some(last.cursor()),
            _ => return Ok(()),
        }
    }
}

/// Every pending device that matches.
async fn pending(config: &WithConfig, filter: &Filter) -> anyhow::Result<Vec<Uuid>> {
    let opened = config.open().await?;
    let mut ids = Vec::new();
    let mut page = Page {
        after: None,
        limit: ROWS,
    };
    loop {
        let status = DeviceStatus::Pending;
        let rows = opened
            .store
            .devices_with_status(&Scope::All, status, filter, &page)
            .await?;
        ids.extend(rows.iter().map(|row| row.identity.id));
        match rows.last() {
            Some(last) if rows.len() == ROWS as usize => page.after = Some(last.cursor()),
            _ => return Ok(ids),
        }
    }
}

async fn set(which: Which, status: DeviceStatus, word: &str) -> anyhow::Result<()> {
    let opened = which.config.open().await?;
    let mut changed = Vec::new();
    // In parts, so that nobody's report waits long for the database.
    for part in which.ids.chunks(CHANGED_AT_ONCE) {
        let now = opened.clock.now();
        let deed = Deed {
            // Whether the server was up to hear anybody is not known here.
            live_since: now.plus_days(-1),
            ..Deed::by(operator(), now)
        };
        changed.extend(opened.store.set_status(part, status, &deed).await?);
    }
    told(&which.ids, &changed, word)
}

/// Tells what was done, and fails where something was not.
fn told(ids: &[Uuid], changed: &[DeviceIdentity], word: &str) -> anyhow::Result<()> {
    for device in changed {
        let done = if ids.contains(&device.id) {
            word
        } else {
            "replaced"
        };
        say(&format!("{done} {}", device.id));
    }
    let left: Vec<String> = ids
        .iter()
        .filter(|id| !changed.iter().any(|device| device.id == **id))
        .map(Uuid::to_string)
        .collect();
    if !left.is_empty() {
        bail!(
            "not {word}, because there is no such device or its status does not allow it (what is revoked or replaced stays so): {}",
            left.join(", ")
        );
    }
    Ok(())
}

/// Lines of the record fetched at once.
const LINES: u32 = 500;

async fn record(config: &WithConfig, id: Uuid) -> anyhow::Result<()> {
    let opened = config.open().await?;
    say("AT\tWHAT\tWHO\tNAME\tDETAIL");
    let mut query = AuditQuery::of(id, LINES);
    loop {
        let lines = opened.store.audit(&query).await?;
        for line in &lines {
            say(&format!(
                "{}\t{}\t{}\t{}\t{}",
                line.at,
                line.action,
                plain(&line.actor),
                plain(&line.subject),
                plain(&line.detail)
            ));
        }
        match lines.last() {
            Some(last) if lines.len() == LINES as usize => query.before = Some(last.id),
            _ => return Ok(()),
        }
    }
}

async fn import(config: &WithConfig, file: &Path) -> anyhow::Result<()> {
    let list = if file == Path::new("-") {
        machine_list::read(io::stdin().lock())
            .context("nothing was imported from standard input")?
    } else {
        let input = File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
        machine_list::read(input)
            .with_context(|| format!("nothing was imported from {}", file.display()))?
    };
    let opened = config.open().await?;
    let imported = opened
        .store
        .import_machines(list.machines, &operator(), opened.clock.now())
        .await?;
    for (count, what) in [
        (imported.listed, "never enrolled"),
        (imported.unchanged, "of these were listed before, just so"),
        (imported.spoken_for, "have a device"),
        (imported.removed, "left the list"),
        (imported.repeated, "were named again"),
        (list.disabled, "left out: their account is disabled"),
    ] {
        say(&format!("{count}\t{what}"));
    }
    Ok(())
}
