//! The stand-ins for what Wine lacks: small libraries in C, which tests put in the place of Windows' own. Built beside the program for
//! tests, in a folder of their own, so that nothing takes them by accident.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use super::cross::LINKER;

/// Their sources, below the root.
const SOURCES: &str = "tests/stand-ins";
/// Their folder, beside the program.
const FOLDER: &str = "stand-ins";
/// Each is one file; what it is called becomes the library's name.
const ALL: [&str; 3] = ["dismapi", "update-agent", "wevtapi"];

/// Builds them beside `program`. Returns whether all compiled; the compiler has told what is wrong.
pub(super) fn build(root: &Path, program: &Path) -> Result<bool> {
    let beside = program
        .parent()
        .context("the program stands in a folder")?
        .join(FOLDER);
    fs::create_dir_all(&beside).with_context(|| format!("make {}", beside.display()))?;
    for name in ALL {
        let library = beside.join(format!("{name}.dll"));
        let status = Command::new(LINKER)
            .args(["-Wall", "-Wextra", "-Werror", "-O1", "-s", "-shared"])
            .arg("-o")
            .arg(&library)
            .arg(root.join(SOURCES).join(format!("{name}.c")))
            .args([
                "-Wl,--export-all-symbols",
                "-lole32",
                "-loleaut32",
                "-luuid",
            ])
            .stdin(Stdio::null())
            .status()
            .with_context(|| format!("start {LINKER}"))?;
        if !status.success() {
            eprintln!("error: the stand-in {name} does not compile");
            return Ok(false);
        }
    }
    println!("{}: {}", beside.display(), ALL.join(", "));
    Ok(true)
}
