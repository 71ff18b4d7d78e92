//! The Windows collector under Wine: fresh Windows machines, one for each test.
//!
//! A machine is a Wine prefix. Making one takes 20 s and 700 MB, so one is made once for this build folder and Wine, and a test gets
//! a copy: its own registry, and hard links to the files, none of which Wine writes in place. At its end Wine's processes for that
//! copy, and no others, are ended.

pub(crate) mod process;
pub mod service;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::program;

/// Where `cargo xtask dist` leaves what it builds for Windows, below the build folder.
const BUILDS: &str = "windows/x86_64-win7-windows-gnu";
const COLLECTOR: &str = "sickbay-collector.exe";
/// What makes a machine Windows 10 22H2; a fresh prefix calls itself Windows 7.
pub const IDENTITY: &str = "REGEDIT4\r\n\r\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion]\r\n\
    \"CurrentBuild\"=\"19045\"\r\n\"CurrentBuildNumber\"=\"19045\"\r\n\"DisplayVersion\"=\"22H2\"\r\n\"EditionID\"=\"Professional\"\r\n\
    \"InstallationType\"=\"Client\"\r\n\"ProductName\"=\"Windows 10 Pro\"\r\n\"CurrentMajorVersionNumber\"=dword:0000000a\r\n\
    \"UBR\"=dword:00001000\r\n";
/// Beside it, what stands in for parts of Windows that Wine lacks.
const STAND_INS: &str = "stand-ins";
/// Where they are told how to behave.
const STAND_INS_KEY: &str = r"HKLM\SOFTWARE\Sickbay\StandIns";
/// The update agent's classes, which are registered to its stand-in.
const AGENT_CLASSES: [&str; 4] = [
    "c01b9ba0-bea7-41ba-b604-d0a36f469133",
    "4cb43d7f-7eee-4906-8698-60da1c38f2fe",
    "f8d253d9-89a4-4daa-87b6-1168369f0b21",
    "bfe18e9c-6d87-4450-b37c-e02f0b373803",
];
/// Longest time for one program under Wine, and for making the first prefix.
const PROGRAM: Duration = Duration::from_mins(1);
const FIRST_PREFIX: Duration = Duration::from_mins(3);

/// Which of the collector's programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Build {
    /// What `cargo xtask dist --quick` makes for tests.
    Quick,
    /// What is handed out.
    Dist,
}

impl Build {
    const fn folder(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Dist => "dist",
        }
    }

    const fn command(self) -> &'static str {
        match self {
            Self::Quick => "cargo xtask dist --quick",
            Self::Dist => "cargo xtask dist",
        }
    }
}

/// A Windows machine of its own; ended and removed when it is dropped.
#[derive(Debug)]
pub struct Prefix {
    folder: TempDir,
    collector: PathBuf,
    /// Which libraries Wine takes from the machine rather than its own, or does without.
    overrides: &'static str,
}

impl Prefix {
    /// A fresh machine, for the collector of tests.
    pub async fn new() -> anyhow::Result<Self> {
        Self::with(Build::Quick).await
    }

    /// A fresh machine, for one of the collector's programs.
    pub async fn with(which: Build) -> anyhow::Result<Self> {
        let build = build_folder()?;
        let collector = build.join(BUILDS).join(which.folder()).join(COLLECTOR);
        ensure!(
            collector.is_file(),
            "the Windows collector {} is missing; build it first: {}",
            collector.display(),
            which.command()
        );
        let template = template(&build.join("wine")).await?;
        let folder = TempDir::with_prefix_in("prefix-", build.join("wine"))
            .context("make a folder for a Wine prefix")?;
        let to = folder.path().to_owned();
        tokio::task::spawn_blocking(move || copy(&template, &to, 0))
            .await?
            .context("copy the Wine prefix")?;
        let machine = Self {
            folder,
            collector,
            overrides: WITHOUT_PACKAGES,
        };
        machine.boot().await?;
        Ok(machine)
    }

    /// Shuts the machine down and starts it again.
    pub async fn restart(&self) -> anyhow::Result<()> {
        for order in ["-k", "-w"] {
            let mut server = Command::new("wineserver");
            server.arg(order).env("WINEPREFIX", self.folder.path());
            let ended = server
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            tokio::time::timeout(PROGRAM, ended)
                .await
                .context("Wine does not end")??;
        }
        self.boot().await
    }

