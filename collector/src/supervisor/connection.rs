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
    /// What `policy` says from now on. A refresh of policies may take away all servers for a moment, and a mistake for longer;
    /// neither is an order to fall silent.
    pub(super) fn follow(&self, policy: &Policy) -> Self {
        let server_urls = if policy.server_urls.is_empty() {
            self.server_urls.clone()
        } else {
            policy.server_urls.clone()
        };
        Self {
            server_urls,
            token: policy.token.clone(),
            ca_pins: policy.ca_pins.clone(),
            proxy: policy.proxy.clone(),
            interval: policy.inspection_interval,
        }
    }

    /// Whether a collector that was made with `current` has to make way. Once `enrolled`, token and pins are of no use.
    pub(super) fn needs_another_collector(&self, current: &Self, enrolled: bool) -> bool {
        let connects = |c: &Self| (c.server_urls.clone(), c.proxy.clone(), c.interval);
        let enrols = |c: &Self| (c.token.clone(), c.ca_pins.clone());
        connects(self) != connects(current) || !enrolled && enrols(self) != enrols(current)
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
        let before = Connection::default().follow(&policy(&["https://a.example:7443"], "t"));
        let after = before.follow(&policy(&[], "t"));
        assert_eq!(after, before);
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
        let token = Connection::default().follow(&policy(&["https://a.example:7443"], "u"));
        assert!(token.needs_another_collector(&current, false));
        assert!(!token.needs_another_collector(&current, true));
        let server = Connection::default().follow(&policy(&["https://b.example:7443"], "t"));
        assert!(server.needs_another_collector(&current, true));
        assert!(!current.needs_another_collector(&current.clone(), false));
    }
}
