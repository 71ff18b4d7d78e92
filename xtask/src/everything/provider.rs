//! The OpenID Connect provider that tests sign in through: Canaille, of PyPI, in a folder of its own below `target`.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

/// What is installed, every version of it.
const REQUIREMENTS: &str = "server/tests/it/fixtures/canaille/requirements.txt";
/// Where; `server/tests/it/canaille.rs` looks there.
const FOLDER: &str = "target/tools/canaille";

/// Installs it where it is not there, or another version is. Returns whether it is there in the end.
pub(super) fn install_missing(root: &Path) -> Result<bool> {
    let folder = root.join(FOLDER);
    let wanted = fs::read_to_string(root.join(REQUIREMENTS)).context(REQUIREMENTS)?;
    let marker = folder.join("installed.txt");
    if fs::read_to_string(&marker).is_ok_and(|there| there == wanted) {
        return Ok(true);
    }
    println!("    installing Canaille into {FOLDER}");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("remove {FOLDER}"))?;
    }
    let done = runs(root, "python3", &["-m", "venv", FOLDER])?
        && runs(
            root,
            &format!("{FOLDER}/bin/pip"),
            &[
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-deps",
                "--requirement",
                REQUIREMENTS,
            ],
        )?;
    if done {
        fs::write(&marker, wanted).with_context(|| format!("write {}", marker.display()))?;
    } else {
        eprintln!(
            "Canaille could not be installed from PyPI: see above. Then again: cargo xtask test"
        );
    }
    Ok(done)
}

fn runs(root: &Path, program: &str, arguments: &[&str]) -> Result<bool> {
    let status = Command::new(if program.contains('/') {
        root.join(program).into_os_string()
    } else {
        program.into()
    })
    .args(arguments)
    .current_dir(root)
    .stdin(Stdio::null())
    .status()
    .with_context(|| format!("start {program}"))?;
    Ok(status.success())
}
