//! A device's status. What counts only while a device is active comes and goes with it.

use std::collections::HashSet;

use sickbay_diagnosis::Time;
use uuid::Uuid;

use super::query::RowList;
use super::{Backend, Connection, Db, guard, write};
use crate::column::Column::Int;
use crate::error::During;
use crate::plan::{Guard, Weights};
use crate::rows::IdentityRow;
use crate::tally::Tally;
use crate::{DeviceIdentity, DeviceStatus, Result, codes};

statements! {
    /// The inside key of an id.
    KEY_OF = "SELECT key FROM device WHERE id = $1";
    /// Devices whose status changed.
    CHANGED_SINCE = "SELECT key, id, status FROM device WHERE status_at IS NOT NULL AND status_at >= $1 ORDER BY status_at, key";
}

/// The version moves, so that a report in flight is not written over a device that was retired meanwhile.
pub(super) const STATUSES: RowList = RowList {
    operation: SET,
    before: "UPDATE device SET status = v.column2, status_at = v.column3, version = device.version + 1 FROM (VALUES",
    columns: &[Int, Int, Int],
    after: ") AS v WHERE device.key = v.column1",
};

const SET: &str = "change the status of devices";

pub(super) async fn set(
    store: &Backend,
    ids: &[Uuid],
    status: DeviceStatus,
    now: Time,
) -> Result<Vec<DeviceIdentity>> {
    // A machine of the list is no device: it becomes one by enrolling, and no device becomes a mere entry of the list.
    if status == DeviceStatus::Listed {
        return Ok(Vec::new());
    }
    let mut transaction = store.begin(SET).await?;
    let devices = keys(&mut transaction, ids).await?;
    let keys: Vec<i64> = devices.iter().map(|(key, _)| *key).collect();
    let guards = guard::guards(&mut transaction, &keys, SET).await?;
    let changed: Vec<(Uuid, &Guard)> = devices
        .iter()
        .filter_map(|(key, id)| Some((*id, guards.get(key)?)))
        .filter(|(_, guard)| guard.status != status && may_change(guard.status))
        .collect();
    let counted: Vec<i64> = changed
        .iter()
        .filter(|(_, guard)| counts(guard.status) != counts(status))
        .map(|(_, guard)| guard.key)
        .collect();
    let weights = guard::weights(&mut transaction, &counted, SET).await?;
    let mut tally = Tally::default();
    for (_, guard) in &changed {
        move_counters(&mut tally, guard, status, &weights);
    }
    let rows: Vec<(i64, i64, i64)> = changed
        .iter()
        .map(|(_, guard)| (guard.key, codes::status_code(status), now.millis()))
        .collect();
    STATUSES
        .run(&mut transaction, &rows, |query, (key, status, now)| {
            query.bind(*key).bind(*status).bind(*now)
        })
        .await?;
    write::tally(&mut transaction, &tally).await?;
    transaction.commit().await.during(SET)?;
    Ok(changed
        .into_iter()
        .map(|(id, guard)| DeviceIdentity {
            key: guard.key,
            id,
            status,
        })
        .collect())
}

pub(super) async fn changed_since(store: &Backend, since: Time) -> Result<Vec<DeviceIdentity>> {
    sqlx::query_as::<Db, IdentityRow>(CHANGED_SINCE)
        .bind(since.millis())
        .fetch_all(store.reader())
        .await
        .during("find devices whose status changed")?
        .into_iter()
        .map(IdentityRow::read)
        .collect()
}

/// Keys of the ids that exist, each once, in their order.
async fn keys(connection: &mut Connection, ids: &[Uuid]) -> Result<Vec<(i64, Uuid)>> {
    let mut seen = HashSet::new();
    let mut keys = Vec::new();
    for id in ids.iter().filter(|id| seen.insert(**id)) {
        let key = sqlx::query_scalar::<Db, i64>(KEY_OF)
            .bind(id.to_string())
            .fetch_optional(&mut *connection)
            .await
            .during(SET)?;
        keys.extend(key.map(|key| (key, *id)));
    }
    Ok(keys)
}

/// Whether a device of this status may get another one.
const fn may_change(status: DeviceStatus) -> bool {
    !matches!(status, DeviceStatus::Revoked | DeviceStatus::Listed)
}

/// Whether findings and sources of such a device count.
const fn counts(status: DeviceStatus) -> bool {
    matches!(status, DeviceStatus::Active)
}

fn move_counters(tally: &mut Tally, guard: &Guard, status: DeviceStatus, weights: &Weights) {
    tally.device(guard.status, guard.health, -1);
    tally.device(status, guard.health, 1);
    let times = i64::from(counts(status)) - i64::from(counts(guard.status));
    if times == 0 {
        return;
    }
    tally.sources(&guard.kind, &guard.sources, times);
    tally.primary(&guard.primary_issue, times);
    for (issue, weight) in weights.get(&guard.key).into_iter().flatten() {
        tally.finding(issue, *weight, times);
    }
}
