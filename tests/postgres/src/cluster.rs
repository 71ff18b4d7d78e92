//! Making, starting and stopping a cluster.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

/// The user that Debian's package makes, for Postgres does not run as root.
const DEBIANS_USER: &str = "postgres";
/// The database user of tests: the one who makes the cluster, by a name of its own.
const USER: &str = "sickbay";

/// How long a process may take to die.
const DIES: Duration = Duration::from_secs(5);

/// What a commit is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Nothing waits for the disk: a test needs none of it after the machine stops.
    None,
    /// As in production.
    Full,
}

/// A cluster of a test's own. Stopped and removed when it is dropped.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
}

impl Cluster {
    /// Makes and starts one.
    ///
    /// # Errors
    /// Where Postgres is not installed, and what its programs say where they fail.
    pub fn start(durability: Durability) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("sickbay-postgres-")
            .tempdir()?;
        let cluster = Self::at(folder.keep())?;
        cluster.make(durability)?;
        cluster.run()?;
        Ok(cluster)
    }

    /// The cluster of this folder, made or not.
    pub(crate) fn at(folder: PathBuf) -> Result<Self> {
        Ok(Self {
            folder,
            programs: programs()?,
        })
    }

    /// The address of a database in it.
    pub fn url(&self, database: &str) -> String {
        let socket = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://{USER}@{socket}/{database}")
    }

    /// An address without a host.
    pub(crate) fn nowhere() -> String {
        format!("postgres://{USER}@")
    }

    pub(crate) fn is_made(&self) -> bool {
        self.data().join("PG_VERSION").is_file()
    }

    /// Makes the cluster's files.
    pub(crate) fn make(&self, durability: Durability) -> Result<()> {
        own(&self.folder)?;
        self.tool("initdb", |command| {
            command
                .arg("--pgdata")
                .arg(self.data())
                .args(["--username", USER, "--auth", "trust"])
                .args(["--encoding", "UTF8", "--locale", "C", "--no-sync"]);
        })?;
        let mut settings = format!(
            "listen_addresses = ''\nunix_socket_directories = '{}'\nmax_connections = 300\nlog_min_messages = warning\n",
            self.folder.display()
        );
        if durability == Durability::None {
            settings.push_str("fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n");
        }
        self.add(&settings)
    }

    /// Adds lines to its settings; of several the last one counts.
    pub(crate) fn add(&self, settings: &str) -> Result<()> {
        let file = self.data().join("postgresql.conf");
        let now = std::fs::read_to_string(&file).context("read what initdb wrote")?;
        std::fs::write(&file, format!("{now}{settings}\n")).context("write the cluster's settings")
    }

    /// Changes a setting while it runs.
    ///
    /// # Errors
    /// What Postgres says.
    pub fn set(&self, setting: &str) -> Result<()> {
        self.add(setting)?;
        self.tool("pg_ctl", |command| {
            command
                .args(["reload", "--silent"])
                .arg("--pgdata")
                .arg(self.data());
        })
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Errors
    /// What Postgres says where it does not come up.
    pub fn run(&self) -> Result<()> {
        self.tool("pg_ctl", |command| {
            command
                .args(["start", "--wait", "--silent", "--timeout", "60"])
                .arg("--pgdata")
                .arg(self.data())
                .arg("--log")
                .arg(self.folder.join("log"));
        })
    }

    /// Stops it without letting it finish anything, as a machine that goes away: what was committed comes back at the next start.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn crash(&self) -> Result<()> {
        self.stop("immediate")
    }

    /// Kills every process of it at once, as a machine that loses power, but for what was in the memory of its disk.
    ///
    /// # Errors
    /// Where it does not run, or lives on.
    pub fn kill(&self) -> Result<()> {
        let written = self.written()?;
        let (server, children) = self.processes()?;
        // The server first, or it would start those again that are killed before it.
        signal("-9", &server, &children)?;
        let is_there = || {
            let state = std::fs::read_to_string(format!("/proc/{server}/stat"));
            state.is_ok_and(|state| !state.contains(") Z "))
        };
        let until = Instant::now() + DIES;
        while is_there() {
            ensure!(Instant::now() < until, "the server lives on");
            std::thread::sleep(Duration::from_millis(5));
        }
        // Where nobody collects the dead, a new server would take this one for alive.
        for left in [
            self.data().join("postmaster.pid"),
            self.folder.join(".s.PGSQL.5432.lock"),
        ] {
            std::fs::remove_file(left).context("remove what says that it runs")?;
        }
        // A killed server leaves a piece of shared memory behind, by the second number of the seventh line.
        let memory = written
            .lines()
            .nth(6)
            .and_then(|line| line.split_whitespace().nth(1));
        if let Some(memory) = memory {
            let _removed = Command::new("ipcrm")
                .args(["-m", memory])
                .stderr(Stdio::null())
                .status();
        }
        Ok(())
    }

    /// Stops every process of it where it is, as a machine that answers nobody any more and refuses nobody either.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn freeze(&self) -> Result<()> {
        let (server, children) = self.processes()?;
        signal("-STOP", &server, &children)
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn thaw(&self) -> Result<()> {
        let (server, children) = self.processes()?;
        signal("-CONT", &server, &children)
    }

    /// The number of the server's process, whose children are all others.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn server(&self) -> Result<u32> {
        let (server, _) = self.processes()?;
        server.parse().context("the number of a process")
    }

    /// What a server writes down about itself.
    fn written(&self) -> Result<String> {
        std::fs::read_to_string(self.data().join("postmaster.pid"))
            .context("read who the server is")
    }

    /// The server's number, and those of the processes that it started.
    fn processes(&self) -> Result<(String, Vec<String>)> {
        let written = self.written()?;
        let server = written.lines().next().unwrap_or_default().trim();
        let children = std::fs::read_to_string(format!("/proc/{server}/task/{server}/children"))
            .context("list the server's processes")?;
        let children = children.split_whitespace().map(str::to_owned).collect();
        Ok((server.to_owned(), children))
    }

    /// Makes it a standby of another one, with nothing of what it held, and starts it.
    ///
    /// # Errors
    /// What Postgres says.
    pub fn follow(&self, primary: &Self) -> Result<()> {
        self.down();
        let data = self.data();
        if data.exists() {
            std::fs::remove_dir_all(&data).context("remove what it held")?;
        }
        own(&self.folder)?;
        self.tool("pg_basebackup", |command| {
            primary.connect(command);
            command
                .args(["--write-recovery-conf", "--checkpoint", "fast", "--no-sync"])
                .arg("--pgdata")
                .arg(&data);
        })?;
        // Once promoted it answers alone, until somebody follows it.
        self.add(&format!(
            "unix_socket_directories = '{}'\nsynchronous_standby_names = ''",
            self.folder.display()
        ))?;
        self.run()
    }

    /// Makes a primary of a standby.
    ///
    /// # Errors
    /// What Postgres says, and where it goes on with the history that it followed.
    pub fn promote(&self) -> Result<()> {
        const FOLLOWED: &str = "SELECT received_tli FROM pg_stat_wal_receiver UNION ALL \
                                SELECT timeline_id FROM pg_control_checkpoint() LIMIT 1";
        let before: u32 = self.ask("postgres", FOLLOWED)?.parse()?;
        self.tool("pg_ctl", |command| {
            command
                .args(["promote", "--wait", "--silent"])
                .arg("--pgdata")
                .arg(self.data());
        })?;
        let now = self.timeline()?;
        ensure!(now > before, "promoted, and on timeline {now} as before");
        Ok(())
    }

    /// How often a primary's history changed hands.
    ///
    /// # Errors
    /// What Postgres says; a standby has no history of its own.
    pub fn timeline(&self) -> Result<u32> {
        let segment = self.ask("postgres", "SELECT pg_walfile_name(pg_current_wal_lsn())")?;
        let timeline = segment.get(..8).context("a segment's name has 24 signs")?;
        u32::from_str_radix(timeline, 16).context("a timeline is a number")
    }

    /// Asks for one value.
    ///
    /// # Errors
    /// What Postgres says.
    pub fn ask(&self, database: &str, asked: &str) -> Result<String> {
        let said = self.output("psql", |command| {
            self.connect(command);
            command.args(["--no-psqlrc", "--tuples-only", "--no-align"]);
            command.args(["--command", asked, database]);
        })?;
        Ok(said.trim().to_owned())
    }

    /// Stops it, where it runs.
    pub(crate) fn down(&self) {
        // One that a test froze would not hear it, and one that it crashed is down already.
        let _thawed = self.thaw();
        let _down = self.stop("immediate");
    }

    /// Whether it runs.
    pub fn is_running(&self) -> bool {
        self.tool("pg_ctl", |command| {
            command.arg("status").arg("--pgdata").arg(self.data());
        })
        .is_ok()
    }

    /// Makes a database, as a copy of another one where there is one.
    ///
    /// # Errors
    /// What Postgres says.
    pub fn create(&self, name: &str, template: Option<&str>) -> Result<()> {
        self.tool("createdb", |command| {
            self.connect(command);
            // Files are copied at once, which is less work than to write them all to the log.
            command.args(["--strategy", "file_copy"]);
            if let Some(template) = template {
                command.args(["--template", template]);
            }
            command.arg(name);
        })
    }

    /// Fills a database from an archive that `pg_dump` wrote.
    pub(crate) fn restore(&self, name: &str, archive: &Path) -> Result<()> {
        let archive = File::open(archive)
            .with_context(|| format!("open the archive {}", archive.display()))?;
        // Read from here: the user that Postgres runs as may not look where the archive is.
        self.tool("pg_restore", |command| {
            self.connect(command);
            command
                .args(["--no-owner", "--exit-on-error", "--dbname", name])
                .stdin(archive);
        })
    }

    /// Writes a database into an archive, as [`Self::restore`] reads it.
    pub(crate) fn dump(&self, name: &str, archive: &Path) -> Result<()> {
        // Where the user that Postgres runs as may write.
        let here = self.folder.join(format!("{name}.dump"));
        self.tool("pg_dump", |command| {
            self.connect(command);
            command.args(["--format", "custom", "--no-owner", "--file"]);
            command.arg(&here).arg(name);
        })?;
        std::fs::copy(&here, archive)
            .with_context(|| format!("copy the archive to {}", archive.display()))?;
        std::fs::remove_file(here).context("remove the archive")
    }

    /// Removes a database with whoever is still connected to it.
    pub(crate) fn remove(&self, name: &str) -> Result<()> {
        self.tool("dropdb", |command| {
            self.connect(command);
            command.args(["--force", "--if-exists", name]);
        })
    }

    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<()> {
        let asked = format!("ALTER DATABASE {from} RENAME TO {to}");
        self.tool("psql", |command| {
            self.connect(command);
            command.args(["--quiet", "--command", &asked, "postgres"]);
        })
    }

    pub(crate) fn has(&self, name: &str) -> Result<bool> {
        let asked = format!("SELECT 1 FROM pg_database WHERE datname = '{name}'");
        let said = self.output("psql", |command| {
            self.connect(command);
            command.args(["--tuples-only", "--command", &asked, "postgres"]);
        })?;
        Ok(said.trim() == "1")
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The program of that name, run by who may.
    pub(crate) fn command(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        if !is_root() {
            return Command::new(program);
        }
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", DEBIANS_USER, "--regid", DEBIANS_USER])
            .arg("--init-groups")
            .arg(program);
        command
    }

    fn connect(&self, command: &mut Command) {
        command.arg("--host").arg(&self.folder);
        command.args(["--username", USER]);
    }

    fn stop(&self, how: &str) -> Result<()> {
        self.tool("pg_ctl", |command| {
            command
                .args(["stop", "--wait", "--silent", "--mode", how])
                .arg("--pgdata")
                .arg(self.data());
        })
    }

    fn tool(&self, program: &str, with: impl FnOnce(&mut Command)) -> Result<()> {
        self.output(program, with).map(|_| ())
    }

    fn output(&self, program: &str, with: impl FnOnce(&mut Command)) -> Result<String> {
        let mut command = self.command(program);
        command.stdin(Stdio::null());
        with(&mut command);
        // A server that is started must not hold the pipes of who started it, so what is said goes into files.
        let (said, complained) = (tempfile::tempfile()?, tempfile::tempfile()?);
        let status = command
            .current_dir("/")
            .stdout(said.try_clone()?)
            .stderr(complained.try_clone()?)
            .status()
            .with_context(|| format!("start {program} of Postgres"))?;
        let (said, complained) = (read(said)?, read(complained)?);
        ensure!(
            status.success(),
            "{program} of Postgres failed ({status}): {complained}{said}"
        );
        Ok(said)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.down();
        let _removed = std::fs::remove_dir_all(&self.folder);
    }
}

