//! What monitoring sees at `/metrics`, in the Prometheus text format.
//!
//! Whatever waits in a queue with a bound has that bound beside it, in `..._limit`, so that a dashboard shows the share. Labels come from
//! closed sets ([`register::Labels`]): nothing that a device or a person says becomes one. What each metric tells an administrator stands in
//! `docs/guide/monitoring.md`; a test holds page, dashboard and alerts to the names that the server really has.

pub mod connections;
pub mod ingest;
pub mod jobs;
pub mod present;
mod process;
pub mod register;
pub mod web;

use std::sync::atomic::Ordering;

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::app::App;
use register::Register;

/// Every metric of the server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// What every program has, under the names that it has everywhere.
    common: Registry,
    /// The way of a report.
    pub ingest: ingest::Ingest,
    /// The collectors' port.
    pub connections: connections::Connections,
    /// The web port.
    pub web: web::Web,
    /// What happens without a report.
    pub jobs: jobs::Jobs,
    /// What is looked at when monitoring asks.
    pub present: present::Present,
    /// TLS handshakes that succeeded on the collectors' port.
    pub handshakes: Counter,
    /// TLS handshakes that failed or were refused there.
    pub handshakes_failed: Counter,
    /// Connections that were closed because their address made too many.
    pub connections_throttled: Counter,
    /// Enrolments that were put off because their address made too many.
    pub enrolments_throttled: Counter,
    /// Live collector sessions.
    pub sessions: Gauge,
    /// Calls and sessions that were refused after the handshake.
    pub refusals: Counter,
    /// Reports that were committed.
    pub reports: Counter,
    /// Reports that had been committed before and were only acknowledged again.
    pub duplicates: Counter,
    /// Commits of the ingest writer.
    pub commits: Counter,
    /// Reports that wait for the writer.
    pub queue: Gauge,
    /// Devices that the writer keeps in memory between two of their reports.
    pub shelf_devices: Gauge,
    /// About how many bytes those take.
    pub shelf_bytes: Gauge,
    /// Devices of batches that were in memory.
    pub shelf_hits: Counter,
    /// Devices of batches that were loaded.
    pub shelf_misses: Counter,
    /// Batches that could not be written and are being tried again.
    pub storage_waits: Counter,
    /// Devices diagnosed again without a report.
    pub rediagnosed: Counter,
    /// Transactions that wrote to the database, as the store counts them.
    pub writes: Counter,
    /// Age of the knowledge in force, in days.
    pub knowledge_age_days: Gauge,
    /// Other servers of the same database that live.
    pub other_servers: Gauge,
    /// 1 where this server does what one of them does for all.
    pub leads: Gauge,
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("sickbay");
        let mut common = Registry::default();
        common.register_collector(Box::new(process::Process));
        registry.register(
            "build",
            "Which version runs",
            Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]),
        );
        let mut register = Register(&mut registry);
        Self {
            ingest: ingest::Ingest::of(&mut register),
            connections: connections::Connections::of(&mut register),
            web: web::Web::of(&mut register),
            jobs: jobs::Jobs::of(&mut register),
            present: present::Present::of(&mut register),
            handshakes: register.counter(
                "handshakes",
                "TLS handshakes that succeeded on the collectors' port",
            ),
            handshakes_failed: register.counter(
                "handshakes_failed",
                "TLS handshakes that failed or were refused",
            ),
            connections_throttled: register.counter(
                "connections_throttled",
                "Connections closed because their address made too many",
            ),
            enrolments_throttled: register.counter(
                "enrolments_throttled",
                "Enrolments put off because their address made too many",
            ),
            refusals: register
                .counter("refusals", "Calls and sessions refused after the handshake"),
            reports: register.counter("reports", "Reports committed"),
            duplicates: register.counter(
                "duplicate_reports",
                "Reports that had been committed before",
            ),
            commits: register.counter("commits", "Commits of the ingest writer"),
            shelf_hits: register.counter("shelf_hits", "Devices of commits that were in memory"),
            shelf_misses: register
                .counter("shelf_misses", "Devices of commits that had to be loaded"),
            storage_waits: register.counter(
                "storage_waits",
                "Batches that could not be written and are tried again",
            ),
            rediagnosed: register.counter(
                "rediagnosed_devices",
                "Devices diagnosed again without a report",
            ),
            writes: register.counter("storage_writes", "Transactions that wrote to the database"),
            sessions: register.gauge("sessions", "Live collector sessions"),
            queue: register.gauge("ingest_queue", "Reports that wait for the writer"),
            shelf_devices: register
                .gauge("shelf_devices", "Devices that the writer keeps in memory"),
            shelf_bytes: register.gauge("shelf_bytes", "About how many bytes those take"),
            knowledge_age_days: register.gauge(
                "knowledge_age_days",
                "Days since the day up to which the knowledge in force was collected",
            ),
            other_servers: register.gauge(
                "other_servers",
                "Other servers of the same database that live",
            ),
            leads: register.gauge(
                "leads",
                "1 where this server does what one of them does for all",
            ),
            registry,
            common,
        }
    }

    /// The text that Prometheus reads of this server, with what is only looked at now. Reads files: not for a thread that others wait for.
    pub fn look(app: &App) -> String {
        let metrics = &app.metrics;
        metrics.ingest.look();
        metrics.present.look(app);
        metrics.text(app.store.writes())
    }

    /// The text that Prometheus reads; the store counts `writes` itself.
    fn text(&self, writes: u64) -> String {
        const WRITTEN: &str = "writing to a string cannot fail";
        self.writes.inner().store(writes, Ordering::Relaxed);
        let mut text = String::new();
        encode_registry(&mut text, &self.registry).expect(WRITTEN);
        encode_registry(&mut text, &self.common).expect(WRITTEN);
        encode_eof(&mut text).expect(WRITTEN);
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
