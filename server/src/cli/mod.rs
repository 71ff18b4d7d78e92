//! The command line. Commands other than `serve` and `demo` work on the database itself, so they need no running server; a running
//! server notices what they change within a second.
//!
//! Exit status: 0 done, 64 the words are off, 65 or above it failed. Answers go to standard output, everything else to standard error.

mod access;
mod audit;
mod backup;
mod config;
mod demo;
mod device;
mod explain;
mod export;
mod gpo_kit;
mod inspect;
mod knowledge;
mod migrate;
mod serve;
mod token;
mod updates;
mod user;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use sickbay_store::Store;

use crate::clock::Clock;
use crate::config::Config;
use crate::key_ring::KeyRing;
use crate::storage;

/// An answer could not be written (sysexits.h EX_IOERR).
const IO_ERROR: u8 = 74;
/// The words of the command line are off (sysexits.h EX_USAGE).
const USAGE: u8 = 64;
/// The command failed (sysexits.h EX_SOFTWARE).
const FAILED: u8 = 70;

/// Which Windows devices do not get their updates, and why.
#[derive(Debug, Parser)]
#[command(name = "sickbay-server", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(WithConfig),
    /// Run a whole simulated fleet: server, database, collectors
    Demo(demo::DemoArgs),
    /// Print the settings in force
    Config(config::ConfigArgs),
    /// Bring the database's schema up to date, or move a fleet into another database
    Migrate(migrate::MigrateArgs),
    /// Copy the database, the keys and the settings into a folder
    Backup(backup::BackupArgs),
    /// Put such a copy back
    Restore(backup::RestoreArgs),
    /// Enrolment tokens
    Token(token::TokenArgs),
    /// Devices: list, approve, revoke, retire
    Device(device::DeviceArgs),
    /// People who may sign in
    User(user::UserArgs),
    /// API tokens
    ApiToken(access::ApiTokenArgs),
    /// Print a one-time sign-in link
    SignIn(WithConfig),
    /// Write all devices of an issue to standard output
    Export(export::ExportArgs),
    /// Ask connected devices to look again now
    Inspect(inspect::InspectArgs),
    /// Why an update is on some devices and not on others, or (not) on one
    Explain(explain::ExplainArgs),
    /// What the fleet has learned of updates: export, import
    Updates(updates::UpdatesArgs),
    /// The certificate authority
    Ca(access::CaArgs),
    /// Pack what brings the collector to a Windows domain: installer, policies to import, steps
    GpoKit(gpo_kit::GpoKitArgs),
    /// The record of what was done: verify it, print it
    Audit(audit::AuditArgs),
    /// What is known of Windows: show it, import a newer pack, make one
    Knowledge(knowledge::KnowledgeArgs),
}

/// Where the settings are.
#[derive(Debug, Args)]
struct WithConfig {
    /// Settings file (TOML). Without one: the defaults and the environment
    #[arg(long, value_name = "FILE", env = "SICKBAY_CONFIG")]
    config: Option<PathBuf>,
}

impl WithConfig {
    fn load(&self) -> anyhow::Result<Config> {
        Config::load(self.config.as_deref(), |name| std::env::var(name).ok())
    }

    /// As [`WithConfig::open`], making the data folder where it is not there yet.
    async fn open_making(&self) -> anyhow::Result<Opened> {
        let folder = self.load()?.storage.data_dir;
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the data folder {}", folder.display()))?;
        self.open().await
    }

    /// The settings and the open database.
    async fn open(&self) -> anyhow::Result<Opened> {
        let config = self.load()?;
        let (store, keys) = storage::open_with_keys(&config.storage).await?;
        Ok(Opened {
            config,
            store,
            keys,
            clock: Clock::system(),
        })
    }
}

/// What a command works on.
struct Opened {
    config: Config,
    store: Arc<dyn Store>,
    keys: KeyRing,
    clock: Clock,
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Asking for help is no error.
            let status = if error.use_stderr() { USAGE } else { 0 };
            let _ = error.print();
            return ExitCode::from(status);
        }
    };
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say_error(&error);
            ExitCode::from(FAILED)
        }
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the boundary where the error chain is printed once"
)]
fn say_error(error: &anyhow::Error) {
    eprintln!("sickbay-server: {error:#}");
}

/// Prints an answer to standard output. Where nobody reads on, as behind `head`, the program is done.
fn say(text: &str) {
    if let Err(error) = writeln!(std::io::stdout().lock(), "{text}") {
        if error.kind() != std::io::ErrorKind::BrokenPipe {
            say_error(&anyhow::Error::new(error).context("print the answer"));
        }
        std::process::exit(IO_ERROR.into());
    }
}

#[tokio::main]
async fn run(cli: Cli) -> anyhow::Result<()> {
    let default_level = match &cli.command {
        Command::Serve(_) => "info",
        // A demo's own lines are for people; the log would drown them.
        _ => "warn",
    };
    sickbay_service::init_logging(default_level)?;
    match cli.command {
        Command::Serve(args) => serve::run(&args).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Config(args) => config::run(&args),
        Command::Migrate(args) => migrate::run(&args).await,
        Command::Backup(args) => backup::make(&args).await,
        Command::Restore(args) => backup::restore(&args).await,
        Command::Token(args) => token::run(args).await,
        Command::Device(args) => device::run(args).await,
        Command::User(args) => user::run(args).await,
        Command::ApiToken(args) => access::api_token(args).await,
        Command::SignIn(args) => access::sign_in(&args).await,
        Command::Export(args) => export::run(args).await,
        Command::Inspect(args) => inspect::run(args).await,
        Command::Explain(args) => explain::run(args).await,
        Command::Updates(args) => updates::run(args).await,
        Command::Ca(args) => access::ca(args).await,
        Command::Audit(args) => audit::run(args).await,
        Command::GpoKit(args) => gpo_kit::run(args).await,
        Command::Knowledge(args) => knowledge::run(args).await,
    }
}

/// Who uses the command line, for the record: as far as the operating system says.
fn operator() -> String {
    let name = ["SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok())
        .filter(|name| !name.is_empty());
    name.map_or_else(
        || "command line".to_owned(),
        |name| format!("command line, {name}"),
    )
}

/// A span of milliseconds in the largest unit that tells it whole, as [`parse_span`] reads it.
fn span_text(ms: i64) -> String {
    use sickbay_diagnosis::time::{DAY_MS, HOUR_MS, MINUTE_MS};
    for (unit, sign) in [(DAY_MS, 'd'), (HOUR_MS, 'h')] {
        if ms % unit == 0 {
            return format!("{}{sign}", ms / unit);
        }
    }
    format!("{}m", ms / MINUTE_MS)
}

/// Reads a span of time such as `30d`, `12h`, `90m`, in milliseconds.
fn parse_span(text: &str) -> anyhow::Result<i64> {
    let (number, unit) = text.split_at(text.len().saturating_sub(1));
    let unit_ms = match unit {
        "d" => sickbay_diagnosis::time::DAY_MS,
        "h" => sickbay_diagnosis::time::HOUR_MS,
        "m" => sickbay_diagnosis::time::MINUTE_MS,
        _ => anyhow::bail!(
            "{text:?} is no span of time: write a number and d, h or m, for example 30d"
        ),
    };
    let number: i64 = number.parse().with_context(|| {
        format!("{text:?} is no span of time: write a number and d, h or m, for example 30d")
    })?;
    anyhow::ensure!(number > 0, "a span of time must be longer than nothing");
    number
        .checked_mul(unit_ms)
        .with_context(|| format!("{text:?} is too long"))
}
