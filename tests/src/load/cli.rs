//! `sickbay-load`: puts a load on a server that runs somewhere, and tells every few seconds how it bears it.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use sickbay_collector::session::{CaPin, MachineOptions, ServerUrl};

use super::{Load, LoadOptions, Pace};

/// A load of simulated devices on a Sickbay server: real sessions over mutual TLS, each with a key of its own. Never use it on a server whose
/// fleet counts: the devices enrol and stay.
#[derive(Debug, Parser)]
#[command(name = "sickbay-load", version)]
struct Cli {
    /// Where the server listens for collectors, such as https://sickbay.example.com:7443.
    #[arg(long)]
    server: ServerUrl,
    /// The pin of its CA, as `sickbay-server ca show` prints it.
    #[arg(long = "ca-pin", required = true)]
    ca_pins: Vec<CaPin>,
    /// An enrolment token that approves: `sickbay-server token create --name load --approve`.
    #[arg(long)]
    token: String,
    /// How many devices.
    #[arg(long, default_value_t = 1_000)]
    devices: usize,
    /// How many of them are slow, silent, deaf, wrong or restless.
    #[arg(long, default_value_t = 0)]
    unruly: usize,
    /// What the devices do.
    #[arg(long, value_enum, default_value_t = Doing::Day)]
    doing: Doing,
    /// Reports a second of all devices together, with `--doing rate`.
    #[arg(long, default_value_t = 100.0)]
    rate: f64,
    /// All devices drop their connections and come again every so many seconds.
    #[arg(long)]
    storm_every: Option<u64>,
    /// How long, in seconds; for ever without it.
    #[arg(long = "for")]
    seconds: Option<u64>,
    /// The same seed gives the same machines, to which the same happens.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Time between two lines, in seconds.
    #[arg(long, default_value_t = 5)]
    every: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Doing {
    /// Nothing but signs of life.
    Idle,
    /// What an ordinary day brings: some two reports of each device.
    Day,
    /// So many reports a second.
    Rate,
    /// Reports as fast as they are acknowledged.
    Flat,
}

impl Cli {
    fn pace(&self) -> Pace {
        let devices = self.devices.saturating_sub(self.unruly).max(1) as f64;
        match self.doing {
            Doing::Idle => Pace::Still,
            Doing::Day => {
                let reports: u32 = super::life::Happening::ALL
                    .iter()
                    .map(|happening| happening.in_90_days())
                    .sum();
                Pace::Every(Duration::from_hours(24).mul_f64(90.0 / f64::from(reports)))
            }
            Doing::Rate => Pace::Every(Duration::from_secs_f64(devices / self.rate.max(0.001))),
            Doing::Flat => Pace::AsFastAsItGoes { under_way: 1 },
        }
    }
}

/// Runs the program.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let done = tokio::runtime::Runtime::new()
        .context("start")
        .and_then(|runtime| runtime.block_on(load(&cli)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn load(cli: &Cli) -> anyhow::Result<()> {
    let options = LoadOptions {
        server: cli.server.clone(),
        pins: cli.ca_pins.clone(),
        token: cli.token.clone(),
        devices: cli.devices,
        unruly: cli.unruly,
        seed: cli.seed,
        session: MachineOptions::default(),
    };
    tell(&format!("{} devices enrol at {}", cli.devices, cli.server));
    let load = Load::begin(&options).await?;
    load.set_pace(cli.pace());
    let begun = Instant::now();
    let mut storms = 0;
    let (mut before, mut since) = (load.tally.reports_acknowledged(), Instant::now());
    loop {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(cli.every.max(1))) => {}
            _ = tokio::signal::ctrl_c() => break,
        }
        let acknowledged = load.tally.reports_acknowledged();
        let waits = load.tally.take_waits();
        tell(&format!(
            "{:>6} s  {:>6} sessions  {:>7.0} reports/s  median {:>7.1} ms  99 % {:>7.1} ms  {} connections, lost: {:?}",
            begun.elapsed().as_secs(),
            load.tally.sessions(),
            (acknowledged - before) as f64 / since.elapsed().as_secs_f64(),
            waits.value_at_quantile(0.5) as f64 / 1e3,
            waits.value_at_quantile(0.99) as f64 / 1e3,
            load.tally.connections(),
            load.tally.losses(),
        ));
        (before, since) = (acknowledged, Instant::now());
        let passed = begun.elapsed().as_secs();
        if cli
            .storm_every
            .is_some_and(|every| passed / every.max(1) > storms)
        {
            storms += 1;
            tell("a storm: every device drops its connection");
            load.storm();
        }
        if cli.seconds.is_some_and(|seconds| passed >= seconds) {
            break;
        }
    }
    load.end().await;
    Ok(())
}

#[expect(
    clippy::print_stdout,
    reason = "the answer of a program for the terminal"
)]
fn tell(line: &str) {
    println!("{line}");
}
