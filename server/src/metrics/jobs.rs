//! What happens without a report: rounds of jobs, how long they take, whether they fail.

use std::time::Instant;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::register::{By, Labels, Register, label, waits};
use crate::jobs::DUE_AT_ONCE;

label! {
    /// A job.
    Job "task" {
        /// Looks for verdicts that ran out.
        Due "due",
        /// Reads what other servers and commands did.
        Follow "follow",
        /// Posts what others are to be told.
        Post "post",
        /// Tells open pages what changed.
        TellPages "tell_pages",
        /// Writes signs of life.
        SignsOfLife "signs_of_life",
        /// Keeps the rules in force, and diagnoses again whom other ones concern.
        Rules "rules",
        /// Follows the CA.
        Certificates "certificates",
        /// Retires ephemeral devices.
        Ephemeral "ephemeral",
        /// Removes old lines of the record.
        OldLines "old_lines",
        /// Removes old changes of devices.
        OldHistory "old_history",
        /// Packs changes of devices into pages.
        HistoryPages "history_pages",
        /// Removes notes of changes and bulletins.
        OldChanges "old_changes",
        /// Makes exports by plan.
        Exports "exports",
        /// Counts the day.
        Days "days",
        /// Measures the database.
        Size "size",
    }
}

label! {
    /// What came of it.
    Outcome "result" {
        /// It was done.
        Done "done",
        /// It is tried again.
        Failed "failed",
    }
}

impl Labels for (Job, Outcome) {
    fn all() -> Vec<Self> {
        let both = |job: &Job| [(*job, Outcome::Done), (*job, Outcome::Failed)];
        Job::ALL.iter().flat_map(both).collect()
    }

    fn pairs(self) -> Vec<(&'static str, &'static str)> {
        [self.0.pairs(), self.1.pairs()].concat()
    }
}

/// What jobs do.
#[derive(Debug)]
pub struct Jobs {
    rounds: By<(Job, Outcome), Counter>,
    seconds: By<Job, Histogram>,
    /// Devices whose verdicts ran out, as found in the last round.
    pub due: Gauge,
    /// Bytes of the database.
    pub size: Gauge,
}

impl Jobs {
    pub(super) fn of(register: &mut Register<'_>) -> Self {
        register.limit(
            "due_devices_limit",
            "Devices of one round of the job `due`; as many mean that more wait",
            DUE_AT_ONCE as usize,
        );
        Self {
            rounds: register.counter_by("job_rounds", "Rounds of jobs, by what came of them"),
            seconds: register.seconds_by("job_round", "How long a round of a job takes", waits),
            due: register.gauge(
                "due_devices",
                "Devices whose verdicts ran out, as the last round found them",
            ),
            size: register.bytes(
                "storage_size",
                "Size of the database, as of the last minute",
            ),
        }
    }

    /// Counts and times a round.
    pub async fn round<T, E>(
        &self,
        job: Job,
        round: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let begun = Instant::now();
        let result = round.await;
        self.seconds.of(job).observe(begun.elapsed().as_secs_f64());
        let outcome = match &result {
            Ok(_) => Outcome::Done,
            Err(_) => Outcome::Failed,
        };
        self.rounds.of((job, outcome)).inc();
        result
    }
}
