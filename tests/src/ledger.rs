//! What the server has of a device: where its reports stand, its facts, and which numbers of a
//! [`NumberedMachine`](crate::machine::NumberedMachine) its history tells.

use std::collections::HashMap;

use anyhow::{Context as _, ensure};
use sickbay_collector::checks::comparison_form;
use sickbay_collector::host::Host;
use sickbay_collector::inspection::inspect;
use sickbay_diagnosis::filter::Filter;
use sickbay_diagnosis::observation::{Observations, Outcome};
use sickbay_diagnosis::{Check, keys};
use sickbay_store::{Cursor, DeviceDetail, Page, Scope, Store};
use uuid::Uuid;

use crate::machine::{ISSUE, VALUE, number_in};

/// Rows of history read at once.
const ROWS: u32 = 500;

/// The newest report of every active device, by device id.
pub async fn newest_reports(store: &dyn Store) -> anyhow::Result<HashMap<String, u64>> {
    let mut newest = HashMap::new();
    let mut page = Page {
        after: None,
        limit: ROWS,
    };
    loop {
        let rows = store
            .devices(&Scope::All, &Filter::Everything, &page)
            .await?;
        let Some(last) = rows.last() else {
            return Ok(newest);
        };
        page.after = Some(Cursor {
            name: last.summary.name.to_lowercase(),
            key: last.identity.key,
            by: None,
        });
        let keys: Vec<i64> = rows.iter().map(|row| row.identity.key).collect();
        for state in store.load_states(&keys).await? {
            newest.insert(state.identity.id.to_string(), state.mark.sequence);
        }
    }
}

/// A device on the server.
#[derive(Debug)]
pub struct Account {
    /// Epoch of its reports.
    pub epoch: Vec<u8>,
    /// Newest report.
    pub sequence: u64,
    /// Its facts.
    pub observations: Observations,
    /// The numbers that its history tells, oldest first.
    pub told: Vec<u64>,
}

impl Account {
    /// Reads it. Device and history are two questions, and a report may be taken in between, also one of a collector that was just
    /// killed: then both are asked again.
    pub async fn of(store: &dyn Store, device: &str) -> anyhow::Result<Self> {
        let id = device.parse().context("a device id is a UUID")?;
        loop {
            let before = detail(store, id).await?;
            let told = told(store, id).await?;
            let after = detail(store, id).await?;
            if before.mark.epoch == after.mark.epoch && before.mark.sequence == after.mark.sequence
            {
                return Ok(Self {
                    epoch: after.mark.epoch,
                    sequence: after.mark.sequence,
                    observations: after.observations,
                    told,
                });
            }
        }
    }

    /// The number that its facts hold.
    pub fn number(&self) -> anyhow::Result<u64> {
        let scan_source = self
            .observations
            .get(Check::ScanSource)
            .context("the scan source never arrived")?;
        let Outcome::Seen(readings) = &scan_source.outcome else {
            anyhow::bail!("the scan source was not seen: {:?}", scan_source.outcome);
        };
        let value = readings
            .iter()
            .find(|reading| reading.path == keys::POLICY && reading.name.as_deref() == Some(VALUE))
            .and_then(|reading| reading.data.string())
            .with_context(|| format!("the facts hold no {VALUE}"))?;
        number_in(value)
    }

    /// Each number from 0 on was told once, and each report made one row: nothing is missing in between and nothing came twice.
    pub fn is_without_gaps_and_repeats(&self) -> anyhow::Result<()> {
        let expected: Vec<u64> = (0..self.told.len() as u64).collect();
        ensure!(self.told == expected, "the history tells {:?}", self.told);
        self.has_one_row_a_report()
    }

    /// Each report made one row.
    pub fn has_one_row_a_report(&self) -> anyhow::Result<()> {
        ensure!(
            self.told.len() as u64 == self.sequence,
            "{} reports made {} rows of history: {:?}",
            self.sequence,
            self.told.len(),
            self.told
        );
        self.is_without_repeats()
    }

    /// No number was told twice, and none after a later one.
    pub fn is_without_repeats(&self) -> anyhow::Result<()> {
        ensure!(
            self.told.is_sorted_by(|a, b| a < b),
            "the history tells {:?}",
            self.told
        );
        let newest = self.told.last().copied();
        ensure!(
            newest == Some(self.number()?),
            "the facts hold {}, the history ends with {newest:?}",
            self.number()?
        );
        Ok(())
    }

    /// Every fact is what an inspection of `machine` sees now.
    pub fn agrees_with(&self, machine: &dyn Host) -> anyhow::Result<()> {
        let seen = inspect(machine, Check::ALL);
        for check in Check::ALL {
            let known = self
                .observations
                .get(*check)
                .map(|known| comparison_form(*check, known));
            let now = seen.get(*check).map(|now| comparison_form(*check, now));
            ensure!(
                known == now,
                "the facts of {check} differ: the server has {}, the machine {}",
                text(known),
                text(now)
            );
        }
        Ok(())
    }
}

async fn detail(store: &dyn Store, id: Uuid) -> anyhow::Result<DeviceDetail> {
    let detail = store.device(&Scope::All, id).await?;
    detail.with_context(|| format!("the server knows no device {id}"))
}

/// The numbers of the history, oldest first.
async fn told(store: &dyn Store, id: Uuid) -> anyhow::Result<Vec<u64>> {
    let mut told = Vec::new();
    let mut before = None;
    loop {
        let rows = store.history(&Scope::All, id, before, ROWS).await?;
        for row in rows.iter().filter(|row| row.change.issue == ISSUE) {
            let [cause] = row.change.causes.as_slice() else {
                anyhow::bail!("a row of history has not one cause: {row:?}");
            };
            told.push(number_in(&cause.key)?);
        }
        match rows.last() {
            Some(last) if rows.len() == ROWS as usize => before = Some(last.id),
            _ => break,
        }
    }
    told.reverse();
    Ok(told)
}

fn text(form: Option<Vec<u8>>) -> String {
    form.map_or_else(
        || "nothing".to_owned(),
        |form| String::from_utf8_lossy(&form).into_owned(),
    )
}
