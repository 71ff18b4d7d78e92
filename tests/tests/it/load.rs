//! The load generator against a real server: what it says is what the server has, and unruly devices harm nobody else.

use std::time::Duration;

use anyhow::ensure;
use sickbay_collector::session::MachineOptions;
use sickbay_store::{Concerned, Scope};
use sickbay_tests::fleet::pins_of;
use sickbay_tests::load::{Load, LoadOptions, Pace};
use sickbay_tests::server::Server;
use sickbay_tests::wait::eventually;

const DEVICES: usize = 40;
const UNRULY: usize = 10;
const SOON: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn devices_that_keep_to_no_rule_harm_nobody_and_every_acknowledged_report_is_there()
-> anyhow::Result<()> {
    let mut server = Server::start().await?;
    let options = LoadOptions {
        server: server.collectors_url().parse()?,
        pins: pins_of(&server).await?,
        token: server.enrolment_token().await?,
        devices: DEVICES,
        unruly: UNRULY,
        seed: 5,
        session: MachineOptions::default(),
    };
    let load = Load::begin(&options).await?;
    load.has_arrived(SOON).await?;
    load.set_pace(Pace::AsFastAsItGoes { under_way: 3 });
    let before = load.tally.reports_acknowledged();
    eventually(SOON, async || {
        let more = load.tally.reports_acknowledged() - before;
        ensure!(more > 500, "{more} reports were acknowledged");
        Ok(())
    })
    .await?;
    load.is_quiet(SOON).await?;

    // All drop out at once and come again.
    let connections = load.tally.connections();
    load.storm();
    eventually(SOON, async || {
        ensure!(
            load.tally.connections() >= connections + (DEVICES - UNRULY) as u64
                && load.tally.sessions() == (DEVICES - UNRULY) as u64,
            "{} sessions",
            load.tally.sessions()
        );
        Ok(())
    })
    .await?;
    ensure!(
        load.tally.losses().is_empty(),
        "sessions were lost: {:?}",
        load.tally.losses()
    );
    let acknowledged = load.tally.reports_acknowledged();
    load.end().await;
    server.stop().await?;

    let store = server.store().await?;
    let keys = store.keys_after(&Concerned::All, 0, u32::MAX).await?;
    assert_eq!(keys.len(), DEVICES);
    let mut stored = 0;
    for state in store.load_states(&keys).await? {
        let device = store.device(&Scope::All, state.identity.id).await?;
        let name = device.map(|device| device.row.summary.name);
        // Unruly ones report nothing of themselves, so that they are called as they enrolled.
        let number: usize = name
            .as_deref()
            .and_then(|name| name.strip_prefix("LOAD-")?.parse().ok())
            .unwrap_or(DEVICES);
        if number < DEVICES - UNRULY {
            assert!(state.packed.checks().count() > 10, "{name:?}");
            stored += state.mark.sequence;
        }
    }
    assert_eq!(stored, acknowledged);
    Ok(())
}
