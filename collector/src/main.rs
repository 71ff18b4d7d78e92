//! `sickbay-collector`: wires the command line and nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    sickbay_collector::cli::run()
}
