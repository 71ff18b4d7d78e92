//! Which of several servers does what one of them does for all: whoever holds the one lock of the database. A server that ends, or loses the
//! database, loses it, and the next one takes it. For a moment two may believe that they lead: whatever a leader does may be done twice.

use std::time::Duration;

use sickbay_store::Store;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::ingest::chain;
use crate::metrics::Metrics;

/// How often it is asked who leads.
const EVERY: Duration = Duration::from_secs(1);

/// Waits until this server leads; `false` where it stops.
pub(super) async fn leads(app: &App) -> bool {
    let mut leads = app.leads.clone();
    tokio::select! {
        () = app.stop.cancelled() => false,
        led = leads.wait_for(|leads| *leads) => led.is_ok(),
    }
}

/// Whether this server leads at its start, and from then on.
pub(crate) struct Leading {
    says: watch::Sender<bool>,
}

impl Leading {
    /// Asks for the first time.
    pub(crate) async fn begin(store: &dyn Store) -> (Self, watch::Receiver<bool>) {
        // Where the database does not answer now, it is asked again in a moment.
        let (says, heard) = watch::channel(store.lead().await.unwrap_or(false));
        (Self { says }, heard)
    }

    /// Asks again and again until the server stops.
    pub(crate) async fn keep(
        self,
        store: std::sync::Arc<dyn Store>,
        metrics: std::sync::Arc<Metrics>,
        stop: CancellationToken,
    ) {
        loop {
            metrics.leads.set(i64::from(*self.says.borrow()));
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
            let led = *self.says.borrow();
            let leads = match store.lead().await {
                Ok(leads) => leads,
                Err(error) => {
                    tracing::warn!(error = %chain(&error), "it is not known which server leads; this one does not");
                    false
                }
            };
            if leads != led {
                tracing::info!(leads, "who leads the servers of this database has changed");
                self.says.send_replace(leads);
            }
        }
    }
}
