//! A server that was taken over, and holds the CA that the collector trusts, cannot make the collector write, run or read anything
//! that it does not write and read by itself; whatever it says, in every message of the protocol.
//!
//! What it can do is [`Standing::Away`]: part a device from its honest server, because a server may replace a device's certificate, say
//! how the device is called and teach it whom to trust. Then a person has to remove the state folder.
//!
//! Watched is this process: what it starts, on what it listens, the folders around the collector's own and this program's current one,
//! and every question to the machine, which on Windows goes through the same trait. Not seen would be a file that is read past that
//! trait, or written at a place that no path of [`Place::bait`] leads to.
//!
//! `SICKBAY_LONG=1` plays many more rounds, `SICKBAY_HOSTILE_SEED=N` the one of that seed alone.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod dice;
mod flood;
mod forgery;
#[path = "../session/server.rs"]
#[expect(
    dead_code,
    reason = "the sessions' own tests need more of this server than these"
)]
mod honest;
mod log;
mod place;
mod process;
mod running;
mod server;
mod spoil;
mod witness;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dice::{Dice, Words};
use flood::Flood;
use honest::Server;
use log::Log;
use place::Place;
use rcgen::KeyPair;
use running::{Running, SOON, options};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use server::{Hostile, Mind};
use sickbay_collector::host::Host as _;
use sickbay_collector::session::{
    BackoffOptions, CollectorOptions, Farewell, MachineOptions, probe, say_goodbye,
};
use sickbay_collector::state::Identity;
use tokio::sync::Mutex;
use witness::{Witness, reads_without_a_server};

/// What is looked at belongs to the whole process, so one test runs at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

/// How often the collector is started again in a round, and how many answers it gets each time.
const STARTS: usize = 2;
const ANSWERS: usize = 20;
/// So many rounds more are played until everything was said that can be.
const MORE_ROUNDS: u64 = 40;
/// Without an answer for so long, there will be none.
const SILENCE: Duration = Duration::from_millis(200);
/// A clock that is so far ahead makes each certificate of the honest server due for renewal.
const CLOCK_AHEAD_MS: i64 = 40 * 60_000;
/// So many messages of a flood, or as many as come in that time.
const FLOOD: usize = 20_000;
const FLOODED: Duration = Duration::from_millis(300);
/// Less would be no flood: one that waits for reports is slow.
const FLOOD_AT_LEAST: usize = 3;
/// By how much memory may grow. Each message of the largest floods has 1 KiB that a collector might keep.
const FLOOD_KIB: u64 = 8 * 1024;
/// How many lines, of those that are not for debugging, may be logged meanwhile.
const FLOOD_LINES: usize = 10;

