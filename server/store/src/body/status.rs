//! A device's status. What counts only while a device is active comes and goes with it.

use std::collections::HashSet;

use sickbay_diagnosis::Time;
use sqlx::FromRow;
use uuid::Uuid;

use super::query::{How, RowList};
use super::{Backend, Connection, Db, audit, guard, key_list, places, write};
use crate::admission::Sponsor;
use crate::column::Column::Int;
use crate::error::During;
use crate::plan::{Guard, Weights};
use crate::rows::IdentityRow;
use crate::tally::Tally;
use crate::{Deed, DeviceIdentity, DeviceStatus, Ended, NewAudit, Result, action, codes};

statements! {
    /// The device of an id.
    NAMED = "SELECT key, id, status, name FROM device WHERE id = $1";
    /// Ephemeral devices whose time is over.
    EPHEMERAL = "SELECT key, id, status FROM device WHERE status = 1 AND ephemeral_ms IS NOT NULL \
                 AND COALESCE(last_seen_at, enrolled_at) + ephemeral_ms <= $1 AND $2 + ephemeral_ms <= $1 \
                 ORDER BY key LIMIT $3";
    /// Nobody stands in the place of a device by one that is gone.
    FORGET_SUCCESSOR = concat!("UPDATE device SET successor_key = NULL WHERE successor_key IN ", key_list!("$1"));
    /// Devices go with their findings, history, keys and certificates.
    DELETE = concat!("DELETE FROM device WHERE key IN ", key_list!("$1"));
}

/// The version moves, so that a report in flight is not written over a device that was retired meanwhile.
pub(super) const STATUSES: RowList = RowList {
    operation: SET,
    how: How::Match,
    before: "UPDATE device SET status = v.column2, status_at = v.column3, ended = v.column4, successor_key = v.column5, \
             version = device.version + 1 FROM (VALUES",
    columns: &[Int, Int, Int, Int, Int],
    after: ") AS v WHERE device.key = v.column1",
};

const SET: &str = "change the status of devices";

/// What becomes of a device.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) key: i64,
    pub(super) status: DeviceStatus,
    pub(super) ended: Option<Ended>,
    /// Which device stands in its place.
    pub(super) successor: Option<i64>,
}

impl Step {
    /// Without an end and a successor.
    pub(super) const fn to(key: i64, status: DeviceStatus) -> Self {
        Self {
            key,
            status,
            ended: None,
            successor: None,
        }
    }
}

#[derive(FromRow)]
struct NamedRow {
    #[sqlx(flatten)]
    identity: IdentityRow,
    name: String,
}

struct Named {
    device: DeviceIdentity,
    name: String,
}

pub(super) async fn set(
    store: &Backend,
    ids: &[Uuid],
    status: DeviceStatus,
    deed: &Deed,
) -> Result<Vec<DeviceIdentity>> {
    // A machine of the list is no device: it becomes one by enrolling, and no device becomes a mere entry of the list. Whose place somebody
    // takes is no wish of its own.
    if matches!(status, DeviceStatus::Listed | DeviceStatus::Replaced) {
        return Ok(Vec::new());
    }
    let mut transaction = store.begin(SET).await?;
    let connection = &mut *transaction;
    let mut tally = Tally::default();
    let (mut changed, mut record) = (Vec::new(), Vec::new());
    for Named { device, name } in named(connection, ids).await? {
        if device.status == status || !may_change(device.status) {
            continue;
        }
        let step = Step {
            ended: (status == DeviceStatus::Retired).then_some(deed.ended),
            ..Step::to(device.key, status)
        };
        apply(connection, &[step], deed.at, &mut tally).await?;
        let now = DeviceIdentity { status, ..device };
        record.push(NewAudit {
            action: word(device.status, status),
            detail: if status == DeviceStatus::Retired {
                reason(deed.ended).to_owned()
            } else {
                String::new()
            },
            ..line(deed, &now, &name)
        });
        changed.push(now.clone());
        if device.status == DeviceStatus::Pending && status == DeviceStatus::Active {
            let lines = take_place(connection, &now, deed, &mut tally, &mut changed).await?;
            record.extend(lines);
        }
    }
    audit::add(store, connection, &record).await?;
    write::tally(connection, &tally).await?;
    transaction.commit().await.during(SET)?;
    Ok(changed)
}

