//! The collector as a service of a machine: its settings, its start and stop, its folder.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use rustix::process::Signal;
use tokio::process::Child;

use super::process::Process;
use super::{Prefix, STAND_INS, wine};
use crate::server::Server;
use crate::wait::eventually;

/// The service's name.
pub const SERVICE: &str = "SickbayCollector";
/// Where group policy writes.
pub const POLICY: &str = r"HKLM\SOFTWARE\Policies\Sickbay\Collector";
/// Longest time until a service's process is gone.
const STOPPED: Duration = Duration::from_secs(20);
/// Where `service install` finds the program, on drive C.
const PROGRAM: &str = r"sickbay\sickbay-collector.exe";

impl Prefix {
    /// Writes the settings that a policy for this server would bring.
    pub async fn set_policy(&self, server: &Server) -> anyhow::Result<()> {
        let (token, pin) = (server.enrolment_token().await?, server.ca_pin().await?);
        let policy = policy_file(&server.collectors_url(), &token, &pin);
        self.import_text("policy.reg", &policy).await
    }

    /// Imports the text of a .reg file.
    pub async fn import_text(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let file = self.drive_c().join(name);
        fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
        self.import(&file).await
    }

    /// Enters the collector as a service, without an installer, and starts it.
    pub async fn install_service(&self) -> anyhow::Result<()> {
        let program = self.drive_c().join(PROGRAM.replace('\\', "/"));
        if !program.is_file() {
            let folder = program.parent().context("a folder on drive C")?;
            fs::create_dir_all(folder)?;
            fs::copy(&self.collector, &program).context("put the collector on drive C")?;
        }
        let output = self
            .run(&format!(r"C:\{PROGRAM}"), &["service", "install"])
            .await?;
        ensure!(output.status.success(), "service install: {output:?}");
        Ok(())
    }

    /// Enters a stand-in of `tests/stand-ins` as a service and starts it; gives the name of its program.
    pub async fn install_empty_service(&self, name: &str, program: &str) -> anyhow::Result<String> {
        let from = self.collector.with_file_name(STAND_INS).join(program);
        let to = self.drive_c().join(program);
        fs::copy(&from, &to).with_context(|| {
            format!(
                "{} is missing; build it first: cargo xtask dist",
                from.display()
            )
        })?;
        let key = format!(r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\{name}");
        let entry = format!(
            "REGEDIT4\r\n\r\n[{key}]\r\n\"ImagePath\"=\"C:\\\\{program}\"\r\n\"ObjectName\"=\"LocalSystem\"\r\n\
             \"Start\"=dword:00000002\r\n\"Type\"=dword:00000010\r\n\"ErrorControl\"=dword:00000001\r\n"
        );
        self.import_text("service.reg", &entry).await?;
        // The service control manager reads its entries when the machine starts.
        self.restart().await?;
        Ok(program.to_owned())
    }

    /// Runs `msiexec` quietly on an installer of this build, to its end; an error where it does not succeed.
    pub async fn msiexec(
        &self,
        order: &[&str],
        installer: &str,
        properties: &[&str],
    ) -> anyhow::Result<()> {
        let file = self.installer(installer)?;
        let mut arguments = order.to_vec();
        arguments.extend([&*file, "/qn", "/l*v", r"C:\msi.log"]);
        arguments.extend(properties);
        let output = self.run("msiexec", &arguments).await?;
        if output.status.success() {
            return Ok(());
        }
        let log = fs::read(self.drive_c().join("msi.log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log).replace('\0', "");
        bail!("msiexec {arguments:?}: {}\n{log}", output.status)
    }

    /// Starts an installation and does not wait for it.
    pub fn start_msiexec(&self, installer: &str) -> anyhow::Result<Child> {
        let file = self.installer(installer)?;
        let mut command = wine(self.folder());
        command
            .args(["msiexec", "/i", &file, "/qn"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("start msiexec under Wine")
    }

    /// An installer of this build.
    pub fn installer_file(&self, name: &str) -> anyhow::Result<PathBuf> {
        let file = self.collector.with_file_name(name);
        ensure!(
            file.is_file(),
            "{} is missing; build it first: cargo xtask dist --quick",
            file.display()
        );
        Ok(file)
    }

    /// The same, by the path that Windows knows.
    fn installer(&self, name: &str) -> anyhow::Result<String> {
        let file = self.installer_file(name)?;
        Ok(format!("Z:{}", file.display()).replace('/', "\\"))
    }

    /// `net start`.
    pub async fn start_service(&self) -> anyhow::Result<()> {
        let output = self.run("net", &["start", SERVICE]).await?;
        ensure!(output.status.success(), "net start: {output:?}");
        Ok(())
    }

    /// `net stop`; tells how long it took until the service's process was gone, which Wine's `net` does not wait for.
    pub async fn stop_service(&self) -> anyhow::Result<Duration> {
        let since = Instant::now();
        let output = self.run("net", &["stop", SERVICE]).await?;
        ensure!(output.status.success(), "net stop: {output:?}");
        self.service_gone().await?;
        Ok(since.elapsed())
    }

    /// Waits until the service's process is gone, for which neither Wine's `net` nor its installer waits.
    pub async fn service_gone(&self) -> anyhow::Result<()> {
        eventually(STOPPED, async || {
            let left = Process::all(self.folder(), "sickbay-collector.exe")?;
            ensure!(left.is_empty(), "the service still runs: {left:?}");
            Ok(())
        })
        .await
    }

    /// Halts the service's process, as sleep does: its connections stay open and nobody answers.
    pub fn halt(&self) -> anyhow::Result<()> {
        self.service_process()?.send(Signal::STOP)
    }

    /// Lets it go on.
    pub fn go_on(&self) -> anyhow::Result<()> {
        self.service_process()?.send(Signal::CONT)
    }

    fn service_process(&self) -> anyhow::Result<Process> {
        Process::find(self.folder(), "sickbay-collector.exe")
    }

    /// The collector's own folder, as it is seen from here.
    pub fn state(&self) -> PathBuf {
        self.drive_c().join("ProgramData/Sickbay/Collector")
    }

    /// All that the service logged; empty where it never did.
    pub fn service_log(&self) -> String {
        let log = self.state().join("logs/collector.log");
        fs::read_to_string(log).unwrap_or_default()
    }
}

/// A .reg file with the settings of a policy.
pub fn policy_file(url: &str, token: &str, pin: &str) -> String {
    let key = POLICY.replace("HKLM", "HKEY_LOCAL_MACHINE");
    let list = |text: &str| {
        // REG_MULTI_SZ in REGEDIT4: bytes of the machine's code page, each text ended by a zero, the list by another.
        let bytes: Vec<String> = text
            .bytes()
            .chain([0, 0])
            .map(|b| format!("{b:02x}"))
            .collect();
        format!("hex(7):{}", bytes.join(","))
    };
    format!(
        "REGEDIT4\r\n\r\n[{key}]\r\n\"ServerUrls\"={}\r\n\"EnrolmentToken\"=\"{token}\"\r\n\"ServerCaPins\"={}\r\n",
        list(url),
        list(pin)
    )
}
