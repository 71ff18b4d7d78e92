//! Small Windows programs of our own, in C, that tests and benchmarks put beside the collector.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use super::cross::LINKER;

/// Where their sources are.
const SOURCES: &str = "tests/stand-ins";

/// Builds each beside `program`. Returns whether the compiler was content.
pub(super) fn build(root: &Path, program: &Path) -> Result<bool> {
    let folder = program.parent().context("a program stands in a folder")?;
    let status = Command::new(LINKER)
        .args(["-O2", "-s", "-Wall", "-Wextra", "-Werror"])
        .arg("-o")
        .arg(folder.join("empty_service.exe"))
        .arg(root.join(SOURCES).join("empty_service.c"))
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("start {LINKER}"))?;
    Ok(status.success())
}
