//! The way to the update server, gone by a Windows machine that Wine plays, to servers on this computer that behave as told.
//!
//! The update agent's stand-in says that no search ever worked, and the event log's refuses, so that the way is gone.

use std::net::TcpListener as Bound;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use sickbay_tests::server::Server;
use sickbay_tests::wine::Prefix;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::inspect::json;
use super::self_test::winhttp;

/// The longest that the way may take, and the start of Wine beside it.
const AT_MOST: Duration = Duration::from_secs(20 + 10);
const GOOD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n<a/>";

/// A web server that answers every question alike; ended when dropped.
struct Answering {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Answering {
    /// One that gives this answer; an empty one is none, and the connection stays open.
    async fn with(answer: String) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let noted = Arc::clone(&asked);
        let serving = tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut buffer = vec![0; 8 * 1024];
                let length = stream.read(&mut buffer).await.unwrap_or(0);
                // The step that only connects asks nothing.
                if length > 0 {
                    let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                    noted
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(text);
                    // Whoever asked may be gone.
                    let _ = stream.write_all(answer.as_bytes()).await;
                    open.push(stream);
                }
            }
        });
        Ok(Self {
            port,
            asked,
            serving,
        })
    }

    fn asked(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.clone()
    }
}

/// A machine on which scans do not work.
async fn machine() -> anyhow::Result<Prefix> {
    let machine = Prefix::new().await?.with_stand_ins().await?;
    machine.stand_in("EventLog", "denied").await?;
    machine.stand_in("UpdateAgent", "never").await?;
    Ok(machine)
}

async fn use_server(machine: &Prefix, address: &str) -> anyhow::Result<()> {
    const KEY: &str = r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate";
    let policy = format!(
        "REGEDIT4\r\n\r\n[{KEY}]\r\n\"WUServer\"=\"{address}\"\r\n\r\n[{KEY}\\AU]\r\n\"UseWUServer\"=dword:00000001\r\n"
    );
    machine.import_text("wsus.reg", &policy).await
}

/// The facts of the way, and the verdict.
async fn gone(machine: &Prefix, address: &str) -> anyhow::Result<(Value, Value)> {
    use_server(machine, address).await?;
    let since = Instant::now();
    let said = json(&machine.collector(&["inspect", "--format", "json"]).await?)?;
    let took = since.elapsed();
    ensure!(took < AT_MOST, "it took {} s", took.as_secs_f64());
    let verdicts = said["verdicts"].as_array().context("verdicts")?;
    let verdict = verdicts
        .iter()
        .find(|verdict| verdict["issue"] == "update-endpoint-unreachable")
        .context("the issue is decided")?;
    Ok((said["facts"]["update_endpoint"].clone(), verdict.clone()))
}

