//! `sickbay-collector seal`: prepares a machine whose disk is about to become an image.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::reading::Data;

use super::run::this_machine;
use super::say;
use super::settings::{default_state_dir, prepare_state_dir};
use crate::host::SystemFact;
use crate::state::{Image, StateDir};

/// What to seal.
#[derive(Debug, Clone, Args)]
pub(super) struct SealArgs {
    /// The collector's own folder.
    #[arg(long, value_name = "DIR", env = "SICKBAY_COLLECTOR_STATE_DIR")]
    state_dir: Option<PathBuf>,
}

pub(super) fn run(args: &SealArgs) -> anyhow::Result<()> {
    let dir = args.state_dir.clone().unwrap_or_else(default_state_dir);
    prepare_state_dir(&dir)?;
    let state = StateDir::open(&dir).context(
        "the collector must not run while its machine is sealed; stop it with `net stop SickbayCollector` and try again",
    )?;
    let host = this_machine();
    let started_at = match host.system(SystemFact::BootTime) {
        Data::Text(text) => Time::parse(&text).ok(),
        _ => None,
    };
    state.seal(Image {
        // Where the start is not known the seal ends with the next start of the service.
        started_at: started_at.unwrap_or(Time::from_millis(0)),
        sealed_at: host.now(),
    })?;
    say(&format!(
        "Sealed: {} holds no identity and no reports any more. The service stays installed. Until the next start of Windows it does \
         not enrol, even if it is started; each copy of this machine then enrols as a device of its own. Shut the machine down now.",
        dir.display()
    ));
    Ok(())
}
