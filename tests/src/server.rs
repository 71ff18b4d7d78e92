//! `sickbay-server serve` and `demo` as processes, with a data folder of their own.
//!
//! Ports are chosen outside the range from which connections take theirs: otherwise a collector that tries to reach a server which
//! is down could be given the server's own port, and the server could not come back to it.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use rand::RngExt as _;
use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};
use sickbay_server::config::Storage;
use sickbay_store::Store;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use crate::program::{ended, kill, program, send, tail};

/// How long a program may take until it is ready, on a machine that builds and tests at the same time.
const READY_WITHIN: Duration = Duration::from_mins(1);
/// How long it may take to end.
const END_WITHIN: Duration = Duration::from_secs(20);
/// How often other ports are tried.
const ATTEMPTS: usize = 5;
/// What a program says about a port that it cannot have.
const PORT_TAKEN: &str = "cannot listen";

/// A port on loopback that is free now.
pub fn free_port() -> anyhow::Result<SocketAddr> {
    for _ in 0..1000 {
        let address = SocketAddr::from((
            Ipv4Addr::LOCALHOST,
            rand::rng().random_range(20_000..32_000),
        ));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    bail!("no port between 20000 and 32000 is free")
}

/// A process with the lines that it said when it became ready.
pub struct Ready {
    /// The process.
    pub child: Child,
    /// What followed each of the wanted beginnings, in their order.
    pub said: Vec<String>,
}

/// Starts a program and reads its lines until each of `wanted` began one.
pub async fn start_until_ready(
    mut command: Command,
    log: &Path,
    wanted: &[&str],
) -> anyhow::Result<Ready> {
    let errors = File::options()
        .create(true)
        .append(true)
        .open(log)
        .context("open a log")?;
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(errors)
        .kill_on_drop(true);
    let mut child = command
        .spawn()
        .with_context(|| format!("start {command:?}"))?;
    let stdout = child.stdout.take().context("the output was asked for")?;
    match tokio::time::timeout(READY_WITHIN, read_wanted(stdout, wanted)).await {
        Ok(Ok(said)) => Ok(Ready { child, said }),
        Ok(Err(missing)) => {
            let status = ended(&mut child, END_WITHIN).await?;
            bail!(
                "the program ended ({status}) and never said {missing:?}; its log:\n{}",
                tail(log)
            )
        }
        Err(_) => bail!(
            "the program did not say all of {wanted:?} within {} s; its log:\n{}",
            READY_WITHIN.as_secs(),
            tail(log)
        ),
    }
}

/// What followed each of `wanted`; the first that never came as an error. Reads on afterwards, so that the program never writes to a
/// closed pipe.
async fn read_wanted(stdout: ChildStdout, wanted: &[&str]) -> Result<Vec<String>, String> {
    let mut lines = BufReader::new(stdout).lines();
    let mut said: Vec<Option<String>> = vec![None; wanted.len()];
    while let Some(place) = said.iter().position(Option::is_none) {
        let Ok(Some(line)) = lines.next_line().await else {
            return Err(wanted[place].to_owned());
        };
        for (place, beginning) in wanted.iter().enumerate() {
            if let Some(rest) = line.strip_prefix(beginning) {
                said[place] = Some(rest.trim().to_owned());
            }
        }
    }
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok(said.into_iter().flatten().collect())
}

/// A server.
pub struct Server {
    data_dir: PathBuf,
    log: PathBuf,
    /// Of the collectors', the web's and the monitoring port.
    ports: [SocketAddr; 3],
    /// Further settings, by their variables.
    settings: Vec<(&'static str, String)>,
    /// Whether writing beyond a limit is an error for the process instead of its end.
    survives_limits: bool,
    child: Option<Child>,
    /// The newest one-time link.
    pub sign_in: String,
    ended_well: bool,
    _folder: TempDir,
}

/// The variable that names a server's database.
pub const DATABASE: &str = "SICKBAY_DATABASE";

impl Server {
    /// Starts a server with a fresh data folder.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_in(None, false).await
    }

    /// Starts a server on `data_dir`. With `survives_limits` the process is told an error where it writes beyond a limit on the size
    /// of files, instead of being ended.
    pub async fn start_in(data_dir: Option<&Path>, survives_limits: bool) -> anyhow::Result<Self> {
        Self::begin(data_dir, survives_limits, Vec::new()).await
    }

    /// Starts a server on `data_dir` with further settings, by their variables.
    pub async fn start_with(
        data_dir: &Path,
        settings: Vec<(&'static str, String)>,
    ) -> anyhow::Result<Self> {
        Self::begin(Some(data_dir), false, settings).await
    }

    async fn begin(
        data_dir: Option<&Path>,
        survives_limits: bool,
        settings: Vec<(&'static str, String)>,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("make a temporary folder")?;
        let mut server = Self {
            data_dir: data_dir.map_or_else(|| folder.path().join("data"), Path::to_owned),
            log: folder.path().join("server.log"),
            ports: [free_port()?, free_port()?, free_port()?],
            settings,
            survives_limits,
            child: None,
            sign_in: String::new(),
            ended_well: false,
            _folder: folder,
        };
        for attempt in 1.. {
            match server.run().await {
                Err(error) if attempt < ATTEMPTS && format!("{error:#}").contains(PORT_TAKEN) => {
                    server.ports = [free_port()?, free_port()?, free_port()?];
                }
                started => return started.map(|()| server),
            }
        }
        unreachable!("the last attempt returns")
    }

    /// Starts it again on the same data and the same ports.
    pub async fn run(&mut self) -> anyhow::Result<()> {
        ensure!(self.child.is_none(), "the server runs already");
        let program = program("sickbay-server")?;
        let mut command = if self.survives_limits {
            let mut shell = Command::new("sh");
            shell
                .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
                .arg(program);
            shell
        } else {
            Command::new(program)
        };
        command.arg("serve").envs(self.environment());
        let ready =
            start_until_ready(command, &self.log, &["Sickbay is ready: ", "Sign in: "]).await?;
        self.child = Some(ready.child);
        self.sign_in.clone_from(&ready.said[1]);
        ensure!(
            ready.said[0] == self.url(),
            "it is ready at another address: {}",
            ready.said[0]
        );
        Ok(())
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let [collectors, web, health] = self.ports;
        let mut variables = vec![
            ("SICKBAY_DATA_DIR", self.data_dir.display().to_string()),
            ("SICKBAY_COLLECTORS_LISTEN", collectors.to_string()),
            ("SICKBAY_WEB_LISTEN", web.to_string()),
            ("SICKBAY_HEALTH_LISTEN", health.to_string()),
        ];
        variables.extend(self.settings.iter().cloned());
        variables
    }

    /// Sets a variable for commands from now on, and for the server from its next start on.
    pub fn set(&mut self, variable: &'static str, value: &str) {
        self.settings.retain(|(known, _)| *known != variable);
        self.settings.push((variable, value.to_owned()));
    }

    /// Address of the first page, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.ports[1])
    }

    /// Address for monitoring, without a slash at its end.
    pub fn health_url(&self) -> String {
        format!("http://{}", self.ports[2])
    }

    /// Where it listens for collectors.
    pub const fn collectors_address(&self) -> SocketAddr {
        self.ports[0]
    }

    /// Address for collectors.
    pub fn collectors_url(&self) -> String {
        format!("https://{}", self.ports[0])
    }

    /// Runs another command of the program on the same data; gives what it prints.
    pub async fn command(&self, words: &[&str]) -> anyhow::Result<String> {
        let output = Command::new(program("sickbay-server")?)
            .args(words)
            .envs(self.environment())
            .stdin(Stdio::null())
            .output()
            .await
            .context("start sickbay-server")?;
        ensure!(
            output.status.success(),
            "sickbay-server {words:?} failed ({}): {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)
            .context("it prints text")?
            .trim()
            .to_owned())
    }

    /// Runs a command that has to fail; gives what it says on standard error.
    pub async fn refused_command(&self, words: &[&str]) -> anyhow::Result<String> {
        match self.command(words).await {
            Ok(said) => bail!("sickbay-server {words:?} did not fail; it said {said}"),
            Err(error) => Ok(format!("{error:#}")),
        }
    }

    /// An enrolment token that approves by itself.
    pub async fn enrolment_token(&self) -> anyhow::Result<String> {
        self.command(&["token", "create", "--name", "test fleet", "--approve"])
            .await
    }

    /// An API token.
    pub async fn api_token(&self) -> anyhow::Result<String> {
        self.command(&["api-token", "create", "--name", "test"])
            .await
    }

    /// The pin of its CA; of both, a line each, while it is rotated.
    pub async fn ca_pin(&self) -> anyhow::Result<String> {
        self.command(&["ca", "show"]).await
    }

    /// Ends the process with SIGKILL.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        let mut child = self.child.take().context("the server does not run")?;
        kill(&mut child).await
    }

    /// Halts the process: its connections stay open and nobody answers.
    pub fn halt(&self) -> anyhow::Result<()> {
        send(self.running()?, Signal::STOP)
    }

    /// Lets a halted process go on.
    pub fn go_on(&self) -> anyhow::Result<()> {
        send(self.running()?, Signal::CONT)
    }

    /// Ends the process as an operator does, and expects that it says it went well.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        let mut child = self.child.take().context("the server does not run")?;
        send(&child, Signal::TERM)?;
        let status = ended(&mut child, END_WITHIN).await?;
        ensure!(
            status.success(),
            "the server ended badly ({status}); its log:\n{}",
            tail(&self.log)
        );
        self.ended_well = true;
        Ok(())
    }

    /// Whether the process lives.
    pub fn lives(&mut self) -> anyhow::Result<bool> {
        let child = self.child.as_mut().context("the server does not run")?;
        Ok(child.try_wait().context("look for the server")?.is_none())
    }

    /// Bounds the size of files that the process writes, in bytes; `None` lifts the bound.
    pub fn limit_files(&self, bytes: Option<u64>) -> anyhow::Result<()> {
        let id = self.running()?.id().context("the server has ended")?;
        let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
        let limit = Rlimit {
            current: bytes,
            maximum: None,
        };
        prlimit(pid, Resource::Fsize, limit).context("set the limit on the size of files")?;
        Ok(())
    }

    /// The number of its process.
    pub fn id(&self) -> anyhow::Result<u32> {
        self.running()?.id().context("the server has ended")
    }

    fn running(&self) -> anyhow::Result<&Child> {
        self.child.as_ref().context("the server does not run")
    }

    /// The folder of its data.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The database, opened beside the server as its own command line does.
    pub async fn store(&self) -> anyhow::Result<Arc<dyn Store>> {
        let named = self.settings.iter().find(|(name, _)| *name == DATABASE);
        let storage = Storage {
            data_dir: self.data_dir.clone(),
            database: named.map(|(_, url)| url.clone()).unwrap_or_default(),
        };
        open(&storage).await
    }

    /// What it wrote to its log so far.
    pub fn log(&self) -> anyhow::Result<String> {
        std::fs::read_to_string(&self.log).context("read the server's log")
    }

    /// What is durable now, while the server is down. The files are copied first, so that looking at them repairs nothing for the
    /// server.
    pub fn durable(&self) -> anyhow::Result<Backup> {
        ensure!(
            self.child.is_none(),
            "the files of a running server are no copy of anything"
        );
        let folder = tempfile::tempdir().context("make a temporary folder")?;
        copy_database(&self.data_dir, folder.path())?;
        Ok(Backup { folder })
    }

    /// Puts an older database back, while the server is down.
    pub fn restore(&self, backup: &Backup) -> anyhow::Result<()> {
        ensure!(
            self.child.is_none(),
            "a running server's database cannot be replaced"
        );
        for file in database_files(&self.data_dir)? {
            std::fs::remove_file(&file).context("remove the newer database")?;
        }
        copy_database(backup.folder.path(), &self.data_dir)
    }
}

