//! Figures that anybody can repeat: `cargo xtask bench NAME [--json]`.
//!
//! Each prints what it measured, on what, and the limit that it must keep; the exit status is 1 where it does not. Absolute times on a
//! machine that does other things too are noisy: run them alone.

mod bare;
mod database;
mod diagnose;
mod enrol;
mod explain;
mod export;
mod freshness;
mod idle;
mod ingest;
mod moving;
mod ninety_days;
mod pages;
mod processor;
mod replicas;
mod sessions;
mod storage;
pub(crate) mod stored;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde_json::{Map, Value};

use self::database::Kind;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
struct Cli {
    #[command(subcommand)]
    bench: Bench,
    /// One JSON object instead of lines.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// From a changed registry value on a Windows machine (Wine) to the changed finding on the server.
    Freshness {
        /// How many changes.
        #[arg(long, default_value_t = 50)]
        changes: usize,
    },
    /// What the Windows service (Wine) costs: memory and processor time while nothing happens, and a full inspection of a large machine.
    Collector {
        /// How long nothing happens, in minutes.
        #[arg(long, default_value_t = 10)]
        minutes: u64,
    },
    /// How long it takes to say why an update is on some devices of a large fleet and not on others.
    Explain {
        /// How many devices the fleet has.
        #[arg(long, default_value_t = 100_000)]
        devices: usize,
    },
    /// How many machines a server enrols in a second, with one token, each over a connection of its own.
    Enrol {
        /// How many machines.
        #[arg(long, default_value_t = 50_000)]
        machines: usize,
    },
    /// How many reports a second become durable through the whole path, next to what the machine could do.
    Ingest {
        /// Which database.
        #[arg(long, value_enum, default_value_t = Kind::Sqlite)]
        database: Kind,
        /// How many devices.
        #[arg(long, default_value_t = 1_000)]
        sessions: usize,
        /// How long each part is measured.
        #[arg(long, default_value_t = 20)]
        seconds: u64,
    },
    /// What idle sessions cost a server in memory.
    Sessions {
        /// Which database.
        #[arg(long, value_enum, default_value_t = Kind::Sqlite)]
        database: Kind,
        /// How many.
        #[arg(long, default_value_t = 15_000)]
        sessions: usize,
        /// Over how many servers of one Postgres they are spread, each with a load generator of its own.
        #[arg(long, conflicts_with = "database")]
        servers: Option<usize>,
    },
    /// How many bytes a device takes in the database after 90 days.
    Storage {
        /// Which database.
        #[arg(long, value_enum, default_value_t = Kind::Sqlite)]
        database: Kind,
        /// How many devices.
        #[arg(long, default_value_t = 2_000)]
        devices: usize,
    },
    /// How soon all sessions are back after their server was killed.
    Storm {
        /// Which database.
        #[arg(long, value_enum, default_value_t = Kind::Sqlite)]
        database: Kind,
        /// How many.
        #[arg(long, default_value_t = 15_000)]
        sessions: usize,
    },
    /// Holds connections of bare TLS, whose memory `sessions` measures as its limit.
    #[command(hide = true)]
    Hold {
        /// Where the certificates of both ends are.
        folder: PathBuf,
    },
    /// Samples for making the dictionaries of `server/store/data`, a file each; see docs/decisions/0045 and 0048.
    #[command(hide = true)]
    Samples {
        /// Where to.
        folder: PathBuf,
    },
    /// How fast a large list is taken away as CSV and as a workbook, and what memory that takes.
    Export {
        /// How many devices the fleet has.
        #[arg(long, default_value_t = 1_000_000)]
        devices: usize,
    },
    /// How long a server takes for every page and list of a large fleet, for thirty filters.
    Pages {
        /// Which database.
        #[arg(long, value_enum, default_value_t = Kind::Sqlite)]
        database: Kind,
        /// How many devices the fleet has.
        #[arg(long, default_value_t = 100_000)]
        devices: usize,
    },
    /// A large fleet from SQLite to Postgres and back, and whether it is the same.
    Moving {
        /// How many devices the fleet has.
        #[arg(long, default_value_t = 100_000)]
        devices: usize,
    },
    /// How fast devices are diagnosed: the rules alone, and with loading and writing around them.
    Diagnose {
        /// How many devices go through the store.
        #[arg(long, default_value_t = 20_000)]
        devices: usize,
    },
}

