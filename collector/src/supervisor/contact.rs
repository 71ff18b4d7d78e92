//! When an administrator should hear that a collector and its server lost each other. Pure.

use std::time::{Duration, Instant};

use sickbay_service::event_log::Event;

/// A server may be restarted, and a laptop travel, without an entry in the event log.
pub(super) const LOST_AFTER: Duration = Duration::from_mins(15);

/// How contact has been.
#[derive(Debug)]
pub(super) struct Contact {
    seen_at: Instant,
    told: bool,
}

impl Contact {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            seen_at: now,
            told: false,
        }
    }

    /// Whether there is a session now; what to tell of it, once for each time.
    pub(super) fn see(&mut self, live: bool, now: Instant) -> Option<Event> {
        if live {
            self.seen_at = now;
            return std::mem::take(&mut self.told).then_some(Event::ContactBack);
        }
        if !self.told && now.duration_since(self.seen_at) >= LOST_AFTER {
            self.told = true;
            return Some(Event::ContactLost);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_contact_is_told_once_and_so_is_its_return() {
        let start = Instant::now();
        let after = |minutes| start + Duration::from_mins(minutes);
        let mut contact = Contact::new(start);
        assert_eq!(contact.see(true, after(1)), None);
        assert_eq!(contact.see(false, after(10)), None);
        assert_eq!(contact.see(false, after(16)), Some(Event::ContactLost));
        assert_eq!(contact.see(false, after(60)), None);
        assert_eq!(contact.see(true, after(61)), Some(Event::ContactBack));
        assert_eq!(contact.see(true, after(62)), None);
    }
}
