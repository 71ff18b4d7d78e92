//! Work that may hang, on a thread of its own and with a time limit.
//!
//! Promises: whoever asks waits no longer than the limit, and however often it is asked, at most one thread hangs. An answer that
//! comes too late is thrown away, because it tells of a time that has passed.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    /// It still works, or hangs.
    #[error("did not answer within {} s", .0.as_secs_f64())]
    Late(Duration),
    /// Its thread ended without saying anything.
    #[error("ended without an answer")]
    Ended,
    /// The operating system gave it no thread.
    #[error("got no thread to run on: {0}")]
    NoThread(#[from] io::Error),
}

/// Asks one source, one question at a time.
#[derive(Debug)]
pub(super) struct Guarded {
    name: &'static str,
    limit: Duration,
    /// Closed once the thread that was not waited for any longer has ended.
    late: Mutex<Option<Receiver<()>>>,
}

impl Guarded {
    /// A source of which every answer may take as long as `limit`; its thread is called `name`.
    pub(super) const fn new(name: &'static str, limit: Duration) -> Self {
        Self {
            name,
            limit,
            late: Mutex::new(None),
        }
    }

    /// Does `work` and waits for it. Where an earlier one still hangs, whatever it was asked, the answer is [`Unanswered::Late`] at
    /// once, and `work` is not done.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unanswered> {
        let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(earlier) = late.take()
            && let Err(TryRecvError::Empty) = earlier.try_recv()
        {
            *late = Some(earlier);
            return Err(Unanswered::Late(self.limit));
        }
        let (answer, answered) = channel();
        let (working, ended) = channel::<()>();
        thread::Builder::new()
            .name(self.name.to_owned())
            .spawn(move || {
                // Where nobody waits any more the answer is of no use.
                let _ = answer.send(work());
                drop(working);
            })?;
        match answered.recv_timeout(self.limit) {
            Ok(answer) => Ok(answer),
            Err(RecvTimeoutError::Disconnected) => Err(Unanswered::Ended),
            Err(RecvTimeoutError::Timeout) => {
                *late = Some(ended);
                Err(Unanswered::Late(self.limit))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_source_that_hangs_holds_up_one_thread_and_nobody_else() {
        let guarded = Guarded::new("a test", Duration::from_millis(20));
        let begun = Arc::new(AtomicUsize::new(0));
        let (release, hold) = channel::<()>();
        let counting = Arc::clone(&begun);
        let hangs = guarded.ask(move || {
            counting.fetch_add(1, Ordering::SeqCst);
            let _ = hold.recv();
            1
        });
        assert_eq!(
            hangs.unwrap_err().to_string(),
            "did not answer within 0.02 s"
        );
        let counting = Arc::clone(&begun);
        let since = Instant::now();
        let again = guarded.ask(move || {
            counting.fetch_add(1, Ordering::SeqCst);
            "another question"
        });
        assert!(matches!(again, Err(Unanswered::Late(_))));
        assert!(
            since.elapsed() < Duration::from_millis(20),
            "it waited again"
        );
        assert_eq!(begun.load(Ordering::SeqCst), 1, "a second thread began");
        drop(release);
        let fresh = std::iter::repeat_with(|| {
            thread::sleep(Duration::from_millis(1));
            guarded.ask(|| 7)
        });
        let answer = fresh.take(5_000).find_map(Result::ok);
        assert_eq!(answer, Some(7), "it answers again once it is free");
    }

    #[test]
    fn a_source_that_breaks_down_says_so() {
        let guarded = Guarded::new("a test", Duration::from_secs(5));
        let broken: Result<u8, _> = guarded.ask(|| panic!("on purpose"));
        assert!(matches!(broken, Err(Unanswered::Ended)));
        assert_eq!(guarded.ask(|| 3).unwrap(), 3);
    }
}
