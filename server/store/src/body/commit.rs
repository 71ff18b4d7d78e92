//! Group commit: a batch of changes in one transaction, with a number of statements that grows with what changed and not with
//! the number of devices.

use std::collections::{HashMap, HashSet};

use sickbay_diagnosis::Time;
use sickbay_diagnosis::time::HOUR_MS;
use uuid::Uuid;

use super::{Backend, Connection, audit, guard, machines, write};
use crate::error::During;
use crate::plan::{Guard, Plan, may_write};
use crate::{Committed, DeviceChange, NewAudit, Result, action, codes};

const COMMIT: &str = "write a batch of reports";

/// Writes all changes; durable on return.
pub(super) async fn commit(store: &Backend, changes: &[DeviceChange]) -> Result<Vec<Committed>> {
    let mut answers = Vec::with_capacity(changes.len());
    if changes.is_empty() {
        return Ok(answers);
    }
    let mut transaction = store.begin(COMMIT).await?;
    for run in distinct_runs(changes) {
        answers.extend(commit_distinct(store, &mut transaction, run).await?);
    }
    transaction.commit().await.during(COMMIT)?;
    Ok(answers)
}

async fn commit_distinct(
    store: &Backend,
    connection: &mut Connection,
    changes: &[DeviceChange],
) -> Result<Vec<Committed>> {
    let keys: Vec<i64> = changes.iter().map(|change| change.key).collect();
    let guards = guard::guards(&mut *connection, &keys, COMMIT).await?;
    let with_findings: Vec<i64> = changes
        .iter()
        .filter(|change| !change.findings.is_empty() && may_write(change, guards.get(&change.key)))
        .map(|change| change.key)
        .collect();
    let weights = guard::weights(&mut *connection, &with_findings, COMMIT).await?;
    let mut plan = Plan::of(changes, &guards, &weights);
    let speakers: Vec<(&str, &str)> = plan
        .summaries
        .iter()
        .map(|row| (row.name_lower.as_str(), row.summary.domain.as_str()))
        .collect();
    let spoken_for = machines::speak_for(&mut *connection, &speakers).await?;
    plan.tally.listed(-spoken_for);
    let renamed = renamed(connection, changes, &plan, &guards).await?;
    write::plan(&mut *connection, &plan).await?;
    audit::add(store, connection, &renamed).await?;
    Ok(plan.answers)
}

/// Lines for the record of devices that have another host name than before; one within [`HOUR_MS`], so that no device fills the record.
async fn renamed(
    connection: &mut Connection,
    changes: &[DeviceChange],
    plan: &Plan<'_>,
    guards: &HashMap<i64, Guard>,
) -> Result<Vec<NewAudit>> {
    let mut lines = Vec::new();
    for row in &plan.summaries {
        let Some(guard) = guards.get(&row.key) else {
            continue;
        };
        if !guard.reported || guard.name_lower == row.name_lower {
            continue;
        }
        let now = changes.iter().find(|change| change.key == row.key);
        lines.push(NewAudit {
            at: now.map_or(Time::from_millis(0), |change| change.now),
            actor: "the device".to_owned(),
            action: action::RENAMED,
            device: Some(codes::id(&guard.id)?),
            subject: row.summary.name.clone(),
            detail: format!("it was {}", guard.name_lower),
        });
    }
    let newest = lines.iter().map(|line| line.at.millis()).max();
    if let Some(newest) = newest {
        let devices: Vec<Uuid> = lines.iter().filter_map(|line| line.device).collect();
        let since = Time::from_millis(newest - HOUR_MS);
        let told = audit::devices_with(connection, action::RENAMED, &devices, since).await?;
        lines.retain(|line| line.device.is_none_or(|id| !told.contains(&id)));
    }
    Ok(lines)
}

/// Cuts the batch wherever a device comes a second time, because its second change rests on the first.
fn distinct_runs(changes: &[DeviceChange]) -> Vec<&[DeviceChange]> {
    let mut runs = Vec::new();
    let mut seen = HashSet::new();
    let mut start = 0;
    for (place, change) in changes.iter().enumerate() {
        if !seen.insert(change.key) {
            runs.push(&changes[start..place]);
            start = place;
            seen = HashSet::from([change.key]);
        }
    }
    runs.push(&changes[start..]);
    runs
}
