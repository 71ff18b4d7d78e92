//! The collector beside the test.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sickbay_collector::session::{
    BackoffOptions, Collector, CollectorError, CollectorOptions, Handle, Stopped,
};
use sickbay_collector::state::StateDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::honest::{Server, TOKEN};
use crate::witness::Witness;

/// How soon a collector ends that is asked to.
pub(crate) const SOON: Duration = Duration::from_secs(5);

/// A collector of `host` for that server, which waits for nothing long.
pub(crate) fn options(state: &Path, server: &Server, host: &Arc<Witness>) -> CollectorOptions {
    let url = server.url().parse().unwrap();
    let mut options = CollectorOptions::new(state.to_owned(), vec![url], Arc::clone(host) as _);
    options.token = Some(TOKEN.to_owned());
    options.ca_pins = vec![server.shared.ca.pin()];
    options.session.backoff = BackoffOptions {
        base: Duration::from_millis(1),
        cap: Duration::from_millis(5),
        refused: Duration::from_millis(5),
    };
    options.session.heartbeat_interval = Duration::from_millis(20);
    options.session.full_again = Duration::from_millis(20);
    options.session.patience = Duration::from_millis(500);
    options
}

/// A collector that runs beside the test.
pub(crate) struct Running {
    state: PathBuf,
    pub(crate) handle: Handle,
    stop: CancellationToken,
    task: JoinHandle<Result<Stopped, CollectorError>>,
}

impl Running {
    pub(crate) fn start(options: &CollectorOptions) -> Self {
        let mut collector = Collector::new(options.clone()).unwrap();
        let handle = collector.handle();
        let stop = CancellationToken::new();
        let asked = stop.clone();
        let task = tokio::spawn(async move { collector.run(asked).await });
        Self {
            state: options.state_dir.clone(),
            handle,
            stop,
            task,
        }
    }

    /// Ends it. It must have run until now and end soon.
    pub(crate) async fn stop(self) -> Result<(), String> {
        let ended_by_itself = self.task.is_finished();
        self.stop.cancel();
        let Ok(ended) = tokio::time::timeout(SOON, self.task).await else {
            return Err(format!("it did not end within {} s", SOON.as_secs()));
        };
        free(&self.state).await;
        match ended {
            Ok(Ok(Stopped::Asked)) if !ended_by_itself => Ok(()),
            Ok(ended) => Err(format!("the collector ended by itself: {ended:?}")),
            Err(panicked) => Err(format!("the collector panicked: {panicked}")),
        }
    }

    /// Everything that it sees has reached the server, and was acknowledged.
    pub(crate) async fn until_it_reports(&self) -> Result<(), String> {
        let limit = Instant::now() + Duration::from_secs(20);
        loop {
            let progress = self.handle.progress();
            if progress.live && progress.acknowledged > 0 && progress.waiting == 0 {
                return Ok(());
            }
            if self.task.is_finished() || Instant::now() > limit {
                return Err(format!("does not report to an honest server: {progress:?}"));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Waits until the last task of an earlier collector has let go of the state folder.
async fn free(dir: &Path) {
    let limit = Instant::now() + SOON;
    while StateDir::open(dir).is_err() {
        assert!(Instant::now() < limit, "the state folder never became free");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
