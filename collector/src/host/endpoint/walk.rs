//! Going the way to an update server: what of it needs no Windows.
//!
//! Promises: the way is gone once, at the first address that connects; whoever waits for it is told at any moment how far it has come,
//! so that a step that hangs is named as the one that timed out. A name has at most [`ADDRESSES`] of its addresses tried, all together
//! for [`CONNECTING`].

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sickbay_diagnosis::keys;

use super::{Endpoint, Step, StepName};
use crate::session::{MachineProxy, Proxy};

/// Most addresses of a name that are tried.
const ADDRESSES: usize = 4;
/// Longest time for connecting, over all of them.
const CONNECTING: Duration = Duration::from_secs(6);
/// What Winsock says of a connection that nobody answers.
const TIMED_OUT: u32 = 10060;

/// How far it has come; shared by who goes and who waits.
#[derive(Debug, Clone, Default)]
pub(in crate::host) struct Progress(Arc<Mutex<Made>>);

#[derive(Debug, Default)]
struct Made {
    steps: Vec<Step>,
    at: Option<(StepName, Instant)>,
}

impl Progress {
    /// From here on it is at this step.
    pub(in crate::host) fn begin(&self, step: StepName) {
        self.lock().at = Some((step, Instant::now()));
    }

    /// The step has come to its end; whether it led on.
    pub(in crate::host) fn end(&self, mut step: Step) -> bool {
        let mut made = self.lock();
        let since = made.at.take().map(|(_, since)| since);
        step.took_ms = since.map(|since| millis(since.elapsed()));
        let leads_on = step.outcome == super::StepOutcome::Ok;
        made.steps.push(step);
        leads_on
    }

    /// The steps so far; the one that it is at counts as failed, because nobody waits for it any longer.
    pub(in crate::host) fn given_up(&self) -> Vec<Step> {
        let made = self.lock();
        let mut steps = made.steps.clone();
        if let Some((step, since)) = made.at {
            let said = "did not end in time".to_owned();
            steps.push(Step {
                took_ms: Some(millis(since.elapsed())),
                ..Step::failed(step, Some(TIMED_OUT), said)
            });
        }
        steps
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Made> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A step failed, and the way leads no further.
#[derive(Debug)]
pub(in crate::host) struct DeadEnd;

/// Goes as far as a connection, to the proxy where the machine's settings name one: that proxy, where it leads on.
pub(in crate::host) fn to_connection(
    endpoint: &Endpoint,
    settings: Option<&MachineProxy>,
    progress: &Progress,
) -> Result<Option<Proxy>, DeadEnd> {
    progress.begin(StepName::Proxy);
    let proxy = settings.and_then(|proxy| proxy.towards_by(endpoint.scheme(), &endpoint.host));
    progress.end(Step {
        found: Some(
            proxy
                .as_ref()
                .map_or_else(|| keys::DIRECT.to_owned(), Proxy::to_string),
        ),
        ..Step::ok(StepName::Proxy)
    });
    let (host, port) = match &proxy {
        Some(proxy) => (proxy.host.as_str(), proxy.port),
        None => (endpoint.host.as_str(), endpoint.port),
    };
    progress.begin(StepName::Dns);
    let found = (host, port).to_socket_addrs().map(Iterator::collect);
    let addresses: Vec<SocketAddr> = match found {
        Ok(addresses) => addresses,
        Err(error) => {
            progress.end(failure(StepName::Dns, &error));
            return Err(DeadEnd);
        }
    };
    let shown: Vec<String> = addresses.iter().map(|a| a.ip().to_string()).collect();
    progress.end(Step {
        found: Some(shown.join(" ")),
        ..Step::ok(StepName::Dns)
    });
    progress.begin(StepName::Tcp);
    let step = match connect(&addresses) {
        Ok(()) => Step::ok(StepName::Tcp),
        Err(step) => step,
    };
    progress.end(step).then_some(proxy).ok_or(DeadEnd)
}

/// Connects to the first address that lets it, and hangs up.
fn connect(addresses: &[SocketAddr]) -> Result<(), Step> {
    let since = Instant::now();
    let mut failed: Option<Step> = None;
    for address in addresses.iter().take(ADDRESSES) {
        let left = CONNECTING.saturating_sub(since.elapsed());
        if left.is_zero() {
            break;
        }
        match TcpStream::connect_timeout(address, left) {
            Ok(_) => return Ok(()),
            Err(error) => {
                let step = failure(StepName::Tcp, &error);
                // Name servers give addresses in changing order. Of the codes of several the highest is told, which also puts "refused"
                // before "unreachable", as most machines without IPv6 find that way.
                if failed.as_ref().is_none_or(|known| known.code < step.code) {
                    failed = Some(step);
                }
            }
        }
    }
    let nowhere = || Step::failed(StepName::Tcp, None, "there is no address".to_owned());
    Err(failed.unwrap_or_else(nowhere))
}

fn failure(step: StepName, error: &io::Error) -> Step {
    let code = match error.raw_os_error() {
        Some(code) => u32::try_from(code).ok(),
        None if error.kind() == io::ErrorKind::TimedOut => Some(TIMED_OUT),
        None => None,
    };
    Step::failed(step, code, error.to_string())
}

/// The code that says more than "something about TLS" (12175), where WinHTTP said what of the certificate was wrong (the flags of
/// `WINHTTP_CALLBACK_STATUS_SECURE_FAILURE`). Of several the one that is mended first.
pub(in crate::host) fn code_of_secure_failure(code: u32, flags: u32) -> u32 {
    const SECURE_FAILURE: u32 = 12175;
    const BY_FLAG: [(u32, u32); 8] = [
        (0x08, 12045),        // root not trusted
        (0x20, 12037),        // outside its dates
        (0x10, 12038),        // for another name
        (0x04, 12170),        // revoked
        (0x40, 12179),        // not meant for a server
        (0x02, 12169),        // invalid
        (0x01, 12057),        // revocation not checked
        (0x8000_0000, 12157), // no channel
    ];
    let found = BY_FLAG.iter().find(|(flag, _)| flags & flag != 0);
    match found {
        Some((_, told)) if code == SECURE_FAILURE => *told,
        _ => code,
    }
}

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
