//! A real OpenID Connect provider for one test: Canaille, with users, groups and one client, on a free port of loopback.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::header::LOCATION;
use reqwest::{Client, Url};
use serde_json::json;
use tempfile::TempDir;

use crate::site::http;

pub(crate) const CLIENT: &str = "sickbay";
const CLIENT_SECRET: &str = "client-secret";
/// How long it may take to come up: three starts of Python.
const UP_WITHIN: Duration = Duration::from_secs(90);

/// A running provider; it ends with the test.
pub(crate) struct Canaille {
    process: Option<Child>,
    folder: TempDir,
    port: u16,
}

impl Drop for Canaille {
    fn drop(&mut self) {
        self.stop();
    }
}

fn id(n: u32) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

impl Canaille {
    /// With a client whose people come back to this address.
    pub(crate) async fn start(callback: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut canaille = Self {
            process: None,
            folder,
            port,
        };
        canaille.configure(callback);
        canaille.program(&["install"], None);
        let seed = canaille.file("seed.json");
        canaille.program(&["restore"], Some(&seed));
        canaille.run().await;
        canaille
    }

    pub(crate) fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn configure(&self, callback: &str) {
        let ec = rcgen::KeyPair::generate().unwrap().serialize_pem();
        // The first key has to be RSA, which nothing here makes but OpenSSL.
        let rsa = Command::new("openssl")
            .args([
                "genpkey",
                "-quiet",
                "-algorithm",
                "RSA",
                "-pkeyopt",
                "rsa_keygen_bits:2048",
            ])
            .stderr(Stdio::null())
            .output()
            .unwrap();
        assert!(rsa.status.success(), "openssl makes no key");
        let rsa = String::from_utf8(rsa.stdout).unwrap();
        let folder = self.folder.path().display();
        let settings = format!(
            "SECRET_KEY = \"not-a-secret\"\nSERVER_NAME = \"127.0.0.1:{}\"\nPREFERRED_URL_SCHEME = \"http\"\n[CANAILLE]\nDATABASE = \"sql\"\n\
             CAPTCHA_ENABLED = false\n[CANAILLE_SQL]\nDATABASE_URI = \"sqlite:///{folder}/canaille.sqlite\"\n\
             PASSWORD_HASH_PARAMS = {{ \"pbkdf2_sha512__rounds\" = 1000 }}\n[CANAILLE_OIDC]\nACTIVE_JWKS = ['''{rsa}''', '''{ec}''']\n",
            self.port
        );
        fs::write(self.file("canaille.toml"), settings).unwrap();
        fs::write(self.file("client.secret"), format!("{CLIENT_SECRET}\n")).unwrap();
        let user = |n: u32, name: &str| {
            json!({
                "id": id(n), "user_name": name, "password": format!("{name}-secret"), "family_name": name, "formatted_name": name,
                "emails": [format!("{name}@example.org")],
            })
        };
        let group = |n: u32, name: &str, member: u32| json!({"id": id(n), "display_name": name, "members": [id(member)]});
        let seed = json!({
            "user": [user(1, "alice"), user(2, "bob")],
            "group": [group(11, "admins", 1), group(12, "berlin", 2)],
            "client": [{
                "id": id(21), "audience": [id(21)], "client_id": CLIENT, "client_secret": CLIENT_SECRET, "client_name": "Sickbay",
                "client_uri": "http://127.0.0.1", "redirect_uris": [callback], "token_endpoint_auth_method": "client_secret_basic",
                "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
                "scope": ["openid", "profile", "email", "groups", "offline_access"],
                // With RS256 it gives the same access token twice within a second, and then refuses itself.
                "id_token_signed_response_alg": "ES256",
            }],
        });
        fs::write(self.file("seed.json"), seed.to_string()).unwrap();
    }

    fn command(&self) -> Command {
        let program =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/canaille/bin/canaille");
        assert!(
            program.exists(),
            "{} is not there: `cargo xtask test` installs it",
            program.display()
        );
        let mut command = Command::new(program);
        command
            .env("CANAILLE_CONFIG", self.file("canaille.toml"))
            .env("PYTHONWARNINGS", "ignore")
            .current_dir(self.folder.path());
        command
    }

    /// Runs one of its commands, which have to succeed.
    fn program(&self, arguments: &[&str], input: Option<&Path>) {
        let input = input.map_or_else(Stdio::null, |path| fs::File::open(path).unwrap().into());
        let done = self
            .command()
            .args(arguments)
            .stdin(input)
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "canaille {arguments:?}: {}{}",
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr)
        );
    }

    pub(crate) async fn run(&mut self) {
        let log = fs::File::create(self.file("run.log")).unwrap();
        let bind = format!("127.0.0.1:{}", self.port);
        // Without workers of its own, which would outlive it.
        let process = self
            .command()
            .args(["run", "--workers", "0", "--bind", &bind])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.process = Some(process);
        let deadline = Instant::now() + UP_WITHIN;
        let client = http().build().unwrap();
        let probe = format!("{}/.well-known/openid-configuration", self.issuer());
        while client.get(&probe).send().await.is_err() {
            assert!(
                Instant::now() < deadline,
                "Canaille does not come up: {}",
                fs::read_to_string(self.file("run.log")).unwrap_or_default()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Who is in a group from now on; nobody for an empty list.
    pub(crate) fn members(&self, group: &str, members: &[&str]) {
        let mut arguments = vec!["set", "group", group, "--quiet"];
        for member in if members.is_empty() { &[""] } else { members } {
            arguments.extend(["--members", member]);
        }
        self.program(&arguments, None);
    }

    /// Locks somebody out.
    pub(crate) fn lock(&self, user: &str) {
        let since = "2020-01-01T00:00:00+00:00";
        self.program(
            &["set", "user", user, "--quiet", "--lock-date", since],
            None,
        );
    }
}

/// What a person's browser does at the provider, from its first address on until it is sent back to an address that begins so.
pub(crate) async fn at_the_provider(start: Url, until: &str, name: &str, password: &str) -> Url {
    let browser: Client = http()
        .redirect(reqwest::redirect::Policy::none())
        .cookie_store(true)
        .build()
        .unwrap();
    let mut answer = browser.get(start).send().await.unwrap();
    for _ in 0..12 {
        let here = answer.url().clone();
        if answer.status().is_redirection() {
            let to = answer.headers()[LOCATION].to_str().unwrap();
            let to = here.join(to).unwrap();
            if to.as_str().starts_with(until) {
                return to;
            }
            answer = browser.get(to).send().await.unwrap();
            continue;
        }
        let page = answer.text().await.unwrap();
        let token = hidden(&page, "csrf_token");
        let mut form = vec![("csrf_token", token.as_str())];
        if page.contains("name=\"password\"") {
            form.push(("password", password));
        } else if page.contains("name=\"login\"") {
            form.push(("login", name));
        } else {
            form.push(("answer", "accept"));
        }
        answer = browser.post(here).form(&form).send().await.unwrap();
    }
    panic!("{name} is not signed in at the provider")
}

/// The value of a page's hidden field.
fn hidden(page: &str, name: &str) -> String {
    let at = page
        .find(&format!("name=\"{name}\""))
        .unwrap_or_else(|| panic!("no {name} in {page}"));
    let tag = &page[page[..at].rfind('<').unwrap()..];
    let tag = &tag[..tag.find('>').unwrap()];
    let (_, value) = tag.split_once("value=\"").unwrap();
    value.split('"').next().unwrap().to_owned()
}
