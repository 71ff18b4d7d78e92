//! Servers that share a database share its secrets, each with one file of its own; and secrets follow a fleet that changes its database.

use std::fs;
use std::path::Path;

use reqwest::StatusCode;
use sickbay_server::clock::Clock;
use sickbay_server::config::Config;
use sickbay_server::identity::ca::{Phase, Step};
use sickbay_server::key_ring::WRAPPING_KEY;
use sickbay_server::server::Running;
use sickbay_server::storage;
use sickbay_store::{Verified, WrappedSecret};
use sickbay_test_postgres::Database;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::backup::{run, settings};
use crate::site::{Site, assert_says, config};

async fn shared() -> Database {
    let made = tokio::task::spawn_blocking(Database::empty).await;
    made.unwrap().unwrap()
}

/// A data folder, and the settings of a server with it.
fn replica(database: &str) -> (TempDir, Config) {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    database.clone_into(&mut config.storage.database);
    (folder, config)
}

async fn start(config: &Config) -> Site {
    let clock = Clock::system();
    let server = Running::start(config.clone(), clock.clone()).await;
    Site::of(server.unwrap(), clock)
}

async fn refusal(config: &Config) -> String {
    match Running::start(config.clone(), Clock::system()).await {
        Ok(_) => panic!("it started"),
        Err(error) => format!("{error:#}"),
    }
}

async fn stop(site: Site) {
    let stop = CancellationToken::new();
    stop.cancel();
    site.server.until(stop).await.unwrap();
}

fn hand_over(from: &TempDir, to: &TempDir) {
    let key = |folder: &TempDir| folder.path().join(WRAPPING_KEY);
    fs::copy(key(from), key(to)).unwrap();
}

/// Names of the files in a folder, but for the database's.
fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .filter(|name| !name.contains(".db") && name != "sickbay.toml")
        .collect();
    names.sort();
    names
}

async fn is_sound(site: &Site) {
    let record = site.store().verify_audit().await.unwrap();
    assert!(matches!(record, Verified::Sound { .. }), "{record:?}");
}

