//! The file of SQLite: who may read it, what survives, and what is said when it cannot be used.

use std::path::Path;
use std::sync::Arc;

use sickbay_diagnosis::verdict::Severity;
use sickbay_store::{
    Approval, DeviceChange, EnrolOutcome, FindingChange, Scope, SqliteStore, Store, StoreError,
    schema_version,
};
use sickbay_test_postgres::Database;
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::fixture::{TestSeal, at, bare_change, mark, open, request, token};

async fn raw(path: &Path, statement: &'static str) {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query(statement)
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

fn reason(result: Result<impl Sized, StoreError>) -> String {
    match result {
        Err(error @ StoreError::CannotOpen { .. }) => error.to_string(),
        Err(other) => panic!("another error: {other:?}"),
        Ok(_) => panic!("it opened"),
    }
}

#[tokio::test]
async fn what_was_committed_survives_a_process_that_just_stops() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sickbay.db");
    let store = SqliteStore::open(&path, Arc::new(TestSeal)).await.unwrap();
    let mut approving = token(b"t");
    approving.approval = Approval::Nobody;
    store.create_token(approving, "test").await.unwrap();
    let EnrolOutcome::Device(device) = store.enrol(request(b"t", b"k", "PC")).await.unwrap() else {
        panic!("not enrolled")
    };
    let change = DeviceChange {
        mark: Some(mark(3)),
        findings: vec![FindingChange::Put(open("x", Severity::Serious, &["c"]))],
        received_at: Some(at(1)),
        ..bare_change(device.key)
    };
    store.commit(&[change]).await.unwrap();
    // What a killed process leaves behind is the file and its log, as they are while the store is still open.
    let copy = folder.path().join("copy.db");
    std::fs::copy(&path, &copy).unwrap();
    std::fs::copy(
        folder.path().join("sickbay.db-wal"),
        folder.path().join("copy.db-wal"),
    )
    .unwrap();

    let reopened = SqliteStore::open(&copy, Arc::new(TestSeal)).await.unwrap();
    let state = reopened.load_states(&[device.key]).await.unwrap().remove(0);
    assert_eq!(
        (state.mark, state.version, state.findings.len()),
        (mark(3), 1, 1)
    );
    assert_eq!(
        reopened.issue_counts(&Scope::All).await.unwrap()[0].serious,
        1
    );
    store.close().await;
    let again = SqliteStore::open(&path, Arc::new(TestSeal)).await.unwrap();
    assert_eq!(again.path(), path);
    assert_eq!(again.fleet_counts(&Scope::All).await.unwrap().serious, 1);
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_may_read_the_file_or_its_log() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("sickbay.db"), Arc::new(TestSeal))
        .await
        .unwrap();
    store.check_writable(at(1)).await.unwrap();
    let mut files = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
        files += 1;
    }
    assert_eq!(files, 3, "the file, its log and the log's index");
}

#[tokio::test]
async fn a_newer_schema_is_refused_with_its_version_and_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sickbay.db");
    SqliteStore::open(&path, Arc::new(TestSeal))
        .await
        .unwrap()
        .close()
        .await;
    raw(
        &path,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', 1, x'00', 0)",
    )
    .await;
    for said in [
        reason(SqliteStore::open(&path, Arc::new(TestSeal)).await),
        reason(SqliteStore::migrate(&path, Arc::new(TestSeal)).await),
    ] {
        assert!(
            said.contains("9999") && said.contains("newer") && said.contains("sickbay.db"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn an_older_schema_is_refused_until_it_is_migrated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sickbay.db");
    SqliteStore::open(&path, Arc::new(TestSeal))
        .await
        .unwrap()
        .close()
        .await;
    // As if an earlier version of Sickbay had stopped before this build's first migration.
    raw(&path, "UPDATE _sqlx_migrations SET version = version - 1").await;
    let said = reason(SqliteStore::open(&path, Arc::new(TestSeal)).await);
    if schema_version() > 1 {
        assert!(said.contains("sickbay-server migrate"), "{said}");
    }
    let fresh = folder.path().join("fresh.db");
    assert_eq!(
        SqliteStore::migrate(&fresh, Arc::new(TestSeal))
            .await
            .unwrap(),
        schema_version()
    );
    assert_eq!(
        SqliteStore::migrate(&fresh, Arc::new(TestSeal))
            .await
            .unwrap(),
        schema_version()
    );
    SqliteStore::open(&fresh, Arc::new(TestSeal)).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_database_of_ours_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let foreign = folder.path().join("foreign.db");
    raw(&foreign, "CREATE TABLE recipes (name TEXT)").await;
    let said = reason(SqliteStore::open(&foreign, Arc::new(TestSeal)).await);
    assert!(said.contains("not Sickbay's"), "{said}");

    let text = folder.path().join("notes.txt");
    std::fs::write(
        &text,
        "these are my notes, and they are longer than a header of SQLite would be".repeat(20),
    )
    .unwrap();
    let before = std::fs::read(&text).unwrap();
    let said = reason(SqliteStore::open(&text, Arc::new(TestSeal)).await);
    assert!(said.contains("notes.txt"), "{said}");
    assert_eq!(std::fs::read(&text).unwrap(), before);

    let nowhere = folder.path().join("no/such/folder/sickbay.db");
    let said = reason(SqliteStore::open(&nowhere, Arc::new(TestSeal)).await);
    assert!(said.contains("folder exist"), "{said}");
}

#[tokio::test]
async fn an_address_says_what_it_should_look_like_and_keeps_its_password() {
    for (url, word) in [
        (
            "postgres://me:secret@nowhere.invalid/sickbay",
            "Is Postgres running",
        ),
        (
            "postgres://me:secret@[/sickbay",
            "postgres://USER:PASSWORD@HOST",
        ),
        ("postgres://", "postgres://USER:PASSWORD@HOST"),
        ("mysql://me:secret@db/sickbay", "sqlite://PATH"),
        ("/var/lib/sickbay.db", "sqlite://PATH"),
        ("sqlite://", "sqlite://PATH"),
    ] {
        let said = reason(sickbay_store::open(url, Arc::new(TestSeal)).await);
        assert!(said.contains(word) && !said.contains("secret"), "{said}");
        reason(sickbay_store::migrate(url, Arc::new(TestSeal)).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_of_a_newer_version_or_of_another_program_is_left_alone() {
    let newer = crate::fixture::postgres().await;
    newer
        .behind_its_back(&[
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', TRUE, X'00', 1)",
        ])
        .await;
    let foreign = tokio::task::spawn_blocking(Database::empty).await;
    let foreign = foreign.unwrap().unwrap();
    let mut connection = PgConnection::connect(&foreign.url()).await.unwrap();
    let table = sqlx::query("CREATE TABLE other (id BIGINT)");
    table.execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    for (url, words) in [
        (newer.url.clone(), "written by a newer Sickbay"),
        (foreign.url(), "holds tables that are not Sickbay's"),
    ] {
        let said = reason(sickbay_store::open(&url, Arc::new(TestSeal)).await);
        assert!(said.contains(words), "{said}");
        let said = reason(sickbay_store::migrate(&url, Arc::new(TestSeal)).await);
        assert!(said.contains(words), "{said}");
    }
}
