//! The kit's start-up scripts, run as group policy runs them: from the folder that the import script fills, at every start.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use sickbay_packaging::{Order, files};
use sickbay_tests::wine::{IDENTITY, Prefix};

const UNINSTALL: &str = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall";
const INSTALL_LOG: &str = "windows/temp/sickbay-collector-install.log";

/// A computer, and the folder in SYSVOL that its policies' scripts stand in.
struct Computer {
    machine: Prefix,
}

impl Computer {
    async fn new() -> anyhow::Result<Self> {
        let machine = Prefix::new().await?;
        machine.import_text("identity.reg", IDENTITY).await?;
        Ok(Self { machine })
    }

    /// Puts scripts and installer of a kit side by side.
    fn hand_out(&self, folder: &str, installer: &str) -> anyhow::Result<()> {
        let installer = fs::read(self.machine.installer_file(installer)?)?;
        let kit = files(Order {
            installer: &installer,
            settings: None,
            made_at: "2026-11-25T08:00:00",
        })?;
        let to = self.machine.drive_c().join(folder);
        fs::create_dir(&to)?;
        for (path, content) in kit {
            let path = Path::new(&path);
            let kind = path.extension().and_then(|kind| kind.to_str());
            if matches!(kind, Some("cmd" | "msi")) {
                let name = path.file_name().context("a file has a name")?;
                fs::write(to.join(name), content)?;
            }
        }
        Ok(())
    }

    /// Runs one of the scripts to its end; whether it says that all is well.
    async fn start_up(&self, folder: &str, script: &str, parameter: &str) -> anyhow::Result<bool> {
        let script = format!(r"C:\{folder}\{script}-sickbay-collector.cmd");
        let output = self.machine.run("cmd", &["/c", &script, parameter]).await?;
        Ok(output.status.success())
    }

    async fn programs(&self) -> anyhow::Result<String> {
        let output = self.machine.run("reg", &["query", UNINSTALL, "/s"]).await?;
        Ok(String::from_utf8_lossy(&output.stdout).replace('\r', ""))
    }

    /// The versions of the collector that are installed.
    async fn versions(&self) -> anyhow::Result<Vec<String>> {
        let programs = self.programs().await?;
        let of_collector = |section: &&str| section.contains("REG_SZ    Sickbay Collector\n");
        let version = |section: &str| {
            let line = section
                .lines()
                .find(|line| line.contains("DisplayVersion"))?;
            line.rsplit(' ').next().map(str::to_owned)
        };
        let sections = programs.split("HKEY_").filter(of_collector);
        Ok(sections.filter_map(version).collect())
    }

    async fn add_program(&self, key: &str, name: &str) -> anyhow::Result<()> {
        let key = format!(r"{UNINSTALL}\{key}");
        let arguments = ["add", &key, "/v", "DisplayName", "/d", name, "/f"];
        let output = self.machine.run("reg", &arguments).await?;
        ensure!(output.status.success(), "{output:?}");
        Ok(())
    }

    fn on_disk(&self, path: &str) -> PathBuf {
        self.machine.drive_c().join(path)
    }
}

fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_start_up_script_installs_once_upgrades_and_never_goes_back() -> anyhow::Result<()> {
    let computer = Computer::new().await?;
    computer.hand_out("first", "collector.msi")?;
    computer.hand_out("next", "collector-next.msi")?;
    ensure!(computer.start_up("first", "install", "").await?);
    ensure!(computer.versions().await? == [version()]);

    // The next start: nothing is done at all.
    fs::remove_file(computer.on_disk(INSTALL_LOG))?;
    ensure!(computer.start_up("first", "install", "").await?);
    ensure!(
        !computer.on_disk(INSTALL_LOG).exists(),
        "the installer ran although this version is there"
    );

    ensure!(computer.start_up("next", "install", "").await?);
    let upgraded = computer.versions().await?;
    ensure!(
        upgraded.len() == 1 && upgraded[0] != version(),
        "{upgraded:?}"
    );
    ensure!(
        !computer.start_up("first", "install", "").await?,
        "an older version replaced a newer one"
    );
    ensure!(computer.versions().await? == upgraded);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_uninstalling_script_takes_this_program_and_no_other() -> anyhow::Result<()> {
    let computer = Computer::new().await?;
    computer.hand_out("first", "collector.msi")?;
    computer.hand_out("next", "collector-next.msi")?;
    ensure!(
        computer.start_up("first", "uninstall", "").await?,
        "nothing to do is no failure"
    );
    let others = [
        (
            "{11111111-1111-1111-1111-111111111111}",
            "Sickbay Collector Viewer \"2\" & echo %PATH% ^",
        ),
        ("Sickbay Collector", "Other (x64) !x! | <y>"),
    ];
    for (key, name) in others {
        computer.add_program(key, name).await?;
    }
    let state = computer.on_disk("ProgramData/Sickbay/Collector");

    // Another version's script removes it too.
    ensure!(computer.start_up("next", "install", "").await?);
    ensure!(computer.start_up("first", "uninstall", "").await?);
    ensure!(computer.versions().await?.is_empty());
    ensure!(state.is_dir(), "the state was not asked to be removed");

    // A computer that starts anew has no process of the one that was removed.
    computer.machine.service_gone().await?;
    ensure!(computer.start_up("first", "install", "").await?);
    ensure!(
        computer
            .start_up("first", "uninstall", "/removestate")
            .await?
    );
    ensure!(!state.exists(), "the state is left");
    let programs = computer.programs().await?;
    for (key, name) in others {
        ensure!(
            programs.contains(key) && programs.contains(name),
            "{name}: {programs}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_up_script_without_its_installer_fails_and_says_so() -> anyhow::Result<()> {
    let computer = Computer::new().await?;
    computer.hand_out("first", "collector.msi")?;
    let installer = format!("first/sickbay-collector-{}-x64.msi", version());
    fs::remove_file(computer.on_disk(&installer))?;
    ensure!(!computer.start_up("first", "install", "").await?);
    ensure!(computer.versions().await?.is_empty());
    Ok(())
}
