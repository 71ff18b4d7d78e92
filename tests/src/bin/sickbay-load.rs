//! `sickbay-load`: wires the load generator and nothing else.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    sickbay_tests::load::cli::run()
}
