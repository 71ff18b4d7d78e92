//! A batch: items, and what they come to for the devices that they are about.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use sickbay_diagnosis::Time;
use sickbay_store::{DeviceChange, DeviceStatus};

use super::Item;
use super::plan::{self, Held, Working};
use crate::rules::Rules;

/// A batch that is being worked out.
#[derive(Default)]
pub(super) struct Batch {
    items: Vec<Item>,
    /// What each comes to, if the commit succeeds.
    outcomes: Vec<ItemOutcome>,
    pub(super) devices: BTreeMap<i64, Taken>,
    /// What working it out took so far.
    pub(super) worked: Duration,
}

/// A device of a batch.
pub(super) enum Taken {
    Active(Box<Working>),
    /// With what it is instead.
    NotActive(DeviceStatus),
    Unknown,
}

/// A batch that only has to be written.
pub(super) struct Ready {
    pub(super) items: Vec<Item>,
    pub(super) outcomes: Vec<ItemOutcome>,
    /// What working it out took.
    pub(super) worked: Duration,
    pub(super) keys: BTreeSet<i64>,
    pub(super) changes: Arc<[DeviceChange]>,
    /// The devices as they stand then.
    pub(super) held: Vec<Held>,
}

/// What an item comes to, if the commit succeeds.
pub(super) enum ItemOutcome {
    Applied {
        epoch: Vec<u8>,
        sequence: u64,
    },
    Duplicate {
        epoch: Vec<u8>,
        sequence: u64,
    },
    FullWanted(&'static str),
    /// With what it is instead; `None` where no such device is known any more.
    NotActive(Option<DeviceStatus>),
    Rediagnosed,
}

impl Batch {
    /// How many items it has.
    pub(super) const fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is nothing to write.
    pub(super) const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Has it be about this device too.
    pub(super) fn hold(&mut self, held: Held, now: Time) {
        let identity = &held.state().identity;
        let (key, status) = (identity.key, identity.status);
        let taken = match status {
            DeviceStatus::Active => Taken::Active(Box::new(Working::new(held, now))),
            other => Taken::NotActive(other),
        };
        self.devices.insert(key, taken);
    }

    /// Works an item out for its device, which is held.
    pub(super) fn add(&mut self, item: Item, rules: &Rules, now: Time) {
        let outcome = match self.devices.get_mut(&item.key()) {
            Some(Taken::Active(device)) => apply(&item, device, rules, now),
            Some(Taken::NotActive(status)) => ItemOutcome::NotActive(Some(*status)),
            Some(Taken::Unknown) | None => ItemOutcome::NotActive(None),
        };
        self.items.push(item);
        self.outcomes.push(outcome);
    }

    /// Takes nothing more in.
    pub(super) fn ready(self) -> Ready {
        let keys = self.devices.keys().copied().collect();
        let (mut changes, mut held) = (Vec::new(), Vec::with_capacity(self.devices.len()));
        for taken in self.devices.into_values() {
            if let Taken::Active(device) = taken {
                let (change, stands) = device.finish_and_hold();
                changes.extend(change);
                held.push(stands);
            }
        }
        Ready {
            items: self.items,
            outcomes: self.outcomes,
            worked: self.worked,
            keys,
            changes: changes.into(),
            held,
        }
    }
}

fn apply(item: &Item, device: &mut Working, rules: &Rules, now: Time) -> ItemOutcome {
    let Item::Report {
        epoch,
        report,
        received_at,
        ..
    } = item
    else {
        if matches!(item, Item::Rediagnose { .. }) {
            device.diagnose(rules, now);
        }
        return ItemOutcome::Rediagnosed;
    };
    match device.take(epoch, report, *received_at) {
        plan::Taken::Applied => {
            device.diagnose(rules, now);
            ItemOutcome::Applied {
                epoch: epoch.clone(),
                sequence: report.sequence,
            }
        }
        plan::Taken::Duplicate => ItemOutcome::Duplicate {
            epoch: epoch.clone(),
            sequence: device.mark().sequence,
        },
        plan::Taken::FullWanted(reason) => ItemOutcome::FullWanted(reason),
    }
}