/// Runs the benchmark that the command line names.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let measured = runtime.block_on(async {
        match cli.bench {
            Bench::Freshness { changes } => freshness::measure(changes).await,
            Bench::Collector { minutes } => idle::measure(minutes).await,
            Bench::Explain { devices } => explain::measure(devices).await,
            Bench::Enrol { machines } => enrol::measure(machines).await,
            Bench::Ingest {
                database,
                sessions,
                seconds,
            } => ingest::measure(database, sessions, seconds).await,
            Bench::Sessions {
                sessions,
                servers: Some(servers),
                ..
            } => replicas::idle(servers, sessions).await,
            Bench::Sessions {
                database, sessions, ..
            } => sessions::idle(database, sessions).await,
            Bench::Storm { database, sessions } => sessions::storm(database, sessions).await,
            Bench::Storage { database, devices } => storage::measure(database, devices).await,
            Bench::Hold { folder } => bare::hold(&folder).await,
            Bench::Samples { folder } => stored::samples(&folder).await,
            Bench::Export { devices } => export::measure(devices).await,
            Bench::Pages { database, devices } => pages::measure(database, devices).await,
            Bench::Moving { devices } => moving::measure(devices).await,
            Bench::Diagnose { devices } => diagnose::measure(devices).await,
        }
    });
    match measured {
        Ok(figures) => figures.print(cli.json),
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    tell(&format!("error: {error:#}"));
    ExitCode::FAILURE
}

/// What a benchmark found.
#[derive(Debug)]
struct Figures {
    bench: &'static str,
    facts: Map<String, Value>,
    limits: Vec<Limit>,
}

/// A bound that a figure must keep.
#[derive(Debug)]
struct Limit {
    figure: &'static str,
    bound: Bound,
}

/// On which side of its limit a figure has to be.
#[derive(Debug, Clone, Copy)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Bound {
    const fn limit(self) -> f64 {
        match self {
            Self::AtMost(limit) | Self::AtLeast(limit) => limit,
        }
    }

    fn is_kept_by(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::AtMost(_) => "at most",
            Self::AtLeast(_) => "at least",
        }
    }
}

impl Figures {
    fn new(bench: &'static str) -> Self {
        Self {
            bench,
            facts: Map::new(),
            limits: Vec::new(),
        }
    }

    /// Notes a figure. The name ends in its unit.
    fn put(&mut self, name: &str, figure: impl Into<Value>) {
        self.facts.insert(name.to_owned(), figure.into());
    }

    /// Notes a figure that may be `most` at the most.
    fn put_limited(&mut self, figure: &'static str, value: f64, most: f64) {
        self.put_bound(figure, value, Bound::AtMost(most));
    }

    /// Notes a figure that must be `least` at the least.
    fn put_least(&mut self, figure: &'static str, value: f64, least: f64) {
        self.put_bound(figure, value, Bound::AtLeast(least));
    }

    fn put_bound(&mut self, figure: &'static str, value: f64, bound: Bound) {
        self.put(figure, rounded(value));
        self.limits.push(Limit { figure, bound });
    }

    fn broken(&self) -> Vec<String> {
        let beyond = |limit: &Limit| {
            let value = self.facts.get(limit.figure)?.as_f64()?;
            let bound = limit.bound;
            (!bound.is_kept_by(value)).then(|| {
                let (word, limit_is) = (bound.word(), bound.limit());
                format!(
                    "{} is {value}, {word} {limit_is} is the limit",
                    limit.figure
                )
            })
        };
        self.limits.iter().filter_map(beyond).collect()
    }

    fn print(&self, json: bool) -> ExitCode {
        let broken = self.broken();
        if json {
            let mut all = Map::new();
            all.insert("bench".to_owned(), self.bench.into());
            all.extend(self.facts.clone());
            let limits = self
                .limits
                .iter()
                .map(|limit| (limit.figure.to_owned(), limit.bound.limit().into()));
            all.insert("limits".to_owned(), Value::Object(limits.collect()));
            tell(&Value::Object(all).to_string());
        } else {
            for (name, figure) in &self.facts {
                let limit = self.limits.iter().find(|limit| limit.figure == name);
                let limit = limit.map_or_else(String::new, |limit| {
                    format!("  ({} {})", limit.bound.word(), limit.bound.limit())
                });
                let figure = figure
                    .as_str()
                    .map_or_else(|| figure.to_string(), str::to_owned);
                tell(&format!("{name:<32} {figure}{limit}"));
            }
            for what in &broken {
                tell(&format!("FAILED: {what}"));
            }
        }
        if broken.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the answer of a program for the terminal"
)]
fn tell(line: &str) {
    println!("{line}");
}

fn rounded(figure: f64) -> f64 {
    (figure * 1_000.0).round() / 1_000.0
}

/// An HTTP client for a server on this machine.
fn plain_client() -> anyhow::Result<reqwest::Client> {
    let tls = sickbay_server::identity::tls::client_config(rustls::RootCertStore::empty())?;
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .build()?)
}

/// What the figures were measured on.
fn this_machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let name = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("an unknown processor", |(_, name)| name.trim());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{cores} cores of {name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_beyond_its_limit_fails_the_benchmark() {
        let mut figures = Figures::new("x");
        figures.put_limited("a_ms", 1.5, 2.0);
        assert_eq!(figures.broken(), Vec::<String>::new());
        figures.put_limited("b_ms", 2.5, 2.0);
        figures.put_least("c_per_second", 9.0, 10.0);
        assert_eq!(
            figures.broken(),
            [
                "b_ms is 2.5, at most 2 is the limit",
                "c_per_second is 9, at least 10 is the limit"
            ]
        );
    }
}
