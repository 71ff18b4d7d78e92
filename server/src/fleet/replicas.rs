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
/// While nothing could be read for so long, nobody can be called gone.
const UNHEARD: Duration = Duration::from_secs(3);
/// How often a server that knew others and stands alone now asks whether anybody is there.
const ASK_EVERY: Duration = Duration::from_secs(30);
/// Devices named in one bulletin.
const AT_ONCE: usize = 20_000;

/// Another server.
#[derive(Debug)]
struct Other {
    heard: Instant,
    /// The number of its newest bulletin that was read.
    number: u64,
    devices: HashSet<i64>,
}

/// A bulletin with its number among the sender's own: where nobody knows whether a post was kept, it is posted again, and read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered {
    /// From 1 on.
    pub number: u64,
    /// What it says.
    pub said: Bulletin,
}

impl Numbered {
    /// As it is posted.
    pub fn text(&self) -> String {
        format!("{} {}", self.number, self.said.text())
    }

    /// As it was posted.
    pub fn read(text: &str) -> Self {
        let (number, said) = text.split_once(' ').unwrap_or_default();
        Self {
            number: number.parse().unwrap_or_default(),
            said: Bulletin::read(said),
        }
    }
}

/// The other servers, and what they are to be told.
#[derive(Debug)]
pub struct Replicas {
    name: String,
    others: HashMap<String, Other>,
    /// Bulletins that are not posted yet.
    outbox: Vec<Numbered>,
    /// How many of them, from the first on, were tried already: nothing is added to those.
    tried: usize,
    said: u64,
    own_read: u64,
    alive_said: Instant,
    /// When bulletins could be read the last time.
    read: Instant,
    knew_others: bool,
}

