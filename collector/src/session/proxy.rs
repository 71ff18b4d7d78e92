//! The way out through a proxy: HTTP CONNECT, without credentials.
//!
//! Promises: nothing but the server's host and port is told to the proxy, TLS runs through it end to end; its answer is read up to
//! [`MAX_ANSWER`] bytes. Leaves out PAC scripts, proxies that are spoken to by TLS, and authentication (Basic, Negotiate).

use std::fmt;
use std::str::FromStr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::words::plain;

/// Largest header of a proxy's answer, in bytes.
const MAX_ANSWER: usize = 16 * 1024;

/// What a person set: a proxy, or that there is to be none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProxyUrl {
    /// `direct`: none, although the machine may name one.
    Direct,
    /// `http://HOST:PORT`.
    Via(Proxy),
}

/// A proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl Proxy {
    /// Its name and port.
    pub fn authority(&self) -> String {
        authority(&self.host, self.port)
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority())
    }
}

impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct => f.write_str("direct"),
            Self::Via(proxy) => proxy.fmt(f),
        }
    }
}

/// A text that names no proxy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{url:?} is not a proxy: {problem}; write it as http://HOST:PORT, for example http://proxy.example.com:8080, or as direct for none"
)]
pub struct BadProxyUrl {
    url: String,
    problem: &'static str,
}

impl FromStr for ProxyUrl {
    type Err = BadProxyUrl;

    fn from_str(url: &str) -> Result<Self, BadProxyUrl> {
        let bad = |problem| BadProxyUrl {
            // Errors stand in logs that many may read.
            url: without_sign_in(url),
            problem,
        };
        let trimmed = url.trim();
        if trimmed.eq_ignore_ascii_case("direct") {
            return Ok(Self::Direct);
        }
        let uri: tonic::transport::Uri = trimmed.parse().map_err(|_| bad("it is no URL"))?;
        if uri.scheme_str() != Some("http") {
            return Err(bad("it does not begin with http://"));
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(bad("something follows the port"));
        }
        let authority = uri.authority().ok_or_else(|| bad("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(bad("it holds a password, which proxies are not given"));
        }
        let host = authority.host();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = authority
            .port_u16()
            .ok_or_else(|| bad("it names no port"))?;
        if host.is_empty() {
            return Err(bad("it names no host"));
        }
        Ok(Self::Via(Proxy {
            host: host.to_owned(),
            port,
        }))
    }
}

/// An address without the name and password that may stand before its host.
pub(super) fn without_sign_in(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://***@{host}"),
        (None, Some((_, host))) => format!("***@{host}"),
        _ => url.to_owned(),
    }
}

/// The machine's own proxy, as WinHTTP keeps it (`netsh winhttp show proxy`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineProxy {
    /// One for all schemes, or a list of `scheme=host:port`; empty for none.
    pub proxy: String,
    /// Hosts that are reached directly, with `*` and `<local>`.
    pub bypass: String,
}

impl MachineProxy {
    /// The proxy on the way to `host` by TLS; `None` where it is to be reached directly.
    pub fn towards(&self, host: &str) -> Option<Proxy> {
        self.towards_by("https", host)
    }

    /// The same for any scheme.
    pub fn towards_by(&self, scheme: &str, host: &str) -> Option<Proxy> {
        by_machine(&self.proxy, &self.bypass, scheme, host)
    }
}

fn by_machine(proxy: &str, bypass: &str, scheme: &str, host: &str) -> Option<Proxy> {
    if separated(bypass).any(|pattern| bypasses(pattern, host)) {
        return None;
    }
    let (mut own, mut any) = (None, None);
    for entry in separated(proxy) {
        match entry.split_once('=') {
            Some((of, address)) if of.eq_ignore_ascii_case(scheme) => {
                own = Some(address);
            }
            Some(_) => {}
            None => any = Some(entry),
        }
    }
    let address = own.or(any)?;
    let address = address.strip_prefix("http://").unwrap_or(address);
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() => (host, port.trim_end_matches('/').parse().ok()?),
        _ => (address, 80),
    };
    Some(Proxy {
        host: host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned(),
        port,
    })
}

fn separated(list: &str) -> impl Iterator<Item = &str> {
    list.split(|c: char| c == ';' || c.is_whitespace())
        .filter(|entry| !entry.is_empty())
}

