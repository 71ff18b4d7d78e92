//! `cargo xtask`: what is done to Sickbay's own sources.
//!
//! `test` runs everything that must hold before a change is taken, `dist` builds what is handed out, `bench` measures, `tidy` looks after the rules of
//! the sources that no compiler checks.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for a person at a terminal and for logs of CI"
)]

mod bench;
mod dist;
mod everything;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What is done to Sickbay's own sources.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Everything: installs what is missing (Debian: apt), then formatting, clippy, tidy, and every test suite.
    Test {
        /// Also what takes long: fuzzing, repeated kills and the like (sets `SICKBAY_LONG=1` for the tests).
        #[arg(long)]
        long: bool,
    },
    /// What is handed out, in `dist/`: the Windows collector and its installer, with checksums.
    Dist {
        /// For tests: not optimised, and it stays in the build folder.
        #[arg(long)]
        quick: bool,
        /// Sign program and installer with this certificate (PEM).
        #[arg(long, value_name = "FILE", requires = "key", conflicts_with = "quick")]
        sign_with: Option<PathBuf>,
        /// The certificate's key (PEM).
        #[arg(long, value_name = "FILE", requires = "sign_with")]
        key: Option<PathBuf>,
    },
    /// Figures that anybody can repeat: what is measured, on what, and the limit that it must keep.
    Bench {
        /// The benchmark's name and options: `freshness`, `collector`, `diagnose`, `explain`, `--json`, `--help`.
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// The rules of the sources that no compiler checks: layering, purity of diagnosis, unsafe code, names, lengths, texts.
    Tidy {
        /// The tree to look at.
        #[arg(long, value_name = "DIR", default_value_os_t = workspace_root())]
        root: PathBuf,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Test { long } => everything::run(&workspace_root(), long),
        Task::Dist {
            quick,
            sign_with,
            key,
        } => {
            let signer = sign_with
                .zip(key)
                .map(|(certificate, key)| dist::Signer { certificate, key });
            dist::run(&workspace_root(), quick, signer.as_ref())
        }
        Task::Bench { arguments } => bench::run(&workspace_root(), &arguments),
        Task::Tidy { root } => tidy::run(&root),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Where the workspace is: as cargo says it now, because a shared build folder may have built this program for another clone.
fn workspace_root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.parent().map(Path::to_path_buf).unwrap_or(here)
}
