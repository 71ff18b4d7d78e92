//! Who is connected to which server of one database: pure.
//!
//! Every server reads the same bulletins in the same order, its own among them. Of two sessions of one device the later bulletin counts, on
//! every server alike and whatever their clocks say: a server knows of each of its sessions whether its own bulletin was read already, and
//! so whether another server's came before or after it. A server that stands alone tells nobody anything.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use crate::fleet::bulletin::Bulletin;

/// How often a server says that it lives, to others that do.
const ALIVE_EVERY: Duration = Duration::from_secs(2);
/// A server that says nothing for so long is gone.
const GONE_AFTER: Duration = Duration::from_secs(10);
/// Devices named in one bulletin.
const AT_ONCE: usize = 20_000;

/// Another server.
#[derive(Debug)]
struct Other {
    heard: Instant,
    devices: HashSet<i64>,
}

/// The other servers, and what they are to be told.
#[derive(Debug)]
pub struct Replicas {
    name: String,
    others: HashMap<String, Other>,
    /// Bulletins that are not posted yet.
    outbox: Vec<Bulletin>,
    alive_said: Instant,
}

impl Replicas {
    /// Of a server of this name, which knows nobody yet.
    pub fn new(name: String, now: Instant) -> Self {
        Self {
            name,
            others: HashMap::new(),
            outbox: Vec::new(),
            alive_said: now,
        }
    }

    /// How this server is called in bulletins.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether there is any other server.
    pub fn is_alone(&self) -> bool {
        self.others.is_empty()
    }

    /// Other servers.
    pub fn others(&self) -> usize {
        self.others.len()
    }

    /// Whether a device is connected to another server.
    pub fn holds(&self, key: i64) -> bool {
        self.others
            .values()
            .any(|other| other.devices.contains(&key))
    }

    /// Tells other servers, if there are any.
    pub fn tell(&mut self, bulletin: Bulletin) {
        if !self.is_alone() {
            self.say(bulletin);
        }
    }

    /// Posts a bulletin, whoever may read it. What is like the last one that waits goes with it.
    pub fn say(&mut self, bulletin: Bulletin) {
        let bulletin = match (self.outbox.last_mut(), bulletin) {
            (Some(Bulletin::Opened { sessions }), Bulletin::Opened { sessions: more })
                if sessions.len() < AT_ONCE =>
            {
                sessions.extend(more);
                return;
            }
            (Some(Bulletin::Closed { devices }), Bulletin::Closed { devices: more })
                if devices.len() < AT_ONCE =>
            {
                devices.extend(more);
                return;
            }
            (
                Some(Bulletin::Answered { answers, at }),
                Bulletin::Answered {
                    answers: more,
                    at: now,
                },
            ) if answers.len() < AT_ONCE => {
                answers.extend(more);
                *at = now;
                return;
            }
            (_, bulletin) => bulletin,
        };
        self.outbox.push(bulletin);
    }

    /// Says who is connected here.
    pub fn say_connected(&mut self, devices: &[i64]) {
        let mut first = true;
        let mut parts = devices.chunks(AT_ONCE);
        loop {
            let devices = parts.next().map(<[i64]>::to_vec);
            if devices.is_none() && !first {
                return;
            }
            let devices = devices.unwrap_or_default();
            self.say(Bulletin::Connected { first, devices });
            first = false;
        }
    }

    /// Takes what waits to be posted.
    pub fn take_outbox(&mut self) -> Vec<Bulletin> {
        std::mem::take(&mut self.outbox)
    }

    /// Puts back what could not be posted.
    pub fn put_back(&mut self, mut bulletins: Vec<Bulletin>) {
        bulletins.append(&mut self.outbox);
        self.outbox = bulletins;
    }

    /// Asks everybody anew who is connected to them.
    pub fn begin(&mut self) {
        self.others.clear();
        self.say(Bulletin::Hello);
    }

    /// A server spoke that was not known, or is known already.
    pub fn hear(&mut self, sender: &str, now: Instant) {
        let is_new = !self.others.contains_key(sender);
        self.known(sender, now);
        if is_new {
            // Whom it holds, it says when it is asked.
            self.say(Bulletin::Hello);
        }
    }

    /// A server began, and asks who is connected to whom. Whom it holds, it says by itself.
    pub fn greet(&mut self, sender: &str, now: Instant) {
        self.known(sender, now);
    }

    fn known(&mut self, sender: &str, now: Instant) -> &mut Other {
        let other = self.others.entry(sender.to_owned()).or_insert(Other {
            heard: now,
            devices: HashSet::new(),
        });
        other.heard = now;
        other
    }

    /// A server says who is connected to it.
    pub fn connected(&mut self, sender: &str, first: bool, devices: &[i64], now: Instant) {
        let other = self.known(sender, now);
        if first {
            other.devices.clear();
        }
        other.devices.extend(devices);
    }

