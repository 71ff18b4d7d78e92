//! `sickbay-collector enrol`: gets this device its certificate.

use anyhow::Context as _;
use clap::Args;

use super::run::{Machine, block_on};
use super::say;
use super::settings::{Settings, SettingsArgs, Usage, prepare_state_dir};
use crate::session::{Collector, EnrolOutcome};

/// How to enrol.
#[derive(Debug, Clone, Args)]
pub(super) struct EnrolArgs {
    #[command(flatten)]
    settings: SettingsArgs,
    /// Where a person has to approve the device, wait for that.
    #[arg(long)]
    wait: bool,
}

pub(super) fn run(args: EnrolArgs) -> anyhow::Result<()> {
    sickbay_service::init_logging("warn")?;
    let settings = Settings::load(args.settings, None)?;
    if settings.servers.is_empty() {
        return Err(Usage(
            "no server is given; give one with --server https://HOST:7443".to_owned(),
        )
        .into());
    }
    if settings.token.is_none() {
        return Err(Usage(
            "no enrolment token is given; give one with --token or --token-file".to_owned(),
        )
        .into());
    }
    let host = Machine::at(&settings.recording)?.host();
    let state_dir = settings.state_dir.clone();
    prepare_state_dir(&state_dir)?;
    let mut collector = Collector::new(settings.options(host))?;
    if collector.identity().is_none() && !collector.has_ca_pin() {
        return Err(Usage(
            "no CA pin is given, so the server could be anybody; give the one that `sickbay-server ca show` prints with --ca-pin"
                .to_owned(),
        )
        .into());
    }
    block_on(async {
        loop {
            match collector.enrol().await.context("enrol")? {
                EnrolOutcome::Enrolled { device_id } => {
                    say(&format!(
                        "Enrolled as {device_id}; the certificate is in {}",
                        state_dir.display()
                    ));
                    return Ok(());
                }
                EnrolOutcome::Pending {
                    device_id,
                    retry_after,
                } if args.wait => {
                    tracing::warn!(device = %device_id, "waiting until a person approves this device on the server");
                    tokio::time::sleep(retry_after).await;
                }
                EnrolOutcome::Pending { device_id, .. } => {
                    say(&format!(
                        "Device {device_id} is pending: a person has to approve it on the server. `sickbay-collector run` asks again by itself."
                    ));
                    return Ok(());
                }
            }
        }
    })
}
