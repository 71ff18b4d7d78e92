//! Programs of PyPI that tests use, each in a folder of its own below `target/tools`, every version of it and of what it needs named in a
//! file of the repository.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

/// A program.
#[derive(Debug)]
struct Program {
    /// Its name, and that of its folder.
    name: &'static str,
    /// The file that names versions.
    requirements: &'static str,
    /// Whether only what takes long needs it.
    long: bool,
}

const PROGRAMS: [Program; 3] = [
    // The OpenID Connect provider that tests sign in through.
    Program {
        name: "canaille",
        requirements: "server/tests/it/fixtures/canaille/requirements.txt",
        long: false,
    },
    // Looks for what attackers look for in a web server.
    Program {
        name: "wapiti",
        requirements: "tests/tests/long/wapiti.txt",
        long: true,
    },
    // Calls an API in every way that its description allows, and some that it does not.
    Program {
        name: "schemathesis",
        requirements: "tests/tests/long/schemathesis.txt",
        long: true,
    },
];

/// Installs what is not there, or there in another version. Returns whether all is there in the end.
pub(super) fn install_missing(root: &Path, long: bool) -> Result<bool> {
    for program in PROGRAMS.iter().filter(|program| long || !program.long) {
        if !program.install(root)? {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Program {
    fn install(&self, root: &Path) -> Result<bool> {
        let (name, requirements) = (self.name, self.requirements);
        let place = format!("target/tools/{name}");
        let folder = root.join(&place);
        let wanted = fs::read_to_string(root.join(requirements)).context(requirements)?;
        let marker = folder.join("installed.txt");
        if fs::read_to_string(&marker).is_ok_and(|there| there == wanted) {
            return Ok(true);
        }
        println!("    installing {name} into {place}");
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("remove {place}"))?;
        }
        let done = runs(root, "python3", &["-m", "venv", &place])?
            && runs(
                root,
                &format!("{place}/bin/pip"),
                &[
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                    "--no-deps",
                    "--requirement",
                    requirements,
                ],
            )?;
        if done {
            fs::write(&marker, wanted).with_context(|| format!("write {}", marker.display()))?;
        } else {
            eprintln!(
                "{name} could not be installed from PyPI: see above. Then again: cargo xtask test"
            );
        }
        Ok(done)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_named() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for program in &PROGRAMS {
            let text = fs::read_to_string(root.join(program.requirements)).expect("a file");
            for line in text.lines().filter(|line| !line.starts_with('#')) {
                assert!(line.contains("=="), "{}: {line}", program.requirements);
            }
        }
    }
}