/// Sends a signal to a server and to what it started; one of these may be gone by then.
fn signal(signal: &str, server: &str, children: &[String]) -> Result<()> {
    Command::new("kill")
        .args([signal, server])
        .args(children)
        .stderr(Stdio::null())
        .status()
        .context("start kill")
        .map(|_| ())
}

fn read(mut file: File) -> Result<String> {
    use std::io::{Read as _, Seek as _};
    file.rewind()?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text)
}

/// Gives a folder to the user that Postgres runs as. Nobody else may look in.
pub(crate) fn own(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    if is_root() {
        let done = Command::new("chown")
            .arg(format!("{DEBIANS_USER}:"))
            .arg(folder)
            .status()
            .context("start chown")?;
        ensure!(
            done.success(),
            "there is no user {DEBIANS_USER}, which Debian's package of Postgres makes; as another user than root none is needed"
        );
    }
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    Ok(())
}

/// Whether this program runs as root, by the owner of what it makes.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// The folder of the newest Postgres that is installed: Debian keeps versions side by side, and outside of the path.
fn programs() -> Result<PathBuf> {
    let number = |folder: &Path| folder.file_name()?.to_str()?.parse::<u32>().ok();
    let debians = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let newest = debians
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter_map(|folder| Some((number(&folder)?, folder.join("bin"))))
        .filter(|(_, folder)| folder.join("initdb").is_file())
        .max();
    if let Some((_, folder)) = newest {
        return Ok(folder);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .find(|folder| folder.join(OsStr::new("initdb")).is_file())
        .context("Postgres is not installed: cargo xtask test installs it")
}
