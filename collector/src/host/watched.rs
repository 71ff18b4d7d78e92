//! Which registry keys and event channels are watched for changes, which checks read them, and how long a change settles before they
//! are read.
//!
//! Promises: every key that a check reads is watched, but for those in [`NEVER_CHANGE`]; a change of a policy is read within
//! [`Settle::most`] of its first sign. A key is watched with all below it only where values below it count.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sickbay_diagnosis::{Check, keys};

use super::Changed;

/// Keys that are set when Windows is installed and stay.
#[cfg(test)]
const NEVER_CHANGE: [&str; 2] = [keys::WINDOWS_CURRENT, keys::PRODUCT_OPTIONS];

/// How far down a key is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Its values, and which direct subkeys it has.
    Key,
    /// All below it as well.
    Tree,
}

/// What a change is likely to be part of, and so how long to wait for the rest of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Settle {
    /// A refresh of policies, which deletes values and writes them again in a moment.
    Policy,
    /// A few values that belong together.
    State,
    /// Events, of which an update makes several within seconds.
    Events,
    /// An installation that writes thousands of keys in minutes.
    Servicing,
}

impl Settle {
    /// For so long nothing must have changed any more.
    const fn quiet(self) -> Duration {
        Duration::from_millis(match self {
            Self::Policy => 500,
            Self::State => 100,
            Self::Events => 1_000,
            Self::Servicing => 5_000,
        })
    }

    /// So long after the first change the checks run even if it goes on.
    const fn most(self) -> Duration {
        Duration::from_millis(match self {
            Self::Policy => 1_500,
            Self::State => 500,
            Self::Events => 5_000,
            Self::Servicing => 60_000,
        })
    }
}

/// An event channel that is watched for what one writer writes to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct WatchedChannel {
    /// The channel.
    pub(super) channel: &'static str,
    /// Who writes.
    pub(super) provider: &'static str,
    /// What to expect of a change.
    pub(super) settle: Settle,
    /// Who reads it, or what a new event tells of.
    pub(super) checks: &'static [Check],
}

/// The channels that are watched.
pub(super) const CHANNELS: [WatchedChannel; 2] = {
    const CHECKS: &[Check] = &[
        Check::UpdateEvents,
        Check::UpdateHistory,
        Check::PendingReboot,
        Check::UpdateEndpoint,
    ];
    const fn of(channel: &'static str) -> WatchedChannel {
        WatchedChannel {
            channel,
            provider: keys::UPDATE_PROVIDER,
            settle: Settle::Events,
            checks: CHECKS,
        }
    }
    [of(keys::UPDATE_CHANNEL), of(keys::SYSTEM_CHANNEL)]
};

/// A key that is watched.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    /// From the hive's short name on. It may be absent.
    pub(super) key: String,
    /// How far down.
    pub(super) depth: Depth,
    /// What to expect of a change.
    pub(super) settle: Settle,
    /// Who reads it.
    pub(super) checks: &'static [Check],
    /// Whether it holds settings of the collector itself.
    pub(super) settings: bool,
}

