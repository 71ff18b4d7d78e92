//! `serve`.

use sickbay_service::{ready, stop_on_signals, stopping};

use super::{WithConfig, say};
use crate::access;
use crate::clock::Clock;
use crate::server::Running;

pub(super) async fn run(args: &WithConfig) -> anyhow::Result<()> {
    let config = args.load()?;
    let stop = stop_on_signals()?;
    let server = Running::start(config, Clock::system()).await?;
    let link = access::create_link(
        &*server.app.store,
        None,
        "server, at its start",
        server.app.clock.now(),
    )
    .await?;
    tracing::info!(
        collectors = %server.collectors,
        web = %server.web_url(),
        health = %server.health,
        database = server.app.config.storage.database_url(),
        ca_pin = server.app.ca.in_force().pin(),
        "Sickbay is up"
    );
    say(&format!("Sickbay is ready: {}", server.web_url()));
    say(&format!("Sign in: {}{link}", server.web_url()));
    ready("serving");
    let served = server.until(stop).await;
    stopping();
    served
}
