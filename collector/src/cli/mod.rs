//! The command line of the collector.
//!
//! Exit status: 64 it was called wrongly, 65 and above it failed; `inspect` adds 0, 1 and 2 for what it found,
//! `explain-error` 0 and 1 for whether anything is known. Errors name what,
//! where and what to do, once, on standard error.

mod enrol;
mod explain_error;
pub mod inspect;
mod run;
mod seal;
mod self_test;
mod service;
mod settings;
mod status;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Called wrongly, as in `sysexits.h`.
const USAGE: u8 = 64;
/// It failed; what and why stands on standard error.
const FAILED: u8 = 65;

#[derive(Debug, Parser)]
#[command(
    name = "sickbay-collector",
    version,
    about = "The read-only Sickbay collector"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Inspect this machine or a recording, and diagnose it on the spot. Needs no server.
    Inspect(inspect::InspectArgs),
    /// Get this device its certificate from a server.
    Enrol(enrol::EnrolArgs),
    /// Report to the server, in the foreground, until stopped.
    Run(run::RunArgs),
    /// Tell who this device is and whether it reports.
    Status(status::StatusArgs),
    /// Tell step by step why this machine does not report, and what to do.
    SelfTest(self_test::SelfTestArgs),
    /// Prepare this machine to be copied: forget its identity, and get none before the next start.
    Seal(seal::SealArgs),
    /// Tell what an error code means and what to do about it. Needs no server.
    ExplainError(explain_error::ExplainErrorArgs),
    /// The Windows service: install, uninstall.
    Service(service::ServiceArgs),
}

/// Runs the program as its arguments say.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Where the output is closed nobody reads it, and the exit status still tells.
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(USAGE)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let result = match cli.command {
        Command::Inspect(args) => return inspect::run(&args),
        Command::Enrol(args) => enrol::run(args),
        Command::Run(args) => run::run(args),
        Command::Status(args) => status::run(&args),
        Command::SelfTest(args) => return self_test::run(&args),
        Command::ExplainError(args) => return explain_error::run(&args),
        Command::Seal(args) => seal::run(&args),
        Command::Service(args) => service::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "sickbay-collector: {error:#}");
            let usage = error.downcast_ref::<settings::Usage>().is_some();
            ExitCode::from(if usage { USAGE } else { FAILED })
        }
    }
}

/// Writes the answer of a command; an output that is closed is no failure of the command. Text of a server may be in it, so that
/// characters that steer a terminal are left out.
fn say(text: &str) {
    let harmless: String = text
        .chars()
        .filter(|c| *c == '\n' || !c.is_control())
        .collect();
    let _ = writeln!(std::io::stdout(), "{harmless}");
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
