//! What is counted anyway, elsewhere, and only looked at when monitoring asks.

use std::sync::atomic::Ordering;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::time::DAY_MS;

use super::register::{By, Register, SecondsCounter, label};
use crate::app::App;
use crate::identity::ca::validity_of;

label! {
    /// A certificate of the server.
    Certificate "certificate" {
        /// Of the CA that issues.
        Ca "ca",
        /// Shown to collectors.
        Collectors "collectors",
        /// The owner's, shown to browsers; there is none where the server shows its own, or none.
        Web "web",
    }
}

label! {
    /// What connections to the database are for.
    Pool "pool" {
        /// Reading.
        Read "read",
        /// Writing.
        Write "write",
    }
}

/// Looked at when monitoring asks.
#[derive(Debug)]
pub struct Present {
    certificates: By<Certificate, Gauge>,
    connections: By<Pool, Gauge>,
    connections_limit: By<Pool, Gauge>,
    write_wait: SecondsCounter,
    read_wait: SecondsCounter,
    reads: Counter,
    failovers: Counter,
    listeners: Gauge,
    exports_waiting: Gauge,
    exports_running: Gauge,
    exports_kept: Gauge,
    inspections: Gauge,
    touches: Gauge,
    bulletins: Gauge,
    tasks: Gauge,
    runnable: Gauge,
}

impl Present {
    pub(super) fn of(register: &mut Register<'_>) -> Self {
        register.limit(
            "processors",
            "Processors that the server may use",
            std::thread::available_parallelism().map_or(1, Into::into),
        );
        Self {
            certificates: register.gauge_by(
                "certificate_days_left",
                "Whole days until a certificate of the server ends",
            ),
            connections: register.gauge_by(
                "storage_connections",
                "Connections to the database in use, by what for",
            ),
            connections_limit: register.gauge_by(
                "storage_connections_limit",
                "Connections to the database at most, by what for",
            ),
            write_wait: register.seconds_counter(
                "storage_write_wait",
                "Time that transactions waited until they could write",
            ),
            read_wait: register.seconds_counter(
                "storage_read_wait",
                "Time that transactions waited until they could read",
            ),
            reads: register.counter(
                "storage_reads",
                "Transactions that read the database, single statements not included",
            ),
            failovers: register.counter(
                "storage_failovers",
                "Times that the database had another primary, or was started again",
            ),
            listeners: register.gauge(
                "live_listeners",
                "Open pages and scripts that listen to changes",
            ),
            exports_waiting: register.gauge("exports_waiting", "Exports that wait for their turn"),
            exports_running: register.gauge("exports_running", "Exports that are made now"),
            exports_kept: register.gauge("exports_kept", "Exports that wait, are made or are kept"),
            inspections: register.gauge(
                "inspections_waiting",
                "Devices that were asked to look again within the last hour and have not answered",
            ),
            touches: register.gauge(
                "signs_of_life_waiting",
                "Devices whose sign of life waits to be written",
            ),
            bulletins: register.gauge(
                "bulletins_waiting",
                "Bulletins for other servers that wait to be posted",
            ),
            tasks: register.gauge("runtime_tasks", "Tasks that live in the server"),
            runnable: register.gauge(
                "runtime_queue",
                "Tasks that wait for a processor in the queue that all share",
            ),
        }
    }

    /// The owner's certificate for the web port, until when it counts.
    pub fn web_certificate(&self, until: Time, now: Time) {
        self.certificate(Certificate::Web, Some(until), now);
    }

    fn certificate(&self, which: Certificate, until: Option<Time>, now: Time) {
        if let Some(until) = until {
            let days = until.since(now).div_euclid(DAY_MS);
            self.certificates.of(which).set(days);
        }
    }

    pub(super) fn look(&self, app: &App) {
        let now = app.clock.now();
        let of_ca = validity_of(&app.ca.in_force().certificate());
        self.certificate(Certificate::Ca, of_ca.map(|(_, until)| until), now);
        self.certificate(Certificate::Collectors, app.identity.ends_at(), now);
        self.storage(&app.store.usage());
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.listeners.set(count(app.events.listeners()));
        let exports = app.exports.load();
        self.exports_waiting.set(count(exports.waiting));
        self.exports_running.set(count(exports.running));
        self.exports_kept.set(count(exports.kept));
        self.inspections
            .set(count(app.fleet.inspections.waiting(now)));
        let (touches, bulletins) = app.fleet.unwritten();
        self.touches.set(count(touches));
        self.bulletins.set(count(bulletins));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let metrics = runtime.metrics();
            self.tasks.set(count(metrics.num_alive_tasks()));
            self.runnable.set(count(metrics.global_queue_depth()));
        }
    }

    fn storage(&self, usage: &sickbay_store::Usage) {
        for (pool, connections) in [(Pool::Read, &usage.readers), (Pool::Write, &usage.writers)] {
            self.connections.of(pool).set(i64::from(connections.in_use));
            self.connections_limit
                .of(pool)
                .set(i64::from(connections.limit));
        }
        let store = |counter: &SecondsCounter, seconds: f64| {
            counter.inner().store(seconds.to_bits(), Ordering::Relaxed);
        };
        store(&self.write_wait, usage.waited_to_write.as_secs_f64());
        store(&self.read_wait, usage.waited_to_read.as_secs_f64());
        for (counter, count) in [
            (&self.reads, usage.reads),
            (&self.failovers, usage.failovers),
        ] {
            counter.inner().store(count, Ordering::Relaxed);
        }
    }
}
