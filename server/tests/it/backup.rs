//! A backup that is made while the server runs, and put back where nothing is, where something is, and where it is damaged.

use std::fs;
use std::path::{Path, PathBuf};

use reqwest::StatusCode;
use sickbay_server::clock::Clock;
use sickbay_server::config::Config;
use sickbay_server::server::Running;
use sickbay_store::{AuditQuery, Scope, Verified, action};
use sickbay_test_postgres::Database;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::readings::{client, paused_by_user};
use crate::site::{Site, assert_says, config};
use crate::startup::sickbay_server;

/// Settings of a server as the command line has them.
pub(crate) fn settings(config: &Config) -> PathBuf {
    let storage = &config.storage;
    let file = storage.data_dir.join("sickbay.toml");
    let text = format!(
        "[storage]\ndata_dir = \"{}\"\ndatabase = \"{}\"\n[collectors]\nlisten = \"{}\"\n",
        storage.data_dir.display(),
        storage.database,
        config.collectors.listen
    );
    fs::create_dir_all(&storage.data_dir).unwrap();
    fs::write(&file, text).unwrap();
    file
}

/// What a command says, and whether it did it.
pub(crate) fn run(words: &[&str], settings: &Path) -> (bool, String) {
    let settings = settings.display().to_string();
    let output =
        tokio::task::block_in_place(|| sickbay_server(&[words, &["--config", &settings]].concat()));
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

async fn add(site: &Site, token: &str, names: std::ops::Range<u32>) {
    let end = site.now().plus_days(1);
    for number in names {
        let name = format!("PC-{number}");
        let device = site.stored_device(token, &name).await;
        let says = vec![client(&name), paused_by_user(end)];
        site.take_in(&device, says).await;
    }
}

/// A place without a server, with a database of the kind that sites have.
async fn elsewhere(site: &Site) -> (TempDir, Option<Database>, Config) {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(&folder.path().join("data"));
    let database = if site.app().config.storage.database.is_empty() {
        None
    } else {
        let made = tokio::task::spawn_blocking(Database::empty).await;
        Some(made.unwrap().unwrap())
    };
    if let Some(database) = &database {
        config.storage.database = database.url();
    }
    (folder, database, config)
}

async fn stop(site: Site) {
    let stop = CancellationToken::new();
    stop.cancel();
    site.server.until(stop).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_a_running_server_makes_the_same_server_elsewhere() {
    let site = Site::start().await;
    let (_, token) = site.token(|_| {}).await;
    add(&site, &token, 0..5).await;
    let (_, api) = site.api_token(None).await;
    let at_home = settings(&site.app().config);
    let backups = tempfile::tempdir().unwrap();
    let backup = backups.path().join("monday");
    let to = backup.display().to_string();
    let (done, said) = run(&["backup", "--to", &to], &at_home);
    assert!(done, "{said}");
    assert_says(&said, &["rows of", "keep it safe"], "the backup");
    let made = site.store().issue_counts(&Scope::All).await.unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(&backup).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "it is for its owner alone: {mode:o}");
    let left: Vec<_> = fs::read_dir(backups.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing unfinished is left: {left:?}");
    let (done, said) = run(&["backup", "--to", &to], &at_home);
    assert!(!done, "a backup is not written over");
    assert_says(&said, &["is there already"], "a second one");

    // Life goes on, and the backup stays as it was made.
    add(&site, &token, 5..9).await;
    let (_folder, _database, mut there) = elsewhere(&site).await;
    let restore = ["restore", "--from", &to];
    let (done, said) = run(&restore, &settings(&there));
    assert!(done, "{said}");
    assert_says(&said, &["rows are back", "Start the server"], "restored");
    let (done, said) = run(&restore, &settings(&there));
    assert!(
        !done,
        "what is there is not written over without being told to"
    );
    assert_says(&said, &["in use", "--replace"], "a second time");
    let (done, said) = run(&["restore", "--from", &to, "--replace"], &settings(&there));
    assert!(done, "{said}");

    there.collectors.listen = ([127, 0, 0, 1], 0).into();
    let clock = Clock::system();
    let restored = Site::of(Running::start(there, clock.clone()).await.unwrap(), clock);
    assert_eq!(
        restored.store().issue_counts(&Scope::All).await.unwrap(),
        made
    );
    let pin = |site: &Site| site.app().ca.in_force().pins();
    assert_eq!(pin(&restored), pin(&site), "its CA is the same");
    let record = restored.store().verify_audit().await.unwrap();
    assert!(matches!(record, Verified::Sound { .. }), "{record:?}");
    let newest = restored
        .store()
        .audit(&AuditQuery::newest(2))
        .await
        .unwrap();
    let words: Vec<&str> = newest.iter().map(|line| line.action.as_str()).collect();
    assert_eq!(words, [action::PUT_BACK, action::BACKED_UP]);
    // Tokens of then work, and devices go on enrolling.
    let known = api.secret().unwrap();
    let visitor = restored.viewer(Some(("authorization", format!("Bearer {known}"))));
    assert_eq!(visitor.get("/api/v1/issues").await.status(), StatusCode::OK);
    add(&restored, &token, 20..21).await;
    stop(restored).await;
    stop(site).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_backup_and_a_server_that_runs_are_told_before_anything_is_touched() {
    let site = Site::start().await;
    let (_, token) = site.token(|_| {}).await;
    add(&site, &token, 0..2).await;
    let backups = tempfile::tempdir().unwrap();
    let backup = backups.path().join("tuesday");
    let to = backup.display().to_string();
    let mut running = (*site.app().config).clone();
    running.collectors.listen = site.server.collectors;
    let at_home = settings(&running);
    let (done, said) = run(&["backup", "--to", &to], &at_home);
    assert!(done, "{said}");
    let (done, said) = run(&["restore", "--from", &to, "--replace"], &at_home);
    assert!(!done);
    assert_says(&said, &["stop the server first"], "a running server");

    let (_folder, _database, there) = elsewhere(&site).await;
    // What opens everything: the key of the CA, or the one that wraps it in the database.
    let key_file = match site.app().config.storage.database.as_str() {
        "" => "ca-key.pem",
        _ => "wrapping.key",
    };
    let file = backup.join("data").join(key_file);
    let key = fs::read(&file).unwrap();
    fs::write(&file, b"another one").unwrap();
    let (done, said) = run(&["restore", "--from", &to], &settings(&there));
    assert!(!done);
    assert_says(&said, &[key_file, "changed or is damaged"], "a damaged key");
    fs::write(&file, key).unwrap();
    let content = backup.join("backup.json");
    let text = fs::read_to_string(&content).unwrap();
    for (from, into, says) in [
        ("data/", "../data/", "which is not in it"),
        ("\"schema\": ", "\"schema\": 9", "made by a newer Sickbay"),
        ("{", "[", "cannot be understood"),
    ] {
        fs::write(&content, text.replacen(from, into, 1)).unwrap();
        let (done, said) = run(&["restore", "--from", &to], &settings(&there));
        assert!(!done, "{into}");
        assert_says(&said, &[says], into);
    }
    fs::write(&content, &text).unwrap();
    assert!(
        !there.storage.data_dir.join(key_file).exists(),
        "nothing was touched"
    );
    let (done, said) = run(&["restore", "--from", &to], &settings(&there));
    assert!(done, "{said}");
    let (done, said) = run(&["restore", "--from", "/nowhere"], &settings(&there));
    assert!(!done);
    assert_says(
        &said,
        &["/nowhere/backup.json", "`sickbay-server backup` made"],
        "no backup",
    );
    stop(site).await;
}
