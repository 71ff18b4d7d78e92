//! Reaching a server: URL, TCP, TLS, HTTP/2.

use std::error::Error as _;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Endpoint, Uri};

use super::message::{Reason, Refusal};
use super::proxy::{self, Proxy, ProxyUrl};
use super::words::plain;
use crate::host::Host;
use crate::wire::{Rpc, WireError};

/// How long DNS, TCP and TLS may take together.
const CONNECT: Duration = Duration::from_secs(20);
/// Silence after which the connection is probed, and how long the probe may take.
const PROBE_AFTER: Duration = Duration::from_secs(30);
const PROBE_ANSWER: Duration = Duration::from_secs(20);
/// How long a single call, such as an enrolment, may take.
pub(super) const CALL: Duration = Duration::from_mins(1);
/// Window of a connection, in bytes; the server sends little, so that thousands of collectors in one process stay cheap.
const WINDOW_BYTES: u32 = 64 * 1024;
/// Longest account of a failure, in characters; a server has a word in it.
const REASON_CHARS: usize = 600;

/// Where a server listens for collectors: `https://HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl {
    host: String,
    port: u16,
    name: ServerName<'static>,
}

/// A text that is no server URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{url:?} is not a server URL: {problem}; write it as https://HOST:PORT, for example https://sickbay.example.com:7443"
)]
pub struct BadServerUrl {
    url: String,
    problem: &'static str,
}

impl FromStr for ServerUrl {
    type Err = BadServerUrl;

    fn from_str(url: &str) -> Result<Self, BadServerUrl> {
        let bad = |problem| BadServerUrl {
            url: proxy::without_sign_in(url),
            problem,
        };
        let uri: Uri = url.trim().parse().map_err(|_| bad("it is no URL"))?;
        if uri.scheme_str() != Some("https") {
            return Err(bad("it does not begin with https://"));
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(bad("something follows the port"));
        }
        let host = uri.host().unwrap_or_default();
        let host = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        let port = uri.port_u16().ok_or_else(|| bad("it names no port"))?;
        let name = ServerName::try_from(host.clone())
            .map_err(|_| bad("its host is no name and no address"))?;
        Ok(Self { host, port, name })
    }
}

impl ServerUrl {
    /// Its name or address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "https://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "https://{}:{}", self.host, self.port)
        }
    }
}

/// Why a call to the server did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The server could not be reached.
    #[error("connect to {url}: {reason}")]
    Connect {
        /// Where it should be.
        url: String,
        /// What happened, with its causes.
        reason: String,
    },
    /// The connection broke while it was used.
    #[error("the connection to the server broke: {0}")]
    Broken(String),
    /// The server refused.
    #[error("the server refused")]
    Refused(#[source] Refusal),
    /// A message was not what the protocol allows.
    #[error("a message does not fit the protocol")]
    Wire(#[from] WireError),
}

impl CallError {
    /// The server's refusal, where there is one.
    pub const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Why the server refused, where it did.
    pub fn reason(&self) -> Option<Reason> {
        self.refusal().map(|refusal| refusal.reason)
    }

    pub(crate) fn broken(status: &tonic::Status) -> Self {
        let mut reason = status.message().to_owned();
        let mut source = status.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !reason.contains(&cause_text) {
                reason = format!("{reason}: {cause_text}");
            }
            source = cause.source();
        }
        Self::Broken(plain(&reason, REASON_CHARS))
    }
}

/// How a server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) url: ServerUrl,
    /// On the way; `None` for a direct connection.
    pub(super) proxy: Option<Proxy>,
}

impl Route {
    /// To `url`, by the proxy that was set, else by the machine's own.
    pub(super) fn to(url: ServerUrl, set: Option<&ProxyUrl>, host: &dyn Host) -> Self {
        let proxy = match set {
            Some(ProxyUrl::Direct) => None,
            Some(ProxyUrl::Via(proxy)) => Some(proxy.clone()),
            None => host
                .machine_proxy()
                .and_then(|machine| machine.towards(&url.host)),
        };
        Self { url, proxy }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.proxy {
            None => self.url.fmt(f),
            Some(proxy) => write!(f, "{} by the proxy {proxy}", self.url),
        }
    }
}

/// Connects by `route`. The channel is for one session and its calls; it is not reconnected behind the session's back.
pub(super) async fn connect(route: &Route, tls: Arc<ClientConfig>) -> Result<Rpc, CallError> {
    let url = &route.url;
    let failed = |reason: String| CallError::Connect {
        url: route.to_string(),
        // A server's certificate may name whatever it likes.
        reason: plain(&reason, REASON_CHARS),
    };
    let connecting = async {
        let (host, port) = match &route.proxy {
            None => (url.host.as_str(), url.port),
            Some(proxy) => (proxy.host.as_str(), proxy.port),
        };
        let mut tcp = TcpStream::connect((host, port))
            .await
            .map_err(|error| failed(error.to_string()))?;
        tcp.set_nodelay(true)
            .map_err(|error| failed(error.to_string()))?;
        if route.proxy.is_some() {
            proxy::tunnel(&mut tcp, &url.host, url.port)
                .await
                .map_err(|error| failed(error.to_string()))?;
        }
        TlsConnector::from(tls)
            .connect(url.name.clone(), tcp)
            .await
            .map_err(|error| failed(error.to_string()))
    };
    let stream = tokio::time::timeout(CONNECT, connecting)
        .await
        .map_err(|_| failed(format!("no answer within {} s", CONNECT.as_secs())))??;

    let origin: Uri = url.to_string().parse().expect("a server URL is a URI");
    // The scheme only tells tonic not to add TLS of its own: the stream already is TLS.
    let endpoint = Endpoint::from_static("http://sickbay")
        .origin(origin)
        .http2_keep_alive_interval(PROBE_AFTER)
        .keep_alive_timeout(PROBE_ANSWER)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES);
    let mut stream = Some(TokioIo::new(stream));
    let connector = tower::service_fn(move |_: Uri| {
        let stream = stream
            .take()
            .ok_or_else(|| std::io::Error::other("the connection ended"));
        async move { stream }
    });
    let channel = endpoint
        .connect_with_connector(connector)
        .await
        .map_err(|error| failed(error.to_string()))?;
    Ok(Rpc::new(channel))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_broke_is_told_in_one_line_that_commands_no_terminal() {
        let status = tonic::Status::unknown(format!("a\r\nb\u{9b}31m{}", "c".repeat(5000)));
        let told = CallError::broken(&status).to_string();
        assert!(told.contains("broke: a  b31mcc"), "{told}");
        assert!(told.chars().count() < REASON_CHARS + 100);
    }

    #[test]
    fn server_urls_are_read_strictly_and_a_wrong_one_says_what_is_wrong() {
        for good in [
            "https://sickbay.example.com:7443",
            "https://127.0.0.1:7443",
            "https://[::1]:7443",
        ] {
            assert_eq!(
                good.parse::<ServerUrl>().map(|url| url.to_string()),
                Ok(good.to_owned())
            );
        }
        for (bad, why) in [
            ("http://a:1", "https"),
            ("https://a", "port"),
            ("a b", "no URL"),
            ("https://a:7443/path", "follows"),
            ("https://a_b!:7443", "no name"),
        ] {
            let error = bad.parse::<ServerUrl>().expect_err(bad).to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
