//! The settings that a collector is made with, and when others need another collector. Pure.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::host::Host;
use crate::policy::{LOCAL_KEY, POLICY_KEY, Policy};
use crate::session::{CaPin, CollectorOptions, ProxyUrl, ServerUrl};

/// Where to report, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Connection {
    server_urls: Vec<ServerUrl>,
    token: Option<String>,
    ca_pins: Vec<CaPin>,
    proxy: Option<ProxyUrl>,
    interval: Option<Duration>,
}

impl Connection {
    /// What `policy` says from now on. A refresh of policies may take away everything for a moment, and a mistake for longer; neither
    /// is an order to fall silent, nor to leave the proxy that leads to the server.
    pub(super) fn follow(&self, policy: &Policy) -> Self {
        if policy.server_urls.is_empty() && !self.server_urls.is_empty() {
            return self.clone();
        }
        Self {
            server_urls: policy.server_urls.clone(),
            token: policy.token.clone(),
            ca_pins: policy.ca_pins.clone(),
            proxy: policy.proxy.clone(),
            interval: policy.inspection_interval,
        }
    }

    /// Whether a collector that was made with `current` has to make way. Once `enrolled`, pins are of no use; a token still is, where
    /// the server lost the device or the certificate ended.
    pub(super) fn needs_another_collector(&self, current: &Self, enrolled: bool) -> bool {
        let used = |connection: &Self| Self {
            ca_pins: if enrolled {
                Vec::new()
            } else {
                connection.ca_pins.clone()
            },
            ..connection.clone()
        };
        used(self) != used(current)
    }

    /// What stands in the way of any collector.
    pub(super) fn missing(&self) -> Option<String> {
        self.server_urls.is_empty().then(|| {
            format!("No server is set: neither {POLICY_KEY} nor {LOCAL_KEY} has a usable ServerUrls. The collector waits for one.")
        })
    }

    /// For people.
    pub(super) fn servers(&self) -> String {
        let urls: Vec<String> = self.server_urls.iter().map(ToString::to_string).collect();
        urls.join(" or ")
    }

    pub(super) fn options(&self, state_dir: PathBuf, host: Arc<dyn Host>) -> CollectorOptions {
        let mut options = CollectorOptions::new(state_dir, self.server_urls.clone(), host);
        options.token.clone_from(&self.token);
        options.ca_pins.clone_from(&self.ca_pins);
        options.proxy.clone_from(&self.proxy);
        if let Some(interval) = self.interval {
            options.session.inspection_interval = interval;
            options.session.inspection_interval_fixed = true;
        }
        options
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use super::*;

    fn policy(servers: &[&str], token: &str) -> Policy {
        Policy {
            server_urls: servers.iter().map(|url| url.parse().unwrap()).collect(),
            token: Some(token.to_owned()),
            ..Policy::default()
        }
    }

    #[test]
    fn a_vanished_server_is_no_order_to_fall_silent() {
        let mut proxied = policy(&["https://a.example:7443"], "t");
        proxied.proxy = "http://proxy.example:8080".parse().ok();
        proxied.inspection_interval = Some(Duration::from_mins(5));
        let before = Connection::default().follow(&proxied);
        // All of the policy goes at once, the proxy too.
        let after = before.follow(&Policy::default());
        assert_eq!(after, before);
        assert!(!after.needs_another_collector(&before, true));
        assert!(before.missing().is_none());
        assert!(
            Connection::default()
                .missing()
                .unwrap()
                .contains("ServerUrls")
        );
    }

    #[test]
    fn only_what_a_collector_still_uses_makes_another_one_necessary() {
        let current = Connection::default().follow(&policy(&["https://a.example:7443"], "t"));
        // A server that was restored from an older copy may want the new one.
        let token = Connection::default().follow(&policy(&["https://a.example:7443"], "u"));
        assert!(token.needs_another_collector(&current, true));
        let pins = Connection {
            ca_pins: vec!["ab".repeat(32).parse().unwrap()],
            ..current.clone()
        };
        assert!(pins.needs_another_collector(&current, false));
        assert!(!pins.needs_another_collector(&current, true));
        let server = Connection::default().follow(&policy(&["https://b.example:7443"], "t"));
        assert!(server.needs_another_collector(&current, true));
        assert!(!current.needs_another_collector(&current.clone(), false));
    }
}
