//! The way of a report: the queue, the batch, the commit, the acknowledgement.

use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;

use super::register::{Register, SecondsGauge, batches, computing, waits};
use crate::ingest::{BATCH, QUEUE};

/// What the way of a report takes, step by step.
#[derive(Debug)]
pub struct Ingest {
    /// From a report's arrival until the writer takes it, in seconds; the time in which it waits for room in the queue included.
    pub wait: Histogram,
    /// What one report, or one diagnosis without, takes the processor, in seconds.
    pub diagnosis: Histogram,
    /// Reading devices that are not in memory, in seconds, until the database answers.
    pub load: Histogram,
    /// Working out a batch, in seconds, loading included.
    pub batch: Histogram,
    /// Items of a batch.
    pub items: Histogram,
    /// Writing a batch, in seconds, until the database answers.
    pub commit: Histogram,
    /// From a report's arrival to its acknowledgement, in seconds.
    pub acknowledgement: Histogram,
    /// Devices of batches that somebody else wrote meanwhile.
    pub conflicts: Counter,
    /// Reports that were answered by asking for a full one.
    pub full_wanted: Counter,
    /// Reports that the database refused for good.
    pub not_stored: Counter,
    /// Diagnoses without a report that were asked for.
    pub rediagnoses: Counter,
    /// Messages that waited because their device sends more than it may.
    pub slowed: Counter,
    oldest: SecondsGauge,
    /// Since when the oldest item waits that the writer has in hand.
    waits_since: Mutex<Option<Instant>>,
}

impl Ingest {
    pub(super) fn of(register: &mut Register<'_>) -> Self {
        register.limit(
            "ingest_queue_limit",
            "Reports that may wait for the writer; more wait in their sessions",
            QUEUE,
        );
        register.limit(
            "ingest_batch_limit",
            "Items of a batch at most, among reports and diagnoses without one",
            BATCH,
        );
        Self {
            wait: register.seconds(
                "ingest_wait",
                "From a report's arrival until the writer takes it",
                waits,
            ),
            diagnosis: register.seconds(
                "diagnosis",
                "What a report, or a diagnosis without one, takes the processor",
                computing,
            ),
            load: register.seconds(
                "ingest_load",
                "Reading devices that are not in memory",
                waits,
            ),
            batch: register.seconds(
                "ingest_batch_work",
                "Working out a batch, reading its devices included",
                waits,
            ),
            items: register.sizes("ingest_batch_items", "Items of a batch", batches),
            commit: register.seconds(
                "commit",
                "Writing a batch until it is durable, with every attempt",
                waits,
            ),
            acknowledgement: register.seconds(
                "acknowledgement",
                "From a report's arrival to its acknowledgement",
                waits,
            ),
            conflicts: register.counter(
                "commit_conflicts",
                "Devices of batches that another process wrote meanwhile",
            ),
            full_wanted: register.counter(
                "full_reports_wanted",
                "Reports answered by asking for a full one",
            ),
            not_stored: register.counter(
                "reports_not_stored",
                "Reports that the database refused for good",
            ),
            rediagnoses: register.counter(
                "rediagnoses_wanted",
                "Diagnoses without a report that were asked for",
            ),
            slowed: register.counter(
                "messages_slowed",
                "Messages that waited because their device sends more than it may",
            ),
            oldest: register.age(
                "ingest_oldest",
                "How long the oldest item waits that the writer has in hand",
            ),
            waits_since: Mutex::default(),
        }
    }

    /// The writer takes these from the queue, which came then.
    pub fn takes(&self, came: impl Iterator<Item = Instant>) {
        let mut oldest = None;
        for came in came {
            self.wait.observe(came.elapsed().as_secs_f64());
            oldest = oldest.into_iter().chain([came]).min();
        }
        let mut waits_since = self.waits_since();
        *waits_since = waits_since.or(oldest);
    }

    /// The writer has these in hand, which came then; nothing where there are none.
    pub fn has_in_hand(&self, came: impl Iterator<Item = Instant>) {
        *self.waits_since() = came.min();
    }

    /// Says how old it is at this moment: while the database does not answer, nobody else would.
    pub(super) fn look(&self) {
        let waits_since = *self.waits_since();
        let age = waits_since.map_or(0.0, |since| since.elapsed().as_secs_f64());
        self.oldest.set(age);
    }

    fn waits_since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.waits_since
            .lock()
            .expect("never poisoned: nothing panics while it is held")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn the_oldest_in_hand_ages_while_nothing_is_written() {
        let metrics = Metrics::new();
        let ingest = &metrics.ingest;
        let age = || {
            ingest.look();
            ingest.oldest.get()
        };
        assert!(age() < 0.001, "nobody waits");
        let now = Instant::now();
        let long_ago = now.checked_sub(Duration::from_secs(7)).expect("a clock");
        ingest.takes([now, long_ago].into_iter());
        assert!(age() >= 7.0);
        ingest.takes([now].into_iter());
        assert!(age() >= 7.0, "what comes later is not older");
        ingest.has_in_hand([now].into_iter());
        assert!(age() < 7.0, "the older one is written");
        ingest.has_in_hand(std::iter::empty());
        assert!(age() < 0.001);
    }
}
