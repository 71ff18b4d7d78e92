//! `cargo xtask bench NAME`: wires the benchmarks and nothing else.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    sickbay_tests::bench::run()
}
