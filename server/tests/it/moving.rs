//! A fleet that moves from one database into another by the command line, as whoever outgrows a file does it.

use sickbay_server::clock::Clock;
use sickbay_server::server::Running;
use sickbay_store::{Scope, Verified};
use sickbay_test_postgres::Database;
use tokio_util::sync::CancellationToken;

use crate::readings::{client, paused_by_user};
use crate::site::{Site, assert_says, config};
use crate::startup::sickbay_server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_goes_from_a_file_to_postgres_and_the_server_goes_on_there() {
    let database = tokio::task::spawn_blocking(Database::empty);
    let database = database.await.unwrap().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::system();
    let site = Site::of(
        Running::start(config(folder.path()), clock.clone())
            .await
            .unwrap(),
        clock,
    );
    let (_, token) = site.token(|_| {}).await;
    for number in 0..5 {
        let name = format!("PC-{number}");
        let device = site.stored_device(&token, &name).await;
        let end = site.now().plus_days(1);
        site.take_in(&device, vec![client(&name), paused_by_user(end)])
            .await;
    }
    let before = site.store().issue_counts(&Scope::All).await.unwrap();
    assert_eq!(
        before.iter().map(|issue| issue.open).max(),
        Some(5),
        "{before:?}"
    );
    let stop = CancellationToken::new();
    stop.cancel();
    site.server.until(stop).await.unwrap();

    let settings = folder.path().join("sickbay.toml");
    let text = format!("[storage]\ndata_dir = \"{}\"\n", folder.path().display());
    std::fs::write(&settings, text).unwrap();
    let from = format!("sqlite://{}", folder.path().join("sickbay.db").display());
    // A socket asks for no password; one is given all the same, to see that nobody is told.
    let to = database.url().replacen("sickbay@", "sickbay:hunter2@", 1);
    let moves = |more: &[&str]| {
        let settings = settings.display().to_string();
        let with = [
            "migrate", "--config", &settings, "--from", &from, "--to", &to,
        ];
        let output = sickbay_server(&[&with[..], more].concat());
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    };
    let (done, said) = tokio::task::block_in_place(|| moves(&[]));
    assert!(done, "{said}");
    assert_says(
        &said,
        &["device ", "rows moved", "sickbay:***@"],
        "the move",
    );
    let (done, again) = tokio::task::block_in_place(|| moves(&[]));
    assert!(!done);
    assert_says(&again, &["is in use", "--replace"], "a second move");
    let (done, replaced) = tokio::task::block_in_place(|| moves(&["--replace"]));
    assert!(done, "{replaced}");
    assert!(
        ![said, again, replaced].concat().contains("hunter2"),
        "the password is told"
    );

    let mut there = config(folder.path());
    there.storage.database = to;
    let clock = Clock::system();
    let site = Site::of(Running::start(there, clock.clone()).await.unwrap(), clock);
    assert_eq!(
        site.store().issue_counts(&Scope::All).await.unwrap(),
        before
    );
    let record = site.store().verify_audit().await.unwrap();
    assert!(matches!(record, Verified::Sound { .. }), "{record:?}");
    let page = site.browser().await.page("/settings").await;
    assert_says(&page, &["sickbay:***@"], "the settings");
    assert!(!page.contains("hunter2"), "the password is on the page");
    let device = site.stored_device(&token, "PC-6").await;
    site.take_in(&device, vec![client("PC-6")]).await;
}
