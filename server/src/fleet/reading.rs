//! What bulletins mean for who is connected, who was asked, and who holds a copied key.

use std::time::Instant;

use sickbay_diagnosis::Time;

use super::bulletin::{Bulletin, Opened, run_of, written};
use super::replicas::Numbered;
use super::twins::{Run, Verdict};
use super::{Connections, End, Fleet, Live, Opening, Word};

impl Fleet {
    /// Takes a bulletin in; every one, also this server's own, in their order. What is read for a second time says nothing.
    pub fn read(&self, sender: &str, numbered: Numbered, now: Instant) -> Option<Word> {
        let mut connections = self.connections();
        if !connections.replicas.is_new(sender, numbered.number) {
            return None;
        }
        if sender == connections.replicas.name() {
            self.own(&mut connections, &numbered.said);
            return None;
        }
        let asks = numbered.said == Bulletin::Hello;
        let is_new = is_of_a_server(&numbered.said)
            && connections.replicas.hear(sender, numbered.number, now);
        if is_new || asks {
            // A new one was told nothing of what came to be here until now.
            self.say_connected(&mut connections);
        }
        let tells_all = matches!(numbered.said, Bulletin::Connected { first: true, .. });
        if is_new && !asks && !tells_all {
            connections.replicas.say(Bulletin::Hello);
        }
        self.take(&mut connections, sender, numbered.said)
    }

    fn take(
        &self,
        connections: &mut Connections,
        sender: &str,
        bulletin: Bulletin,
    ) -> Option<Word> {
        match bulletin {
            Bulletin::Connected { first, devices } => {
                connections.replicas.connected(sender, first, &devices);
            }
            Bulletin::Leaving => connections.replicas.left(sender),
            Bulletin::Opened { sessions } => {
                for opened in &sessions {
                    self.opened_elsewhere(connections, sender, opened);
                }
            }
            Bulletin::Copied {
                key,
                newcomer,
                stays,
            } => self.believe(connections, key, &run_of(&newcomer), &run_of(&stays)),
            Bulletin::Closed { devices } => connections.replicas.closed(sender, &devices),
            Bulletin::Inspect {
                requests,
                at,
                wants_word,
            } => {
                let at = Time::from_millis(at);
                let (reached, others): (Vec<_>, Vec<_>) = requests
                    .into_iter()
                    .partition(|(key, request)| self.ask(connections, *key, request, at));
                for (key, request) in others {
                    if connections.replicas.holds(key) {
                        self.inspections.asks(key, request, at);
                    }
                }
                if wants_word {
                    self.inspections.are_for_a_command(&reached, at);
                    connections
                        .replicas
                        .say(Bulletin::Reached { requests: reached });
                    self.to_post.notify_one();
                }
            }
            Bulletin::Answered { answers, at } => {
                let at = Time::from_millis(at);
                let told = answers
                    .into_iter()
                    .filter(|(key, request, looked)| {
                        self.inspections.answers(*key, request, *looked, at)
                    })
                    .map(|(key, ..)| key);
                return Some(Word::Answered(told.collect()));
            }
            Bulletin::RulesChanged => return Some(Word::RulesChanged),
            Bulletin::Hello | Bulletin::Alive | Bulletin::Reached { .. } | Bulletin::Unknown => {}
        }
        None
    }

    /// A session of a device opened at another server, or was refused there.
    fn opened_elsewhere(&self, connections: &mut Connections, sender: &str, opened: &Opened) {
        let key = opened.key;
        let verdict = self.saw(&Opening {
            key,
            run: opened.run(),
            enrolled: opened.enrolled.clone(),
            at: Time::from_millis(opened.at),
        });
        match verdict {
            Verdict::Welcome => {}
            Verdict::Clone {
                newcomer, stays, ..
            } => self.tell(connections, copied(key, &newcomer, &stays)),
            // It was let in by a server that does not know what this one does.
            Verdict::Barred if opened.session.is_some() => {
                let believed = self.twins().believed(key);
                if let Some((newcomer, stays)) = believed {
                    self.tell(connections, copied(key, &newcomer, &stays));
                }
            }
            Verdict::Barred => {}
        }
        if opened.session.is_none() {
            return;
        }
        connections.replicas.opened(sender, key);
        // Where ours was not read yet, it came after this one.
        if connections.live.get(&key).is_some_and(|live| live.is_told)
            && let Some(live) = connections.live.remove(&key)
        {
            live.ending.tell(End::Replaced);
        }
    }

    /// Every server believes from here on that this run is a copy.
    fn believe(&self, connections: &mut Connections, key: i64, newcomer: &Run, stays: &Run) {
        if !self.twins().believe(key, newcomer, stays) {
            return;
        }
        let is_copy = |live: &Live| live.run.instance == newcomer.instance;
        if connections.live.get(&key).is_some_and(is_copy)
            && let Some(live) = connections.live.remove(&key)
        {
            let devices = vec![key];
            self.tell(connections, Bulletin::Closed { devices });
            live.ending.tell(End::Cloned);
        }
    }

    /// This server's own bulletin comes by: what others said before is older than what it says.
    fn own(&self, connections: &mut Connections, bulletin: &Bulletin) {
        match bulletin {
            Bulletin::Opened { sessions } => {
                for opened in sessions.iter().filter(|opened| opened.session.is_some()) {
                    connections.replicas.forget(opened.key);
                    if let Some(live) = connections.live.get_mut(&opened.key)
                        && Some(live.session) == opened.session
                    {
                        live.is_told = true;
                    }
                }
            }
            Bulletin::Connected { devices, .. } => {
                let mut gone = Vec::new();
                for key in devices {
                    match connections.live.get_mut(key) {
                        Some(live) => live.is_told = true,
                        None => gone.push(*key),
                    }
                }
                // Who read the list believes that they are here.
                if !gone.is_empty() {
                    self.tell(connections, Bulletin::Closed { devices: gone });
                }
            }
            Bulletin::Copied {
                key,
                newcomer,
                stays,
            } => self.believe(connections, *key, &run_of(newcomer), &run_of(stays)),
            _ => {}
        }
    }
}

pub(super) fn copied(key: i64, newcomer: &Run, stays: &Run) -> Bulletin {
    Bulletin::Copied {
        key,
        newcomer: written(newcomer),
        stays: written(stays),
    }
}

/// Whether only servers say so; what commands ask makes nobody a server.
const fn is_of_a_server(bulletin: &Bulletin) -> bool {
    matches!(
        bulletin,
        Bulletin::Hello
            | Bulletin::Connected { .. }
            | Bulletin::Alive
            | Bulletin::Opened { .. }
            | Bulletin::Closed { .. }
    )
}
