//! What monitoring sees at `/metrics`, in the Prometheus text format.

use std::sync::atomic::Ordering;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Every metric of the server.
#[derive(Debug, Default)]
pub struct Metrics {
    registry: Registry,
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
        let mut metrics = Self::default();
        let mut registry = Registry::with_prefix("sickbay");
        for (name, help, counter) in [
            (
                "handshakes",
                "TLS handshakes that succeeded on the collectors' port",
                &metrics.handshakes,
            ),
            (
                "handshakes_failed",
                "TLS handshakes that failed or were refused",
                &metrics.handshakes_failed,
            ),
            (
                "connections_throttled",
                "Connections closed because their address made too many",
                &metrics.connections_throttled,
            ),
            (
                "enrolments_throttled",
                "Enrolments put off because their address made too many",
                &metrics.enrolments_throttled,
            ),
            (
                "refusals",
                "Calls and sessions refused after the handshake",
                &metrics.refusals,
            ),
            ("reports", "Reports committed", &metrics.reports),
            (
                "duplicate_reports",
                "Reports that had been committed before",
                &metrics.duplicates,
            ),
            ("commits", "Commits of the ingest writer", &metrics.commits),
            (
                "shelf_hits",
                "Devices of commits that were in memory",
                &metrics.shelf_hits,
            ),
            (
                "shelf_misses",
                "Devices of commits that had to be loaded",
                &metrics.shelf_misses,
            ),
            (
                "storage_waits",
                "Batches that could not be written and are tried again",
                &metrics.storage_waits,
            ),
            (
                "rediagnosed_devices",
                "Devices diagnosed again without a report",
                &metrics.rediagnosed,
            ),
            (
                "storage_writes",
                "Transactions that wrote to the database",
                &metrics.writes,
            ),
        ] {
            registry.register(name, help, counter.clone());
        }
        for (name, help, gauge) in [
            ("sessions", "Live collector sessions", &metrics.sessions),
            (
                "ingest_queue",
                "Reports that wait for the writer",
                &metrics.queue,
            ),
            (
                "shelf_devices",
                "Devices that the writer keeps in memory",
                &metrics.shelf_devices,
            ),
            (
                "shelf_bytes",
                "About how many bytes those take",
                &metrics.shelf_bytes,
            ),
            (
                "knowledge_age_days",
                "Days since the day up to which the knowledge in force was collected",
                &metrics.knowledge_age_days,
            ),
            (
                "other_servers",
                "Other servers of the same database that live",
                &metrics.other_servers,
            ),
            (
                "leads",
                "1 where this server does what one of them does for all",
                &metrics.leads,
            ),
        ] {
            registry.register(name, help, gauge.clone());
        }
        metrics.registry = registry;
        metrics
    }

    /// The text that Prometheus reads; the store counts `writes` itself.
    pub fn text(&self, writes: u64) -> String {
        self.writes.inner().store(writes, Ordering::Relaxed);
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string cannot fail");
        text
    }
}
