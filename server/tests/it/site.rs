//! A server for one test, and those who look at it.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use sickbay_diagnosis::observation::Observation;
use sickbay_diagnosis::{Check, Time};
use sickbay_server::access;
use sickbay_server::app::App;
use sickbay_server::clock::Clock;
use sickbay_server::config::Config;
use sickbay_server::fleet::Ending;
use sickbay_server::identity::secret::{API_PREFIX, ENROLMENT_PREFIX, Secret};
use sickbay_server::ingest::Outcome;
use sickbay_server::server::Running;
use sickbay_server::wire::{Report, ToCollector};
use sickbay_store::{
    Access, AccountMade, Approval, Deed, DeviceIdentity, EnrolOutcome, EnrolRequest, Introduction,
    LIVE_MS, NewApiToken, NewToken, Store,
};
use sickbay_test_postgres::Database;
use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedSender;
use uuid::Uuid;

/// How long a test waits for something that happens by itself.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A running server.
pub(crate) struct Site {
    pub(crate) server: Running,
    pub(crate) clock: Clock,
    /// Removed with the site.
    _folder: TempDir,
    _database: Option<Database>,
}

/// Names the database that sites have, where it is not SQLite: `postgres`.
const DATABASE: &str = "SICKBAY_TEST_DATABASE";

/// Settings for a server in `folder` on free ports.
pub(crate) fn config(folder: &Path) -> Config {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut config = Config::default();
    folder.clone_into(&mut config.storage.data_dir);
    config.collectors.listen = anywhere;
    config.web.listen = anywhere;
    config.health.listen = anywhere;
    config
}

/// A database of the site's own, where it is not the file that a server makes itself.
async fn database() -> Option<Database> {
    match std::env::var(DATABASE) {
        Err(_) => return None,
        Ok(named) => assert_eq!(named, "postgres", "{DATABASE}"),
    }
    // The server makes its tables itself, and signs the end of its empty record.
    let made = tokio::task::spawn_blocking(Database::empty).await;
    Some(made.unwrap().unwrap())
}

