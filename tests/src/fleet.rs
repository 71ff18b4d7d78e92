//! Collectors in this process: the real library over machines that are told apart at every look.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use rand::RngExt as _;
use sickbay_collector::session::{
    BackoffOptions, CaPin, Collector, CollectorError, CollectorOptions, Handle, ServerUrl,
};
use sickbay_collector::state::StateError;
use sickbay_diagnosis::Check;
use sickbay_store::Store;
use tempfile::TempDir;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::ledger::Account;
use crate::machine::NumberedMachine;
use crate::server::Server;
use crate::wait::eventually;

/// How long a fleet may take to enrol and to have a first report acknowledged.
const ARRIVE_WITHIN: Duration = Duration::from_mins(2);
/// How long collectors may take to notice that their server is gone.
const NOTICE_WITHIN: Duration = Duration::from_secs(20);
/// How long a collector that was stopped may hold on to its folder.
const LET_GO_WITHIN: Duration = Duration::from_secs(5);
/// Reports that may wait at a collector before its machine pauses, so that no spool overflows.
const MOST_WAITING: usize = 100;

/// One collector.
pub struct Member {
    /// Its machine.
    pub machine: Arc<NumberedMachine>,
    options: CollectorOptions,
    running: Option<Running>,
}

struct Running {
    handle: Handle,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

/// Where a collector stands, as it tells itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether a session is open.
    pub live: bool,
    /// Newest acknowledged report.
    pub acknowledged: u64,
    /// Reports that wait for their acknowledgement.
    pub waiting: usize,
}

impl Member {
    fn start(&mut self) -> anyhow::Result<()> {
        let mut collector = open(&self.options)?;
        let stop = CancellationToken::new();
        self.running = Some(Running {
            handle: collector.handle(),
            stop: stop.clone(),
            task: tokio::spawn(async move {
                collector.run(stop).await?;
                Ok(())
            }),
        });
        Ok(())
    }

    /// Stops the collector; its state folder stays.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        let running = self.running.take().context("the collector does not run")?;
        running.stop.cancel();
        running.task.await?.context("a collector ended by itself")
    }

    /// Starts it again on its state folder.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        ensure!(self.running.is_none(), "the collector runs already");
        self.start()
    }

    /// Whether the collector runs.
    pub const fn runs(&self) -> bool {
        self.running.is_some()
    }

    /// The collector's own folder.
    pub fn state_dir(&self) -> &Path {
        &self.options.state_dir
    }

    /// Why it does not report, as its own file says; empty where it reports.
    pub fn last_error(&self) -> String {
        std::fs::read_to_string(self.state_dir().join("last-error.json")).unwrap_or_default()
    }

    fn handle(&self) -> anyhow::Result<&Handle> {
        let running = self
            .running
            .as_ref()
            .context("the collector does not run")?;
        Ok(&running.handle)
    }

    /// Where it stands.
    pub fn standing(&self) -> anyhow::Result<Standing> {
        let progress = self.handle()?.progress();
        Ok(Standing {
            live: progress.live,
            acknowledged: progress.acknowledged,
            waiting: progress.waiting,
        })
    }

    /// Its device id.
    pub fn device(&self) -> anyhow::Result<String> {
        self.handle()?
            .progress()
            .device_id
            .context("the device is not enrolled yet")
    }

    /// What the server has of it.
    pub async fn account(&self, store: &dyn Store) -> anyhow::Result<Account> {
        Account::of(store, &self.device()?).await
    }

    /// Moves the machine to its next number and waits until an inspection has read it.
    pub async fn change(&self) -> anyhow::Result<u64> {
        change(&self.machine, self.handle()?).await
    }

    /// The server has every fact as the machine shows it, and nothing waits any more.
    pub async fn is_told(&self, store: &dyn Store) -> anyhow::Result<Account> {
        let account = self.account(store).await?;
        account.agrees_with(&*self.machine)?;
        let standing = self.standing()?;
        ensure!(
            standing.waiting == 0,
            "{} reports still wait for their acknowledgement",
            standing.waiting
        );
        Ok(account)
    }
}