fn cause(verdict: &Value) -> &str {
    verdict["causes"][0]["key"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_server_that_answers_is_asked_once_without_credentials_and_is_clear() -> anyhow::Result<()>
{
    let machine = machine().await?;
    let server = Answering::with(GOOD.to_owned()).await?;
    let address = format!("http://127.0.0.1:{}", server.port);
    let (facts, verdict) = gone(&machine, &address).await?;
    ensure!(facts["state"] == "answers", "{facts:#}");
    ensure!(verdict["state"] == "clear", "{verdict:#}");
    for step in ["proxy", "dns", "tcp", "http"] {
        ensure!(facts["steps"][step]["state"] == "ok", "{step}: {facts:#}");
    }
    ensure!(facts["steps"]["tls"]["state"] == "not-needed", "{facts:#}");
    ensure!(facts["steps"]["http"]["status"] == 200, "{facts:#}");
    let asked = server.asked();
    ensure!(asked.len() == 1, "{asked:?}");
    let question = asked[0].to_ascii_lowercase();
    ensure!(
        question.starts_with("get /clientwebservice/wusserverversion.xml http/1.1\r\n"),
        "{question}"
    );
    for secret in ["authorization", "cookie"] {
        ensure!(!question.contains(secret), "{question}");
    }
    Ok(())
}

#[tokio::test]
async fn a_closed_port_a_name_that_nobody_knows_and_a_silent_server_are_told_apart()
-> anyhow::Result<()> {
    let machine = machine().await?;
    let closed = Bound::bind("127.0.0.1:0")?.local_addr()?.port();
    let (facts, verdict) = gone(&machine, &format!("http://127.0.0.1:{closed}")).await?;
    ensure!(facts["steps"]["tcp"]["code"] == 10061, "{facts:#}");
    ensure!(
        facts["steps"]["http"]["state"] == "not-reached",
        "{facts:#}"
    );
    ensure!(verdict["state"] == "open", "{verdict:#}");
    ensure!(
        cause(&verdict) == format!("127.0.0.1:{closed} tcp"),
        "{verdict:#}"
    );

    let (facts, verdict) = gone(&machine, "http://no-such-host.invalid:8530").await?;
    ensure!(facts["steps"]["dns"]["family"] == "name", "{facts:#}");
    ensure!(facts["steps"]["tcp"]["state"] == "not-reached", "{facts:#}");
    ensure!(
        cause(&verdict) == "no-such-host.invalid:8530 dns",
        "{verdict:#}"
    );

    let silent = Answering::with(String::new()).await?;
    let (facts, verdict) = gone(&machine, &format!("http://127.0.0.1:{}", silent.port)).await?;
    ensure!(facts["steps"]["tcp"]["state"] == "ok", "{facts:#}");
    ensure!(facts["steps"]["http"]["family"] == "timeout", "{facts:#}");
    // WinHTTP's own limit ended it, and not the one over the whole way.
    let took = facts["steps"]["http"]["took_ms"].as_u64();
    ensure!(took.is_some_and(|took| took < 10_000), "{facts:#}");
    ensure!(
        cause(&verdict) == format!("127.0.0.1:{} http", silent.port),
        "{verdict:#}"
    );
    Ok(())
}

#[tokio::test]
async fn a_redirect_is_told_and_not_followed_and_tls_that_is_not_trusted_ends_the_way()
-> anyhow::Result<()> {
    let machine = machine().await?;
    let other = Answering::with(GOOD.to_owned()).await?;
    let answer = format!(
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{}/\r\nContent-Length: 0\r\n\r\n",
        other.port
    );
    let server = Answering::with(answer).await?;
    let (facts, verdict) = gone(&machine, &format!("http://127.0.0.1:{}", server.port)).await?;
    ensure!(facts["steps"]["http"]["status"] == 302, "{facts:#}");
    ensure!(cause(&verdict).ends_with(" http"), "{verdict:#}");
    ensure!(other.asked().is_empty(), "the redirect was followed");

    let sickbay = Server::start().await?;
    let (facts, verdict) = gone(&machine, &sickbay.collectors_url()).await?;
    ensure!(facts["steps"]["tcp"]["state"] == "ok", "{facts:#}");
    ensure!(facts["steps"]["tls"]["state"] == "failed", "{facts:#}");
    ensure!(
        facts["steps"]["tls"]["family"] == "certificate",
        "{facts:#}"
    );
    ensure!(cause(&verdict).ends_with(" tls"), "{verdict:#}");
    Ok(())
}

#[tokio::test]
async fn the_machines_proxy_is_gone_to_and_asked_for_the_server() -> anyhow::Result<()> {
    let machine = machine().await?;
    let proxy = Answering::with(
        "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n"
            .to_owned(),
    )
    .await?;
    let named = winhttp(&format!("127.0.0.1:{}", proxy.port), "<local>");
    machine.import_text("proxy.reg", &named).await?;
    let (facts, verdict) = gone(&machine, "http://no-such-host.invalid:8530").await?;
    let found = &facts["steps"]["proxy"]["found"];
    ensure!(
        *found == format!("http://127.0.0.1:{}", proxy.port),
        "{facts:#}"
    );
    ensure!(facts["steps"]["http"]["status"] == 407, "{facts:#}");
    ensure!(
        cause(&verdict) == "no-such-host.invalid:8530 proxy",
        "{verdict:#}"
    );
    let asked = proxy.asked();
    ensure!(
        asked
            .iter()
            .any(|q| q.contains("no-such-host.invalid:8530")),
        "{asked:?}"
    );
    ensure!(
        !asked.iter().any(|q| q.contains("Proxy-Authorization")),
        "{asked:?}"
    );
    Ok(())
}

#[tokio::test]
async fn where_scans_work_nobody_is_asked() -> anyhow::Result<()> {
    let machine = Prefix::new().await?.with_stand_ins().await?;
    let server = Answering::with(GOOD.to_owned()).await?;
    let (facts, verdict) = gone(&machine, &format!("http://127.0.0.1:{}", server.port)).await?;
    ensure!(facts["state"] == "not-probed", "{facts:#}");
    ensure!(verdict["state"] == "not-applicable", "{verdict:#}");
    ensure!(server.asked().is_empty(), "{:?}", server.asked());
    Ok(())
}
