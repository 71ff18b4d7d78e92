//! Where a request comes from: the other end of the connection, or what a reverse proxy says that the owner trusts.

use std::net::{IpAddr, SocketAddr};

use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::serve::IncomingStream;
use ipnet::IpNet;
use tokio::net::TcpListener;

use crate::app::App;
use crate::problem::Problem;
use crate::web::TlsListener;

/// The header in which proxies say for whom they ask.
const FORWARDED_FOR: &str = "x-forwarded-for";
/// Most characters that are kept of what a browser says of itself.
const AGENT_CHARS: usize = 200;

/// The other end of a connection.
#[derive(Debug, Clone, Copy)]
pub struct PeerAddress(pub SocketAddr);

impl Connected<IncomingStream<'_, TcpListener>> for PeerAddress {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for PeerAddress {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// Who asks, as far as the network tells.
#[derive(Debug, Clone)]
pub struct Client {
    /// Their address.
    pub address: IpAddr,
    /// What their browser says that it is.
    pub agent: String,
}

impl FromRequestParts<App> for Client {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Ok(Self::of(app, parts))
    }
}

impl Client {
    /// Somebody of whom nothing is known.
    pub(crate) fn unknown() -> Self {
        Self {
            address: IpAddr::from([0, 0, 0, 0]),
            agent: String::new(),
        }
    }

    /// Who asks this.
    pub(crate) fn of(app: &App, parts: &Parts) -> Self {
        let peer = parts.extensions.get::<ConnectInfo<PeerAddress>>();
        let peer = peer.map_or(IpAddr::from([0, 0, 0, 0]), |info| info.0.0.ip());
        let agent = parts.headers.get(axum::http::header::USER_AGENT);
        let agent = agent.and_then(|agent| agent.to_str().ok()).unwrap_or("");
        Self {
            address: address(peer, &parts.headers, &app.config.web.trusted_proxies),
            agent: agent.chars().take(AGENT_CHARS).collect(),
        }
    }
}

/// The nearest address that is none of a trusted proxy: what is named before it, anybody can write.
fn address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| {
        let address = address.to_canonical();
        trusted.iter().any(|net| net.contains(&address))
    };
    if !is_trusted(&peer) {
        return peer;
    }
    let named: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let mut nearest = peer;
    for text in named.iter().rev() {
        let Some(address) = read(text.trim()) else {
            break;
        };
        nearest = address;
        if !is_trusted(&address) {
            break;
        }
    }
    nearest
}

/// An address, which some proxies write with a port.
fn read(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_believed_only_where_the_owner_trusts_it() {
        let trusted = [
            "10.0.0.0/8".parse().expect("a net"),
            "::1/128".parse().expect("a net"),
        ];
        for (peer, said, expected) in [
            ("192.0.2.1", Some("203.0.113.9"), "192.0.2.1"),
            ("10.0.0.1", None, "10.0.0.1"),
            ("10.0.0.1", Some("203.0.113.9"), "203.0.113.9"),
            ("::1", Some("2001:db8::7"), "2001:db8::7"),
            ("::ffff:10.0.0.1", Some("203.0.113.9:4711"), "203.0.113.9"),
            // What a client wrote itself stands before what the proxy adds.
            ("10.0.0.1", Some("127.0.0.1, 203.0.113.9"), "203.0.113.9"),
            ("10.0.0.1", Some("203.0.113.9, 10.9.9.9"), "203.0.113.9"),
            ("10.0.0.1", Some("nonsense"), "10.0.0.1"),
            ("10.0.0.1", Some("203.0.113.9, nonsense"), "10.0.0.1"),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(said) = said {
                headers.insert(FORWARDED_FOR, said.parse().expect("a header"));
            }
            let found = address(peer.parse().expect("an address"), &headers, &trusted);
            assert_eq!(found.to_string(), expected, "{peer} {said:?}");
        }
    }
}
