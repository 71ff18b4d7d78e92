//! A store to test, and short ways to fill it.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};
use sickbay_diagnosis::Time;
use sickbay_diagnosis::filter::Filter;
use sickbay_diagnosis::verdict::{Cause, Severity, State};
use sickbay_store::{
    Approval, CauseCount, Committed, Deed, DeviceChange, DeviceIdentity, DeviceState, DeviceStatus,
    DeviceSummary, EnrolOutcome, EnrolRequest, Finding, FindingChange, Introduction, ListedMachine,
    NewToken, Page, ReportMark, Scope, Seal, Store,
};
use sickbay_test_postgres::Database;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection};
use tempfile::TempDir;

/// A seal that anybody can make, who knows how.
#[derive(Debug)]
pub(crate) struct TestSeal;

impl Seal for TestSeal {
    fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        Sha256::digest([b"test", bytes].concat()).to_vec()
    }

    fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        self.sign(bytes) == signature
    }
}

/// A database of its own.
pub(crate) struct Fixture {
    store: Arc<dyn Store>,
    next: AtomicU64,
    /// Its address.
    pub(crate) url: String,
    home: Home,
}

/// What holds the database as long as it is wanted.
enum Home {
    Folder(TempDir),
    Postgres(sickbay_test_postgres::Database),
}

/// On SQLite, through the address that a configuration names.
pub(crate) async fn sqlite() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("sickbay.db").display());
    Fixture::open(url, Home::Folder(folder)).await
}

/// On a Postgres of the tests' own, likewise.
pub(crate) async fn postgres() -> Fixture {
    let runtime = tokio::runtime::Handle::current();
    let make = move |url: &str| {
        runtime.block_on(sickbay_store::migrate(url, Arc::new(TestSeal)))?;
        Ok(())
    };
    let made = tokio::task::spawn_blocking(|| Database::with_tables(make));
    let database = made.await.unwrap().unwrap();
    Fixture::open(database.url(), Home::Postgres(database)).await
}

