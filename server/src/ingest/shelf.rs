//! Devices between two of their reports: what was written of them and what it means, so that a report that follows needs neither a look
//! into the database nor the other observations.
//!
//! The shelf may be wrong: another server may have written meanwhile, or a command. Every commit names the version that it rests on, and is
//! refused where that is not the stored one; then the device is loaded. What changes without a version (when a device was last seen, its
//! clock, its collector's version) comes with a session's greeting, which has the device loaded ([`super::Ingest::rediagnose`]).

use lru::LruCache;

use super::plan::Held;

/// Memory for all of them, in bytes: some 1,250 devices of the demo fleet by [`Held::weight`].
const ROOM: usize = 64 << 20;

/// The devices that were written last.
#[derive(Debug)]
pub(super) struct Shelf {
    devices: LruCache<i64, (Held, usize)>,
    bytes: usize,
    room: usize,
}

impl Shelf {
    pub(super) fn new() -> Self {
        Self::with_room(ROOM)
    }

    fn with_room(room: usize) -> Self {
        Self {
            devices: LruCache::unbounded(),
            bytes: 0,
            room,
        }
    }

    /// Takes a device down, if it is there.
    pub(super) fn take(&mut self, key: i64) -> Option<Held> {
        let (held, weight) = self.devices.pop(&key)?;
        self.bytes -= weight;
        Some(held)
    }

    /// Puts a device up; those that were not used for longest make room.
    pub(super) fn put(&mut self, held: Held) {
        let (key, weight) = (held.state().identity.key, held.weight());
        if let Some((_, before)) = self.devices.put(key, (held, weight)) {
            self.bytes -= before;
        }
        self.bytes += weight;
        while self.bytes > self.room {
            let Some((_, (_, weight))) = self.devices.pop_lru() else {
                break;
            };
            self.bytes -= weight;
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.devices.len()
    }

    /// About how much memory they take, in bytes.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use sickbay_diagnosis::Time;
    use sickbay_diagnosis::context::Sighting;
    use sickbay_store::{
        DeviceIdentity, DeviceState, DeviceStatus, DeviceSummary, Packed, ReportMark,
    };
    use uuid::Uuid;

    use super::*;

    fn device(key: i64) -> Held {
        Held::from(DeviceState {
            identity: DeviceIdentity {
                key,
                id: Uuid::nil(),
                status: DeviceStatus::Active,
            },
            version: 1,
            mark: ReportMark::default(),
            packed: Packed::new(),
            findings: Vec::new(),
            summary: DeviceSummary::default(),
            tags: Vec::new(),
            sighting: Sighting {
                enrolled_at: Time::from_millis(0),
                last_seen_at: None,
                reported: false,
                collector_version: String::new(),
                clock_ahead_ms: None,
            },
            profile: Vec::new(),
            due_at: None,
        })
    }

    #[test]
    fn those_that_were_not_used_for_longest_make_room() {
        let weight = device(0).weight();
        let mut shelf = Shelf::with_room(3 * weight);
        for key in 1..=3 {
            shelf.put(device(key));
        }
        let first = shelf.take(1).expect("it was put there");
        shelf.put(first);
        shelf.put(device(4));
        assert!(shelf.take(2).is_none(), "it made room");
        assert_eq!((shelf.len(), shelf.bytes()), (3, 3 * weight));
        for key in [1, 3, 4] {
            assert!(shelf.take(key).is_some(), "{key}");
        }
        assert_eq!((shelf.len(), shelf.bytes()), (0, 0));
    }

    #[test]
    fn a_device_that_is_put_again_counts_once() {
        let mut shelf = Shelf::new();
        shelf.put(device(1));
        shelf.put(device(1));
        assert_eq!((shelf.len(), shelf.bytes()), (1, device(1).weight()));
    }
}
