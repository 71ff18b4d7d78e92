//! `sickbay-server`: wires and nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    sickbay_server::cli::main()
}