fn pins(site: &Site) -> Vec<String> {
    site.app().ca.in_force().pins()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_of_one_database_have_one_ca_one_record_and_one_key_of_sessions() {
    let database = shared().await;
    let (folder_a, config_a) = replica(&database.url());
    let (folder_b, config_b) = replica(&database.url());
    let a = start(&config_a).await;
    assert_eq!(files(folder_a.path()), ["ca.pem", WRAPPING_KEY]);

    // Without the key, and with another one, a second server is told what to do and touches nothing.
    let path = folder_b.path().join(WRAPPING_KEY);
    let shown = path.display().to_string();
    let said = refusal(&config_b).await;
    let words = [
        shown.as_str(),
        "is missing",
        "Copy wrapping.key",
        "another server",
    ];
    assert_says(&said, &words, "no key");
    assert!(files(folder_b.path()).is_empty());
    for (text, says) in [
        ("0f".repeat(32), "the wrapping key of another database"),
        ("nonsense".to_owned(), "64 hexadecimal digits"),
    ] {
        fs::write(&path, &text).unwrap();
        let said = refusal(&config_b).await;
        assert_says(&said, &[shown.as_str(), says], &text);
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    hand_over(&folder_a, &folder_b);
    let b = start(&config_b).await;

    assert_eq!(pins(&a), pins(&b));
    let visitor = a.browser().await;
    let cookie = visitor.cookie().unwrap().to_owned();
    let elsewhere = b.viewer(Some(("cookie", cookie)));
    assert_eq!(elsewhere.get("/").await.status(), StatusCode::OK);
    let sealed = a.app().sealing.seal("a test", "words");
    let opened = b.app().sealing.unseal("a test", &sealed);
    assert_eq!(opened.as_deref(), Some("words"));

    // A rotation goes on at whichever server; each has the key that the database names.
    let (ca_a, ca_b) = (&a.app().ca, &b.app().ca);
    let now = a.now();
    ca_a.rotate(Step::Announce, "test", true, now)
        .await
        .unwrap();
    ca_b.reload().await.unwrap();
    assert_eq!(ca_b.in_force().phase(), Phase::Announced);
    assert_eq!(pins(&a), pins(&b));
    ca_b.rotate(Step::Switch, "test", true, now).await.unwrap();
    ca_a.reload().await.unwrap();
    assert_eq!(ca_a.in_force().pin(), ca_b.in_force().pin());
    for ca in [ca_a, ca_b] {
        let names = ["localhost".to_owned()];
        ca.in_force().issue_server(&names, now).unwrap();
    }
    ca_a.rotate(Step::Retire, "test", true, now).await.unwrap();
    ca_b.reload().await.unwrap();
    assert_eq!(pins(&a), pins(&b));
    assert_eq!(ca_b.keys().get("ca-key.pem").await.unwrap(), None);
    for folder in [&folder_a, &folder_b] {
        assert_eq!(files(folder.path()), ["ca-2.pem", "ca.pem", WRAPPING_KEY]);
    }
    // Both seal the record, and each knows the other's seal.
    for site in [&a, &b] {
        site.link().await;
        is_sound(&a).await;
        is_sound(&b).await;
    }
    stop(b).await;
    stop(a).await;
    let again = start(&config_b).await;
    is_sound(&again).await;
    stop(again).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_start_at_once_have_the_same_keys_or_are_refused() {
    let database = shared().await;
    let replicas: Vec<(TempDir, Config)> = (0..3).map(|_| replica(&database.url())).collect();
    for (folder, _) in &replicas {
        fs::write(folder.path().join(WRAPPING_KEY), "0e".repeat(32)).unwrap();
    }
    let begun = replicas.iter().map(|(_, config)| start(config));
    let sites = futures::future::join_all(begun).await;
    for site in &sites {
        assert_eq!(pins(site), pins(&sites[0]));
        assert_eq!(pins(site).len(), 1);
        let sealed = site.app().sealing.seal("a test", "words");
        let opened = sites[0].app().sealing.unseal("a test", &sealed);
        assert_eq!(opened.as_deref(), Some("words"));
        is_sound(site).await;
    }
    for site in sites {
        stop(site).await;
    }

    let database = shared().await;
    let replicas: Vec<(TempDir, Config)> = (0..3).map(|_| replica(&database.url())).collect();
    let begin = async |config: &Config| Running::start(config.clone(), Clock::system()).await;
    let begun = replicas.iter().map(|(_, config)| begin(config));
    let mut started = 0;
    for (result, (folder, _)) in futures::future::join_all(begun).await.iter().zip(&replicas) {
        match result {
            Ok(_) => started += 1,
            Err(error) => {
                let path = folder.path().join(WRAPPING_KEY).display().to_string();
                let said = format!("{error:#}");
                assert_says(
                    &said,
                    &[path.as_str(), "is missing", "Copy"],
                    "who was late",
                );
                assert!(files(folder.path()).is_empty(), "nothing is left of it");
            }
        }
    }
    assert_eq!(started, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_follow_a_fleet_to_postgres_and_back_and_are_taken_from_their_own_machine_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at_home = config(folder.path());
    let site = start(&at_home).await;
    let now = site.now();
    let ca = &site.app().ca;
    ca.rotate(Step::Announce, "test", true, now).await.unwrap();
    let (trusted, sealed) = (pins(&site), site.app().sealing.seal("a test", "words"));
    stop(site).await;
    let before = files(folder.path());
    assert_eq!(before.len(), 6, "{before:?}");
    let contents = |names: &[String]| {
        let read = |name: &String| fs::read(folder.path().join(name)).unwrap();
        names.iter().map(read).collect::<Vec<_>>()
    };
    let bytes = contents(&before);

    let database = shared().await;
    let (home, there) = (at_home.storage.database_url(), database.url());
    storage::move_fleet(&home, &there, false).await.unwrap();
    // Somebody else may not begin there: it would be without the keys.
    let (other_folder, other) = replica(&there);
    let said = refusal(&other).await;
    assert_says(
        &said,
        &["ca-key.pem is missing", "start that server first"],
        "another",
    );
    assert!(files(other_folder.path()).is_empty());

    let mut moved = at_home.clone();
    moved.storage.database = there.clone();
    let same = async |config: &Config| {
        let site = start(config).await;
        assert_eq!(pins(&site), trusted);
        let opened = site.app().sealing.unseal("a test", &sealed);
        assert_eq!(opened.as_deref(), Some("words"));
        is_sound(&site).await;
        let kept = site.store().secrets().await.unwrap().len();
        stop(site).await;
        kept
    };
    for _ in 0..2 {
        assert_eq!(same(&moved).await, 4);
        assert_eq!(files(folder.path()), ["ca-2.pem", "ca.pem", WRAPPING_KEY]);
    }

    storage::move_fleet(&there, &home, true).await.unwrap();
    let key = folder.path().join(WRAPPING_KEY);
    let aside = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    let said = refusal(&at_home).await;
    assert_says(&said, &["wrapping.key is missing"], "back without it");
    fs::write(&key, aside).unwrap();
    assert_eq!(same(&at_home).await, 0);
    assert_eq!(contents(&before), bytes, "the files are what they were");
    use std::os::unix::fs::PermissionsExt as _;
    for name in before.iter().filter(|name| name.contains("key")) {
        let mode = fs::metadata(folder.path().join(name))
            .unwrap()
            .permissions();
        assert_eq!(mode.mode() & 0o077, 0, "{name}");
    }
    // The files of today are not the database's of then.
    fs::write(folder.path().join("session.key"), "0a".repeat(32)).unwrap();
    let said = refusal(&moved).await;
    assert_says(&said, &["session.key is in the way"], "another secret");
    assert_eq!(contents(&["audit.key".to_owned()]).len(), 1, "nothing went");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_was_changed_in_the_database_is_named_and_never_replaced() {
    let database = shared().await;
    let (_folder, config) = replica(&database.url());
    stop(start(&config).await).await;
    let (store, _) = storage::open_with_keys(&config.storage).await.unwrap();
    let kept = store.secrets().await.unwrap();
    for (name, wanted) in [("audit.key", "session.key"), ("ca-key.pem", "ca-key.pem")] {
        let find = |name: &str| kept.iter().find(|one| one.name == name).unwrap().clone();
        let mut forged = WrappedSecret {
            name: name.to_owned(),
            ..find(wanted)
        };
        forged.wrapped[20] ^= u8::from(name == wanted);
        let put = async |secret: WrappedSecret| {
            let names = vec![secret.name.clone()];
            store.remove_secrets(names).await.unwrap();
            store.keep_secrets(vec![secret]).await.unwrap();
        };
        put(forged.clone()).await;
        let said = refusal(&config).await;
        assert_says(&said, &[name, "cannot be unwrapped", "from a backup"], name);
        assert!(store.secrets().await.unwrap().contains(&forged));
        put(find(name)).await;
    }
    store
        .remove_secrets(vec!["ca-key.pem".to_owned()])
        .await
        .unwrap();
    let said = refusal(&config).await;
    assert_says(
        &said,
        &["the secret ca-key.pem of the database is missing"],
        "lost",
    );
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_either_database_opens_on_the_other() {
    let database = shared().await;
    let (_folder, config_a) = replica(&database.url());
    let site = start(&config_a).await;
    let trusted = pins(&site);
    let backups = tempfile::tempdir().unwrap();
    let to = backups.path().join("one").display().to_string();
    let (done, said) = run(&["backup", "--to", &to], &settings(&config_a));
    assert!(done, "{said}");
    stop(site).await;

    // Another fleet's place on SQLite, and an empty one on Postgres.
    let (own, config_b) = replica("");
    stop(start(&config_b).await).await;
    fs::remove_file(own.path().join("ca.pem")).unwrap();
    let restore = ["restore", "--from", &to];
    let (done, said) = run(&restore, &settings(&config_b));
    assert!(!done);
    assert_says(
        &said,
        &["audit.key is of another fleet", "--replace"],
        "in use",
    );
    let (done, said) = run(
        &[&restore[..], &["--replace"]].concat(),
        &settings(&config_b),
    );
    assert!(done, "{said}");
    let empty = shared().await;
    let (_third, config_c) = replica(&empty.url());
    let (done, said) = run(&restore, &settings(&config_c));
    assert!(done, "{said}");
    for (config, is_shared) in [(&config_b, false), (&config_c, true)] {
        let site = start(config).await;
        assert_eq!(pins(&site), trusted);
        is_sound(&site).await;
        assert_eq!(site.app().ca.keys().are_files(), !is_shared);
        stop(site).await;
    }

    // And one of a file, on Postgres.
    let to = backups.path().join("two").display().to_string();
    let (done, said) = run(&["backup", "--to", &to], &settings(&config_b));
    assert!(done, "{said}");
    let empty = shared().await;
    let (folder, config_d) = replica(&empty.url());
    let (done, said) = run(&["restore", "--from", &to], &settings(&config_d));
    assert!(done, "{said}");
    let site = start(&config_d).await;
    assert_eq!(pins(&site), trusted);
    is_sound(&site).await;
    stop(site).await;
    assert!(!folder.path().join("ca-key.pem").exists());
}
