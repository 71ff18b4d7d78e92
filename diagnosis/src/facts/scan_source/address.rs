//! The address of a WSUS server.

/// A WSUS address that is a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WsusAddress {
    tls: bool,
    /// Host, port and path, in one spelling.
    rest: String,
}

impl WsusAddress {
    /// Reads `http://server:8530`; `None` for a text that is no such URL.
    pub fn parse(text: &str) -> Option<Self> {
        let lower = text.trim().to_ascii_lowercase();
        let (tls, rest) = match lower.strip_prefix("https://") {
            Some(rest) => (true, rest),
            None => (false, lower.strip_prefix("http://")?),
        };
        let rest = rest.trim_end_matches('/');
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let authority = authority
            .strip_suffix(if tls { ":443" } else { ":80" })
            .unwrap_or(authority);
        is_authority(authority).then(|| Self {
            tls,
            rest: [authority, path].concat(),
        })
    }

    /// Whether the transport is TLS.
    pub const fn is_tls(&self) -> bool {
        self.tls
    }

    /// `https` or `http`.
    pub const fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }
}

/// The address in one spelling: lower case, no slash at its end, no port that goes without saying. A text that is no URL only
/// loses its case and the spaces around it.
pub(super) fn normalise(text: &str) -> String {
    WsusAddress::parse(text).map_or_else(
        || text.trim().to_ascii_lowercase(),
        |address| address.to_string(),
    )
}

impl std::fmt::Display for WsusAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.scheme())?;
        f.write_str("://")?;
        f.write_str(&self.rest)
    }
}

/// A host name or address, with a port that is a number where there is one.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    let known = |c: char| c.is_ascii_alphanumeric() || ".-_[]:%".contains(c) || !c.is_ascii();
    !host.is_empty()
        && host.chars().all(known)
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|p| p > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_written_in_several_ways_is_one_server() {
        for text in [
            "HTTP://WSUS.corp.example:8530",
            " http://wsus.corp.example:8530/ ",
        ] {
            assert_eq!(normalise(text), "http://wsus.corp.example:8530");
        }
        assert_eq!(normalise("https://wsus:443/"), "https://wsus");
        assert_eq!(normalise("http://[fe80::1]:8530"), "http://[fe80::1]:8530");
    }

    #[test]
    fn an_address_that_is_no_url_is_told_from_one() {
        for text in [
            "wsus.corp.example",
            "http://",
            "http:/wsus",
            "http://ws us:8530",
            "http://wsus:port",
        ] {
            assert_eq!(WsusAddress::parse(text), None, "{text}");
        }
    }
}
