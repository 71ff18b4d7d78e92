//! The way to a server, step by step, for `self-test`: which step fails, and with what words. Changes nothing on either side.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rcgen::KeyPair;
use tokio::net::TcpStream;

use super::connection::{CALL, CallError, Route, ServerUrl, connect};
use super::message::Reason;
use super::proxy::{self, ProxyUrl};
use super::tls;
use super::{CaPin, chain};
use crate::clock::{now, time_of};
use crate::host::Host;
use crate::state::Identity;

/// How long a step may take.
const STEP: Duration = Duration::from_secs(10);
/// By how much the two clocks may differ before it matters: TLS is tolerant here, Kerberos is not.
const CLOCK_TOLERANCE_MS: i64 = 5 * 60_000;

/// A step on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is looked at.
    pub name: &'static str,
    /// What was found, or why it fails and what to do about it.
    pub outcome: Result<String, Trouble>,
}

/// Why a step fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub fix: String,
}

impl Trouble {
    /// What is wrong and what to do.
    pub fn new(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            fix: fix.into(),
        }
    }
}

/// By what the device and the server know each other.
#[derive(Debug)]
pub enum Standing<'a> {
    /// It has a certificate.
    Enrolled(&'a Identity, &'a KeyPair),
    /// It has pins at most.
    NotEnrolled(&'a [CaPin]),
}

/// Goes the way to `url` as far as it leads.
pub async fn probe(
    url: &ServerUrl,
    set: Option<&ProxyUrl>,
    host: &dyn Host,
    standing: &Standing<'_>,
) -> Vec<Step> {
    let mut steps = Vec::new();
    let route = Route::to(url.clone(), set, host);
    steps.push(Step {
        name: "proxy",
        outcome: Ok(said_of_proxy(&route, set)),
    });
    let (name, port) = match &route.proxy {
        None => (url.host(), url.port()),
        Some(proxy) => (proxy.host.as_str(), proxy.port),
    };
    let resolved = resolve(name, port).await;
    let leads_on = resolved.is_ok();
    steps.push(Step {
        name: "name",
        outcome: resolved,
    });
    if !leads_on {
        return steps;
    }
    let reached = reach(name, port).await;
    let (outcome, stream) = match reached {
        Ok((said, stream)) => (Ok(said), Some(stream)),
        Err(trouble) => (Err(trouble), None),
    };
    steps.push(Step {
        name: "tcp",
        outcome,
    });
    let Some(mut stream) = stream else {
        return steps;
    };
    if route.proxy.is_some() {
        let tunnel = proxy::tunnel(&mut stream, url.host(), url.port());
        let tunnel = match tokio::time::timeout(STEP, tunnel).await {
            Ok(tunnel) => tunnel.map_err(|error| error.to_string()),
            Err(_) => Err(format!(
                "the proxy said nothing within {} s",
                STEP.as_secs()
            )),
        };
        let leads_on = tunnel.is_ok();
        steps.push(Step {
            name: "tunnel",
            outcome: tunnel
                .map(|()| format!("the proxy connects to {}:{}", url.host(), url.port()))
                .map_err(|error| {
                    Trouble::new(
                        error,
                        "Let the proxy pass CONNECT to the server's host and port, or set ProxyUrl to another one or to direct.",
                    )
                }),
        });
        if !leads_on {
            return steps;
        }
    }
    drop(stream);
    steps.extend(greet(&route, standing).await);
    steps
}

fn said_of_proxy(route: &Route, set: Option<&ProxyUrl>) -> String {
    match (&route.proxy, set) {
        (None, Some(_)) => "none, as ProxyUrl says".to_owned(),
        (None, None) => {
            "none: ProxyUrl is not set, and the machine's WinHTTP settings name none for this server".to_owned()
        }
        (Some(proxy), Some(_)) => format!("{proxy}, as ProxyUrl says"),
        (Some(proxy), None) => format!("{proxy}, as the machine's WinHTTP settings say"),
    }
}

async fn resolve(name: &str, port: u16) -> Result<String, Trouble> {
    let fix = format!(
        "Correct the name in ServerUrls, or the DNS record; `nslookup {name}` shows what this machine gets."
    );
    let looking = tokio::time::timeout(STEP, tokio::net::lookup_host((name, port)));
    match looking.await {
        Err(_) => Err(Trouble::new(
            format!("{name} was not resolved within {} s", STEP.as_secs()),
            fix,
        )),
        Ok(Err(error)) => Err(Trouble::new(
            format!("{name} cannot be resolved: {error}"),
            fix,
        )),
        Ok(Ok(addresses)) => {
            let mut found: Vec<String> = addresses.map(|at| at.ip().to_string()).collect();
            found.dedup();
            if found.is_empty() {
                return Err(Trouble::new(format!("{name} has no address"), fix));
            }
            Ok(format!("{name} is {}", found.join(", ")))
        }
    }
}

