//! A lock of the operating system that may take minutes to get and that only the thread which got it may give back.
//!
//! Promises: whoever asks waits no longer than the limit; what was got is given back when [`Held`] is dropped, after [`HOLD`] at the
//! latest, or at once where nobody waits any more; however often it is asked, at most one thread waits for the lock.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Longest time for which it is kept from others.
const HOLD: Duration = Duration::from_secs(5);

/// The way to the lock.
#[derive(Debug)]
pub(super) struct Section {
    limit: Duration,
    waiting: Arc<Mutex<bool>>,
}

/// The lock is held until this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    _release: Sender<()>,
}

impl Section {
    /// Every attempt may take as long as `limit`.
    pub(super) fn new(limit: Duration) -> Self {
        Self {
            limit,
            waiting: Arc::default(),
        }
    }

    /// Gets the lock by `enter`, which gives what gives it back when it is dropped. Nothing where that takes too long, still does, or
    /// fails.
    pub(super) fn enter<Lock>(
        &self,
        enter: impl FnOnce() -> Option<Lock> + Send + 'static,
    ) -> Option<Held> {
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if std::mem::replace(&mut *waiting, true) {
                return None;
            }
        }
        let (got, is_got) = channel();
        let waiting = Waiting(Arc::clone(&self.waiting));
        let keeper = thread::Builder::new().name("policy section".to_owned());
        // Where there is no thread the closure is dropped, and with it what says that one waits.
        keeper.spawn(move || keep(enter, waiting, &got)).ok()?;
        is_got.recv_timeout(self.limit).ok()
    }
}

/// Says that a thread waits, until it is dropped.
struct Waiting(Arc<Mutex<bool>>);

impl Drop for Waiting {
    fn drop(&mut self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }
}

fn keep<Lock>(enter: impl FnOnce() -> Option<Lock>, waiting: Waiting, got: &Sender<Held>) {
    let lock = enter();
    drop(waiting);
    if lock.is_none() {
        return;
    }
    let (release, released): (Sender<()>, Receiver<()>) = channel();
    if got.send(Held { _release: release }).is_ok() {
        // Its end is the sender's being dropped; where that never comes the lock must not be lost to others.
        let _ = released.recv_timeout(HOLD);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;
    use std::time::Instant;

    use super::*;

    struct Lock(Sender<&'static str>);

    impl Drop for Lock {
        fn drop(&mut self) {
            let _ = self.0.send("given back");
        }
    }

    #[test]
    fn what_was_got_is_given_back_when_the_reading_is_over() {
        let section = Section::new(Duration::from_secs(5));
        let (tell, told) = channel();
        let held = section.enter(move || Some(Lock(tell)));
        assert!(held.is_some());
        assert!(told.try_recv().is_err(), "it is held");
        drop(held);
        assert_eq!(told.recv_timeout(Duration::from_secs(5)), Ok("given back"));
    }

    #[test]
    fn a_lock_that_others_keep_holds_nobody_up_and_is_given_back_when_it_comes_too_late() {
        let section = Section::new(Duration::from_millis(20));
        let (tell, told) = channel();
        let (free, wait) = sync_channel::<()>(0);
        let late = section.enter(move || {
            let _ = wait.recv();
            Some(Lock(tell))
        });
        assert!(late.is_none());
        let since = Instant::now();
        assert!(section.enter(|| Some(())).is_none(), "one waits already");
        assert!(
            since.elapsed() < Duration::from_millis(20),
            "it waited again"
        );
        drop(free);
        assert_eq!(told.recv_timeout(Duration::from_secs(5)), Ok("given back"));
    }

    #[test]
    fn a_lock_that_cannot_be_had_is_no_lock_and_can_be_tried_again() {
        let section = Section::new(Duration::from_secs(5));
        assert!(section.enter(|| None::<()>).is_none());
        assert!(section.enter(|| Some(())).is_some());
    }
}
