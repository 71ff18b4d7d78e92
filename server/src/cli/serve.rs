//! `serve`.

use sickbay_service::{ready, stop_on_signals, stopping};

use sickbay_store::{Access, AccountSource};

use super::{WithConfig, say};
use crate::access;
use crate::clock::Clock;
use crate::server::Running;

pub(super) async fn run(args: &WithConfig) -> anyhow::Result<()> {
    let config = args.load()?;
    let stop = stop_on_signals()?;
    let server = Running::start(config, Clock::system()).await?;
    // A log keeps what is printed: once somebody can sign in as an administrator, no link is.
    let store = &*server.app.store;
    let is_known = store.accounts().await?.iter().any(|account| {
        let can_come = account.source != AccountSource::Local || !account.password.is_empty();
        can_come && account.may().is_some_and(|access| *access == Access::ALL)
    });
    let link = if is_known {
        None
    } else {
        let by = "server, at its start";
        Some(access::create_link(store, None, by, server.app.clock.now()).await?)
    };
    tracing::info!(
        collectors = %server.collectors,
        web = %server.web_url(),
        health = %server.health,
        database = sickbay_store::shown(&server.app.config.storage.database_url()),
        ca_pin = server.app.ca.in_force().pin(),
        "Sickbay is up"
    );
    say(&format!("Sickbay is ready: {}", server.web_url()));
    if let Some(link) = link {
        say(&format!("Sign in: {}{link}", server.web_url()));
    }
    ready("serving");
    let served = server.until(stop).await;
    stopping();
    served
}
