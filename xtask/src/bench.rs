//! `cargo xtask bench NAME`: builds what a benchmark needs and runs it. The benchmarks themselves are a program of the crate `tests`.
//!
//! Standard output is the benchmark's alone, so that `--json` is one object; what is built on the way tells of itself on standard error.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::dist;

/// The program of the benchmarks.
const PROGRAM: &str = "sickbay-bench";

/// Benchmarks that do not need the Windows collector and measure this machine's own speed: what they run is built with optimisation.
const ALONE: [&str; 10] = [
    "diagnose", "enrol", "explain", "export", "ingest", "moving", "pages", "sessions", "storage",
    "storm",
];
/// Those of them that run a server's own program.
const WITH_SERVER: [&str; 3] = ["ingest", "sessions", "storm"];

/// Builds and runs. Returns whether every figure kept its limit.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<bool> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let is_of = |names: &[&str]| {
        arguments
            .iter()
            .any(|argument| names.contains(&argument.as_str()))
    };
    let alone = is_of(&ALONE);
    let mut build = Command::new(&cargo);
    build.args(["build", "--locked", "--bins", "--package", "sickbay-tests"]);
    if alone {
        build.arg("--release");
    }
    if !alone || is_of(&WITH_SERVER) {
        build.args(["--package", "sickbay-server"]);
    }
    let built = build
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .context("start cargo")?;
    let asks_for_help = arguments
        .iter()
        .any(|argument| argument == "--help" || argument == "-h");
    if !built.success() || !asks_for_help && !alone && !dist::for_benchmarks(root)? {
        return Ok(false);
    }
    let folder = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root.join("target"), |own| root.join(own));
    let profile = if alone { "release" } else { "debug" };
    let program = folder.join(profile).join(PROGRAM);
    let status = Command::new(&program)
        .args(arguments)
        .current_dir(root)
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("start {}", program.display()))?;
    Ok(status.success())
}
