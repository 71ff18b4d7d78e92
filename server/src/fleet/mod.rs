//! The live fleet: who is connected now, here or to another server of this database, and how to reach them.

pub mod bulletin;
pub mod incoming;
mod reading;
pub mod replicas;
pub mod session;
pub mod twins;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Instant;

use sickbay_diagnosis::Time;
use sickbay_store::Touch;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::fleet::bulletin::{Bulletin, Opened};
use crate::fleet::replicas::{Numbered, Replicas};
use crate::fleet::twins::{Run, Twins, Verdict};
use crate::inspections::Inspections;
use crate::wire::ToCollector;

/// Requests that may wait for a session to send them.
const REQUESTS: usize = 8;
/// Requests that are named in one bulletin.
const REQUESTS_AT_ONCE: usize = 5_000;

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
    run: Run,
    requests: mpsc::Sender<Box<ToCollector>>,
    ending: Ending,
    /// Whether other servers were told of it, as far as this one has read what was told.
    is_told: bool,
}

/// Who is connected here, and to others. Under one lock, so that others are told in the order in which it came to be.
struct Connections {
    live: HashMap<i64, Live>,
    replicas: Replicas,
}

/// Everyone who is connected, and signs of life that are not written yet.
pub struct Fleet {
    connections: Mutex<Connections>,
    twins: Mutex<Twins>,
    touches: Mutex<HashMap<i64, Touch>>,
    /// Who was asked to look again.
    pub inspections: Inspections,
    /// Told when something is to be posted for other servers.
    pub to_post: Notify,
    next_session: AtomicU64,
    next_request: AtomicU64,
}

/// A session that is about to open.
#[derive(Debug, Clone)]
pub struct Opening {
    /// The device.
    pub key: i64,
    /// The run that opens it.
    pub run: Run,
    /// The firmware that the device enrolled with; empty where unknown.
    pub enrolled: String,
    /// Now.
    pub at: Time,
}

impl Opening {
    fn told(&self, session: Option<u64>) -> Bulletin {
        let opened = Opened {
            key: self.key,
            session,
            run: hex::encode(&self.run.instance),
            fingerprint: self.run.fingerprint.clone(),
            enrolled: self.enrolled.clone(),
            at: self.at.millis(),
        };
        Bulletin::Opened {
            sessions: vec![opened],
        }
    }
}

/// What a bulletin of somebody else means for this server, beside who is connected where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// Devices answered: what their pages show is another.
    Answered(Vec<i64>),
    /// Rules that are stored changed.
    RulesChanged,
}

/// A session's place in the fleet; leaving happens on drop.
pub struct Membership {
    fleet: Arc<Fleet>,
    key: i64,
    session: u64,
    /// Whether an older session of the device had to make way.
    pub took_over: bool,
    /// What others ask of the device.
    pub requests: mpsc::Receiver<Box<ToCollector>>,
    /// Fires when the session has to end.
    pub ending: Ending,
}

impl Drop for Membership {
    fn drop(&mut self) {
        let mut connections = self.fleet.connections();
        let is_this = |live: &Live| live.session == self.session;
        if connections.live.get(&self.key).is_some_and(is_this) {
            connections.live.remove(&self.key);
            let devices = vec![self.key];
            self.fleet
                .tell(&mut connections, Bulletin::Closed { devices });
        }
    }
}

impl Default for Fleet {
    fn default() -> Self {
        let name = hex::encode(rand::random::<[u8; 6]>());
        Self {
            connections: Mutex::new(Connections {
                live: HashMap::new(),
                replicas: Replicas::new(name, Instant::now()),
            }),
            twins: Mutex::default(),
            touches: Mutex::default(),
            inspections: Inspections::default(),
            to_post: Notify::new(),
            next_session: AtomicU64::default(),
            next_request: AtomicU64::default(),
        }
    }
}