fn bypasses(pattern: &str, host: &str) -> bool {
    if pattern.eq_ignore_ascii_case("<local>") {
        return !host.contains(['.', ':']);
    }
    let (pattern, host) = (pattern.to_ascii_lowercase(), host.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = host.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    true
}

/// Why there is no way through.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoTunnel {
    #[error(
        "the proxy wants a sign-in (407), which the collector does not do; let it pass without one to the server's address"
    )]
    SignIn,
    #[error("the proxy refused to connect to {0}: {1}")]
    Refused(String, String),
    #[error("the proxy does not speak HTTP")]
    Nonsense,
    #[error("the proxy: {0}")]
    Broken(#[from] std::io::Error),
}

/// Has the proxy at the other end of `stream` connect to `host` and `port`.
pub(super) async fn tunnel(stream: &mut TcpStream, host: &str, port: u16) -> Result<(), NoTunnel> {
    let to = authority(host, port);
    let asking = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n");
    stream.write_all(asking.as_bytes()).await?;
    let mut answer = Vec::new();
    // By the byte, because what follows the header belongs to TLS already.
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() >= MAX_ANSWER {
            return Err(NoTunnel::Nonsense);
        }
        answer.push(stream.read_u8().await?);
    }
    let text = String::from_utf8_lossy(&answer);
    let line = text.lines().next().unwrap_or_default();
    let status = line
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1))
        .and_then(|status| status.parse::<u16>().ok());
    match status {
        Some(200..=299) => Ok(()),
        Some(407) => Err(NoTunnel::SignIn),
        Some(_) => Err(NoTunnel::Refused(to, plain(line, 120))),
        None => Err(NoTunnel::Nonsense),
    }
}

fn authority(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn proxies_are_read_strictly_and_a_wrong_one_says_what_is_wrong() {
        for good in ["http://proxy.example:8080", "http://[::1]:3128", "direct"] {
            assert_eq!(good.parse::<ProxyUrl>().unwrap().to_string(), good);
        }
        for (bad, why) in [
            ("https://proxy.example:8080", "http://"),
            ("http://proxy.example", "no port"),
            ("http://user:secret@proxy.example:1", "password"),
            ("http://proxy.example:1/proxy.pac", "follows"),
            ("proxy.example:8080", "http://"),
        ] {
            let error = bad.parse::<ProxyUrl>().expect_err(bad).to_string();
            assert!(error.contains(why), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn the_machines_own_proxy_counts_for_secure_connections_and_not_where_it_is_bypassed() {
        let by =
            |proxy, bypass, host| by_machine(proxy, bypass, "https", host).map(|p| p.to_string());
        let server = "sickbay.corp.example";
        assert_eq!(by("p:8080", "", server), Some("http://p:8080".to_owned()));
        assert_eq!(
            by("http=a:1;https=b:2", "<local>", server),
            Some("http://b:2".to_owned())
        );
        assert_eq!(by("http=a:1", "", server), None);
        assert_eq!(by("p:8080", "<local>", "sickbay"), None);
        assert_eq!(by("p:8080", "*.corp.example", server), None);
        assert_eq!(by("p:8080", "sick*.example", server), None);
        assert_eq!(by("p:8080", "10.*;other.example", "10.1.2.3"), None);
        assert_eq!(by("p", "", server), Some("http://p:80".to_owned()));
        assert_eq!(by("p:none", "", server), None);
    }

    #[tokio::test]
    async fn what_a_proxy_says_decides_and_nothing_of_tls_is_lost() {
        for (answer, expected) in [
            (
                "HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n\x16",
                "",
            ),
            (
                "HTTP/1.0 407 Proxy Authentication Required\r\n\r\n",
                "sign-in",
            ),
            ("HTTP/1.1 403 Forbidden\x1b[2J\r\n\r\n", "403 Forbidden[2J"),
            ("SSH-2.0-OpenSSH\r\n\r\n", "does not speak HTTP"),
            ("", "proxy:"),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let proxy = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut asked = vec![0; 4096];
                let length = stream.read(&mut asked).await.unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
                String::from_utf8_lossy(&asked[..length]).into_owned()
            });
            let mut stream = TcpStream::connect(address).await.unwrap();
            let result = tunnel(&mut stream, "sickbay.example", 7443).await;
            let asked = proxy.await.unwrap();
            assert!(
                asked.starts_with("CONNECT sickbay.example:7443 HTTP/1.1\r\n"),
                "{asked}"
            );
            if expected.is_empty() {
                result.unwrap();
                assert_eq!(stream.read_u8().await.unwrap(), 0x16);
            } else {
                let error = result.unwrap_err().to_string();
                assert!(error.contains(expected), "{error}");
            }
        }
    }
}
