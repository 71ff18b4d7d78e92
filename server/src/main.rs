//! `sickbay-server`: wires and nothing else.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    sickbay_server::cli::main()
}
