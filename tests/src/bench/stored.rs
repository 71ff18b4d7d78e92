//! Devices in a store of a benchmark's own.

use std::sync::Arc;

use anyhow::bail;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::observation::Observations;
use sickbay_server::wire::Report;
use sickbay_store::{
    Approval, Committed, EnrolOutcome, EnrolRequest, Introduction, NewToken, Store,
};

/// Devices of one commit, as the server's writer takes them.
pub(super) const BATCH: u32 = 500;

/// Enrols so many devices; says their keys.
pub(super) async fn enrol(
    store: &Arc<dyn Store>,
    devices: usize,
    now: Time,
) -> anyhow::Result<Vec<i64>> {
    let token = NewToken {
        approval: Approval::Nobody,
        ..NewToken::new(vec![1; 32], "bench", now)
    };
    store.create_token(token, "bench").await?;
    let mut keys = Vec::with_capacity(devices);
    for number in 0..devices {
        let request = EnrolRequest {
            by: Introduction::Token(vec![1; 32]),
            key_sha256: number.to_be_bytes().to_vec(),
            host_name: format!("PC-{number}"),
            domain: String::new(),
            ou: String::new(),
            fingerprint: String::new(),
            collector_version: env!("CARGO_PKG_VERSION").to_owned(),
            live_since: now,
            now,
        };
        match store.enrol(request).await? {
            EnrolOutcome::Device(device) => keys.push(device.key),
            refused => bail!("a device was not enrolled: {refused:?}"),
        }
    }
    Ok(keys)
}

/// A first report of these observations.
pub(super) fn report(observations: &Observations) -> Report {
    Report {
        sequence: 1,
        full: true,
        observations: observations
            .iter()
            .map(|(check, observation)| (check, observation.clone()))
            .collect(),
        digest: vec![2; 32],
        unknown_checks: 0,
        dropped: None,
    }
}

/// Writes changes, none of which may be refused.
pub(super) async fn commit(
    store: &Arc<dyn Store>,
    changes: Vec<sickbay_store::DeviceChange>,
) -> anyhow::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let answers = store.commit(changes).await?;
    if answers.iter().any(|answer| *answer != Committed::Done) {
        bail!("the store refused a change of a device that nobody else writes");
    }
    Ok(())
}
