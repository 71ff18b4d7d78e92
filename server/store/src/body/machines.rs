//! The imported list of machines: replaced as a whole, and left by whoever enrols.

use std::collections::HashMap;

use sickbay_diagnosis::Time;
use sqlx::FromRow;

use super::query::{How, RowList};
use super::{Backend, Connection, Db, audit, key_list, text_list, write};
use crate::codes::{self, status_code};
use crate::column::Column::{Bytes, Int, Text};
use crate::error::During;
use crate::machine_list::{MachineList, NewEntry, StoredMachine, same_domain};
use crate::plan::Plan;
use crate::tally::Tally;
use crate::{DeviceStatus, Finding, Imported, ListedMachine, NewAudit, Result, action};

statements! {
    /// Which of these names devices have.
    HOLDERS = concat!(
        "SELECT DISTINCT d.name_lower, d.domain FROM device d WHERE d.status IN (0, 1, 2, 3, 5) AND d.name_lower IN ",
        text_list!("$1")
    );
    /// The stored list, a part at a time.
    STORED = "SELECT key, id, name, name_lower, domain, ou, release, enrolled_at FROM device \
              WHERE status = 4 AND (name_lower, key) > ($1, $2) ORDER BY name_lower, key LIMIT $3";
    /// Entries of the stored list that have one of these names.
    LISTED_AS = concat!(
        "SELECT d.key, d.name_lower, d.domain FROM device d WHERE d.status = 4 AND d.name_lower IN ",
        text_list!("$1")
    );
    /// Entries go with their findings.
    DELETE = concat!("DELETE FROM device WHERE status = 4 AND key IN ", key_list!("$1"));
    /// The names of the list before.
    FORGET_NAMES = "DELETE FROM listed_name";
    /// The inside keys of new entries.
    KEYS_OF = concat!("SELECT key, id FROM device WHERE id IN ", text_list!("$1"));
}

pub(super) const CREATE: RowList = RowList {
    operation: "write the list of machines",
    how: How::Insert,
    before: "INSERT INTO device (id, status, version, name, name_lower, domain, ou, kind, release, tags, epoch, digest, \
             open_count, enrolled_at, collector_version, fingerprint)",
    columns: &[
        Text, Int, Int, Text, Text, Text, Text, Text, Text, Text, Bytes, Bytes, Int, Int, Text,
        Text,
    ],
    after: "",
};

pub(super) const NAMES: RowList = RowList {
    operation: "write the names of the list",
    how: How::Insert,
    before: "INSERT INTO listed_name (name_lower, domain)",
    columns: &[Text, Text],
    after: " ON CONFLICT (name_lower, domain) DO NOTHING",
};

const IMPORT: &str = "import a list of machines";

/// Machines that are looked at, removed or written at once.
const AT_ONCE: usize = 1000;

#[derive(FromRow)]
struct StoredRow {
    key: i64,
    id: String,
    name: String,
    name_lower: String,
    domain: String,
    ou: String,
    release: String,
    enrolled_at: i64,
}

#[derive(FromRow)]
struct ListedRow {
    key: i64,
    name_lower: String,
    domain: String,
}

pub(super) async fn import(
    store: &Backend,
    machines: Vec<ListedMachine>,
    by: &str,
    now: Time,
) -> Result<Imported> {
    let mut list = MachineList::of(machines);
    let mut transaction = store.begin(IMPORT).await?;
    write_names(&mut transaction, &list).await?;
    mark_spoken_for(&mut transaction, &mut list).await?;
    let mut tally = Tally::default();
    let stored_before = sweep(&mut transaction, &mut list, &mut tally).await?;
    let mut entries = Vec::with_capacity(AT_ONCE);
    for entry in list.to_write(now) {
        entries.push(entry);
        if entries.len() == AT_ONCE {
            create(&mut transaction, &entries, &mut tally).await?;
            entries.clear();
        }
    }
    create(&mut transaction, &entries, &mut tally).await?;
    write::tally(&mut transaction, &tally).await?;
    let imported = list.imported(stored_before);
    let line =
        NewAudit::new(now, by, action::MACHINES_IMPORTED, "the list of machines").with(format!(
            "{} without a collector, {} with one, {} not in the list any more",
            imported.listed, imported.spoken_for, imported.removed
        ));
    audit::add(store, &mut transaction, &[line]).await?;
    transaction.commit().await.during(IMPORT)?;
    Ok(imported)
}

/// Takes entries off the list for which these devices, by lower-case name and domain, now speak. Says how many, for the counters.
pub(super) async fn speak_for(
    connection: &mut Connection,
    devices: &[(&str, &str)],
) -> Result<i64> {
    const SPEAK: &str = "take machines off the imported list";
    if devices.is_empty() {
        return Ok(0);
    }
    let listed: Vec<ListedRow> = sqlx::query_as::<Db, _>(LISTED_AS)
        .bind(text_list(devices.iter().map(|(name, _)| *name)))
        .fetch_all(&mut *connection)
        .await
        .during(SPEAK)?;
    let gone: Vec<i64> = listed
        .iter()
        .filter(|row| {
            devices
                .iter()
                .any(|(name, domain)| *name == row.name_lower && same_domain(domain, &row.domain))
        })
        .map(|row| row.key)
        .collect();
    delete(connection, &gone, SPEAK).await?;
    Ok(gone.len() as i64)
}

