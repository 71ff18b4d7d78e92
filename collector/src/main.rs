//! `sickbay-collector`: wires the command line and nothing else.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    sickbay_collector::cli::run()
}
