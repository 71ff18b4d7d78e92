//! Programs of npm that tests use, each in a folder of its own below `target/tools`, every version of it and of what it needs named in a
//! lock file of the repository. No package runs a script of its own while it is installed.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

/// What npm is started as.
const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };
/// The files that say what is wanted.
const FILES: [&str; 2] = ["package.json", "package-lock.json"];

/// A program.
#[derive(Debug)]
struct Program {
    /// The name of its folder.
    name: &'static str,
    /// The folder with the files that name versions.
    wanted: &'static str,
    /// Whether only what takes long needs it.
    long: bool,
}

const PROGRAMS: [Program; 3] = [
    // Looks whether pages can be used by everybody.
    Program {
        name: "axe",
        wanted: "tests/npm/axe",
        long: false,
    },
    // Looks whether the API's description is sound and whole.
    Program {
        name: "spectral",
        wanted: "tests/npm/spectral",
        long: false,
    },
    // Measures how pages load.
    Program {
        name: "lighthouse",
        wanted: "tests/npm/lighthouse",
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
        let name = self.name;
        let place = format!("target/tools/{name}");
        let folder = root.join(&place);
        let read = |file: &&str| {
            let path = root.join(self.wanted).join(file);
            fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
        };
        let wanted = FILES.iter().map(read).collect::<Result<Vec<_>>>()?;
        let marker = folder.join("installed.txt");
        if fs::read_to_string(&marker).is_ok_and(|there| there == wanted.concat()) {
            return Ok(true);
        }
        println!("    installing {name} into {place}");
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("remove {place}"))?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("make {place}"))?;
        for (file, text) in FILES.iter().zip(&wanted) {
            fs::write(folder.join(file), text).with_context(|| format!("write {place}/{file}"))?;
        }
        let status = Command::new(NPM)
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .arg("--loglevel=error")
            .current_dir(&folder)
            .stdin(Stdio::null())
            .status()
            .with_context(|| format!("start {NPM}"))?;
        if status.success() {
            let text = wanted.concat();
            fs::write(&marker, text).with_context(|| format!("write {}", marker.display()))?;
        } else {
            eprintln!(
                "{name} could not be installed from npm: see above. Then again: cargo xtask test"
            );
        }
        Ok(status.success())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(program: &Program, file: &str) -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        fs::read_to_string(root.join(program.wanted).join(file)).expect("a file")
    }

    #[test]
    fn every_version_is_named_and_every_package_has_its_checksum() {
        for program in &PROGRAMS {
            let wanted = text(program, "package.json");
            let (_, dependencies) = wanted.split_once("\"dependencies\": {").expect("some");
            let (dependencies, _) = dependencies.split_once('}').expect("their end");
            for line in dependencies.lines().filter(|line| line.contains(':')) {
                let (_, version) = line.split_once("\": \"").expect("a version");
                // No range: `^1.2.3`, `1.x`, `latest`.
                let is_exact = version
                    .trim_end_matches([',', '"'])
                    .chars()
                    .all(|c| c.is_ascii_digit() || c == '.');
                assert!(is_exact, "{}: {line}", program.wanted);
            }
            let lock = text(program, "package-lock.json");
            let packages = lock.matches("\"node_modules/").count();
            assert!(packages > 0, "{}", program.wanted);
            let checksums = lock.matches("\"integrity\": \"sha512-").count();
            assert_eq!(packages, checksums, "{}", program.wanted);
            // Whoever installs takes them from the registry that they have chosen.
            assert!(!lock.contains("\"resolved\""), "{}", program.wanted);
        }
    }
}