/// A device that a person lets in takes the place of what the same machine was before.
async fn take_place(
    connection: &mut Connection,
    device: &DeviceIdentity,
    deed: &Deed,
    tally: &mut Tally,
    changed: &mut Vec<DeviceIdentity>,
) -> Result<Vec<NewAudit>> {
    let Some(place) = places::of_device(connection, device.key).await? else {
        return Ok(Vec::new());
    };
    let admission = place
        .admission(connection, Sponsor::Person, deed.live_since)
        .await?;
    for holder in admission.replaces.iter().filter(|h| h.key != device.key) {
        changed.push(DeviceIdentity {
            key: holder.key,
            id: codes::id(&holder.id)?,
            status: DeviceStatus::Replaced,
        });
    }
    places::take(
        connection,
        &admission.replaces,
        device,
        &place.name,
        &deed.by,
        deed.at,
        tally,
    )
    .await
}

pub(super) async fn merge(
    store: &Backend,
    ids: &[Uuid],
    into: Uuid,
    deed: &Deed,
) -> Result<Vec<DeviceIdentity>> {
    let mut transaction = store.begin(SET).await?;
    let connection = &mut *transaction;
    let target = named(connection, &[into]).await?.pop();
    let Some(target) = target.filter(|target| target.device.status == DeviceStatus::Active) else {
        return Ok(Vec::new());
    };
    let mut tally = Tally::default();
    let (mut changed, mut record) = (Vec::new(), Vec::new());
    for Named { device, name } in named(connection, ids).await? {
        // Who still waits was let in by nobody: a person decides upon that first.
        let waits = device.status == DeviceStatus::Pending;
        if device.key == target.device.key || waits || !may_change(device.status) {
            continue;
        }
        let step = Step {
            key: device.key,
            status: DeviceStatus::Replaced,
            ended: Some(Ended::Merged),
            successor: Some(target.device.key),
        };
        apply(connection, &[step], deed.at, &mut tally).await?;
        record.push(NewAudit {
            action: action::REPLACED,
            detail: format!("merged into device {into}"),
            ..line(deed, &device, &name)
        });
        changed.push(DeviceIdentity {
            status: DeviceStatus::Replaced,
            ..device
        });
    }
    audit::add(store, connection, &record).await?;
    write::tally(connection, &tally).await?;
    transaction.commit().await.during(SET)?;
    Ok(changed)
}

pub(super) async fn delete(
    store: &Backend,
    ids: &[Uuid],
    deed: &Deed,
) -> Result<Vec<DeviceIdentity>> {
    const DELETING: &str = "delete devices";
    let mut transaction = store.begin(DELETING).await?;
    let connection = &mut *transaction;
    let mut tally = Tally::default();
    let (mut gone, mut record) = (Vec::new(), Vec::new());
    for Named { device, name } in named(connection, ids).await? {
        if !matches!(
            device.status,
            DeviceStatus::Pending | DeviceStatus::Retired | DeviceStatus::Replaced
        ) {
            continue;
        }
        record.push(NewAudit {
            action: action::DELETED,
            detail: format!("it was {}", device.status.name()),
            ..line(deed, &device, &name)
        });
        gone.push(device);
    }
    let keys: Vec<i64> = gone.iter().map(|device| device.key).collect();
    for guard in guard::guards(connection, &keys, DELETING).await?.values() {
        tally.device(guard.status, guard.health, -1);
    }
    for statement in [FORGET_SUCCESSOR, DELETE] {
        sqlx::query::<Db>(statement)
            .bind(key_list(&keys))
            .execute(&mut *connection)
            .await
            .during(DELETING)?;
    }
    audit::add(store, connection, &record).await?;
    write::tally(connection, &tally).await?;
    transaction.commit().await.during(DELETING)?;
    Ok(gone)
}

