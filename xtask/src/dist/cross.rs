//! Building the Windows collector on Linux, with Debian's packages alone.
//!
//! The target is `x86_64-win7-windows-gnu`, whose standard library does without what Windows 7 lacks. Nobody hands that library out
//! built, so it is built beside the collector, from the sources that Debian packages with its compiler. Everything lands in a build
//! folder of its own, because another compiler would otherwise keep replacing what is there.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

/// The collector's program.
pub(super) const PROGRAM: &str = "sickbay-collector.exe";
/// The target.
const TARGET: &str = "x86_64-win7-windows-gnu";
/// What developers have who build on Windows, or by rustup.
const USUAL_TARGET: &str = "x86_64-pc-windows-gnu";
/// The build folder, below the workspace's own.
const FOLDER: &str = "windows";
/// Debian's cargo and compiler; rustup's stand elsewhere.
const CARGO: &str = "/usr/bin/cargo";
const RUSTC: &str = "/usr/bin/rustc";
pub(super) const LINKER: &str = "x86_64-w64-mingw32-gcc";
/// What stands before the names of MinGW's other tools, such as `windres`.
const TOOLS: &str = "x86_64-w64-mingw32-";
/// Of the standard library's defaults, what reads debug data for backtraces is left out: the program that is handed out has none. Nor does it
/// unwind: see `docs/decisions/0019-a-defect-ends-the-collector.md`.
const LIBRARY_FEATURES: &str = "build-std-features=optimize_for_size";
/// Sections that lie in the file as they lie in memory: Wine then maps the program, as Windows always does, instead of copying it.
const LINK_ARGUMENTS: &str = "-C link-arg=-Wl,--file-alignment=4096";
const ARCHIVER: &str = "x86_64-w64-mingw32-ar";
/// The sources of the standard library, below the compiler's root.
const LIBRARY: &str = "lib/rustlib/src/rust/library/std";
const WHAT_TO_INSTALL: &str = "The Windows collector is built with Debian's packages: sudo apt-get install --yes --no-install-recommends cargo-web rustc-web \
     rust-web-src gcc-mingw-w64-x86-64";

/// How much effort goes into the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Build {
    /// For tests.
    Quick,
    /// For machines.
    Dist,
}

impl Build {
    /// The cargo profile, which is also the name of its folder.
    const fn profile(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Dist => "dist",
        }
    }
}

/// Builds the collector and returns where it is; nothing where the compiler found errors, which it has told then.
pub(super) fn collector(root: &Path, build: Build) -> Result<Option<PathBuf>> {
    let done = cargo(root, "build", TARGET, build)?;
    let folder = build_folder(root).join(TARGET).join(build.profile());
    Ok(done.then(|| folder.join(PROGRAM)))
}

/// Whether the collector also compiles for the target that rustup and Windows' own Rust have.
pub(super) fn compiles_for_the_usual_target(root: &Path) -> Result<bool> {
    cargo(root, "check", USUAL_TARGET, Build::Quick)
}

fn cargo(root: &Path, what: &str, target: &str, build: Build) -> Result<bool> {
    ensure!(can_build(), "{WHAT_TO_INSTALL}");
    let mut command = Command::new(CARGO);
    // This program may itself run under another cargo, of which nothing must reach this one.
    for (name, _) in std::env::vars_os() {
        if is_of_another_cargo(&name) {
            command.env_remove(name);
        }
    }
    let arguments = [
        what,
        "--locked",
        "--package",
        "sickbay-collector",
        "--bin",
        "sickbay-collector",
        "--profile",
        build.profile(),
        "--target",
        target,
        "-Z",
        "build-std=std,panic_abort",
        "-Z",
        LIBRARY_FEATURES,
    ];
    eprintln!("    {CARGO} {}", arguments.join(" "));
    let lower = target.replace('-', "_");
    let upper = lower.to_uppercase();
    let variables = [
        ("RUSTC".to_owned(), RUSTC),
        // The standard library is built with features that a stable compiler gives to nothing else.
        ("RUSTC_BOOTSTRAP".to_owned(), "1"),
        ("CROSS_COMPILE".to_owned(), TOOLS),
        (format!("CARGO_TARGET_{upper}_LINKER"), LINKER),
        (format!("CARGO_TARGET_{upper}_RUSTFLAGS"), LINK_ARGUMENTS),
        (format!("CC_{lower}"), LINKER),
        (format!("AR_{lower}"), ARCHIVER),
    ];
    let status = command
        .args(arguments)
        .envs(variables)
        .env("CARGO_TARGET_DIR", build_folder(root))
        .current_dir(root)
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("start {CARGO}"))?;
    Ok(status.success())
}

/// Where cargo builds for Windows.
fn build_folder(root: &Path) -> PathBuf {
    let own = std::env::var_os("CARGO_TARGET_DIR");
    own.map_or_else(|| root.join("target"), |own| root.join(own))
        .join(FOLDER)
}

/// Whether compiler, sources and linker are here.
fn can_build() -> bool {
    let answers = |program: &str, question: &str| {
        let asked = Command::new(program)
            .arg(question)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output();
        asked
            .ok()
            .filter(|said| said.status.success())
            .map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned())
    };
    let has_sources = answers(RUSTC, "--print=sysroot")
        .is_some_and(|sysroot| Path::new(&sysroot).join(LIBRARY).is_dir());
    has_sources && answers(CARGO, "--version").is_some() && answers(LINKER, "--version").is_some()
}

/// Whether a variable of the environment was set by, or is meant for, the cargo that started this program.
fn is_of_another_cargo(name: &OsString) -> bool {
    const PREFIXES: [&str; 6] = [
        "CARGO_BIN_",
        "CARGO_CRATE_",
        "CARGO_MANIFEST_",
        "CARGO_PKG_",
        "CARGO_PROFILE_",
        "RUSTC",
    ];
    const NAMES: [&str; 6] = [
        "CARGO",
        "CARGO_ENCODED_RUSTFLAGS",
        "LD_LIBRARY_PATH",
        "RUSTFLAGS",
        "RUSTUP_HOME",
        "RUSTUP_TOOLCHAIN",
    ];
    name.to_str().is_some_and(|name| {
        NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rustup_told_this_program_does_not_reach_debians_compiler() {
        let is = |name: &str| is_of_another_cargo(&name.into());
        assert!(is("RUSTC") && is("RUSTUP_TOOLCHAIN") && is("CARGO_PKG_NAME") && is("CARGO"));
        assert!(!is("CARGO_HOME") && !is("CARGO_NET_OFFLINE") && !is("CARGO_BUILD_JOBS"));
        assert!(!is("PATH") && !is("HTTPS_PROXY"));
    }

    #[test]
    fn tests_and_machines_get_programs_that_do_not_overwrite_each_other() {
        assert_ne!(Build::Quick.profile(), Build::Dist.profile());
    }
}