/// Runs statements one by one.
async fn run<C: Connection>(mut connection: C, statements: &[&str])
where
    for<'c> &'c mut C: sqlx::Executor<'c, Database = C::Database>,
{
    for statement in statements {
        let statement = sqlx::raw_sql(AssertSqlSafe((*statement).to_owned()));
        statement.execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}

impl Deref for Fixture {
    type Target = dyn Store;
    fn deref(&self) -> &Self::Target {
        &*self.store
    }
}

/// A moment.
pub(crate) const fn at(millis: i64) -> Time {
    Time::from_millis(millis)
}

/// Something that a test does.
pub(crate) fn deed(millis: i64) -> Deed {
    Deed::by("test", at(millis))
}

/// Everything from the start.
pub(crate) const fn first(limit: u32) -> Page {
    Page { after: None, limit }
}

/// A filter as people write it.
pub(crate) fn filter(text: &str) -> Filter {
    Filter::parse(text).unwrap()
}

impl Fixture {
    /// Keys and tokens that are made from here on are others than those before.
    pub(crate) fn count_from(&self, number: u64) {
        self.next.store(number, Ordering::Relaxed);
    }

    /// To share with tasks.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    /// The same database, opened once more, as another process does.
    pub(crate) async fn another_handle(&self) -> Arc<dyn Store> {
        let seal = Arc::new(TestSeal);
        sickbay_store::open(&self.url, seal).await.unwrap()
    }

    /// What somebody does who can write to the database itself. Bytes are written as SQLite does, `X'00'`.
    pub(crate) async fn behind_its_back(&self, statements: &[&str]) {
        match &self.home {
            Home::Folder(folder) => {
                let file = folder.path().join("sickbay.db");
                let options = SqliteConnectOptions::new().filename(file);
                let connection = SqliteConnection::connect_with(&options);
                run(connection.await.unwrap(), statements).await;
            }
            Home::Postgres(database) => {
                let bytes = |statement: &str| {
                    let first = statement.replace("X'00'", r"'\x00'::BYTEA");
                    first.replace("X''", "''::BYTEA")
                };
                let statements: Vec<String> = statements.iter().map(|s| bytes(s)).collect();
                let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
                let connection = PgConnection::connect(&database.url());
                run(connection.await.unwrap(), &statements).await;
            }
        }
    }

    async fn open(url: String, home: Home) -> Self {
        let store = sickbay_store::open(&url, Arc::new(TestSeal)).await;
        Self {
            store: store.unwrap(),
            next: AtomicU64::new(1),
            url,
            home,
        }
    }

    /// Causes of an issue's devices that match.
    pub(crate) async fn issue_causes(
        &self,
        scope: &Scope,
        issue: &str,
        filter: &Filter,
    ) -> sickbay_store::Result<Vec<CauseCount>> {
        let survey = self.store.survey_issue(scope, issue, filter, &[]);
        Ok(survey.await?.causes)
    }

    /// A token that approves by itself, with tags; gives its hash.
    pub(crate) async fn approving_token(&self, tags: &[&str]) -> Vec<u8> {
        let hash = self
            .next
            .fetch_add(1, Ordering::Relaxed)
            .to_be_bytes()
            .to_vec();
        let token = NewToken {
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            approval: Approval::Nobody,
            ..token(&hash)
        };
        self.create_token(token, "test").await.unwrap();
        hash
    }

    /// An active device.
    pub(crate) async fn active(&self, name: &str) -> DeviceIdentity {
        self.tagged_device(name, &[]).await
    }

    /// An active device with tags.
    pub(crate) async fn tagged_device(&self, name: &str, tags: &[&str]) -> DeviceIdentity {
        let token_hash = self.approving_token(tags).await;
        let key = self
            .next
            .fetch_add(1, Ordering::Relaxed)
            .to_be_bytes()
            .to_vec();
        match self.enrol(request(&token_hash, &key, name)).await.unwrap() {
            EnrolOutcome::Device(identity) => identity,
            other => panic!("not enrolled: {other:?}"),
        }
    }

    /// A pending device.
    pub(crate) async fn pending_device(&self, name: &str) -> DeviceIdentity {
        let hash = self
            .next
            .fetch_add(1, Ordering::Relaxed)
            .to_be_bytes()
            .to_vec();
        self.create_token(token(&hash), "test").await.unwrap();
        let key = self
            .next
            .fetch_add(1, Ordering::Relaxed)
            .to_be_bytes()
            .to_vec();
        match self.enrol(request(&hash, &key, name)).await.unwrap() {
            EnrolOutcome::Device(identity) => identity,
            other => panic!("not enrolled: {other:?}"),
        }
    }

    /// The device as stored.
    pub(crate) async fn state(&self, key: i64) -> DeviceState {
        self.load_states(&[key]).await.unwrap().remove(0)
    }

    /// A change over the stored version, to be filled in.
    pub(crate) async fn change(&self, key: i64) -> DeviceChange {
        DeviceChange {
            expected_version: self.state(key).await.version,
            ..bare_change(key)
        }
    }

    /// A report with these findings put.
    pub(crate) async fn report(&self, key: i64, findings: Vec<Finding>) {
        let change = DeviceChange {
            mark: Some(mark(1)),
            received_at: Some(at(1_000)),
            findings: findings.into_iter().map(FindingChange::Put).collect(),
            ..self.change(key).await
        };
        self.done(change).await;
    }

    /// Commits a change that must be taken.
    pub(crate) async fn done(&self, change: DeviceChange) {
        assert_eq!(self.commit(&[change]).await.unwrap(), [Committed::Done]);
    }

    /// Sets the status of one device, which must change.
    pub(crate) async fn put_status(&self, device: &DeviceIdentity, status: DeviceStatus) {
        let changed = self
            .set_status(&[device.id], status, &deed(5_000))
            .await
            .unwrap();
        assert_eq!(changed.len(), 1);
        assert_eq!(changed[0].status, status);
    }
}

/// A change of version 0 that changes nothing.
pub(crate) fn bare_change(key: i64) -> DeviceChange {
    DeviceChange {
        key,
        expected_version: 0,
        mark: None,
        packed: None,
        summary: None,
        profile: None,
        findings: Vec::new(),
        history: Vec::new(),
        claims: Vec::new(),
        due_at: None,
        received_at: None,
        now: at(1_000),
    }
}

/// A mark of the one epoch that tests use.
pub(crate) fn mark(sequence: u64) -> ReportMark {
    ReportMark {
        epoch: vec![7; 16],
        sequence,
        digest: vec![9; 32],
    }
}

/// A pending token.
pub(crate) fn token(hash: &[u8]) -> NewToken {
    NewToken::new(hash.to_vec(), "GPO", at(0))
}

/// A machine that asks to enrol.
pub(crate) fn request(token_hash: &[u8], key_sha256: &[u8], name: &str) -> EnrolRequest {
    EnrolRequest {
        by: Introduction::Token(token_hash.to_vec()),
        key_sha256: key_sha256.to_vec(),
        host_name: name.to_owned(),
        domain: "corp.example.org".to_owned(),
        ou: "OU=Desks,DC=corp".to_owned(),
        fingerprint: "f".to_owned(),
        collector_version: "0.1.0".to_owned(),
        live_since: at(0),
        now: at(100),
    }
}

/// A machine of an imported list.
pub(crate) fn machine(name: &str, domain: &str, ou: &str) -> ListedMachine {
    ListedMachine {
        name: name.to_owned(),
        domain: domain.into(),
        ou: ou.into(),
        operating_system: "Windows 11 Enterprise".into(),
    }
}

/// A summary of that name.
pub(crate) fn summary(name: &str) -> DeviceSummary {
    DeviceSummary {
        name: name.to_owned(),
        ..DeviceSummary::default()
    }
}

/// An open finding.
pub(crate) fn open(issue: &str, severity: Severity, causes: &[&str]) -> Finding {
    Finding {
        issue: issue.to_owned(),
        state: State::Open,
        severity: Some(severity),
        summary: format!("{issue} is open"),
        causes: causes
            .iter()
            .map(|key| Cause::new(*key, format!("Cause {key}")))
            .collect(),
        since: at(10),
        changed_at: at(20),
        accepted_until: None,
    }
}

/// An open finding that is accepted.
pub(crate) fn accepted(issue: &str, severity: Severity, causes: &[&str]) -> Finding {
    Finding {
        accepted_until: Some(at(9_000)),
        ..open(issue, severity, causes)
    }
}

/// An unknown finding.
pub(crate) fn unknown(issue: &str) -> Finding {
    Finding {
        issue: issue.to_owned(),
        state: State::Unknown,
        severity: None,
        summary: format!("{issue} could not be told"),
        causes: Vec::new(),
        since: at(10),
        changed_at: at(20),
        accepted_until: None,
    }
}
