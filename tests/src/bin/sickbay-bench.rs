//! `cargo xtask bench NAME`: wires the benchmarks and nothing else.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// The server's own, so that what runs here is as fast as it is there.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    sickbay_tests::bench::run()
}
