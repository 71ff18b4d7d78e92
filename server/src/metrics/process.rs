//! What the process takes of the machine, under the names that every Prometheus client gives these. Read from `/proc` when monitoring
//! asks; where there is none, nothing is said.

use std::fmt;
use std::path::Path;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// Parts of a second in which Linux counts a process's time for programs, on every machine.
const TICKS_PER_SECOND: f64 = 100.0;

/// The process as the operating system sees it.
#[derive(Debug)]
pub(super) struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(seen) = Seen::look(Path::new("/proc")) else {
            return Ok(());
        };
        let seconds = ConstCounter::new(seen.cpu_seconds);
        let told = encoder.encode_descriptor(
            "process_cpu",
            "Processor time of the process.",
            Some(&Unit::Seconds),
            seconds.metric_type(),
        )?;
        seconds.encode(told)?;
        for (name, help, unit, value) in [
            (
                "process_resident_memory",
                "Memory of the process that is in RAM.",
                Some(&Unit::Bytes),
                Some(seen.resident_bytes),
            ),
            (
                "process_open_fds",
                "Open files and connections.",
                None,
                Some(seen.open_files),
            ),
            (
                "process_max_fds",
                "Files and connections that may be open.",
                None,
                seen.most_files,
            ),
            (
                "process_start_time",
                "When the process started, since 1970.",
                Some(&Unit::Seconds),
                Some(seen.started_at),
            ),
        ] {
            let Some(value) = value else { continue };
            let gauge = ConstGauge::new(value);
            let told = encoder.encode_descriptor(name, help, unit, gauge.metric_type())?;
            gauge.encode(told)?;
        }
        Ok(())
    }
}

/// What `/proc` says.
#[derive(Debug, PartialEq)]
struct Seen {
    cpu_seconds: f64,
    /// Since 1970.
    started_at: f64,
    resident_bytes: f64,
    open_files: f64,
    /// Nothing where there is no limit.
    most_files: Option<f64>,
}

impl Seen {
    fn look(proc: &Path) -> Option<Self> {
        let text = |name: &str| std::fs::read_to_string(proc.join(name)).ok();
        let stat = text("self/stat")?;
        // The name of the program stands in brackets before the numbers, and may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |place: usize| fields.get(place)?.parse::<f64>().ok();
        let booted = number_after(&text("stat")?, "btime ")?;
        Some(Self {
            cpu_seconds: (ticks(11)? + ticks(12)?) / TICKS_PER_SECOND,
            started_at: booted + ticks(19)? / TICKS_PER_SECOND,
            resident_bytes: number_after(&text("self/status")?, "VmRSS:")? * 1024.0,
            open_files: std::fs::read_dir(proc.join("self/fd")).ok()?.count() as f64,
            most_files: number_after(&text("self/limits")?, "Max open files"),
        })
    }
}

/// The first number of the line that begins so.
fn number_after(text: &str, begins: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(begins))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_proc_says_nothing() {
        assert_eq!(Seen::look(Path::new("/nowhere")), None);
    }

    #[test]
    fn a_program_of_any_name_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let own = folder.path().join("self");
        std::fs::create_dir_all(own.join("fd")).expect("made");
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).expect("written");
        };
        write("stat", "cpu 1 2\nbtime 1000\n");
        write(
            "self/stat",
            "7 (a) b 1) S 1 7 7 0 -1 0 0 0 0 0 250 50 0 0 20 0 9 0 1200 0 0\n",
        );
        write("self/status", "Name:\ta\nVmRSS:\t    2048 kB\n");
        write(
            "self/limits",
            "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024      4096     files\n",
        );
        write("self/fd/0", "");
        let expected = Seen {
            cpu_seconds: 3.0,
            started_at: 1012.0,
            resident_bytes: 2_097_152.0,
            open_files: 1.0,
            most_files: Some(1024.0),
        };
        assert_eq!(Seen::look(folder.path()), Some(expected));
    }

    #[test]
    fn this_process_is_seen() {
        let seen = Seen::look(Path::new("/proc")).expect("Linux");
        assert!(
            seen.resident_bytes > 1e6 && seen.open_files >= 3.0,
            "{seen:?}"
        );
    }
}