async fn reach(name: &str, port: u16) -> Result<(String, TcpStream), Trouble> {
    let fix = "Look whether the server runs, and whether a firewall on the way lets this machine through.";
    let since = Instant::now();
    match tokio::time::timeout(STEP, TcpStream::connect((name, port))).await {
        Err(_) => Err(Trouble::new(
            format!("{name}:{port} did not answer within {} s", STEP.as_secs()),
            fix,
        )),
        Ok(Err(error)) => Err(Trouble::new(format!("{name}:{port}: {error}"), fix)),
        Ok(Ok(stream)) => {
            let said = format!(
                "{name}:{port} answers after {} ms",
                since.elapsed().as_millis()
            );
            Ok((said, stream))
        }
    }
}

/// TLS, the clock, and what the server thinks of this device.
async fn greet(route: &Route, standing: &Standing<'_>) -> Vec<Step> {
    let config = match standing {
        Standing::Enrolled(identity, key) => tls::config_of(identity, key),
        Standing::NotEnrolled(pins) => tls::config_by_pin(pins),
    };
    let step = |name, outcome| Step { name, outcome };
    let config = match config {
        Ok(config) => Arc::new(config),
        Err(error) => {
            let trouble = Trouble::new(
                chain(&error),
                "Set ServerCaPins to the pin that `sickbay-server ca show` prints.",
            );
            return vec![step("tls", Err(trouble))];
        }
    };
    let rpc = match connect(route, config).await {
        Ok(rpc) => rpc,
        Err(error) => return vec![step("tls", Err(trouble_of_tls(&error)))],
    };
    let trusted = match standing {
        Standing::Enrolled(..) => "the server's certificate leads to the CA that this device knows",
        Standing::NotEnrolled(_) => "the server presents a CA that ServerCaPins names",
    };
    let mut steps = vec![step("tls", Ok(trusted.to_owned()))];
    let knocked = tokio::time::timeout(CALL.min(STEP), rpc.knock()).await;
    let Ok(knocked) = knocked else {
        let trouble = Trouble::new(
            format!(
                "the server took the connection and did not answer within {} s",
                STEP.as_secs()
            ),
            "Look into the server's log.",
        );
        steps.push(step("server", Err(trouble)));
        return steps;
    };
    if let Some(date) = knocked.date {
        steps.push(step("clock", clock(date)));
    }
    steps.push(step("certificate", accepted(&knocked.answer, standing)));
    steps
}

fn trouble_of_tls(error: &CallError) -> Trouble {
    let what = chain(error);
    let fix = if what.contains("pinned SHA-256") {
        "Compare ServerCaPins with `sickbay-server ca show`. If they agree, something between this machine and the server answers in its place."
    } else if what.contains("UnknownIssuer") {
        "The server has another CA than the one this device enrolled with. Was it set up anew? Restore its CA, or remove this machine's state folder to enrol again."
    } else if what.contains("NotValidForName") {
        "The server's certificate does not name the host in ServerUrls; add the name to collectors.names in the server's settings."
    } else {
        "If something on the way inspects TLS, exempt the server's host from it: the collector accepts only the server's own certificate."
    };
    Trouble::new(what, fix)
}

fn clock(server: SystemTime) -> Result<String, Trouble> {
    let server = time_of(server);
    let ahead = now().millis().saturating_sub(server.millis());
    if ahead.abs() <= CLOCK_TOLERANCE_MS {
        return Ok("this machine's clock and the server's agree".to_owned());
    }
    let how = if ahead > 0 { "ahead of" } else { "behind" };
    Err(Trouble::new(
        format!(
            "this machine's clock is {} minutes {how} the server's, which says {server}",
            ahead.abs() / 60_000
        ),
        "Set the clock that is wrong: `w32tm /query /status` and `w32tm /resync`.",
    ))
}

/// The server was asked for something that it refuses to everybody; how it refuses tells whom it takes us for.
fn accepted(answer: &Result<(), CallError>, standing: &Standing<'_>) -> Result<String, Trouble> {
    let reason = match answer {
        Ok(()) => None,
        Err(error) => match error.refusal() {
            Some(refusal) => Some(refusal.reason),
            None => {
                return Err(Trouble::new(
                    chain(error),
                    "If the device's certificate has expired, the server closes the connection; remove the state folder to enrol again.",
                ));
            }
        },
    };
    match (reason, standing) {
        (None | Some(Reason::BadRequest), Standing::Enrolled(identity, _)) => Ok(format!(
            "the server knows this device as {}",
            identity.device_id
        )),
        (Some(Reason::CertificateMissing), Standing::NotEnrolled(_)) => {
            Ok("none yet, and the server would take one".to_owned())
        }
        (Some(Reason::DeviceRevoked), _) => Err(Trouble::new(
            "this device was revoked",
            "If that was a mistake: stop the service, remove the state folder, start it, and approve the device that appears.",
        )),
        (Some(Reason::DeviceRetired), _) => Err(Trouble::new(
            "this device was retired",
            "Stop the service, remove the state folder, start it, and approve the device that appears.",
        )),
        (Some(Reason::DeviceUnknown), _) => Err(Trouble::new(
            "the server does not know this device, or it waits for approval",
            "Approve it on the server's page /enrolment. Where the server was restored from an older copy, set an EnrolmentToken.",
        )),
        (other, _) => Err(Trouble::new(
            format!("the server refuses: {other:?}"),
            "Look into the server's log.",
        )),
    }
}
