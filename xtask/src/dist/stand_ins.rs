//! The stand-ins for what Wine lacks: small libraries in C, which tests put in the place of Windows' own, and a service that does
//! nothing, which benchmarks compare with. Built beside a program, in a folder of their own, so that nothing takes them by accident.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use super::cross::LINKER;

/// Their sources, below the root.
const SOURCES: &str = "tests/stand-ins";
/// Their folder, beside the program.
const FOLDER: &str = "stand-ins";
/// Each is one file, and what it is called becomes its name: libraries, and programs.
const LIBRARIES: [&str; 3] = ["dismapi", "update-agent", "wevtapi"];
const PROGRAMS: [&str; 1] = ["empty-service"];

/// Builds them beside `program`. Returns whether all compiled; the compiler has told what is wrong.
pub(super) fn build(root: &Path, program: &Path) -> Result<bool> {
    let beside = program
        .parent()
        .context("the program stands in a folder")?
        .join(FOLDER);
    fs::create_dir_all(&beside).with_context(|| format!("make {}", beside.display()))?;
    let libraries =
        LIBRARIES.map(|name| (name, "dll", &["-shared", "-Wl,--export-all-symbols"][..]));
    let programs = PROGRAMS.map(|name| (name, "exe", &["-mwindows"][..]));
    for (name, ending, kind) in libraries.into_iter().chain(programs) {
        let to = beside.join(format!("{name}.{ending}"));
        let status = Command::new(LINKER)
            .args(["-Wall", "-Wextra", "-Werror", "-O1", "-s"])
            .args(kind)
            .arg("-o")
            .arg(&to)
            .arg(root.join(SOURCES).join(format!("{name}.c")))
            .args(["-lole32", "-loleaut32", "-luuid"])
            .stdin(Stdio::null())
            .status()
            .with_context(|| format!("start {LINKER}"))?;
        if !status.success() {
            eprintln!("error: the stand-in {name} does not compile");
            return Ok(false);
        }
    }
    Ok(true)
}