    async fn boot(&self) -> anyhow::Result<()> {
        // Without it Wine would shut the machine down after every program and start it anew for the next, which, as on any Windows,
        // does what was left for the next start.
        let mut server = Command::new("wineserver");
        server.arg("-p").env("WINEPREFIX", self.folder.path());
        behind(server).await.context("start wineserver")?;
        // The first program also starts Windows' own ones, which live on with its outputs.
        let mut first = wine(self.folder.path());
        first.args(["cmd", "/c", "exit 0"]);
        behind(first).await.context("start a machine under Wine")?;
        Ok(())
    }

    /// The prefix itself.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Puts stand-ins in the place of `dismapi.dll`, `wevtapi.dll` and the update agent, all of which behave well until
    /// [`Prefix::stand_in`] says otherwise.
    pub async fn with_stand_ins(mut self) -> anyhow::Result<Self> {
        let beside = self.collector.parent().context("a folder of the program")?;
        let from = beside.join(STAND_INS);
        let system = self.drive_c().join("windows/system32");
        for library in ["dismapi.dll", "update-agent.dll", "wevtapi.dll"] {
            let to = system.join(library);
            // It may be a link to the file of the machine that all are copied from.
            if to.exists() {
                fs::remove_file(&to).with_context(|| format!("remove {}", to.display()))?;
            }
            fs::copy(from.join(library), &to).with_context(|| {
                format!("copy {library}; build it first: cargo xtask dist --quick")
            })?;
        }
        let mut reg = "REGEDIT4\r\n".to_owned();
        for class in AGENT_CLASSES {
            let key =
                format!(r"HKEY_LOCAL_MACHINE\SOFTWARE\Classes\CLSID\{{{class}}}\InprocServer32");
            write!(
                reg,
                "\r\n[{key}]\r\n@=\"C:\\\\windows\\\\system32\\\\update-agent.dll\"\r\n\"ThreadingModel\"=\"Both\"\r\n"
            )?;
        }
        let file = self.folder.path().join("stand-ins.reg");
        fs::write(&file, reg).context("write what registers the stand-ins")?;
        self.import(&file).await?;
        self.overrides = WITH_STAND_INS;
        Ok(self)
    }

    /// Has the stand-in of that name (`EventLog`, `Servicing`, `UpdateAgent`) behave as `word` says, from its next call on.
    pub async fn stand_in(&self, name: &str, word: &str) -> anyhow::Result<()> {
        let arguments = ["add", STAND_INS_KEY, "/v", name, "/d", word, "/f"];
        let output = self.run("reg", &arguments).await?;
        ensure!(output.status.success(), "reg {arguments:?}: {output:?}");
        Ok(())
    }

    /// Drive C.
    pub fn drive_c(&self) -> PathBuf {
        self.folder.path().join("drive_c")
    }

    /// Runs a program of Windows, or one by its path here, to its end.
    pub async fn run(&self, program: &str, arguments: &[&str]) -> anyhow::Result<Output> {
        let mut command = wine(self.folder.path());
        command.env("WINEDLLOVERRIDES", self.overrides);
        command.arg(program).args(arguments);
        finished(command, PROGRAM)
            .await
            .with_context(|| format!("run {program} {} under Wine", arguments.join(" ")))
    }

    /// Runs the collector to its end.
    pub async fn collector(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        let program = self
            .collector
            .to_str()
            .context("a build folder with a Unicode name")?;
        self.run(program, arguments).await
    }

    /// Starts the collector; it ends when what this returns is dropped, or with the machine. What it logs goes to `log`.
    pub fn start_collector(&self, arguments: &[&str], log: &Path) -> anyhow::Result<Child> {
        let log = File::create(log).with_context(|| format!("make {}", log.display()))?;
        let mut command = wine(self.folder.path());
        command
            .env("WINEDLLOVERRIDES", self.overrides)
            .arg(&self.collector)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("start the collector under Wine")
    }

