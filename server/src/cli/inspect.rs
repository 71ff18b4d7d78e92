//! `inspect`: asks connected devices to look again now, whichever server they are connected to.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;
use sickbay_store::{Scope, Store};

use super::{WithConfig, operator, say};
use crate::export::devices::DeviceList;
use crate::fleet::bulletin::Bulletin;
use crate::fleet::replicas::Numbered;
use crate::inspections::{line, listed, words_for};

/// Requests of one bulletin.
const AT_ONCE: usize = 5_000;
/// How long servers may take to say whom they reached.
const REACHED_WITHIN: Duration = Duration::from_secs(5);
/// How long the others may take once one did.
const OTHERS_WITHIN: Duration = Duration::from_secs(1);
/// Bulletins that are read at once.
const BULLETINS: u32 = 500;

#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    #[command(flatten)]
    config: WithConfig,
    /// Condition in the filter language; left out: every active device
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// Wait until all that were reached have answered, at most so many seconds
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        default_missing_value = "60"
    )]
    wait: Option<u64>,
}

/// What became of each request.
#[derive(Debug, Default)]
struct Progress {
    /// By request: `None` where it was not answered yet.
    reached: BTreeMap<String, Option<bool>>,
    servers: usize,
}

pub(super) async fn run(args: InspectArgs) -> anyhow::Result<()> {
    let list = DeviceList::read(None, args.filter.as_deref(), None)
        .map_err(|problem| anyhow::anyhow!("--filter cannot be understood: {}", problem.detail))?;
    let opened = args.config.open().await?;
    let (store, now) = (opened.store.as_ref(), opened.clock.now());
    let keys = listed(store, &Scope::All, &list).await?;
    let name = format!("command-{}", hex::encode(rand::random::<[u8; 6]>()));
    let requests: Vec<(i64, String)> = keys
        .iter()
        .map(|key| (*key, format!("{name}-{key}")))
        .collect();
    let mut read = store.bulletins(None, BULLETINS).await?.read;
    let bulletins: Vec<String> = (1..)
        .zip(requests.chunks(AT_ONCE))
        .map(|(number, requests)| {
            let said = Bulletin::Inspect {
                requests: requests.to_vec(),
                at: now.millis(),
                wants_word: true,
            };
            Numbered { number, said }.text()
        })
        .collect();
    store.post(&name, &bulletins, now).await?;

    let mut progress = Progress::default();
    let mut until = Instant::now() + REACHED_WITHIN;
    while Instant::now() < until {
        follow(store, &mut read, &name, &mut progress).await?;
        if progress.reached.len() == keys.len() {
            break;
        }
        if progress.servers > 0 {
            until = until.min(Instant::now() + OTHERS_WITHIN);
        }
    }
    ensure!(
        keys.is_empty() || progress.servers > 0,
        "no server answered within {} s: is one running on this database?",
        REACHED_WITHIN.as_secs()
    );
    let asked = progress.reached.len();
    let by = operator();
    let recorded = line(now, &by, words_for(&list), asked as u64);
    store.record(vec![recorded]).await?;
    let rest = if asked < keys.len() {
        "; the others look when they come back"
    } else {
        ""
    };
    say(&format!("asked {asked} of {}{rest}", counted(keys.len())));
    let Some(seconds) = args.wait else {
        return Ok(());
    };
    until = Instant::now() + Duration::from_secs(seconds);
    while progress.open() > 0 && Instant::now() < until {
        follow(store, &mut read, &name, &mut progress).await?;
    }
    say(&format!(
        "looked again: {}; would not: {}; did not answer: {}",
        progress.answered(true),
        progress.answered(false),
        progress.open()
    ));
    ensure!(
        progress.open() == 0,
        "{} did not answer within {seconds} s",
        counted(progress.open())
    );
    Ok(())
}

fn counted(devices: usize) -> String {
    match devices {
        1 => "one device".to_owned(),
        devices => format!("{devices} devices"),
    }
}

impl Progress {
    fn open(&self) -> usize {
        self.reached.values().filter(|said| said.is_none()).count()
    }

    fn answered(&self, looked: bool) -> usize {
        let said = self.reached.values();
        said.filter(|said| **said == Some(looked)).count()
    }

    fn take(&mut self, name: &str, bulletin: Bulletin) {
        match bulletin {
            Bulletin::Reached { requests } => {
                self.servers += 1;
                for (_, request) in requests {
                    if request.starts_with(name) {
                        self.reached.entry(request).or_insert(None);
                    }
                }
            }
            Bulletin::Answered { answers, .. } => {
                for (_, request, looked) in answers {
                    if request.starts_with(name) {
                        self.reached.insert(request, Some(looked));
                    }
                }
            }
            _ => {}
        }
    }
}

async fn follow(
    store: &dyn Store,
    read: &mut i64,
    name: &str,
    progress: &mut Progress,
) -> anyhow::Result<()> {
    store.written(Duration::from_millis(500)).await;
    loop {
        let some = store
            .bulletins(Some(*read), BULLETINS)
            .await
            .context("read what servers say")?;
        *read = some.read;
        if some.posted.is_empty() {
            return Ok(());
        }
        for bulletin in some.posted {
            progress.take(name, Numbered::read(&bulletin.body).said);
        }
    }
}
