//! What a kit tells the collectors of a domain.

use crate::registry_pol::{Data, Entry};

/// Where group policy writes, below `HKLM`.
const KEY: &str = r"SOFTWARE\Policies\Sickbay\Collector";
/// Most entries of a list, and bytes of an entry, that a collector takes.
const ENTRIES: usize = 32;
const ENTRY_BYTES: usize = 512;

/// The settings without which no collector joins. All others are made in the policy editor.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    server_urls: Vec<String>,
    token: String,
    ca_pins: Vec<String>,
}

/// A setting that no collector could use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSetting {
    /// Not `https://HOST:PORT`.
    #[error(
        "{0:?} is no server: write it as https://HOST:PORT, for example https://sickbay.example.com:7443"
    )]
    ServerUrl(String),
    /// No pin.
    #[error("{0:?} is no pin: it has 64 hexadecimal digits, as `sickbay-server ca show` prints it")]
    CaPin(String),
    /// No token. It is not repeated, because messages end up in logs.
    #[error(
        "the token cannot be right: it is printed by `sickbay-server token create`, without blanks, at most {ENTRY_BYTES} bytes"
    )]
    Token,
    /// None, or too many.
    #[error("a kit names from 1 to {ENTRIES} {0}")]
    Count(&'static str),
}

impl Settings {
    /// Checks what a collector would check.
    pub fn new(
        server_urls: Vec<String>,
        token: String,
        ca_pins: Vec<String>,
    ) -> Result<Self, BadSetting> {
        if !(1..=ENTRIES).contains(&server_urls.len()) {
            return Err(BadSetting::Count("servers"));
        }
        if !(1..=ENTRIES).contains(&ca_pins.len()) {
            return Err(BadSetting::Count("pins"));
        }
        if let Some(url) = server_urls.iter().find(|url| !is_server(url)) {
            return Err(BadSetting::ServerUrl(url.clone()));
        }
        let is_pin = |pin: &String| pin.len() == 64 && pin.bytes().all(|b| b.is_ascii_hexdigit());
        if let Some(pin) = ca_pins.iter().find(|pin| !is_pin(pin)) {
            return Err(BadSetting::CaPin(pin.clone()));
        }
        let token_fits = (1..=ENTRY_BYTES).contains(&token.len());
        if !token_fits || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(BadSetting::Token);
        }
        Ok(Self {
            server_urls,
            token,
            ca_pins,
        })
    }

    /// The servers.
    pub fn server_urls(&self) -> &[String] {
        &self.server_urls
    }

    /// The pins.
    pub fn ca_pins(&self) -> &[String] {
        &self.ca_pins
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        let entry = |name: &str, data| Entry {
            key: KEY.to_owned(),
            name: name.to_owned(),
            data,
        };
        vec![
            entry("ServerUrls", Data::List(self.server_urls.clone())),
            entry("EnrolmentToken", Data::Text(self.token.clone())),
            entry("ServerCaPins", Data::List(self.ca_pins.clone())),
        ]
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("server_urls", &self.server_urls)
            .field("ca_pins", &self.ca_pins)
            .finish_non_exhaustive()
    }
}

fn is_server(url: &str) -> bool {
    let rest = url.strip_prefix("https://").unwrap_or_default();
    let Some((host, port)) = rest.trim_end_matches('/').rsplit_once(':') else {
        return false;
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let address = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let host_is_good = address.map_or_else(
        || !host.is_empty() && host.chars().all(plain),
        |address| address.parse::<std::net::Ipv6Addr>().is_ok(),
    );
    let digits = port.bytes().all(|b| b.is_ascii_digit());
    url.len() <= ENTRY_BYTES && host_is_good && digits && port.parse::<u16>().is_ok_and(|p| p > 0)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const TOKEN: &str = "sbe_TheTokenOfATest-0123456789_abc";

    pub(crate) fn settings() -> Settings {
        let urls = vec!["https://sickbay.example.com:7443".to_owned()];
        Settings::new(urls, TOKEN.to_owned(), vec!["ab".repeat(32)]).unwrap()
    }

    fn with_url(url: &str) -> Result<Settings, BadSetting> {
        Settings::new(vec![url.to_owned()], "t".to_owned(), vec!["0".repeat(64)])
    }

    #[test]
    fn what_no_collector_could_use_is_refused() {
        for good in [
            "https://a-b.example:7443",
            "https://10.0.0.1:1/",
            "https://[fe80::1]:7443",
        ] {
            assert!(with_url(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "http://a:1",
            "https://a",
            "https://a:",
            "https://a:0",
            "https://a:65536",
            "https://a:+1",
            "https://a b:1",
            "https://a,b:1",
            "https://a:1/x",
            "https://a\u{0}:1",
            "https://[x]:1",
            "https://a:1\nx",
            "https://u@a:1",
        ] {
            assert!(with_url(bad).is_err(), "{bad}");
        }
        let with = |token: &str, pins: Vec<String>| {
            Settings::new(vec!["https://a:1".to_owned()], token.to_owned(), pins)
        };
        let pin = || vec!["0".repeat(64)];
        for token in ["", "a b", "a\n", "\u{e9}", &"a".repeat(513)] {
            assert_eq!(with(token, pin()), Err(BadSetting::Token));
        }
        assert!(with("t", vec!["0".repeat(63)]).is_err() && with("t", Vec::new()).is_err());
        assert!(!format!("{:?}", settings()).contains(TOKEN));
    }
}