fn times(few: u64, often: u64) -> u64 {
    if std::env::var_os("SICKBAY_LONG").is_some_and(|value| value == "1") {
        often
    } else {
        few
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_server_says_nothing_is_written_run_or_read_on_its_word() {
    let _alone = ALONE.lock().await;
    process::note_panics();
    let log = Log::of_this_process();
    log.news();
    let rounds = times(4, 200);
    if let Ok(seed) = std::env::var("SICKBAY_HOSTILE_SEED") {
        let seed = seed.parse().unwrap();
        round(seed, log).await.unwrap();
        return;
    }
    let mut sayable: BTreeSet<String> = dice::SAID.map(str::to_owned).into();
    sayable.extend(dice::reasons().into_iter().map(server::name_of_reason));
    let mut unsaid = sayable.clone();
    for seed in 0.. {
        match round(seed, log).await {
            Ok(said) => {
                assert_eq!(&said - &sayable, BTreeSet::new(), "it has no name");
                unsaid.retain(|what| !said.contains(what));
            }
            Err(wrong) => panic!("SICKBAY_HOSTILE_SEED={seed}: {wrong}"),
        }
        // What a collector asks for first is a matter of moments, so that not every time the same rounds say everything.
        if seed + 1 >= rounds && unsaid.is_empty() {
            return;
        }
        assert!(
            seed < rounds + MORE_ROUNDS,
            "never said, although a server can: {unsaid:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_never_stops_talking_fills_neither_memory_nor_disk_nor_log() {
    let _alone = ALONE.lock().await;
    process::note_panics();
    let log = Log::of_this_process();
    for flood in Flood::ALL {
        if let Err(wrong) = flooded(flood, log).await {
            panic!("{flood:?}: {wrong}");
        }
    }
}

async fn flooded(flood: Flood, log: &Log) -> Result<(), String> {
    let place = Place::new();
    let honest = Server::start().await;
    // Every certificate seems to be old, so that renewals, too, would have no end.
    let host = Arc::new(Witness::new(CLOCK_AHEAD_MS));
    let mut options = options(&place.state(), &honest, &host);
    // How often it comes back bounds how often it has something to tell.
    options.session.backoff = BackoffOptions::default();
    options.session.full_again = MachineOptions::default().full_again;
    let running = Running::start(&options);
    running.until_it_reports().await?;
    running.stop().await?;
    let (shared, port) = honest.kill().await;
    let mind = Mind::flooding(shared, flood);
    let hostile = Hostile::start(Arc::clone(&mind), port).await;
    log.news();
    let before_kib = process::memory_kib();
    if flood == Flood::Piles {
        host.slow_down();
    }
    let running = Running::start(&options);
    let since = Instant::now();
    while mind.answers() < FLOOD && since.elapsed() < FLOODED {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let grown_kib = process::memory_kib().saturating_sub(before_kib);
    running.stop().await?;
    hostile.kill().await;
    if mind.answers() < FLOOD_AT_LEAST {
        return Err(format!("only {} messages came through", mind.answers()));
    }
    if grown_kib > FLOOD_KIB {
        return Err(format!("memory grew by {grown_kib} KiB"));
    }
    let news = log.news();
    let lines = news.lines().filter(|line| !line.contains("DEBUG")).count();
    if lines > FLOOD_LINES {
        return Err(format!("{lines} lines in the log"));
    }
    log::is_harmless(&news)?;
    place.state_as_documented()?;
    place.unchanged()?;
    process::no_panic()
}

/// A collector, known to its server before or not, meets the hostile one and then the honest one again.
async fn round(seed: u64, log: &Log) -> Result<BTreeSet<String>, String> {
    let mut dice = Dice::new(seed, "round", 0);
    let place = Place::new();
    let honest = Server::start().await;
    let ahead_ms = if dice.once_in(2) { 0 } else { CLOCK_AHEAD_MS };
    let host = Arc::new(Witness::new(ahead_ms));
    let options = options(&place.state(), &honest, &host);
    let mut device_before = None;
    if !dice.once_in(3) {
        let running = Running::start(&options);
        running.until_it_reports().await?;
        device_before = running.handle.progress().device_id;
        running.stop().await?;
    }

    let (shared, port) = honest.kill().await;
    // The last collector of some rounds lives to see the honest server again, and the others' are asked for patience without end.
    let lives_on = dice.once_in(3);
    let patience_from = if lives_on {
        usize::MAX
    } else {
        STARTS * ANSWERS - 3
    };
    let words = Words::new(place.bait());
    let mind = Mind::new(Arc::clone(&shared), seed, words, patience_from);
    let hostile = Hostile::start(Arc::clone(&mind), port).await;
    let mut last = None;
    for start in 1..=STARTS {
        let running = Running::start(&options);
        until_silence(&mind, start * ANSWERS).await;
        if process::listening() != [port].into() {
            return Err(format!("listens on {:?}", process::listening()));
        }
        process::no_child()?;
        if lives_on && start == STARTS {
            last = Some(running);
        } else {
            running.stop().await?;
            place.state_as_documented()?;
        }
    }
    probing_tells_it_in_plain_words(&options, &host).await?;
    let mut retired = false;
    if last.is_none() && !dice.once_in(3) {
        for _ in 0..4 {
            let farewell = say_goodbye(options.clone(), SOON).await;
            retired |= matches!(farewell, Ok(Farewell::Retired { .. }));
        }
    }
    hostile.kill().await;
    harmless(&place, &host, log)?;

    let honest = Server::start_with(shared, port).await;
    let standing = Standing::of(&options, &honest, &host).await?;
    let running = last.unwrap_or_else(|| Running::start(&options));
    match standing {
        Standing::Home => {
            running.until_it_reports().await?;
            let device = running.handle.progress().device_id;
            // Whoever issues a certificate says whose it is.
            let said = mind.said();
            let named = [
                "enrol: issued",
                "renew: certificate",
                "recover: certificate",
            ];
            let renamed = retired || named.iter().any(|named| said.contains(*named));
            if device_before.is_some() && !renamed && device != device_before {
                return Err(format!("was {device_before:?} and became {device:?}"));
            }
            running.stop().await?;
        }
        Standing::Away => {
            tokio::time::sleep(SILENCE).await;
            let live = running.handle.progress().live;
            running.stop().await?;
            if live {
                return Err("speaks with whom it has no reason to trust".to_owned());
            }
            // `self-test` tells a person to do that.
            place.empty_state();
            let running = Running::start(&options);
            running.until_it_reports().await?;
            running.stop().await?;
        }
    }
    place.state_as_documented()?;
    harmless(&place, &host, log)?;
    Ok(mind.said())
}

/// What holds at any time, whatever was said until now.
fn harmless(place: &Place, host: &Witness, log: &Log) -> Result<(), String> {
    place.unchanged()?;
    let beyond = &host.asked() - reads_without_a_server();
    if !beyond.is_empty() {
        return Err(format!("read what no check reads: {beyond:?}"));
    }
    process::no_child()?;
    process::no_panic()?;
    log::is_harmless(&log.news())?;
    match std::fs::read(place.state().join("last-error.json")) {
        Ok(json) => {
            let error: serde_json::Value = serde_json::from_slice(&json).unwrap();
            let text = error["text"].as_str().ok_or("the last error is no text")?;
            log::is_plain(text).map_err(|what| format!("the last error holds {what}"))
        }
        Err(_) => Ok(()),
    }
}

/// Where a device stands with its honest server once the hostile one is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// They know each other, or the device enrols by itself.
    Home,
    /// It trusts somebody else by now, or has a certificate that no honest server takes.
    Away,
}

impl Standing {
    async fn of(
        options: &CollectorOptions,
        honest: &Server,
        host: &Witness,
    ) -> Result<Self, String> {
        let ca = &honest.shared.ca.der;
        let (_, Some(identity)) = credentials(options).await? else {
            return Ok(Self::Home);
        };
        let mut roots = RootCertStore::empty();
        roots.add(ca.clone().into()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .unwrap();
        let chain: Vec<CertificateDer<'_>> = identity
            .chain
            .iter()
            .map(|der| CertificateDer::from(der.as_slice()))
            .collect();
        let taken = verifier
            .verify_client_cert(&chain[0], &chain[1..], UnixTime::now())
            .is_ok();
        let enrols_again = identity.expired(host.now());
        if identity.trusted_cas.contains(ca) && (taken || enrols_again) {
            Ok(Self::Home)
        } else {
            Ok(Self::Away)
        }
    }
}

/// `self-test` repeats what the server says; nothing of it commands the terminal of whoever asks.
async fn probing_tells_it_in_plain_words(
    options: &CollectorOptions,
    host: &Witness,
) -> Result<(), String> {
    use sickbay_collector::session::Standing;
    let (key, identity) = credentials(options).await?;
    let standing = match &identity {
        Some(identity) => Standing::Enrolled(identity, &key),
        None => Standing::NotEnrolled(&options.ca_pins),
    };
    for _ in 0..3 {
        for step in probe(&options.server_urls[0], None, host, &standing).await {
            let words = match step.outcome {
                Ok(found) => found,
                Err(trouble) => format!("{} {}", trouble.what, trouble.fix),
            };
            log::is_plain(&words).map_err(|what| format!("step {} tells {what}", step.name))?;
        }
    }
    Ok(())
}

/// What stands in the state folder, which a collector may hold: it replaces key and identity one after the other.
async fn credentials(options: &CollectorOptions) -> Result<(KeyPair, Option<Identity>), String> {
    let mut found = read_credentials(options);
    for _ in 0..20 {
        if found.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        found = read_credentials(options);
    }
    found
}

fn read_credentials(options: &CollectorOptions) -> Result<(KeyPair, Option<Identity>), String> {
    let read = |name| std::fs::read_to_string(options.state_dir.join(name));
    let key = match read("key.pem") {
        Ok(key) => KeyPair::from_pem(&key).map_err(|error| error.to_string())?,
        // It said goodbye.
        Err(_) => KeyPair::generate().unwrap(),
    };
    let Ok(identity) = read("identity.json") else {
        return Ok((key, None));
    };
    let identity: serde_json::Value = serde_json::from_str(&identity).unwrap();
    let text = |name: &str| identity[name].as_str().unwrap().to_owned();
    let certificates = |name| -> Vec<Vec<u8>> {
        let blocks = pem::parse_many(text(name)).unwrap();
        blocks.into_iter().map(pem::Pem::into_contents).collect()
    };
    let identity = Identity::new(
        text("device_id"),
        certificates("certificate_chain"),
        certificates("trusted_cas"),
        &key,
    );
    let identity =
        identity.map_err(|bad| format!("the state folder holds what is of no use: {bad}"))?;
    Ok((key, Some(identity)))
}

/// Waits for so many answers, or until no more come: the collector was asked for patience, or trusts this server no more.
async fn until_silence(mind: &Mind, answers: usize) {
    let (mut seen, mut since) = (mind.answers(), Instant::now());
    while mind.answers() < answers && since.elapsed() < SILENCE {
        tokio::time::sleep(Duration::from_millis(5)).await;
        if mind.answers() != seen {
            (seen, since) = (mind.answers(), Instant::now());
        }
    }
}