impl Replicas {
    /// Of a server of this name, which knows nobody yet.
    pub fn new(name: String, now: Instant) -> Self {
        Self {
            name,
            others: HashMap::new(),
            outbox: Vec::new(),
            tried: 0,
            said: 0,
            own_read: 0,
            alive_said: now,
            read: now,
            knew_others: false,
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
        let untried = self.outbox.len() > self.tried;
        let last = self.outbox.last_mut().filter(|_| untried);
        let last = last.map(|numbered| &mut numbered.said);
        let said = match (last, bulletin) {
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
            (Some(Bulletin::Alive), Bulletin::Alive) => return,
            (_, bulletin) => bulletin,
        };
        self.said += 1;
        let number = self.said;
        self.outbox.push(Numbered { number, said });
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

    /// How much waits to be posted.
    pub const fn waiting(&self) -> usize {
        self.outbox.len()
    }

    /// Takes what waits to be posted.
    pub fn take_outbox(&mut self) -> Vec<Numbered> {
        self.tried = 0;
        std::mem::take(&mut self.outbox)
    }

    /// Puts back what could not be posted, or may have been.
    pub fn put_back(&mut self, mut bulletins: Vec<Numbered>) {
        self.tried = bulletins.len();
        bulletins.append(&mut self.outbox);
        self.outbox = bulletins;
    }

    /// Whether a bulletin is read for the first time. What a command says has no memory.
    pub fn is_new(&mut self, sender: &str, number: u64) -> bool {
        let newest = if sender == self.name {
            &mut self.own_read
        } else if let Some(other) = self.others.get_mut(sender) {
            &mut other.number
        } else {
            return true;
        };
        let is_new = number > *newest;
        *newest = number.max(*newest);
        is_new
    }

    /// Asks everybody anew who is connected to them.
    pub fn begin(&mut self) {
        self.others.clear();
        self.say(Bulletin::Hello);
    }

    /// A server spoke. Whether it was not known: it has to be told who is connected here, and was told nothing until now.
    pub fn hear(&mut self, sender: &str, number: u64, now: Instant) -> bool {
        self.knew_others = true;
        let is_new = !self.others.contains_key(sender);
        let other = self.others.entry(sender.to_owned()).or_insert(Other {
            heard: now,
            number,
            devices: HashSet::new(),
        });
        other.heard = now;
        is_new
    }

    /// A server says who is connected to it.
    pub fn connected(&mut self, sender: &str, first: bool, devices: &[i64]) {
        let Some(other) = self.others.get_mut(sender) else {
            return;
        };
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

    /// Bulletins were read. Where they could not be for a while, nobody could be heard, and nobody is to be called gone for that.
    pub fn has_read(&mut self, now: Instant) {
        if now.duration_since(self.read) >= UNHEARD {
            for other in self.others.values_mut() {
                other.heard = now;
            }
        }
        self.read = now;
    }

    /// Forgets servers that are gone, gives their names, and says that this one is not.
    pub fn tick(&mut self, now: Instant) -> Vec<String> {
        let mut gone = Vec::new();
        if now.duration_since(self.read) < UNHEARD {
            self.others.retain(|name, other| {
                let stays = now.duration_since(other.heard) < GONE_AFTER;
                if !stays {
                    gone.push(name.clone());
                }
                stays
            });
        }
        let (pause, said) = match (self.is_alone(), self.knew_others) {
            (false, _) => (ALIVE_EVERY, Bulletin::Alive),
            // It may be that nobody is gone and nothing came through.
            (true, true) => (ASK_EVERY, Bulletin::Hello),
            (true, false) => return gone,
        };
        if !gone.is_empty() || now.duration_since(self.alive_said) >= pause {
            self.alive_said = now;
            self.say(said);
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
        assert!(a.hear("b", 1, now));
        a.connected("b", true, &[1, 2]);
        a.connected("b", false, &[3]);
        assert!(a.holds(1) && a.holds(3) && !a.holds(4));
        assert!(a.hear("c", 1, now) && !a.hear("c", 2, now));
        a.opened("c", 1);
        a.closed("b", &[1]);
        assert!(a.holds(1), "the session that ended at b was older");
        a.closed("c", &[1]);
        assert!(!a.holds(1));
        a.connected("b", true, &[2]);
        assert!(a.holds(2) && !a.holds(3));
        a.left("b");
        assert!(!a.holds(2));
    }

    fn said(numbered: Vec<Numbered>) -> Vec<Bulletin> {
        numbered.into_iter().map(|numbered| numbered.said).collect()
    }

    fn closed(devices: &[i64]) -> Bulletin {
        Bulletin::Closed {
            devices: devices.to_vec(),
        }
    }

    #[test]
    fn what_is_said_alike_goes_together_and_lists_are_never_too_long() {
        let (mut a, now) = of("a");
        a.hear("b", 1, now);
        for bulletin in [closed(&[1]), closed(&[2]), Bulletin::Alive, closed(&[3])] {
            a.tell(bulletin);
        }
        let wanted = [closed(&[1, 2]), Bulletin::Alive, closed(&[3])];
        assert_eq!(said(a.take_outbox()), wanted);
        a.say_connected(&(0..=AT_ONCE as i64).collect::<Vec<_>>());
        a.say_connected(&[]);
        let lengths: Vec<(bool, usize)> = said(a.take_outbox())
            .iter()
            .filter_map(|bulletin| match bulletin {
                Bulletin::Connected { first, devices } => Some((*first, devices.len())),
                _ => None,
            })
            .collect();
        assert_eq!(lengths, [(true, AT_ONCE), (false, 1), (true, 0)]);
    }

    #[test]
    fn what_may_have_been_posted_is_posted_again_as_it_was_and_read_once() {
        let (mut a, now) = of("a");
        let (mut b, _) = of("b");
        a.hear("b", 1, now);
        b.hear("a", 0, now);
        a.tell(closed(&[1]));
        let first = a.take_outbox();
        a.put_back(first.clone());
        a.tell(closed(&[2]));
        let again = a.take_outbox();
        assert_eq!(again[..1], first);
        let numbers: Vec<u64> = again.iter().map(|numbered| numbered.number).collect();
        assert_eq!(numbers, [1, 2]);
        for numbered in &again {
            assert_eq!(Numbered::read(&numbered.text()), *numbered);
        }
        // The first post was kept after all.
        let read: Vec<bool> = first
            .iter()
            .chain(&again)
            .map(|numbered| b.is_new("a", numbered.number))
            .collect();
        assert_eq!(read, [true, false, true]);
        let own: Vec<bool> = [1, 1, 2].iter().map(|n| a.is_new("a", *n)).collect();
        assert_eq!(own, [true, false, true]);
        assert!(b.is_new("command-1", 1) && b.is_new("command-1", 1));
    }

    #[test]
    fn a_server_that_falls_silent_is_gone_and_is_asked_for_again_and_again() {
        let (mut a, now) = of("a");
        a.hear("b", 1, now);
        a.connected("b", true, &[1]);
        let later = now + ALIVE_EVERY;
        a.has_read(later);
        assert!(a.tick(later).is_empty());
        assert_eq!(said(a.take_outbox()), [Bulletin::Alive]);
        // Nobody could be heard meanwhile, whether or not reading failed.
        let end = now + GONE_AFTER;
        assert!(a.tick(end).is_empty());
        a.has_read(end);
        assert!(a.tick(end).is_empty());
        a.take_outbox();
        let mut at = end;
        let gone = loop {
            at += Duration::from_secs(1);
            a.has_read(at);
            let gone = a.tick(at);
            if !gone.is_empty() {
                break gone;
            }
        };
        assert_eq!((gone, at), (vec!["b".to_owned()], end + GONE_AFTER));
        assert!(!a.holds(1) && a.is_alone());
        assert_eq!(said(a.take_outbox()).last(), Some(&Bulletin::Hello));
        a.has_read(at + ASK_EVERY);
        assert!(a.tick(at + ASK_EVERY).is_empty());
        assert_eq!(said(a.take_outbox()), [Bulletin::Hello]);
    }
}
