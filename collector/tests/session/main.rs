//! The real collector library against a small server, over real TLS: enrolment, reports, and everything that goes wrong between.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod goodbye;
mod program;
mod proxied;
mod server;
mod supervised;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use server::{Device, Server, TOKEN};
use sickbay_collector::host::recording::{Description, Recording, Registry};
use sickbay_collector::host::replay::Replay;
use sickbay_collector::session::message::Reason;
use sickbay_collector::session::{
    BackoffOptions, CallError, Collector, CollectorError, CollectorOptions, EnrolOutcome, Handle,
    Stopped,
};
use sickbay_diagnosis::Check;
use sickbay_diagnosis::keys::POLICY;
use sickbay_diagnosis::reading::Data;
use sickbay_proto::v1;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

fn recording(text: &str) -> Recording {
    let mut registry = Registry::new();
    registry.set_value(POLICY, "WUServer", Data::Text(text.to_owned()));
    let description = Description {
        host_name: Some("pc-17".to_owned()),
        ..Description::default()
    };
    Recording::new(registry, description)
}

fn options(dir: &Path, url: &str, host: &Arc<Replay>) -> CollectorOptions {
    let mut options = CollectorOptions::new(
        dir.to_owned(),
        vec![url.parse().unwrap()],
        Arc::clone(host) as _,
    );
    options.token = Some(TOKEN.to_owned());
    options.session.backoff = BackoffOptions {
        base: Duration::from_millis(20),
        cap: Duration::from_millis(200),
        refused: Duration::from_hours(1),
    };
    options.session.heartbeat_interval = Duration::from_millis(100);
    options
}

fn trusting(mut options: CollectorOptions, server: &Server) -> CollectorOptions {
    options.ca_pins = vec![server.shared.ca.pin()];
    options
}

/// A collector that runs beside the test.
struct Running {
    handle: Handle,
    stop: CancellationToken,
    task: JoinHandle<Result<Stopped, CollectorError>>,
}

impl Running {
    fn start(options: CollectorOptions) -> Self {
        let mut collector = Collector::new(options).unwrap();
        let handle = collector.handle();
        let stop = CancellationToken::new();
        let asked = stop.clone();
        let task = tokio::spawn(async move { collector.run(asked).await });
        Self { handle, stop, task }
    }

    async fn stop(self) {
        self.stop.cancel();
        assert_eq!(self.task.await.unwrap().unwrap(), Stopped::Asked);
    }

    /// As a kill does: nothing runs any more, nobody was told.
    async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < limit, "never came: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn until_device(server: &Server, what: &str, holds: impl Fn(&Device) -> bool) {
    until(what, || holds(&server.only_device())).await;
}