/// Every key that is watched; with the channels, fewer than the 63 that one thread can wait for.
pub(super) fn all() -> Vec<Watched> {
    use Check::{
        AutomaticUpdates, Device, Directory, LastScan, Pause, PendingReboot, SafeguardHold,
        ScanSource, SecureBoot, Services, ServicingStack, UpdateAgent, UpdateEndpoint,
        UpdateHealthTools, Updates,
    };
    use Depth::{Key, Tree};
    use Settle::{Policy, Servicing, State};
    const POLICIES: &[Check] = &[
        Pause,
        SafeguardHold,
        ScanSource,
        AutomaticUpdates,
        UpdateEndpoint,
    ];
    let rows: [(&str, Depth, Settle, &'static [Check]); 36] = [
        (keys::POLICY, Tree, Policy, POLICIES),
        (keys::MDM_UPDATE, Key, Policy, POLICIES),
        (keys::UPDATE_POLICY_SETTINGS, Key, State, &[Pause]),
        (keys::UPDATE_POLICY_STATE, Key, State, &[ScanSource]),
        (keys::UX_SETTINGS, Key, State, &[Pause, PendingReboot]),
        (keys::UX_STATE, Key, State, &[PendingReboot]),
        (keys::WINDOWS_NT, Key, State, &[Device]),
        (keys::APPRAISER_TARGETS, Tree, Servicing, &[SafeguardHold]),
        (keys::CBS, Key, State, &[PendingReboot]),
        (keys::CBS_PACKAGES_PENDING, Key, State, &[PendingReboot]),
        (keys::CBS_SESSIONS_PENDING, Key, State, &[PendingReboot]),
        (
            keys::CBS_PACKAGES,
            Tree,
            Servicing,
            &[ServicingStack, Updates],
        ),
        (keys::CBS_VERSION, Key, Servicing, &[ServicingStack]),
        (keys::AUTO_UPDATE, Key, State, &[PendingReboot]),
        (keys::AUTO_UPDATE_REBOOT, Key, State, &[PendingReboot]),
        (keys::SERVICES_PENDING, Key, State, &[PendingReboot]),
        (keys::WINDOWS_UPDATE, Key, State, &[UpdateAgent]),
        (keys::DETECT_RESULTS, Key, State, &[LastScan]),
        (keys::ONLINE_SCANS, Tree, State, &[LastScan]),
        (keys::CLOUD_DOMAIN_JOIN, Tree, State, &[Directory]),
        (keys::MACHINE_CERTIFICATES, Key, State, &[Directory]),
        (keys::UPDATE_EXE, Key, State, &[PendingReboot]),
        (keys::UPDATE_EXE_32, Key, State, &[PendingReboot]),
        (keys::RUN_ONCE, Key, State, &[PendingReboot]),
        (keys::SERVER_MANAGER, Key, State, &[PendingReboot]),
        (keys::SESSION_MANAGER, Key, State, &[PendingReboot]),
        (keys::ENVIRONMENT, Key, State, &[Device]),
        (keys::NETLOGON, Tree, State, &[Device, PendingReboot]),
        (keys::TCPIP_PARAMETERS, Key, State, &[Device]),
        (keys::COMPUTER_NAMES, Tree, State, &[Device, PendingReboot]),
        (keys::GROUP_POLICY_STATE, Key, Policy, &[Device]),
        (keys::SECURE_BOOT, Tree, State, &[SecureBoot]),
        (keys::UNINSTALL, Tree, Servicing, &[UpdateHealthTools]),
        (keys::UNINSTALL_32, Tree, Servicing, &[UpdateHealthTools]),
        (keys::COLLECTOR_POLICY, Tree, Policy, &[Device]),
        (keys::COLLECTOR, Tree, Policy, &[Device]),
    ];
    let fixed = rows
        .into_iter()
        .map(|(key, depth, settle, checks)| Watched {
            key: key.to_owned(),
            depth,
            settle,
            checks,
            settings: matches!(key, keys::COLLECTOR_POLICY | keys::COLLECTOR),
        });
    let services = keys::WATCHED_SERVICES
        .iter()
        .chain([&keys::WITNESS_SERVICE]);
    let services = services.map(|name| Watched {
        key: keys::service(name),
        depth: Key,
        settle: State,
        checks: if *name == keys::UHSSVC {
            &[Services, UpdateHealthTools]
        } else {
            &[Services]
        },
        settings: false,
    });
    fixed.chain(services).collect()
}

/// Changes that settle.
#[derive(Debug, Default)]
pub(super) struct Settling(BTreeMap<(Settle, Part), Waiting>);

/// What is read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Check(Check),
    Settings,
}

#[derive(Debug)]
struct Waiting {
    first: Instant,
    due: Instant,
}

impl Settling {
    /// Something that these checks read has changed.
    pub(super) fn changed(&mut self, settle: Settle, checks: &[Check], now: Instant) {
        for check in checks {
            self.wait(settle, Part::Check(*check), now);
        }
    }

    /// The collector's own settings have changed.
    pub(super) fn settings_changed(&mut self, settle: Settle, now: Instant) {
        self.wait(settle, Part::Settings, now);
    }

    fn wait(&mut self, settle: Settle, part: Part, now: Instant) {
        let waiting = self.0.entry((settle, part)).or_insert(Waiting {
            first: now,
            due: now,
        });
        waiting.due = (now + settle.quiet()).min(waiting.first + settle.most());
    }

    /// Takes what has waited long enough.
    pub(super) fn take_due(&mut self, now: Instant) -> Changed {
        let mut due = Changed::default();
        self.0.retain(|(_, part), waiting| {
            let is_due = waiting.due <= now;
            match part {
                _ if !is_due => {}
                Part::Settings => due.settings = true,
                Part::Check(check) if !due.checks.contains(check) => due.checks.push(*check),
                Part::Check(_) => {}
            }
            !is_due
        });
        due
    }

    /// How long until the next one has; nothing where none waits.
    pub(super) fn next(&self, now: Instant) -> Option<Duration> {
        let due = self.0.values().map(|waiting| waiting.due).min()?;
        Some(due.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests;