async fn change(machine: &NumberedMachine, handle: &Handle) -> anyhow::Result<u64> {
    let mut seen = machine.seen();
    let number = machine.next();
    handle.inspect_soon(&[Check::ScanSource]);
    seen.wait_for(|seen| *seen >= Some(number))
        .await
        .context("the machine is gone")?;
    Ok(number)
}

/// The pins of a server's CA, as it shows them.
pub async fn pins_of(server: &Server) -> anyhow::Result<Vec<CaPin>> {
    let shown = server.ca_pin().await?;
    shown.lines().map(|pin| Ok(pin.parse()?)).collect()
}

/// Opens a collector. One that just ended may hold its folder for a moment longer, until its last write is done.
fn open(options: &CollectorOptions) -> anyhow::Result<Collector> {
    let since = Instant::now();
    loop {
        match Collector::new(options.clone()) {
            Err(CollectorError::State(StateError::InUse { .. }))
                if since.elapsed() < LET_GO_WITHIN =>
            {
                std::thread::sleep(Duration::from_millis(10));
            }
            opened => return opened.context("start a collector"),
        }
    }
}

/// Collectors of one server.
pub struct Fleet {
    /// The collectors.
    pub members: Vec<Member>,
    server: ServerUrl,
    token: String,
    pins: Vec<CaPin>,
    folder: TempDir,
    /// Machines that ever joined.
    joined: usize,
}

impl Fleet {
    /// Enrols `count` machines and waits until a first report of each is acknowledged.
    pub async fn join(server: &Server, count: usize) -> anyhow::Result<Self> {
        Self::join_through(server, &server.collectors_url(), count).await
    }

    /// The same with collectors that reach the server under `url`.
    pub async fn join_through(server: &Server, url: &str, count: usize) -> anyhow::Result<Self> {
        let mut fleet = Self {
            members: Vec::with_capacity(count),
            server: url.parse()?,
            token: server.enrolment_token().await?,
            pins: pins_of(server).await?,
            folder: tempfile::tempdir().context("make a temporary folder")?,
            joined: 0,
        };
        for _ in 0..count {
            fleet.start_one_more()?;
        }
        fleet.has_arrived().await?;
        Ok(fleet)
    }

    /// Gives machines that come from now on the pins that the server shows now, as an administrator does after the CA was rotated.
    pub async fn learn_pins(&mut self, server: &Server) -> anyhow::Result<()> {
        self.pins = pins_of(server).await?;
        Ok(())
    }

    /// Machines that come from now on reach the server under `url`.
    pub fn lead_to(&mut self, url: &str) -> anyhow::Result<()> {
        self.server = url.parse()?;
        Ok(())
    }

    /// Enrols one more machine and waits until its first report is acknowledged.
    pub async fn one_more(&mut self) -> anyhow::Result<()> {
        self.start_one_more()?;
        self.has_arrived().await
    }

    fn start_one_more(&mut self) -> anyhow::Result<()> {
        self.joined += 1;
        let name = format!("PC-{:04}", self.joined);
        let machine = NumberedMachine::with_firmware(&name, &format!("firmware of {name}"));
        let state_dir = self.folder.path().join(&name);
        self.start_on(machine, state_dir)
    }

    /// Starts another collector on a copy of a member's state folder, as on a machine whose disk was copied. The member must not run at
    /// this moment.
    pub fn start_copy(&mut self, place: usize, machine: NumberedMachine) -> anyhow::Result<()> {
        let copied = self.members[place].state_dir().to_owned();
        self.joined += 1;
        ensure!(
            self.members[place].running.is_none(),
            "a folder in use is not copied"
        );
        let state_dir = self.folder.path().join(format!("copy-{}", self.joined));
        copy_folder(&copied, &state_dir)?;
        self.start_on(machine, state_dir)
    }