/// All names of the list, those that devices stand for too: who enrols again has to be found in it.
async fn write_names(connection: &mut Connection, list: &MachineList) -> Result<()> {
    sqlx::query::<Db>(FORGET_NAMES)
        .execute(&mut *connection)
        .await
        .during(IMPORT)?;
    for start in (0..list.len()).step_by(AT_ONCE) {
        let part = list.part(start..list.len().min(start + AT_ONCE));
        NAMES
            .run(connection, part, |query, machine| {
                query
                    .bind(machine.name.to_ascii_lowercase())
                    .bind(machine.domain.to_string())
            })
            .await?;
    }
    Ok(())
}

async fn mark_spoken_for(connection: &mut Connection, list: &mut MachineList) -> Result<()> {
    for start in (0..list.len()).step_by(AT_ONCE) {
        let part = list.part(start..list.len().min(start + AT_ONCE));
        let names: Vec<String> = part
            .iter()
            .map(|machine| machine.name.to_ascii_lowercase())
            .collect();
        let holders: Vec<(String, String)> = sqlx::query_as::<Db, _>(HOLDERS)
            .bind(text_list(names.iter().map(String::as_str)))
            .fetch_all(&mut *connection)
            .await
            .during(IMPORT)?;
        for (name_lower, domain) in holders {
            list.spoken_for(&name_lower, &domain);
        }
    }
    Ok(())
}

/// Walks through the stored list and removes what does not stay; says how many entries there were.
async fn sweep(
    connection: &mut Connection,
    list: &mut MachineList,
    tally: &mut Tally,
) -> Result<u64> {
    let mut stored = 0;
    let (mut name, mut key) = (String::new(), i64::MIN);
    loop {
        let rows: Vec<StoredRow> = sqlx::query_as::<Db, _>(STORED)
            .bind(name)
            .bind(key)
            .bind(AT_ONCE as i64)
            .fetch_all(&mut *connection)
            .await
            .during(IMPORT)?;
        let Some(last) = rows.last() else {
            return Ok(stored);
        };
        (name, key) = (last.name_lower.clone(), last.key);
        stored += rows.len() as u64;
        let mut gone = Vec::new();
        for row in rows {
            let key = row.key;
            if !list.meets(&row.read()?) {
                gone.push(key);
            }
        }
        delete(connection, &gone, IMPORT).await?;
        tally.listed(-(gone.len() as i64));
    }
}

async fn delete(connection: &mut Connection, keys: &[i64], operation: &'static str) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    sqlx::query::<Db>(DELETE)
        .bind(key_list(keys))
        .execute(connection)
        .await
        .during(operation)?;
    Ok(())
}

async fn create(
    connection: &mut Connection,
    entries: &[NewEntry<'_>],
    tally: &mut Tally,
) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    CREATE
        .run(connection, entries, |query, entry| {
            let machine = entry.machine;
            query
                .bind(entry.id.clone())
                .bind(status_code(DeviceStatus::Listed))
                .bind(0_i64)
                .bind(machine.name.clone())
                .bind(machine.name.to_ascii_lowercase())
                .bind(machine.domain.to_string())
                .bind(machine.ou.to_string())
                .bind(entry.kind())
                .bind(machine.operating_system.to_string())
                .bind(codes::tags_text(&[]))
                .bind(Vec::<u8>::new())
                .bind(Vec::<u8>::new())
                .bind(1_i64)
                .bind(entry.since)
                .bind("")
                .bind("")
        })
        .await?;
    let keys: Vec<(i64, String)> = sqlx::query_as::<Db, _>(KEYS_OF)
        .bind(text_list(entries.iter().map(|entry| entry.id.as_str())))
        .fetch_all(&mut *connection)
        .await
        .during(IMPORT)?;
    let keys: HashMap<String, i64> = keys.into_iter().map(|(key, id)| (id, key)).collect();
    let findings: Vec<(i64, Finding)> = entries
        .iter()
        .filter_map(|entry| Some((*keys.get(&entry.id)?, entry.finding())))
        .collect();
    let mut plan = Plan::default();
    for (key, finding) in &findings {
        plan.put(*key, finding, false);
    }
    write::plan(connection, &plan).await?;
    tally.listed(findings.len() as i64);
    Ok(())
}

impl StoredRow {
    fn read(self) -> Result<StoredMachine> {
        Ok(StoredMachine {
            id: codes::id(&self.id)?,
            name: self.name,
            domain: self.domain,
            ou: self.ou,
            release: self.release,
            since: self.enrolled_at,
        })
    }
}
