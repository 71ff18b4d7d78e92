//! The end of a collector's life on a machine.

use std::sync::Arc;
use std::time::Duration;

use sickbay_collector::host::replay::Replay;
use sickbay_collector::session::{Farewell, say_goodbye};
use sickbay_collector::state::StateDir;

use crate::server::Server;
use crate::{Running, options, recording, trusting, until, until_free};

const SOON: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_uninstalled_collector_retires_its_device_and_keeps_no_key() {
    let server = Server::start().await;
    let dir = tempfile::tempdir().unwrap();
    let host = Arc::new(Replay::new(recording("x")));
    let options = trusting(options(dir.path(), &server.url(), &host), &server);
    let running = Running::start(options.clone());
    until("enrolled", || running.handle.progress().acknowledged == 1).await;
    running.stop().await;
    until_free(dir.path()).await;

    let Farewell::Retired { device_id } = say_goodbye(options.clone(), SOON).await.unwrap() else {
        panic!("it was enrolled");
    };
    assert_eq!(*server.shared.goodbyes.lock().unwrap(), [device_id]);
    let (credentials, _) = StateDir::open(dir.path())
        .unwrap()
        .load_credentials()
        .unwrap();
    assert!(credentials.identity.is_none());
    // Nothing is left to say it for, and a machine on which it is installed again enrols anew.
    until_free(dir.path()).await;
    assert_eq!(
        say_goodbye(options, SOON).await.unwrap(),
        Farewell::NotEnrolled
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_holds_up_no_uninstallation_and_costs_no_identity() {
    let server = Server::start().await;
    let dir = tempfile::tempdir().unwrap();
    let host = Arc::new(Replay::new(recording("x")));
    let options = trusting(options(dir.path(), &server.url(), &host), &server);
    let running = Running::start(options.clone());
    until("enrolled", || running.handle.progress().acknowledged == 1).await;
    running.stop().await;
    server.kill().await;
    until_free(dir.path()).await;
    let since = std::time::Instant::now();
    say_goodbye(options, Duration::from_secs(2))
        .await
        .unwrap_err();
    assert!(since.elapsed() < Duration::from_secs(5));
    let (credentials, _) = StateDir::open(dir.path())
        .unwrap()
        .load_credentials()
        .unwrap();
    assert!(credentials.identity.is_some());
}
