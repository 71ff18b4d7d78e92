//! A collector that is kept running by the settings in the registry.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use sickbay_collector::host::recording::{Description, Recording, Registry};
use sickbay_collector::host::replay::Replay;
use sickbay_collector::policy::{
    ENROLMENT_TOKEN, LOCAL_KEY, POLICY_KEY, SERVER_CA_PINS, SERVER_URLS,
};
use sickbay_collector::state::{Image, StateDir};
use sickbay_collector::supervisor::{Happenings, Surroundings, supervise};
use sickbay_diagnosis::Time;
use sickbay_diagnosis::keys::POLICY;
use sickbay_diagnosis::reading::Data;
use sickbay_service::event_log::{Event, EventLog};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::server::{Server, TOKEN};
use crate::{until, until_device};

const STARTED: &str = "2026-11-20T06:30:00Z";
const STARTED_AGAIN: &str = "2026-11-20T07:30:00Z";

/// A machine with these settings of ours, and a source of updates of that name.
fn machine(settings: &[(&str, &str, String)], source: &str, started: &str) -> Recording {
    let mut registry = Registry::new();
    registry.set_value(POLICY, "WUServer", Data::Text(source.to_owned()));
    for (key, name, text) in settings {
        registry.set_value(key, name, Data::Text(text.clone()));
    }
    let description = Description {
        host_name: Some("pc-17".to_owned()),
        boot_time: Time::parse(started).ok(),
        ..Description::default()
    };
    Recording::new(registry, description)
}

fn settings(server: &Server) -> Vec<(&'static str, &'static str, String)> {
    vec![
        (POLICY_KEY, SERVER_URLS, server.url()),
        (LOCAL_KEY, ENROLMENT_TOKEN, TOKEN.to_owned()),
        (
            POLICY_KEY,
            SERVER_CA_PINS,
            server.shared.ca.pin().to_string(),
        ),
    ]
}

struct Kept {
    host: Arc<Replay>,
    happenings: Arc<Happenings>,
    told: Receiver<(Event, String)>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Kept {
    fn start(dir: &Path, recording: Recording) -> Self {
        let host = Arc::new(Replay::new(recording));
        let happenings = Arc::new(Happenings::default());
        let (listener, told) = channel();
        let stop = CancellationToken::new();
        let surroundings = Surroundings {
            host: Arc::clone(&host) as _,
            state_dir: dir.to_owned(),
            events: EventLog::heard_by(listener),
            level: None,
            happenings: Arc::clone(&happenings),
        };
        let task = tokio::spawn(supervise(surroundings, stop.clone()));
        Self {
            host,
            happenings,
            told,
            stop,
            task,
        }
    }

    fn becomes(&self, recording: Recording) {
        self.host.replace(recording);
        self.happenings.settings_changed();
    }

    /// The next thing that an administrator is told.
    async fn told(&self, wanted: Event) -> String {
        let mut heard = None;
        until("something is told", || {
            heard = self.told.try_recv().ok();
            heard.is_some()
        })
        .await;
        let (event, text) = heard.unwrap();
        assert_eq!(event, wanted, "{text}");
        text
    }

    async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(4), self.task)
            .await
            .unwrap()
            .unwrap();
        let more: Vec<_> = self.told.try_iter().collect();
        assert!(more.is_empty(), "{more:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_was_installed_before_its_policy_arrived_waits_for_it_and_says_so_once() {
    let server = Server::start().await;
    let dir = tempfile::tempdir().unwrap();
    let kept = Kept::start(dir.path(), machine(&[], "a", STARTED));
    let why = kept.told(Event::Waiting).await;
    assert!(
        why.contains("ServerUrls") && why.contains("Policies"),
        "{why}"
    );
    kept.happenings.settings_changed();

    let all = settings(&server);
    kept.becomes(machine(&all[..1], "a", STARTED));
    let why = kept.told(Event::Waiting).await;
    assert!(why.contains("EnrolmentToken"), "{why}");
    kept.becomes(machine(&all[..2], "a", STARTED));
    let why = kept.told(Event::Waiting).await;
    assert!(
        why.contains("ServerCaPins") && why.contains("ca show"),
        "{why}"
    );
    kept.becomes(machine(&all, "a", STARTED));
    until_device(&server, "the first report", |device| device.has_text("a")).await;
    kept.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_is_deleted_and_written_again_drops_no_session() {
    let server = Server::start().await;
    let dir = tempfile::tempdir().unwrap();
    let all = settings(&server);
    let kept = Kept::start(dir.path(), machine(&all, "a", STARTED));
    until_device(&server, "the first report", |device| device.has_text("a")).await;
    for source in ["b", "c"] {
        kept.becomes(machine(&[], source, STARTED));
        tokio::time::sleep(Duration::from_millis(100)).await;
        kept.becomes(machine(&all, source, STARTED));
        kept.happenings.changed(sickbay_diagnosis::Check::ALL);
        until_device(&server, "the change", |device| device.has_text(source)).await;
    }
    assert_eq!(server.only_device().sessions, 1);
    kept.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_moves_to_another_server_by_policy_alone() {
    let old = Server::start().await;
    let dir = tempfile::tempdir().unwrap();
    let all = settings(&old);
    let kept = Kept::start(dir.path(), machine(&all, "a", STARTED));
    until_device(&old, "the first report", |device| device.has_text("a")).await;
    // The same server under another address, as after a change of its name.
    let moved = Server::start_with(Arc::clone(&old.shared), 0).await;
    let sessions = old.only_device().sessions;
    let mut other = all.clone();
    other[0].2 = moved.url();
    kept.becomes(machine(&other, "a", STARTED));
    until_device(&moved, "a session at the new address", |device| {
        device.sessions > sessions
    })
    .await;
    kept.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_setting_that_cannot_be_used_is_told_once_and_costs_no_other() {
    let server = Server::start().await;
    let dir = tempfile::tempdir().unwrap();
    let mut all = settings(&server);
    all.push((POLICY_KEY, "LogLevel", "loud".to_owned()));
    let kept = Kept::start(dir.path(), machine(&all, "a", STARTED));
    let why = kept.told(Event::Waiting).await;
    assert!(
        why.contains("LogLevel in HKLM") && why.contains("error, warn"),
        "{why}"
    );
    until_device(&server, "the first report", |device| device.has_text("a")).await;
    kept.happenings.settings_changed();
    kept.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sealed_image_gets_no_identity_before_the_next_start_of_windows() {
    let server = Server::start().await;
    let dir = tempfile::tempdir().unwrap();
    let started_at = Time::parse(STARTED).unwrap();
    StateDir::open(dir.path())
        .unwrap()
        .seal(Image {
            started_at,
            sealed_at: started_at,
        })
        .unwrap();
    let all = settings(&server);
    let kept = Kept::start(dir.path(), machine(&all, "a", STARTED));
    let why = kept.told(Event::Waiting).await;
    assert!(
        why.contains("sealed") && why.contains("next start"),
        "{why}"
    );
    assert_eq!(*server.shared.issued.lock().unwrap(), 0);
    kept.stop().await;

    let kept = Kept::start(dir.path(), machine(&all, "a", STARTED_AGAIN));
    until_device(&server, "the first report", |device| device.has_text("a")).await;
    kept.stop().await;
}