impl Drop for Server {
    #[expect(clippy::print_stderr, reason = "a test runner shows it with a failure")]
    fn drop(&mut self) {
        if !self.ended_well {
            eprintln!("the server's last words:\n{}", tail(&self.log));
        }
    }
}

/// A copy of a server's database.
pub struct Backup {
    folder: TempDir,
}

impl Backup {
    /// Opens the copy.
    pub async fn store(&self) -> anyhow::Result<Arc<dyn Store>> {
        open_store(self.folder.path()).await
    }
}

/// Opens the database of a data folder beside its server.
pub async fn open_store(folder: &Path) -> anyhow::Result<Arc<dyn Store>> {
    let storage = Storage {
        data_dir: folder.to_owned(),
        ..Storage::default()
    };
    open(&storage).await
}

async fn open(storage: &Storage) -> anyhow::Result<Arc<dyn Store>> {
    sickbay_server::storage::open(storage)
        .await
        .context("open the server's database")
}

/// The database and the files that SQLite keeps beside it.
fn database_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).context("look into the data folder")?;
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.context("look into the data folder")?;
        if entry
            .file_name()
            .to_string_lossy()
            .starts_with("sickbay.db")
        {
            files.push(entry.path());
        }
    }
    ensure!(
        !files.is_empty(),
        "there is no database in {}",
        folder.display()
    );
    Ok(files)
}

fn copy_database(from: &Path, to: &Path) -> anyhow::Result<()> {
    for file in database_files(from)? {
        let name = file.file_name().context("a file has a name")?;
        // The shared memory of readers is no data; SQLite makes it anew.
        if !name.to_string_lossy().ends_with("-shm") {
            std::fs::copy(&file, to.join(name)).context("copy the database")?;
        }
    }
    Ok(())
}
