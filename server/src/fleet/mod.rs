//! The live fleet: who is connected now, and how to reach them.

pub mod session;
pub mod twins;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use sickbay_diagnosis::Time;
use sickbay_store::Touch;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::fleet::twins::{Run, Twins, Verdict};
use crate::inspections::Inspections;
use crate::wire::ToCollector;

/// Requests that may wait for a session to send them.
const REQUESTS: usize = 8;

/// What ends a session from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The device was revoked.
    Revoked,
    /// The device was retired or deleted.
    Retired,
    /// Another device stands in its place.
    Superseded,
    /// It holds a copied key.
    Cloned,
    /// A newer session of the same device is here.
    Replaced,
}

/// Tells a session that it ends, and why; the first reason counts.
#[derive(Debug, Clone, Default)]
pub struct Ending {
    reason: Arc<OnceLock<End>>,
    told: CancellationToken,
}

impl Ending {
    fn tell(&self, end: End) {
        let _ = self.reason.set(end);
        self.told.cancel();
    }

    /// Whether the session was told to end.
    pub fn is_told(&self) -> bool {
        self.told.is_cancelled()
    }

    /// Waits until the session is told to end.
    pub async fn wait(&self) -> End {
        self.told.cancelled().await;
        self.reason.get().copied().unwrap_or(End::Replaced)
    }
}

struct Live {
    session: u64,
    requests: mpsc::Sender<ToCollector>,
    ending: Ending,
}

/// Everyone who is connected, and signs of life that are not written yet.
#[derive(Default)]
pub struct Fleet {
    live: Mutex<HashMap<i64, Live>>,
    twins: Mutex<Twins>,
    touches: Mutex<HashMap<i64, Touch>>,
    /// Who was asked to look again.
    pub inspections: Inspections,
    next_session: AtomicU64,
    next_request: AtomicU64,
}

/// A session's place in the fleet; leaving happens on drop.
pub struct Membership {
    fleet: Arc<Fleet>,
    key: i64,
    session: u64,
    /// Whether an older session of the device had to make way.
    pub took_over: bool,
    /// What others ask of the device.
    pub requests: mpsc::Receiver<ToCollector>,
    /// Fires when the session has to end.
    pub ending: Ending,
}

impl Drop for Membership {
    fn drop(&mut self) {
        let mut live = self.fleet.live();
        if live
            .get(&self.key)
            .is_some_and(|l| l.session == self.session)
        {
            live.remove(&self.key);
        }
    }
}

impl Fleet {
    fn live(&self) -> MutexGuard<'_, HashMap<i64, Live>> {
        self.live
            .lock()
            .expect("never poisoned: nothing panics while it is held")
    }

    /// Joins; an older session of the same device is told to end.
    pub fn join(self: &Arc<Self>, key: i64) -> Membership {
        let (requests, receiver) = mpsc::channel(REQUESTS);
        let session = self.next_session.fetch_add(1, Ordering::Relaxed);
        let ending = Ending::default();
        let live = Live {
            session,
            requests,
            ending: ending.clone(),
        };
        let older = self.live().insert(key, live);
        let took_over = older.is_some();
        if let Some(older) = older {
            older.ending.tell(End::Replaced);
        }
        Membership {
            fleet: Arc::clone(self),
            key,
            session,
            took_over,
            requests: receiver,
            ending,
        }
    }

    /// Ends the session of a device, if there is one.
    pub fn end(&self, key: i64, end: End) {
        let removed = self.live().remove(&key);
        if let Some(live) = removed {
            live.ending.tell(end);
        }
    }

    /// Takes note of a session that is about to open, and says what it means for who holds the key.
    pub fn recognise(&self, key: i64, run: &Run, enrolled: &str, now: Time) -> Verdict {
        self.twins
            .lock()
            .expect("never poisoned: nothing panics while it is held")
            .opens(key, run, enrolled, now)
    }

    /// Tells everyone who is connected. Whoever reads too slowly is told when it connects again.
    pub fn tell_all(&self, message: &ToCollector) {
        for live in self.live().values() {
            let _ = live.requests.try_send(message.clone());
        }
    }

    /// Whether a device is connected.
    pub fn is_live(&self, key: i64) -> bool {
        self.live().contains_key(&key)
    }

    /// Number of connected devices.
    pub fn len(&self) -> usize {
        self.live().len()
    }

    /// Whether nobody is connected.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Asks a device to inspect itself now; `false` where it is not connected or has too many requests waiting.
    pub fn inspect_now(&self, key: i64, checks: Vec<String>, now: Time) -> bool {
        let number = self.next_request.fetch_add(1, Ordering::Relaxed);
        let request_id = format!("inspect-{number}");
        let request = ToCollector::InspectNow {
            request_id: request_id.clone(),
            checks,
        };
        let live = self.live();
        let Some(there) = live.get(&key) else {
            return false;
        };
        // Noted before it can be answered: the session needs the lock that is held here to go on.
        let sent = there.requests.try_send(request).is_ok();
        if sent {
            self.inspections.asks(key, request_id, now);
        }
        sent
    }

    /// Notes a sign of life; written later, together with others.
    pub fn touch(&self, touch: Touch) {
        let mut touches = self
            .touches
            .lock()
            .expect("never poisoned: nothing panics while it is held");
        match touches.get_mut(&touch.key) {
            Some(known) => {
                known.seen_at = known.seen_at.max(touch.seen_at);
                known.confirmed_at = known.confirmed_at.max(touch.confirmed_at);
                if touch.greeting.is_some() {
                    known.greeting = touch.greeting;
                }
            }
            None => {
                touches.insert(touch.key, touch);
            }
        }
    }

    /// Takes the signs of life that are not written yet.
    pub fn take_touches(&self) -> Vec<Touch> {
        let mut touches = self
            .touches
            .lock()
            .expect("never poisoned: nothing panics while it is held");
        std::mem::take(&mut *touches).into_values().collect()
    }
}