/// Waits until the state folder is free again, as it is once the last blocking task of a killed collector ended.
async fn until_free(dir: &Path) {
    until("the state folder is free", || {
        sickbay_collector::state::StateDir::open(dir).is_ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_travels_from_the_registry_to_the_server_and_an_unchanged_machine_sends_heartbeats_only()
 {
    let server = Server::start().await;
    let dir = tempfile::tempdir().unwrap();
    let host = Arc::new(Replay::new(recording("https://first")));
    let running = Running::start(trusting(options(dir.path(), &server.url(), &host), &server));
    until_device(&server, "the first report", |device| {
        device.has_text("https://first")
    })
    .await;
    until("the acknowledgement", || {
        running.handle.progress().acknowledged == 1
    })
    .await;

    host.replace(recording("https://second"));
    running.handle.inspect_soon(&[Check::ScanSource]);
    until_device(&server, "the change", |device| {
        device.has_text("https://second")
    })
    .await;

    running.handle.inspect_soon(Check::ALL);
    let before = server.only_device();
    until_device(&server, "heartbeats", |device| {
        device.heartbeats > before.heartbeats + 3
    })
    .await;
    let after = server.only_device();
    assert_eq!((after.sequence, after.full_reports), (before.sequence, 1));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_pin_a_wrong_token_and_no_pin_are_each_told_apart() {
    let server = Server::start().await;
    let host = Arc::new(Replay::new(recording("x")));
    let dir = tempfile::tempdir().unwrap();

    let mut wrong_pin = options(dir.path(), &server.url(), &host);
    wrong_pin.ca_pins = vec!["ab".repeat(32).parse().unwrap()];
    let error = Collector::new(wrong_pin)
        .unwrap()
        .enrol()
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("pinned SHA-256"), "{error}");

    let no_pin = options(dir.path(), &server.url(), &host);
    let error = Collector::new(no_pin)
        .unwrap()
        .enrol()
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("--ca-pin"), "{error}");

    let mut wrong_token = trusting(options(dir.path(), &server.url(), &host), &server);
    wrong_token.token = Some("wrong".to_owned());
    let error = Collector::new(wrong_token)
        .unwrap()
        .enrol()
        .await
        .unwrap_err();
    let CollectorError::Call(CallError::Refused(refusal)) = error else {
        panic!("{error:?}");
    };
    assert_eq!(refusal.reason, Reason::TokenUnknown);
    assert_eq!(*server.shared.issued.lock().unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pending_device_asks_again_with_the_same_key_until_it_is_approved() {
    let server = Server::start().await;
    server.set(|behaviour| behaviour.pending = true);
    let dir = tempfile::tempdir().unwrap();
    let host = Arc::new(Replay::new(recording("x")));
    let options = trusting(options(dir.path(), &server.url(), &host), &server);
    let outcome = Collector::new(options.clone())
        .unwrap()
        .enrol()
        .await
        .unwrap();
    assert!(
        matches!(outcome, EnrolOutcome::Pending { ref device_id, .. } if device_id == "device-of-pc-17")
    );
    let key = std::fs::read(dir.path().join("key.pem")).unwrap();

    until_free(dir.path()).await;
    let running = Running::start(options);
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!(running.handle.progress().device_id, None);
    server.set(|behaviour| behaviour.pending = false);
    until_device(&server, "the first report", |device| device.sequence == 1).await;
    assert_eq!(std::fs::read(dir.path().join("key.pem")).unwrap(), key);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_have_ended_are_given_up_until_one_is_taken() {
    let server = Server::start().await;
    // The device's own, and two that were to follow it.
    server.set(|behaviour| behaviour.keys_end = 3);
    let dir = tempfile::tempdir().unwrap();
    let host = Arc::new(Replay::new(recording("x")));
    let next = || std::fs::read(dir.path().join("next-key.pem")).ok();
    let mut options = trusting(options(dir.path(), &server.url(), &host), &server);
    options.session.backoff.refused = Duration::from_millis(50);
    let running = Running::start(options);
    until_device(&server, "the first report", |device| device.sequence == 1).await;
    assert_eq!(next(), None, "the key that was taken is the device's own");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_the_server_again_and_again_loses_nothing_and_repeats_nothing() {
    let mut server = Server::start().await;
    let dir = tempfile::tempdir().unwrap();
    let host = Arc::new(Replay::new(recording("0")));
    let running = Running::start(trusting(options(dir.path(), &server.url(), &host), &server));
    until_device(&server, "the first report", |device| device.sequence == 1).await;
    for round in 1..=10 {
        // Half of the time the report is stored and its acknowledgement is lost.
        server.set(|behaviour| behaviour.acknowledge = round % 2 == 0);
        let text = format!("https://round-{round}");
        host.replace(recording(&text));
        running.handle.inspect_soon(Check::ALL);
        if round % 3 != 0 {
            until_device(&server, "the report", |device| device.has_text(&text)).await;
        }
        let (shared, port) = server.kill().await;
        shared.behaviour.lock().unwrap().acknowledge = true;
        server = Server::start_with(shared, port).await;
        until_device(&server, "the report after the kill", |device| {
            device.has_text(&text)
        })
        .await;
    }
    until("everything is acknowledged", || {
        running.handle.progress().waiting == 0
    })
    .await;
    let device = server.only_device();
    assert_eq!((device.sequence, device.full_reports), (11, 1));
    assert_eq!(device.applied.len(), 11);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_the_collector_again_and_again_loses_nothing_and_repeats_nothing() {
    let server = Server::start().await;
    let dir = tempfile::tempdir().unwrap();
    let host = Arc::new(Replay::new(recording("0")));
    let options = trusting(options(dir.path(), &server.url(), &host), &server);
    for round in 1..=10_u64 {
        server.set(|behaviour| behaviour.acknowledge = round % 2 == 0);
        let text = format!("https://round-{round}");
        host.replace(recording(&text));
        until_free(dir.path()).await;
        let running = Running::start(options.clone());
        until_device(&server, "the report", |device| device.has_text(&text)).await;
        running.kill().await;
    }
    let device = server.only_device();
    assert_eq!((device.sequence, device.full_reports), (10, 1));
    assert_eq!(device.applied.len(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_restored_from_an_older_copy_gets_everything_again() {
    let server = Server::start().await;
    let dir = tempfile::tempdir().unwrap();
    let host = Arc::new(Replay::new(recording("https://old")));
    let running = Running::start(trusting(options(dir.path(), &server.url(), &host), &server));
    until("the first acknowledgement", || {
        running.handle.progress().acknowledged == 1
    })
    .await;
    let older = server.shared.devices.lock().unwrap().clone();
    for text in ["https://newer", "https://newest"] {
        host.replace(recording(text));
        running.handle.inspect_soon(Check::ALL);
        until_device(&server, text, |device| device.has_text(text)).await;
    }
    let epoch = server.only_device().epoch;
    let (shared, port) = server.kill().await;
    *shared.devices.lock().unwrap() = older;
    let server = Server::start_with(shared, port).await;
    until_device(&server, "everything", |device| {
        device.has_text("https://newest")
    })
    .await;
    let device = server.only_device();
    assert_eq!((device.epoch, device.sequence), (epoch, 4));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_set_back_to_an_older_state_folder_begins_a_new_epoch() {
    let server = Server::start().await;
    let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let host = Arc::new(Replay::new(recording("https://old")));
    let running = Running::start(trusting(options(dir.path(), &server.url(), &host), &server));
    until("the first acknowledgement", || {
        running.handle.progress().acknowledged == 1
    })
    .await;
    running.stop().await;
    until_free(dir.path()).await;
    copy_folder(dir.path(), copy.path());

    let running = Running::start(trusting(options(dir.path(), &server.url(), &host), &server));
    host.replace(recording("https://newer"));
    running.handle.inspect_soon(Check::ALL);
    until_device(&server, "the newer", |device| {
        device.has_text("https://newer")
    })
    .await;
    running.stop().await;
    let before = server.only_device();

    host.replace(recording("https://newest"));
    let running = Running::start(trusting(
        options(copy.path(), &server.url(), &host),
        &server,
    ));
    until_device(&server, "the newest", |device| {
        device.has_text("https://newest")
    })
    .await;
    let device = server.only_device();
    assert_ne!(device.epoch, before.epoch);
    assert_eq!(device.sequence, 1);
    running.stop().await;
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_a_foreign_ca_is_never_told_anything() {
    let server = Server::start().await;
    let dir = tempfile::tempdir().unwrap();
    let host = Arc::new(Replay::new(recording("x")));
    let options = trusting(options(dir.path(), &server.url(), &host), &server);
    Collector::new(options.clone())
        .unwrap()
        .enrol()
        .await
        .unwrap();
    drop(server);

    let foreign = Server::start().await;
    until_free(dir.path()).await;
    let mut options = trusting(options, &foreign);
    options.server_urls = vec![foreign.url().parse().unwrap()];
    let running = Running::start(options);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(
        foreign.only_device().sessions,
        0,
        "the pin counts for the first enrolment only"
    );
    assert!(!running.handle.progress().live);
    running.stop().await;
    let last_error = std::fs::read_to_string(dir.path().join("last-error.json")).unwrap();
    assert!(last_error.contains("certificate"), "{last_error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_device_is_cut_off_while_it_speaks_and_does_not_knock_every_second() {
    let server = Server::start().await;
    let dir = tempfile::tempdir().unwrap();
    let host = Arc::new(Replay::new(recording("x")));
    let running = Running::start(trusting(options(dir.path(), &server.url(), &host), &server));
    until("the session", || running.handle.progress().live).await;
    server.revoke();
    until("the end of the session", || !running.handle.progress().live).await;
    let sessions = server.only_device().sessions;
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(
        server.only_device().sessions,
        sessions,
        "the ordinary back-off is at most 200 ms here"
    );
    running.stop().await;
    let last_error = std::fs::read_to_string(dir.path().join("last-error.json")).unwrap();
    assert!(last_error.contains("revoked"), "{last_error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_renewed_at_half_of_its_life_without_ending_the_session() {
    let server = Server::start().await;
    server.set(|behaviour| behaviour.certificate_life = Duration::from_secs(4));
    let dir = tempfile::tempdir().unwrap();
    let host = Arc::new(Replay::new(recording("x")));
    let running = Running::start(trusting(options(dir.path(), &server.url(), &host), &server));
    until("the session", || running.handle.progress().live).await;
    let before = std::fs::read(dir.path().join("identity.json")).unwrap();
    until("another certificate", || {
        std::fs::read(dir.path().join("identity.json")).unwrap() != before
    })
    .await;
    assert_eq!(server.only_device().sessions, 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_far_ahead_does_not_renew_a_certificate_without_end() {
    let server = Server::start().await;
    let dir = tempfile::tempdir().unwrap();
    // Every certificate of an hour seems to be past its half.
    let host = Arc::new(Replay::new(recording("x")).with_clock_ahead(40 * 60_000));
    let running = Running::start(trusting(options(dir.path(), &server.url(), &host), &server));
    until("a renewal", || *server.shared.issued.lock().unwrap() > 1).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let issued = *server.shared.issued.lock().unwrap();
    assert_eq!(issued, 2, "one to enrol, and one in place of it");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_are_tried_in_turn() {
    let server = Server::start().await;
    let dead = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let host = Arc::new(Replay::new(recording("x")));
    let mut options = trusting(
        options(dir.path(), &format!("https://{dead}"), &host),
        &server,
    );
    options.server_urls.push(server.url().parse().unwrap());
    let running = Running::start(options);
    until_device(&server, "the report", |device| device.sequence == 1).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_to_inspect_is_done_and_answered_after_its_news() {
    let server = Server::start().await;
    let dir = tempfile::tempdir().unwrap();
    let host = Arc::new(Replay::new(recording("https://old")));
    let running = Running::start(trusting(options(dir.path(), &server.url(), &host), &server));
    until("the first acknowledgement", || {
        running.handle.progress().acknowledged == 1
    })
    .await;
    host.replace(recording("https://new"));
    server.ask(v1::server_message::Kind::Request(v1::Request {
        request_id: "r1".to_owned(),
        kind: Some(v1::request::Kind::InspectNow(v1::InspectNow {
            checks: Vec::new(),
        })),
    }));
    until_device(&server, "the answer", |device| !device.results.is_empty()).await;
    let device = server.only_device();
    assert!(
        device.has_text("https://new"),
        "the answer comes after its news"
    );
    assert_eq!(
        device.results[0].outcome(),
        v1::request_result::Outcome::Done
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_of_crashes_that_cannot_be_read_holds_up_no_collector() {
    let server = Server::start().await;
    let dir = tempfile::tempdir().unwrap();
    // A folder of that name: reading it fails for every account.
    std::fs::create_dir(dir.path().join("crashes")).unwrap();
    let host = Arc::new(Replay::new(recording("x")));
    let running = Running::start(trusting(options(dir.path(), &server.url(), &host), &server));
    until_device(&server, "the first report", |device| device.has_text("x")).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotten_state_folder_is_set_aside_and_the_device_enrols_and_reports_again() {
    let server = Server::start().await;
    let dir = tempfile::tempdir().unwrap();
    let host = Arc::new(Replay::new(recording("x")));
    let options = trusting(options(dir.path(), &server.url(), &host), &server);
    let running = Running::start(options.clone());
    until("the first acknowledgement", || {
        running.handle.progress().acknowledged == 1
    })
    .await;
    running.stop().await;
    until_free(dir.path()).await;
    for name in ["base", "key.pem", "identity.json"] {
        std::fs::write(dir.path().join(name), b"rotten").unwrap();
    }
    let running = Running::start(options);
    until_device(&server, "a full report", |device| device.full_reports == 2).await;
    assert_eq!(*server.shared.issued.lock().unwrap(), 2);
    assert!(dir.path().join("key.pem.bad").exists());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_collectors_fit_in_one_process() {
    let server = Server::start().await;
    let dir = tempfile::tempdir().unwrap();
    let all: Vec<Running> = (0..100)
        .map(|n| {
            let mut registry = Registry::new();
            registry.set_value(POLICY, "WUServer", Data::Text(format!("https://wsus-{n}")));
            let description = Description {
                host_name: Some(format!("pc-{n}")),
                ..Description::default()
            };
            let host = Arc::new(Replay::new(Recording::new(registry, description)));
            Running::start(trusting(
                options(&dir.path().join(n.to_string()), &server.url(), &host),
                &server,
            ))
        })
        .collect();
    until("every report is acknowledged", || {
        all.iter()
            .all(|running| running.handle.progress().acknowledged == 1)
    })
    .await;
    assert_eq!(server.shared.devices.lock().unwrap().len(), 100);
    for running in all {
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_whose_certificate_has_expired_enrols_again_where_it_has_a_token() {
    let server = Server::start().await;
    server.set(|behaviour| behaviour.certificate_life = Duration::from_secs(1));
    let dir = tempfile::tempdir().unwrap();
    let host = Arc::new(Replay::new(recording("x")));
    let options = trusting(options(dir.path(), &server.url(), &host), &server);
    Collector::new(options.clone())
        .unwrap()
        .enrol()
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(2100)).await;
    server.set(|behaviour| behaviour.certificate_life = Duration::from_hours(1));
    until_free(dir.path()).await;
    let running = Running::start(options);
    until_device(&server, "the report", |device| device.sequence == 1).await;
    assert_eq!(*server.shared.issued.lock().unwrap(), 2);
    running.stop().await;
}
