//! The checks: read-only looks at one area each.

use serde::{Deserialize, Serialize};

macro_rules! checks {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// One read-only look at one area of a device.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Check {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl Check {
            /// Every check, in the order in which facts are shown.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name on the wire, in recordings and in JSON.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The check of that name; `None` for one that this build does not know.
            pub fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

checks! {
    /// Names, domain, OU, site, release, build, edition, architecture.
    Device = "device",
    /// Pauses of quality and feature updates, by user, GPO or MDM.
    Pause = "pause",
    /// What the compatibility appraiser says of each target release.
    SafeguardHold = "safeguard_hold",
    /// The policies that decide where updates come from.
    ScanSource = "scan_source",
    /// Whether automatic updates are on.
    AutomaticUpdates = "automatic_updates",
    /// The services that updating needs.
    Services = "services",
    /// Microsoft Update Health Tools.
    UpdateHealthTools = "update_health_tools",
    /// Every signal that a restart is pending.
    PendingReboot = "pending_reboot",
    /// Registration of the servicing stack.
    ServicingStack = "servicing_stack",
    /// Update packages of component based servicing.
    Updates = "updates",
    /// What the update client and servicing wrote to the event log.
    UpdateEvents = "update_events",
    /// What the update agent remembers: installations, services, its last search.
    UpdateHistory = "update_history",
    /// Whether the component store is marked as damaged.
    ComponentStore = "component_store",
    /// Room on the system drive.
    Storage = "storage",
    /// Version of the update agent, and the id by which it makes itself known.
    UpdateAgent = "update_agent",
    /// When the update client last looked for updates, as it noted in the registry.
    LastScan = "last_scan",
    /// Registration with Entra ID.
    Directory = "directory",
    /// The way to the update server, gone while scans fail or are stale.
    UpdateEndpoint = "update_endpoint",
    /// Secure Boot: whether it is on, which certificates its firmware trusts, how far Windows came with those of 2023.
    SecureBoot = "secure_boot",
}

impl std::fmt::Display for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
