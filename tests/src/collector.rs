//! `sickbay-collector run` as a process, over a recording whose number the test moves.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use sickbay_collector::host::recording::{Recording, write_reg};
use sickbay_collector::session::{Collector, CollectorOptions};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::machine::{recording, set_number};
use crate::program::{kill, program, tail};
use crate::server::Server;

/// A collector in a process of its own.
pub struct CollectorProcess {
    name: String,
    number: u64,
    server: String,
    token: String,
    pin: String,
    child: Option<Child>,
    folder: TempDir,
    ended_well: bool,
}

/// What a collector's state folder holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The device, once enrolled.
    pub device: Option<String>,
    /// Newest acknowledged report.
    pub acknowledged: u64,
    /// Reports that wait.
    pub waiting: usize,
}

impl CollectorProcess {
    /// The collector of machine `name`; it does not run yet.
    pub async fn new(server: &Server, name: &str) -> anyhow::Result<Self> {
        let collector = Self {
            name: name.to_owned(),
            number: 0,
            server: server.collectors_url(),
            token: server.enrolment_token().await?,
            pin: server.ca_pin().await?,
            child: None,
            folder: tempfile::tempdir().context("make a temporary folder")?,
            ended_well: false,
        };
        std::fs::create_dir(collector.recording_dir()).context("make a folder")?;
        let description =
            toml::to_string(recording(name).description()).context("write a host.toml")?;
        std::fs::write(collector.recording_dir().join("host.toml"), description)
            .context("write a host.toml")?;
        collector.record()?;
        Ok(collector)
    }

    fn recording_dir(&self) -> PathBuf {
        self.folder.path().join("recording")
    }

    /// The collector's own folder.
    pub fn state_dir(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("collector.log")
    }

    /// The machine as recorded now.
    pub fn machine(&self) -> Recording {
        let mut machine = recording(&self.name);
        set_number(&mut machine, &self.name, self.number);
        machine
    }

    /// Writes the recording in one step, so that the collector never reads half of it.
    fn record(&self) -> anyhow::Result<()> {
        let new = self.folder.path().join("new.reg");
        std::fs::write(&new, write_reg(self.machine().registry())).context("write a recording")?;
        std::fs::rename(&new, self.recording_dir().join("registry.reg"))
            .context("replace a recording")
    }

    /// Moves the machine to its next number; the collector notices by itself.
    pub fn change(&mut self) -> anyhow::Result<()> {
        self.number += 1;
        self.record()
    }

    /// Starts the collector.
    pub fn run(&mut self) -> anyhow::Result<()> {
        ensure!(self.child.is_none(), "the collector runs already");
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.log())
            .context("open a log")?;
        let child = Command::new(program("sickbay-collector")?)
            .args([
                "run",
                "--server",
                &self.server,
                "--token",
                &self.token,
                "--ca-pin",
                &self.pin,
            ])
            .arg("--state-dir")
            .arg(self.state_dir())
            .arg("--recording")
            .arg(self.recording_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("start sickbay-collector")?;
        self.child = Some(child);
        Ok(())
    }

    /// Ends the process with SIGKILL.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        let mut child = self.child.take().context("the collector does not run")?;
        kill(&mut child).await
    }

    /// The test is over and went well.
    pub async fn done(&mut self) -> anyhow::Result<()> {
        self.ended_well = true;
        self.kill().await
    }

    /// What its folder holds while it does not run, read by the library itself.
    pub fn kept(&self) -> anyhow::Result<Kept> {
        ensure!(
            self.child.is_none(),
            "the folder of a running collector is its own"
        );
        // The library asks for a server, and reads nothing of the machine before it runs.
        let machine = Arc::new(self.machine());
        let options = CollectorOptions::new(self.state_dir(), vec![self.server.parse()?], machine);
        let progress = Collector::new(options)
            .context("open the state of a killed collector")?
            .handle()
            .progress();
        Ok(Kept {
            device: progress.device_id,
            acknowledged: progress.acknowledged,
            waiting: progress.waiting,
        })
    }

    /// Whether reports wait in its folder, as anyone can see who looks into it while it runs.
    pub fn has_reports_waiting(&self) -> anyhow::Result<bool> {
        let entries =
            std::fs::read_dir(self.state_dir().join("spool")).context("look into a spool")?;
        Ok(entries.flatten().any(|entry| {
            Path::new(&entry.file_name())
                .extension()
                .is_some_and(|e| e == "report")
        }))
    }
}

impl Drop for CollectorProcess {
    #[expect(clippy::print_stderr, reason = "a test runner shows it with a failure")]
    fn drop(&mut self) {
        if !self.ended_well {
            eprintln!(
                "the last words of the collector of {}:\n{}",
                self.name,
                tail(&self.log())
            );
        }
    }
}