/// Writes the steps, each of which is allowed, and moves what counts.
pub(super) async fn apply(
    connection: &mut Connection,
    steps: &[Step],
    now: Time,
    tally: &mut Tally,
) -> Result<()> {
    let keys: Vec<i64> = steps.iter().map(|step| step.key).collect();
    let guards = guard::guards(connection, &keys, SET).await?;
    let counted: Vec<i64> = steps
        .iter()
        .filter(|step| {
            let guard = guards.get(&step.key);
            guard.is_some_and(|guard| counts(guard.status) != counts(step.status))
        })
        .map(|step| step.key)
        .collect();
    let weights = guard::weights(connection, &counted, SET).await?;
    for step in steps {
        if let Some(guard) = guards.get(&step.key) {
            move_counters(tally, guard, step.status, &weights);
        }
    }
    let rows: Vec<(Step, i64)> = steps.iter().map(|step| (*step, now.millis())).collect();
    STATUSES
        .run(connection, &rows, |query, (step, now)| {
            query
                .bind(step.key)
                .bind(codes::status_code(step.status))
                .bind(*now)
                .bind(step.ended.map(codes::ended_code))
                .bind(step.successor)
        })
        .await
}

pub(super) async fn ephemeral_ended(
    store: &Backend,
    now: Time,
    listens_since: Time,
    limit: u32,
) -> Result<Vec<DeviceIdentity>> {
    sqlx::query_as::<Db, IdentityRow>(EPHEMERAL)
        .bind(now.millis())
        .bind(listens_since.millis())
        .bind(i64::from(limit))
        .fetch_all(store.reader())
        .await
        .during("find ephemeral devices that are gone")?
        .into_iter()
        .map(IdentityRow::read)
        .collect()
}

/// The devices of the ids that exist, each once, in their order.
async fn named(connection: &mut Connection, ids: &[Uuid]) -> Result<Vec<Named>> {
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for id in ids.iter().filter(|id| seen.insert(**id)) {
        let row = sqlx::query_as::<Db, NamedRow>(NAMED)
            .bind(id.to_string())
            .fetch_optional(&mut *connection)
            .await
            .during(SET)?;
        if let Some(row) = row {
            found.push(Named {
                device: row.identity.read()?,
                name: row.name,
            });
        }
    }
    Ok(found)
}

/// Whether a device of this status may get another one.
const fn may_change(status: DeviceStatus) -> bool {
    !matches!(
        status,
        DeviceStatus::Revoked | DeviceStatus::Replaced | DeviceStatus::Listed
    )
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

/// What a change of status is called in the record.
const fn word(from: DeviceStatus, to: DeviceStatus) -> &'static str {
    match (from, to) {
        (_, DeviceStatus::Revoked) => action::REVOKED,
        (DeviceStatus::Pending, DeviceStatus::Active) => action::APPROVED,
        (_, DeviceStatus::Active) => action::RESTORED,
        _ => action::RETIRED,
    }
}

const fn reason(ended: Ended) -> &'static str {
    match ended {
        Ended::ByPerson => "",
        Ended::Uninstalled => "its collector was uninstalled",
        Ended::Ephemeral => "it was ephemeral and fell silent",
        Ended::Reimaged => "the same machine enrolled again",
        Ended::Merged => "it is the same machine as another device",
    }
}

fn line(deed: &Deed, device: &DeviceIdentity, name: &str) -> NewAudit {
    NewAudit {
        at: deed.at,
        actor: deed.by.clone(),
        action: "",
        device: Some(device.id),
        subject: name.to_owned(),
        detail: String::new(),
    }
}