impl Fleet {
    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections
            .lock()
            .expect("never poisoned: nothing panics while it is held")
    }

    fn tell(&self, connections: &mut Connections, bulletin: Bulletin) {
        connections.replicas.tell(bulletin);
        self.to_post.notify_one();
    }

    /// Joins; an older session of the same device is told to end.
    pub fn join(self: &Arc<Self>, opening: &Opening) -> Membership {
        let key = opening.key;
        let (requests, receiver) = mpsc::channel(REQUESTS);
        let session = self.next_session.fetch_add(1, Ordering::Relaxed);
        let ending = Ending::default();
        let live = Live {
            session,
            run: opening.run.clone(),
            requests,
            ending: ending.clone(),
            is_told: false,
        };
        let mut connections = self.connections();
        let older = connections.live.insert(key, live);
        self.tell(&mut connections, opening.told(Some(session)));
        drop(connections);
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

    /// Ends the session of a device, if there is one here.
    pub fn end(&self, key: i64, end: End) {
        let mut connections = self.connections();
        let Some(live) = connections.live.remove(&key) else {
            return;
        };
        let devices = vec![key];
        self.tell(&mut connections, Bulletin::Closed { devices });
        drop(connections);
        live.ending.tell(end);
    }

    /// Takes note of a session that is about to open, and says what it means for who holds the key.
    pub fn recognise(&self, opening: &Opening) -> Verdict {
        let verdict = self.saw(opening);
        let mut connections = self.connections();
        if let Verdict::Clone {
            newcomer, stays, ..
        } = &verdict
        {
            self.tell(
                &mut connections,
                reading::copied(opening.key, newcomer, stays),
            );
        }
        let is_refused = match &verdict {
            Verdict::Welcome => false,
            Verdict::Barred => true,
            Verdict::Clone { opens, .. } => *opens,
        };
        // One that opens is told of when it joins.
        if is_refused {
            self.tell(&mut connections, opening.told(None));
        }
        verdict
    }

    fn saw(&self, opening: &Opening) -> Verdict {
        let Opening {
            key,
            run,
            enrolled,
            at,
        } = opening;
        self.twins().opens(*key, run, enrolled, *at)
    }

    fn twins(&self) -> MutexGuard<'_, Twins> {
        self.twins
            .lock()
            .expect("never poisoned: nothing panics while it is held")
    }

    /// Tells everyone who is connected. Whoever reads too slowly is told when it connects again.
    pub fn tell_all(&self, message: &ToCollector) {
        for live in self.connections().live.values() {
            let _ = live.requests.try_send(Box::new(message.clone()));
        }
    }

    /// Whether a device is connected, here or to another server.
    pub fn is_connected(&self, key: i64) -> bool {
        let connections = self.connections();
        connections.live.contains_key(&key) || connections.replicas.holds(key)
    }

    /// Number of devices that are connected here.
    pub fn len(&self) -> usize {
        self.connections().live.len()
    }

    /// Whether nobody is connected here.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keys of all devices that are connected here.
    pub fn keys(&self) -> Vec<i64> {
        self.connections().live.keys().copied().collect()
    }

    /// Asks devices to inspect themselves now, whichever server they are connected to; says how many were asked. Not asked is who is not
    /// connected or has too many requests waiting.
    pub fn inspect_now(&self, keys: &[i64], now: Time) -> u64 {
        let mut connections = self.connections();
        let mut asked = Vec::new();
        for key in keys {
            let is_elsewhere = connections.replicas.holds(*key);
            if !is_elsewhere && !connections.live.contains_key(key) {
                continue;
            }
            let number = self.next_request.fetch_add(1, Ordering::Relaxed);
            let request = format!("inspect-{}-{number}", connections.replicas.name());
            if !self.ask(&connections, *key, &request, now) {
                if !is_elsewhere {
                    continue;
                }
                self.inspections.asks(*key, request.clone(), now);
            }
            asked.push((*key, request));
        }
        for requests in asked.chunks(REQUESTS_AT_ONCE) {
            let inspect = Bulletin::Inspect {
                requests: requests.to_vec(),
                at: now.millis(),
                wants_word: false,
            };
            self.tell(&mut connections, inspect);
        }
        asked.len() as u64
    }

    /// Asks a device that is connected here.
    fn ask(&self, connections: &Connections, key: i64, request: &str, now: Time) -> bool {
        let Some(live) = connections.live.get(&key) else {
            return false;
        };
        // Noted before it can be answered.
        self.inspections.asks(key, request.to_owned(), now);
        let sent = live.requests.try_send(Box::new(ToCollector::InspectNow {
            request_id: request.to_owned(),
            checks: Vec::new(),
        }));
        if sent.is_err() {
            self.inspections.takes_back(key, request);
        }
        sent.is_ok()
    }

    /// Notes what a device answered, and tells other servers; whether somebody waits for it.
    pub fn answers(&self, key: i64, request: &str, looked: bool, now: Time) -> bool {
        // Under the lock under which it was asked: an answer may come before that is noted.
        let mut connections = self.connections();
        let for_command = self.inspections.was_for_a_command(request);
        let is_waited_for = self.inspections.answers(key, request, looked, now);
        if !for_command && !is_waited_for {
            return false;
        }
        let answered = Bulletin::Answered {
            answers: vec![(key, request.to_owned(), looked)],
            at: now.millis(),
        };
        if for_command {
            connections.replicas.say(answered);
            self.to_post.notify_one();
        } else {
            self.tell(&mut connections, answered);
        }
        is_waited_for
    }

    /// Tells other servers that stored rules changed.
    pub fn rules_changed(&self) {
        self.tell(&mut self.connections(), Bulletin::RulesChanged);
    }

    /// Asks every other server who is connected to it, and says who is connected here: at the start, and where bulletins were missed.
    pub fn begin(&self) {
        let mut connections = self.connections();
        connections.replicas.begin();
        self.say_connected(&mut connections);
    }

    /// Tells other servers that this one ends.
    pub fn leave(&self) {
        self.tell(&mut self.connections(), Bulletin::Leaving);
    }

    fn say_connected(&self, connections: &mut Connections) {
        let keys: Vec<i64> = connections.live.keys().copied().collect();
        connections.replicas.say_connected(&keys);
        self.to_post.notify_one();
    }

    /// How this server is called in bulletins, and how many others there are.
    pub fn replicas(&self) -> (String, usize) {
        let connections = self.connections();
        let replicas = &connections.replicas;
        (replicas.name().to_owned(), replicas.others())
    }

    /// Takes the bulletins that wait to be posted.
    pub fn take_bulletins(&self) -> Vec<Numbered> {
        self.connections().replicas.take_outbox()
    }

    /// Puts back those that could not be posted.
    pub fn put_back(&self, bulletins: Vec<Numbered>) {
        self.connections().replicas.put_back(bulletins);
    }

    /// Bulletins were read.
    pub fn has_read(&self, now: Instant) {
        self.connections().replicas.has_read(now);
    }

    /// Time passed; gives the names of servers that are gone.
    pub fn tick(&self, now: Instant) -> Vec<String> {
        let gone = self.connections().replicas.tick(now);
        self.to_post.notify_one();
        gone
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

    /// How many signs of life and how many bulletins wait to be written.
    pub fn unwritten(&self) -> (usize, usize) {
        let bulletins = self.connections().replicas.waiting();
        let touches = self
            .touches
            .lock()
            .expect("never poisoned: nothing panics while it is held");
        (touches.len(), bulletins)
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