    /// Imports a .reg file. Wine's own `reg.exe` was seen to hang once on a busy machine; to import twice is to import, so it has a second
    /// chance, and the log tells.
    pub async fn import(&self, reg: &Path) -> anyhow::Result<()> {
        let file = format!("Z:{}", reg.display()).replace('/', "\\");
        let importing = ["import", file.as_str()];
        let output = match self.run("reg", &importing).await {
            Err(error) if error.root_cause().is::<tokio::time::error::Elapsed>() => {
                let _ = writeln!(io::stderr(), "{error:#}; it gets a second chance");
                self.run("reg", &importing).await?
            }
            other => other?,
        };
        ensure!(
            output.status.success(),
            "Wine could not import {}: {}",
            reg.display(),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }
}

impl Drop for Prefix {
    fn drop(&mut self) {
        // Its end is waited for: a server is known by the number that the file system gave its folder, and the next folder may be given
        // the same one.
        for order in ["-k", "-w"] {
            // Where it cannot be started nothing was started under it either.
            let _ = std::process::Command::new("wineserver")
                .arg(order)
                .env("WINEPREFIX", self.folder.path())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
        }
    }
}

/// The folder of all builds, above the one of this test's own programs.
fn build_folder() -> anyhow::Result<PathBuf> {
    let folder = program::folder()?;
    let above = folder
        .parent()
        .context("the build folder has none above it")?;
    Ok(above.to_owned())
}

/// The prefix from which all are copied, made by whichever test comes first.
async fn template(below: &Path) -> anyhow::Result<PathBuf> {
    let mut asking = Command::new("wine");
    asking.arg("--version");
    let said = finished(asking, PROGRAM).await.context(
        "wine is missing or does not start; on Debian: sudo apt-get install --yes wine wine64",
    )?;
    let version = String::from_utf8_lossy(&said.stdout);
    let name: String = version
        .trim()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let made = below.join(name);
    fs::create_dir_all(below).with_context(|| format!("make {}", below.display()))?;
    let lock = File::create(below.join("lock")).context("make a lock for the Wine prefix")?;
    let lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await??;
    if !made.is_dir() {
        let begun = TempDir::with_prefix_in("new-", below)?;
        let mut boot = wine(begun.path());
        boot.args(["wineboot", "-i"]);
        let output = finished(boot, FIRST_PREFIX)
            .await
            .context("make a Wine prefix")?;
        // Only once the server has ended is the registry on the disk.
        let mut end = Command::new("wineserver");
        end.arg("-w").env("WINEPREFIX", begun.path());
        finished(end, FIRST_PREFIX)
            .await
            .context("wait for the end of Wine")?;
        ensure!(
            output.status.success() && begun.path().join("system.reg").is_file(),
            "wineboot failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        fs::rename(begun.keep(), &made).context("keep the Wine prefix")?;
    }
    drop(lock);
    Ok(made)
}

/// Wine would like to download these.
const WITHOUT_PACKAGES: &str = "mscoree,mshtml=";
/// And these are the machine's own, not Wine's.
const WITH_STAND_INS: &str = "mscoree,mshtml=;wevtapi,dismapi=n";

/// Wine over a prefix: no window, no messages of its own, none of the packages that it would like to download.
fn wine(prefix: &Path) -> Command {
    let mut command = Command::new("wine");
    command
        .env("WINEPREFIX", prefix)
        .env("WINEDEBUG", "-all")
        .env("WINEDLLOVERRIDES", WITHOUT_PACKAGES)
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY");
    command
}

/// Runs what leaves processes behind. Those keep its outputs, so that nobody could wait for their end.
async fn behind(mut command: Command) -> anyhow::Result<()> {
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .status();
    let status = tokio::time::timeout(PROGRAM, status)
        .await
        .with_context(|| format!("it did not end within {} s", PROGRAM.as_secs()))??;
    ensure!(status.success(), "it failed: {status}");
    Ok(())
}

async fn finished(mut command: Command, within: Duration) -> anyhow::Result<Output> {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    tokio::time::timeout(within, output)
        .await
        .with_context(|| format!("it did not end within {} s", within.as_secs()))?
        .context("start it")
}

/// Copies a prefix. The registry stands in files at its top, which Wine writes in place where they have several names; all others
/// become hard links.
fn copy(from: &Path, to: &Path, depth: usize) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            fs::create_dir(&target)?;
            copy(&entry.path(), &target, depth + 1)?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path())?, &target)?;
        } else if depth == 0 {
            fs::copy(entry.path(), &target)?;
        } else {
            fs::hard_link(entry.path(), &target)?;
        }
    }
    Ok(())
}