    /// A device is connected to another server now.
    pub fn opened(&mut self, sender: &str, key: i64) {
        self.forget(key);
        if let Some(other) = self.others.get_mut(sender) {
            other.devices.insert(key);
        }
    }

    /// A device is connected to no other server.
    pub fn forget(&mut self, key: i64) {
        for other in self.others.values_mut() {
            other.devices.remove(&key);
        }
    }

    /// Sessions of another server ended.
    pub fn closed(&mut self, sender: &str, devices: &[i64]) {
        if let Some(other) = self.others.get_mut(sender) {
            for key in devices {
                other.devices.remove(key);
            }
        }
    }

    /// A server ends.
    pub fn left(&mut self, sender: &str) {
        self.others.remove(sender);
    }

    /// The database could not be read for a while: nobody could be heard, and nobody is to be called gone for that.
    pub fn excuse(&mut self, now: Instant) {
        for other in self.others.values_mut() {
            other.heard = now;
        }
    }

    /// Forgets servers that are gone, gives their names, and says that this one is not.
    pub fn tick(&mut self, now: Instant) -> Vec<String> {
        let is_gone = |other: &Other| now.duration_since(other.heard) >= GONE_AFTER;
        let gone = self.others.iter().filter(|(_, other)| is_gone(other));
        let gone: Vec<String> = gone.map(|(name, _)| name.clone()).collect();
        self.others.retain(|_, other| !is_gone(other));
        if !self.is_alone() && now.duration_since(self.alive_said) >= ALIVE_EVERY {
            self.alive_said = now;
            self.say(Bulletin::Alive);
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> (Replicas, Instant) {
        let now = Instant::now();
        (Replicas::new(name.to_owned(), now), now)
    }

    #[test]
    fn a_server_that_stands_alone_tells_nobody_anything() {
        let (mut alone, now) = of("a");
        alone.tell(Bulletin::Closed { devices: vec![1] });
        assert!(alone.tick(now + GONE_AFTER * 2).is_empty());
        assert!(alone.take_outbox().is_empty());
    }

    #[test]
    fn who_is_connected_where_follows_the_order_of_bulletins() {
        let (mut a, now) = of("a");
        a.greet("b", now);
        a.connected("b", true, &[1, 2], now);
        a.connected("b", false, &[3], now);
        assert!(a.holds(1) && a.holds(3) && !a.holds(4));
        a.greet("c", now);
        a.opened("c", 1);
        a.closed("b", &[1]);
        assert!(a.holds(1), "the session that ended at b was older");
        a.closed("c", &[1]);
        assert!(!a.holds(1));
        a.connected("b", true, &[2], now);
        assert!(a.holds(2) && !a.holds(3));
        a.left("b");
        assert!(!a.holds(2));
    }

    #[test]
    fn what_is_said_alike_goes_together_and_lists_are_never_too_long() {
        let (mut a, now) = of("a");
        a.greet("b", now);
        a.tell(Bulletin::Closed { devices: vec![1] });
        a.tell(Bulletin::Closed { devices: vec![2] });
        a.tell(Bulletin::Alive);
        a.tell(Bulletin::Closed { devices: vec![3] });
        let closed = |devices: &[i64]| Bulletin::Closed {
            devices: devices.to_vec(),
        };
        let said = [closed(&[1, 2]), Bulletin::Alive, closed(&[3])];
        assert_eq!(a.take_outbox(), said);
        a.put_back(said[..1].to_vec());
        a.say_connected(&(0..=AT_ONCE as i64).collect::<Vec<_>>());
        a.say_connected(&[]);
        let lengths: Vec<(bool, usize)> = a
            .take_outbox()
            .iter()
            .filter_map(|bulletin| match bulletin {
                Bulletin::Connected { first, devices } => Some((*first, devices.len())),
                _ => None,
            })
            .collect();
        assert_eq!(lengths, [(true, AT_ONCE), (false, 1), (true, 0)]);
    }

    #[test]
    fn a_server_that_falls_silent_is_gone_and_one_that_was_not_known_is_asked() {
        let (mut a, now) = of("a");
        a.hear("b", now);
        assert_eq!(a.take_outbox(), [Bulletin::Hello]);
        a.connected("b", true, &[1], now);
        let later = now + ALIVE_EVERY;
        assert!(a.tick(later).is_empty());
        assert_eq!(a.take_outbox(), [Bulletin::Alive]);
        a.excuse(now + GONE_AFTER);
        assert!(a.tick(now + GONE_AFTER).is_empty(), "nobody could be heard");
        let end = now + GONE_AFTER * 2;
        assert_eq!(a.tick(end), ["b"]);
        assert!(!a.holds(1) && a.is_alone());
    }
}
