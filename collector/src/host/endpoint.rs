//! An update server's address, and the way there step by step.
//!
//! The address comes from a policy, so it is taken strictly: `http` or `https`, a host, a port, no sign-in, at most [`LONGEST`] long.
//! The steps are also fields of `host.toml`, so that a recording says what a machine would.

#[cfg(any(windows, test))]
pub(in crate::host) mod walk;

use std::fmt;

use serde::{Deserialize, Serialize};
use sickbay_diagnosis::keys;
use tonic::transport::Uri;

/// Longest address that is gone to, in characters.
const LONGEST: usize = 1024;

/// What is asked for, and of whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Whether TLS is spoken.
    pub tls: bool,
    /// Name or address, IPv6 without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// What is asked for, from the slash on.
    pub path: String,
}

impl Endpoint {
    /// What the WSUS server of that address gives to everybody; `None` where the text is no address that could be gone to.
    pub fn of_wsus(server: &str) -> Option<Self> {
        let base = Self::parse(server)?;
        let folder = base.path.trim_end_matches('/');
        let path = format!("{folder}{}", keys::WSUS_VERSION_FILE);
        Some(Self { path, ..base })
    }

    /// Windows Update itself.
    pub fn of_windows_update() -> Option<Self> {
        Self::parse(keys::WINDOWS_UPDATE_SERVICE)
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() > LONGEST || text.contains('@') {
            return None;
        }
        let uri: Uri = text.parse().ok()?;
        let tls = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let host = uri.host()?;
        // Not by `port()`, for which a port that is too large is none at all.
        let port = match uri.authority()?.as_str().strip_prefix(host)? {
            "" if tls => 443,
            "" => 80,
            port => port.strip_prefix(':')?.parse().ok().filter(|p| *p > 0)?,
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        (!host.is_empty() && uri.query().is_none()).then(|| Self {
            tls,
            host: host.to_ascii_lowercase(),
            port,
            path: uri.path().to_owned(),
        })
    }

    /// `http` or `https`.
    pub const fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    /// The host as it stands in an address: IPv6 in brackets.
    pub fn bracketed_host(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        }
    }

    /// Host and port, also where the port would go without saying.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.bracketed_host(), self.port)
    }
}

/// The whole address, without a port that goes without saying.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.bracketed_host())?;
        if self.port != if self.tls { 443 } else { 80 } {
            write!(f, ":{}", self.port)?;
        }
        f.write_str(&self.path)
    }
}

/// A step on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepName {
    /// Looking which proxy the machine's settings name.
    Proxy,
    /// Looking up the address of the proxy, or else of the server.
    Dns,
    /// Connecting there.
    Tcp,
    /// TLS with the server.
    Tls,
    /// Asking, and being answered.
    Http,
}

impl StepName {
    /// The name in readings.
    pub const fn name(self) -> &'static str {
        keys::ENDPOINT_STEPS[self as usize]
    }
}

/// What came of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepOutcome {
    /// It led on. For HTTP: an answer came, whatever its status.
    Ok,
    /// It led no further.
    Failed,
}

impl StepOutcome {
    /// The word in readings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
        }
    }
}

/// A step that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Which.
    pub step: StepName,
    /// What came of it.
    pub outcome: StepOutcome,
    /// The Winsock or WinHTTP code of a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u32>,
    /// The status of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What it found: the proxy or `direct`, the addresses of a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// What the system says of a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
    /// How long it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
}

impl Step {
    /// It led on.
    pub const fn ok(step: StepName) -> Self {
        Self {
            step,
            outcome: StepOutcome::Ok,
            code: None,
            status: None,
            found: None,
            said: None,
            took_ms: None,
        }
    }

    /// It failed.
    pub fn failed(step: StepName, code: Option<u32>, said: String) -> Self {
        Self {
            outcome: StepOutcome::Failed,
            code,
            said: Some(said),
            ..Self::ok(step)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_gone_to_as_the_policy_writes_it() {
        let asked = |server: &str| {
            let endpoint = Endpoint::of_wsus(server)?;
            Some((endpoint.to_string(), endpoint.authority()))
        };
        for (server, url, authority) in [
            (
                "http://WSUS.example:8530",
                "http://wsus.example:8530/ClientWebService/wusserverversion.xml",
                "wsus.example:8530",
            ),
            (
                " https://wsus.example/ ",
                "https://wsus.example/ClientWebService/wusserverversion.xml",
                "wsus.example:443",
            ),
            (
                "http://wsus/site/",
                "http://wsus/site/ClientWebService/wusserverversion.xml",
                "wsus:80",
            ),
            (
                "http://[fe80::1]:8530",
                "http://[fe80::1]:8530/ClientWebService/wusserverversion.xml",
                "[fe80::1]:8530",
            ),
        ] {
            let expected = (url.to_owned(), authority.to_owned());
            assert_eq!(asked(server), Some(expected), "{server}");
        }
        let service = Endpoint::of_windows_update().expect("the service has an address");
        assert_eq!(service.to_string(), keys::WINDOWS_UPDATE_SERVICE);
        assert_eq!(service.authority(), "fe2.update.microsoft.com:443");
    }

    #[test]
    fn what_is_no_address_is_not_gone_to() {
        for server in [
            "",
            "wsus.example",
            "wsus.example:8530",
            "ftp://wsus",
            "http://",
            "http://user:secret@wsus:8530",
            "http://wsus:0",
            "http://wsus:99999",
            "http://wsus:8530?x=1",
            "http://wsus\r\nHost: other",
            "http://ws us",
            r"\\wsus\share",
            "file:///c:/x",
        ] {
            assert_eq!(Endpoint::of_wsus(server), None, "{server:?}");
        }
        let endless = format!("http://{}", "a".repeat(LONGEST));
        assert_eq!(Endpoint::of_wsus(&endless), None);
    }
}
