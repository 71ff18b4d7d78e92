//! `sickbay-collector inspect`: runs every check here or on a recording, diagnoses, prints. Needs no server.
//!
//! Here means on Windows; elsewhere a recording has to be given.
//!
//! Issues that only a fleet or a server can tell (baselines, silence) are left out; where a provisional majority would be needed the
//! verdict is not applicable. The expectations are the catalogue's defaults. Exit status: 0 nothing is open, 1 something is, 2 nothing is open but
//! something is unknown, 64 it was called wrongly, 65 a recording could not be opened, 74 the output could not be written. What
//! could not be read in a recording goes to stderr and changes no exit status.

mod json;
mod table;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use sickbay_diagnosis::context::FleetContext;
use sickbay_diagnosis::expectation::Expectations;
use sickbay_diagnosis::facts::Facts;
use sickbay_diagnosis::issue::{Case, Shared};
use sickbay_diagnosis::knowledge::Knowledge;
use sickbay_diagnosis::observation::Observations;
use sickbay_diagnosis::reading::Evidence;
use sickbay_diagnosis::verdict::{State, Verdict};
use sickbay_diagnosis::{Check, Diagnosis, Time, diagnose};

use crate::host::Host;
use crate::host::recording::Recording;
use crate::inspection;

/// Called wrongly, as in `sysexits.h`.
const USAGE: u8 = 64;
/// A recording cannot be opened, as in `sysexits.h`.
const BAD_INPUT: u8 = 65;
/// The output cannot be written, as in `sysexits.h`.
pub(super) const BAD_OUTPUT: u8 = 74;

/// Inspect this machine or a recording, and diagnose it on the spot.
#[derive(Debug, Clone, Args)]
pub struct InspectArgs {
    /// A .reg file, or a folder with .reg files and a host.toml. Several are read as one device, later ones on top. Without it: this
    /// Windows machine.
    #[arg(long = "recording", value_name = "PATH")]
    pub recordings: Vec<PathBuf>,
    /// The moment for which to diagnose, such as 2026-11-23T08:00:00Z. Without it: the recording's own time, else now.
    #[arg(long, value_name = "RFC3339", value_parser = Time::parse)]
    pub as_of: Option<Time>,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// How to print what a command found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// One JSON object.
    Json,
}

/// Runs the command and says with which status to exit.
pub fn run(args: &InspectArgs) -> ExitCode {
    let mut errors = io::stderr().lock();
    // Where stderr is closed nobody reads it, and the exit status still tells.
    let mut say = |line: &dyn std::fmt::Display| {
        let _ = writeln!(errors, "{}", printable(&line.to_string()));
    };
    let inspected = if args.recordings.is_empty() {
        let Some(inspected) = this_device(args.as_of) else {
            say(&NO_RECORDING);
            return ExitCode::from(USAGE);
        };
        inspected
    } else {
        match Recording::load(&args.recordings, args.as_of) {
            Ok((recording, problems)) => {
                for problem in &problems {
                    say(problem);
                }
                Inspected::of(&recording)
            }
            Err(error) => {
                say(&format!("{:#}", anyhow::Error::new(error)));
                return ExitCode::from(BAD_INPUT);
            }
        }
    };
    let written = match args.format {
        Format::Json => write_json(&inspected),
        Format::Table => io::stdout().write_all(table::table(&inspected).as_bytes()),
    };
    match written.and_then(|()| io::stdout().flush()) {
        Ok(()) => inspected.exit_code(),
        // A reader such as `head` that has seen enough is no failure.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => inspected.exit_code(),
        Err(error) => {
            say(&format!("cannot write the result: {error}"));
            ExitCode::from(BAD_OUTPUT)
        }
    }
}

/// This machine, diagnosed for `as_of`, else for now; nothing where it runs no Windows.
#[cfg(windows)]
#[expect(clippy::unnecessary_wraps, reason = "on other systems there is none")]
fn this_device(as_of: Option<Time>) -> Option<Inspected> {
    let host = crate::host::windows::ThisDevice::new();
    let now = as_of.unwrap_or_else(|| host.now());
    Some(Inspected::at(&host, now))
}

#[cfg(not(windows))]
const fn this_device(_as_of: Option<Time>) -> Option<Inspected> {
    None
}

const NO_RECORDING: &str = "This is no Windows machine, so there is nothing to inspect here. Export the registry of a Windows machine there, for example with\n  \
     reg export HKLM\\SOFTWARE software.reg\n  reg export HKLM\\SYSTEM system.reg\nand name the files here:\n  \
     sickbay-collector inspect --recording software.reg --recording system.reg";

fn write_json(inspected: &Inspected) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &inspected.to_json())?;
    writeln!(out)
}

/// An inspection with its diagnosis.
#[derive(Debug)]
pub struct Inspected {
    now: Time,
    observations: Observations,
    elapsed: Vec<(Check, Duration)>,
    facts: Facts,
    diagnosis: Diagnosis,
}

impl Inspected {
    /// Inspects `host` and diagnoses it for its own time.
    pub fn of(host: &dyn Host) -> Self {
        Self::at(host, host.now())
    }

    /// Inspects `host` as it is and diagnoses it as if it were `now`.
    pub fn at(host: &dyn Host, now: Time) -> Self {
        let (observations, elapsed) = inspection::inspect_timed(host, Check::ALL);
        let facts = Facts::derive(&observations, Knowledge::built_in());
        let diagnosis = diagnose(&Case {
            facts: &facts,
            expectations: &Expectations::of(facts.windows().kind),
            fleet: &FleetContext::default(),
            sighting: None,
            now,
            shared: Shared::default(),
        });
        Self {
            now,
            observations,
            elapsed,
            facts,
            diagnosis,
        }
    }

    /// What was observed.
    pub const fn observations(&self) -> &Observations {
        &self.observations
    }

    /// What was decided.
    pub const fn diagnosis(&self) -> &Diagnosis {
        &self.diagnosis
    }

    /// The object that `--format json` prints.
    pub fn to_json(&self) -> serde_json::Value {
        json::json(self)
    }

    /// 1 where something is open, else 2 where something is unknown, else 0.
    pub fn exit_status(&self) -> u8 {
        if self.diagnosis.count(State::Open) > 0 {
            1
        } else if self.diagnosis.count(State::Unknown) > 0 {
            2
        } else {
            0
        }
    }

    fn facts_json(&self) -> serde_json::Value {
        self.facts.to_json(self.now)
    }

    fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.exit_status())
    }

    fn evidence(&self, verdict: &Verdict) -> Vec<Evidence> {
        verdict
            .evidence
            .iter()
            .filter_map(|reference| self.observations.evidence(*reference, None))
            .collect()
    }
}

/// A text from the machine without what could steer a terminal: control characters become spaces, except for line breaks, and
/// characters that turn the direction of writing are left out.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .filter(|c| !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
        .map(|c| {
            if c != '\n' && c.is_control() {
                ' '
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
