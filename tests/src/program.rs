//! The project's programs as processes.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;

/// The folder that holds the programs of this build: this program's own, or for a test the one above.
pub(crate) fn folder() -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe().context("find this program itself")?;
    let own = this.parent().context("this program stands in no folder")?;
    let folder = if own.ends_with("deps") {
        own.parent().context("a test stands in no build folder")?
    } else {
        own
    };
    Ok(folder.to_owned())
}

/// A program of the project. Cargo does not build it for a test of another crate, so it may be missing.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    let path = folder()?.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    ensure!(
        path.is_file(),
        "the program {} is missing; build it first: cargo build -p sickbay-server -p sickbay-collector",
        path.display()
    );
    Ok(path)
}

/// A file of a program of others, which `cargo xtask test` installs.
pub fn tool(path: &str) -> anyhow::Result<PathBuf> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools");
    let path = tools.join(path);
    ensure!(
        path.is_file(),
        "{} is missing: cargo xtask test installs it (some with --long alone)",
        path.display()
    );
    Ok(path)
}

/// A folder under the build folder where what explains a failure is kept.
pub fn failures() -> anyhow::Result<PathBuf> {
    let folder = folder()?.join("test-failures");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("make the folder {}", folder.display()))?;
    Ok(folder)
}

/// Sends a signal.
pub fn send(child: &Child, signal: Signal) -> anyhow::Result<()> {
    let id = child.id().context("the process has ended already")?;
    let pid = i32::try_from(id)
        .ok()
        .and_then(Pid::from_raw)
        .context("a process id is a positive number")?;
    kill_process(pid, signal).with_context(|| format!("send {signal:?} to process {id}"))
}

/// Ends a process as nothing else does, and makes sure that it was this which ended it.
pub async fn kill(child: &mut Child) -> anyhow::Result<()> {
    use std::os::unix::process::ExitStatusExt as _;
    send(child, Signal::KILL)?;
    let status = child.wait().await.context("wait for a killed process")?;
    ensure!(
        status.signal() == Some(Signal::KILL.as_raw()),
        "the process was to be killed but had ended by itself: {status}"
    );
    Ok(())
}

/// Waits for the end of a process.
pub async fn ended(child: &mut Child, within: Duration) -> anyhow::Result<ExitStatus> {
    tokio::time::timeout(within, child.wait())
        .await
        .with_context(|| format!("the process still runs after {} s", within.as_secs()))?
        .context("wait for a process")
}

/// The last lines of a log, for whoever reads why a test failed.
pub fn tail(log: &Path) -> String {
    const LINES: usize = 30;
    let text = std::fs::read_to_string(log).unwrap_or_else(|error| error.to_string());
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
