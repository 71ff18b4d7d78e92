//! What the demo's server would know if it had run for months: machines that stood where the fleet's stand now, and machines of the
//! fleet that are away. None of them connects, so the server is told of them by way of its store.

use std::sync::Arc;

use std::time::Duration;

use anyhow::{Context as _, bail};
use sickbay_collector::inspection;
use sickbay_diagnosis::context::Baselines;
use sickbay_diagnosis::expectation::Wishes;
use sickbay_diagnosis::{Check, Time};
use sickbay_store::{
    Claim, Committed, Deed, DeviceChange, DeviceState, DeviceStatus, EnrolOutcome, EnrolRequest,
    Greeting, Introduction, LIVE_MS, Store, Touch,
};

use super::fleet::{self, Away, DemoMachine, FleetPlan};
use super::owner;
use crate::app::App;
use crate::identity::secret::{self, Secret};
use crate::ingest::plan::Working;
use crate::wire::Report;
use crate::wishes;

/// How long before it was last heard of a machine that is away was enrolled, in days.
const ENROLLED_DAYS: i64 = 160;
/// How long the start waits for the server to take wishes and memories into its rules.
const RULES: Duration = Duration::from_secs(5);

/// Tells the server what it would know, before anybody connects. A folder that was used before knows it already.
pub(super) async fn tell(app: &App, token: &Secret, plan: &FleetPlan) -> anyhow::Result<()> {
    let (store, now) = (app.store.as_ref(), app.clock.now());
    if wishes::stored(store).await? == Wishes::default() {
        wishes::keep(store, &owner::wishes()?, "demo", now).await?;
    }
    if store.acceptances().await?.is_empty() {
        store.create_acceptance(owner::acceptance(now)).await?;
    }
    for (place, claims) in fleet::remembered(now).into_iter().enumerate() {
        let name = format!("HAM-WS-{:04}", 9901 + place);
        predecessor(store, token, &name, claims, now)
            .await
            .with_context(|| format!("cannot tell the server of {name}"))?;
    }
    app.rules_changed();
    let in_force = async {
        while app.rules.get().fleet.revisions == Baselines::default() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let _ = tokio::time::timeout(RULES, in_force).await;
    for machine in plan.machines() {
        if let Some(away) = machine.away() {
            last_words(app, token, machine, away)
                .await
                .with_context(|| {
                    format!(
                        "cannot tell the server of {}, which is away",
                        machine.host_name
                    )
                })?;
        }
    }
    Ok(())
}

/// A machine that was replaced since: of it the revisions are left that it had, and when.
async fn predecessor(
    store: &dyn Store,
    token: &Secret,
    name: &str,
    claims: Vec<Claim>,
    now: Time,
) -> anyhow::Result<()> {
    let enrolled_at = now.plus_days(-2 * ENROLLED_DAYS);
    let state = enrolled(store, token, name, env!("CARGO_PKG_VERSION"), enrolled_at).await?;
    if state.identity.status != DeviceStatus::Active {
        return Ok(());
    }
    let id = state.identity.id;
    commit(
        store,
        DeviceChange {
            claims,
            ..DeviceChange::of(&state, now)
        },
    )
    .await?;
    let deed = Deed::by("demo", now);
    store
        .set_status(&[id], DeviceStatus::Retired, &deed)
        .await?;
    Ok(())
}

/// A machine of the fleet as it was when it was last heard of.
async fn last_words(
    app: &App,
    token: &Secret,
    machine: &DemoMachine,
    away: Away,
) -> anyhow::Result<()> {
    let store = app.store.as_ref();
    let (name, at) = (&machine.host_name, away.last_heard);
    let enrolled_at = at.plus_days(-ENROLLED_DAYS);
    let state = enrolled(store, token, name, away.collector_version, enrolled_at).await?;
    let key = state.identity.key;
    if !state.mark.epoch.is_empty() {
        return Ok(());
    }
    let observations = inspection::inspect(&machine.recording, Check::ALL);
    let report = Report {
        sequence: 1,
        full: true,
        observations: observations
            .iter_shared()
            .map(|(check, observation)| (check, Arc::clone(observation)))
            .collect(),
        digest: secret::hash(name),
        unknown_checks: 0,
        dropped: None,
    };
    let mut working = Working::new(state, at);
    working.take(&secret::hash(name)[..16], &report, at);
    working.diagnose(&app.rules.get(), at);
    let change = working
        .finish()
        .context("a first report changes something")?;
    commit(store, change).await?;
    store
        .touch(&[Touch {
            key,
            seen_at: at,
            confirmed_at: Some(at),
            greeting: Some(Greeting {
                collector_version: away.collector_version.to_owned(),
                clock_ahead_ms: 0,
            }),
        }])
        .await?;
    // What has run out since is decided at once.
    app.ingest.rediagnose(key).await?;
    Ok(())
}

/// The device of that name, enrolled at `at` unless it was before.
async fn enrolled(
    store: &dyn Store,
    token: &Secret,
    name: &str,
    collector_version: &str,
    at: Time,
) -> anyhow::Result<DeviceState> {
    let outcome = store
        .enrol(EnrolRequest {
            by: Introduction::Token(token.hash()),
            // There is no key; what has none is told apart by its name.
            key_sha256: secret::hash(name),
            host_name: name.to_owned(),
            domain: fleet::DOMAIN.to_owned(),
            ou: String::new(),
            fingerprint: String::new(),
            collector_version: collector_version.to_owned(),
            live_since: at.plus_millis(-LIVE_MS),
            now: at,
        })
        .await?;
    let EnrolOutcome::Device(device) = outcome else {
        bail!("the demo's own token is refused: {outcome:?}");
    };
    let mut states = store.load_states(&[device.key]).await?;
    states
        .pop()
        .context("a device that is enrolled has a state")
}

async fn commit(store: &dyn Store, change: DeviceChange) -> anyhow::Result<()> {
    match store.commit(&[change]).await?.as_slice() {
        [Committed::Done] => Ok(()),
        other => bail!("somebody else wrote to it: {other:?}"),
    }
}