    fn start_on(&mut self, machine: NumberedMachine, state_dir: PathBuf) -> anyhow::Result<()> {
        let machine = Arc::new(machine);
        let servers = vec![self.server.clone()];
        let mut options = CollectorOptions::new(state_dir, servers, machine.clone());
        options.token = Some(self.token.clone());
        options.ca_pins.clone_from(&self.pins);
        options.session.backoff = BackoffOptions {
            base: Duration::from_millis(100),
            cap: Duration::from_secs(1),
            refused: Duration::from_secs(2),
        };
        let mut member = Member {
            machine,
            options,
            running: None,
        };
        member.start()?;
        self.members.push(member);
        Ok(())
    }

    async fn has_arrived(&self) -> anyhow::Result<()> {
        eventually(ARRIVE_WITHIN, async || {
            let standings = self.standings()?;
            let missing = standings
                .iter()
                .filter(|standing| standing.acknowledged == 0)
                .count();
            ensure!(
                missing == 0,
                "{missing} of {} collectors have no acknowledged report yet",
                standings.len()
            );
            Ok(())
        })
        .await
    }

    /// Where each collector stands.
    pub fn standings(&self) -> anyhow::Result<Vec<Standing>> {
        self.members.iter().map(Member::standing).collect()
    }

    /// Waits until no collector has a session.
    pub async fn notices_that_the_server_is_gone(&self) -> anyhow::Result<()> {
        eventually(NOTICE_WITHIN, async || {
            let live = self
                .standings()?
                .iter()
                .filter(|standing| standing.live)
                .count();
            ensure!(
                live == 0,
                "{live} collectors still take their session for open"
            );
            Ok(())
        })
        .await
    }

    /// Lets every machine change all the time, with pauses of up to `pause`.
    pub fn keep_changing(&self, pause: Duration) -> anyhow::Result<Changing> {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        for member in &self.members {
            let (machine, handle, stop) = (
                Arc::clone(&member.machine),
                member.handle()?.clone(),
                stop.clone(),
            );
            tasks.spawn(async move {
                while !stop.is_cancelled() {
                    if handle.progress().waiting < MOST_WAITING {
                        change(&machine, &handle).await?;
                    }
                    let pause = rand::rng().random_range(Duration::ZERO..pause);
                    tokio::time::sleep(pause).await;
                }
                Ok(())
            });
        }
        Ok(Changing { stop, tasks })
    }

    /// Waits until the server has every fact of every machine.
    pub async fn is_told(
        &self,
        store: &dyn Store,
        within: Duration,
    ) -> anyhow::Result<Vec<Account>> {
        let mut accounts = Vec::new();
        for (place, member) in self.members.iter().enumerate() {
            let account = eventually(within, async || member.is_told(store).await).await;
            accounts.push(account.with_context(|| format!("collector {}", place + 1))?);
        }
        Ok(accounts)
    }

    /// Stops every collector.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        for member in &mut self.members {
            member.stop().await?;
        }
        Ok(())
    }
}

/// Copies of a folder that are begun until no file went away meanwhile.
const COPIES: usize = 100;

/// Copies a folder with all that is in it, as it is between two writes of whoever works in it: where a file goes away meanwhile, it begins
/// anew. A collector that was killed in this process may still be at its last write.
pub fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    for _ in 0..COPIES {
        match copy_all(from, to) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                std::fs::remove_dir_all(to).context("remove half a copy")?;
            }
            other => return other.with_context(|| format!("copy {}", from.display())),
        }
    }
    anyhow::bail!("{} never stood still", from.display())
}

fn copy_all(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_all(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

/// Machines that change.
pub struct Changing {
    stop: CancellationToken,
    tasks: JoinSet<anyhow::Result<()>>,
}

impl Changing {
    /// Ends the changes, after each machine's newest number was read.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        Ok(())
    }
}
