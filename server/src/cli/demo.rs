//! `demo`: see [`crate::demo`].

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::say;
use crate::demo::{Demo, DemoOptions};

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Simulated devices
    #[arg(long, default_value_t = 200)]
    devices: usize,
    /// Folder for the database and the collectors' state; a temporary one where left out
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Address of pages and API
    #[arg(long, default_value = "127.0.0.1:8080")]
    web: SocketAddr,
    /// Address that the collectors speak to
    #[arg(long, default_value = "127.0.0.1:7443")]
    collectors: SocketAddr,
    /// Makes the same fleet, and the same changes, again
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Stop after this many seconds
    #[arg(long, value_name = "SECONDS")]
    run_for: Option<u64>,
}

pub(super) async fn run(args: DemoArgs) -> anyhow::Result<()> {
    let stop = sickbay_service::stop_on_signals()?;
    let demo = Demo::start(DemoOptions {
        devices: args.devices,
        data_dir: args.data_dir,
        web: args.web,
        collectors: args.collectors,
        seed: args.seed,
    })
    .await?;
    say(&format!("Sickbay is ready: {}", demo.url()));
    say(&format!("Sign in: {}", demo.sign_in()));
    say(&format!("API token: {}", demo.api_token()));
    if let Some(seconds) = args.run_for {
        let stop = stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            stop.cancel();
        });
    }
    demo.until(stop).await
}