/// Asks again and again until there is an answer, and fails with `what` after [`PATIENCE`].
pub(crate) async fn eventually<T, F>(what: &str, ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, String>>,
{
    within(PATIENCE, what, ask).await
}

/// The same for what takes longer.
pub(crate) async fn within<T, F>(patience: Duration, what: &str, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, String>>,
{
    let deadline = Instant::now() + patience;
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(last) => assert!(
                Instant::now() < deadline,
                "{what}: not within {patience:?}; last seen: {last}"
            ),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

impl Site {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// The same with settings changed by `with`.
    pub(crate) async fn start_with(with: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::system();
        let mut config = config(folder.path());
        let database = database().await;
        if let Some(database) = &database {
            config.storage.database = database.url();
        }
        with(&mut config);
        let server = Running::start(config, clock.clone()).await.unwrap();
        Self {
            server,
            clock,
            _folder: folder,
            _database: database,
        }
    }

    /// A server whose folder somebody else keeps.
    pub(crate) fn of(server: Running, clock: Clock) -> Self {
        Self {
            server,
            clock,
            _folder: tempfile::tempdir().unwrap(),
            _database: None,
        }
    }

    pub(crate) fn app(&self) -> &App {
        &self.server.app
    }

    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    /// Something that a test does now.
    pub(crate) fn deed(&self) -> Deed {
        Deed::by("test", self.now())
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.server.app.store
    }

    /// The same database through a handle of its own, as the command line has it beside a running server.
    pub(crate) async fn other_handle(&self) -> Arc<dyn Store> {
        sickbay_server::storage::open(&self.app().config.storage)
            .await
            .unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.web)
    }

    /// A new enrolment token, changed by `with`: its id and the text for collectors.
    pub(crate) async fn token(&self, with: impl FnOnce(&mut NewToken)) -> (Uuid, String) {
        let secret = Secret::new(ENROLMENT_PREFIX);
        let mut token = NewToken {
            approval: Approval::Nobody,
            ..NewToken::new(secret.hash(), "test", self.now())
        };
        with(&mut token);
        let row = self.store().create_token(token, "test").await.unwrap();
        (row.id, secret.reveal().to_owned())
    }

    /// An active device that was never connected: it exists in the database alone and reports through [`Site::take_in`].
    pub(crate) async fn stored_device(&self, token: &str, name: &str) -> DeviceIdentity {
        let enrolled = self
            .store()
            .enrol(EnrolRequest {
                by: Introduction::Token(sickbay_server::identity::secret::hash(token)),
                key_sha256: Secret::new("").hash(),
                host_name: name.to_owned(),
                domain: String::new(),
                ou: String::new(),
                fingerprint: String::new(),
                collector_version: String::new(),
                live_since: self.now().plus_millis(-LIVE_MS),
                now: self.now(),
            })
            .await
            .unwrap();
        match enrolled {
            EnrolOutcome::Device(device) => device,
            refused => panic!("{refused:?}"),
        }
    }

    /// Reports for a device behind the wire, and waits until it is durable.
    pub(crate) async fn take_in(
        &self,
        device: &DeviceIdentity,
        observations: Vec<(Check, Observation)>,
    ) {
        let epoch = Secret::new("").hash()[..16].to_vec();
        self.take_in_as(device, epoch, 1, observations).await;
    }

    /// The same as the report of that number; the first one tells everything.
    pub(crate) async fn take_in_as(
        &self,
        device: &DeviceIdentity,
        epoch: Vec<u8>,
        sequence: u64,
        observations: Vec<(Check, Observation)>,
    ) {
        let (answer, mut answered) = tokio::sync::mpsc::unbounded_channel();
        self.hand_in(device, epoch, sequence, observations, answer)
            .await;
        let outcome = answered.recv().await.unwrap();
        assert!(
            matches!(&outcome, Outcome::Send(told) if matches!(**told, ToCollector::Ack { .. })),
            "{outcome:?}"
        );
    }

    /// The same without waiting until it is durable: that is told to `answer`.
    pub(crate) async fn hand_in(
        &self,
        device: &DeviceIdentity,
        epoch: Vec<u8>,
        sequence: u64,
        observations: Vec<(Check, Observation)>,
        answer: UnboundedSender<Outcome>,
    ) {
        let report = Report {
            sequence,
            full: sequence == 1,
            observations: observations
                .into_iter()
                .map(|(check, observation)| (check, Arc::new(observation)))
                .collect(),
            digest: vec![sequence as u8; 32],
            unknown_checks: 0,
            dropped: None,
        };
        self.app()
            .ingest
            .report(
                device.key,
                epoch,
                Box::new(report),
                self.now(),
                Ending::default(),
                answer,
            )
            .await
            .unwrap();
    }

    /// Somebody with an API token: its id, and who uses it.
    pub(crate) async fn api_token(&self, expires_at: Option<Time>) -> (Uuid, Viewer) {
        self.api_token_that_may(Access::ALL, expires_at).await
    }

    /// The same with less access.
    pub(crate) async fn api_token_that_may(
        &self,
        access: Access,
        expires_at: Option<Time>,
    ) -> (Uuid, Viewer) {
        let secret = Secret::new(API_PREFIX);
        let row = self
            .store()
            .create_api_token(NewApiToken {
                hash: secret.hash(),
                name: "test".to_owned(),
                access,
                made_by: "test".to_owned(),
                created_at: self.now(),
                expires_at,
            })
            .await
            .unwrap();
        let bearer = format!("Bearer {}", secret.reveal());
        (row.id, self.viewer(Some(("authorization", bearer))))
    }

    /// A sign-in link of the command line.
    pub(crate) async fn link(&self) -> String {
        access::create_link(self.store(), None, "test", self.now())
            .await
            .unwrap()
    }

    /// Somebody with an account of this name and access, who signed in by a link.
    pub(crate) async fn person(&self, name: &str, access: Access) -> Viewer {
        let made = self
            .store()
            .create_account(name, &access, "test", self.now());
        let AccountMade::Made(account) = made.await.unwrap() else {
            panic!("{name} is taken")
        };
        let link = access::create_link(self.store(), Some(&account), "test", self.now());
        self.come_by(&link.await.unwrap()).await
    }

    /// Somebody who uses a link, with the session's cookie.
    pub(crate) async fn come_by(&self, link: &str) -> Viewer {
        let is_of_account = link.starts_with("/sign-in/of-account/");
        let method = if is_of_account { "POST" } else { "GET" };
        let answer = self.stranger().request(method, link).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        self.with_cookie_of(&answer)
    }

    /// Whoever got this answer, with its cookie.
    pub(crate) fn with_cookie_of(&self, answer: &Response) -> Viewer {
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        let pair = cookie.split(';').next().unwrap().to_owned();
        self.viewer(Some(("cookie", pair)))
    }

    /// A program with an API token.
    pub(crate) async fn api(&self) -> Viewer {
        self.api_token(None).await.1
    }

    /// Whoever comes by.
    pub(crate) fn stranger(&self) -> Viewer {
        self.viewer(None)
    }

    /// Somebody who used a sign-in link, with the session's cookie.
    pub(crate) async fn browser(&self) -> Viewer {
        self.come_by(&self.link().await).await
    }

    pub(crate) fn viewer(&self, header: Option<(&'static str, String)>) -> Viewer {
        let client = http()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Viewer {
            client,
            base: self.url(""),
            header,
        }
    }
}

/// An HTTP client to be made: the one that the server brings along knows no cryptography by itself, also where none is needed.
pub(crate) fn http() -> reqwest::ClientBuilder {
    let tls =
        rustls::ClientConfig::builder_with_provider(sickbay_server::identity::tls::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
    Client::builder().tls_backend_preconfigured(tls)
}

/// Somebody at the web port.
#[derive(Clone)]
pub(crate) struct Viewer {
    client: Client,
    base: String,
    header: Option<(&'static str, String)>,
}

impl Viewer {
    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = method.parse().unwrap();
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.header {
            Some((name, value)) => request.header(*name, value),
            None => request,
        }
    }

    /// What they show: the text of their token or cookie.
    pub(crate) fn secret(&self) -> Option<String> {
        let (_, shown) = self.header.as_ref()?;
        let secret = shown.rsplit([' ', '=']).next()?;
        Some(secret.to_owned())
    }

    /// The cookie that they show.
    pub(crate) fn cookie(&self) -> Option<&str> {
        let (name, shown) = self.header.as_ref()?;
        (*name == "cookie").then_some(shown)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request("GET", path).send().await.unwrap()
    }

    /// A page that is there.
    pub(crate) async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.text().await.unwrap()
    }

    /// JSON that is there.
    pub(crate) async fn json(&self, path: &str) -> Value {
        let text = self.page(path).await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }

    /// The token that the forms of this session carry.
    pub(crate) async fn csrf(&self) -> String {
        let page = self.page("/account").await;
        let (_, after) = page.split_once(r#"name="csrf" value=""#).unwrap();
        after.split('"').next().unwrap().to_owned()
    }

    pub(crate) async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        let body = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect::<Vec<_>>()
            .join("&");
        self.request("POST", path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await
            .unwrap()
    }

    pub(crate) async fn post_json(&self, path: &str, body: &str) -> Response {
        self.send_json("POST", path, body).await
    }

    pub(crate) async fn send_json(&self, method: &str, path: &str, body: &str) -> Response {
        self.request(method, path)
            .header("content-type", "application/json")
            .body(body.to_owned())
            .send()
            .await
            .unwrap()
    }
}

/// Percent-encoded, but for what stands for itself everywhere.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

/// Puts `part` of an expectation into its message.
#[track_caller]
pub(crate) fn assert_says(text: &str, parts: &[&str], of: impl Debug) {
    for part in parts {
        assert!(
            text.contains(part),
            "{of:?}: {part:?} is not said in: {text}"
        );
    }
}
