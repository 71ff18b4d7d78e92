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
        AutomaticUpdates, Device, Pause, PendingReboot, SafeguardHold, ScanSource, Services,
        ServicingStack, UpdateHealthTools, Updates,
    };
    use Depth::{Key, Tree};
    use Settle::{Policy, Servicing, State};
    const POLICIES: &[Check] = &[Pause, SafeguardHold, ScanSource, AutomaticUpdates];
    let rows: [(&str, Depth, Settle, &'static [Check]); 30] = [
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
mod tests {
    use std::sync::Mutex;

    use sickbay_diagnosis::Time;
    use sickbay_diagnosis::reading::Data;

    use super::*;
    use crate::checks;
    use crate::host::recording::{Description, Recording, Registry};
    use crate::host::{Host, Listing, SystemFact};

    /// A machine that notes which keys it is asked for.
    struct Witness {
        machine: Recording,
        asked: Mutex<Vec<(String, bool)>>,
    }

    impl Witness {
        fn note(&self, key: &str, only_whether_it_is_there: bool) {
            let mut asked = self.asked.lock().expect("one thread");
            asked.push((key.to_owned(), only_whether_it_is_there));
        }
    }

    impl Host for Witness {
        fn now(&self) -> Time {
            self.machine.now()
        }
        fn registry_value(&self, key: &str, name: &str) -> Data {
            self.note(key, false);
            self.machine.registry_value(key, name)
        }
        fn registry_key(&self, key: &str) -> Data {
            // Every check looks whether the keys that every Windows has are there.
            if !keys::ANCHORS.contains(&key) {
                self.note(key, true);
            }
            self.machine.registry_key(key)
        }
        fn registry_subkeys(&self, key: &str) -> Listing<String> {
            self.note(key, false);
            self.machine.registry_subkeys(key)
        }
        fn registry_values(&self, key: &str) -> Listing<(String, Data)> {
            self.note(key, false);
            self.machine.registry_values(key)
        }
        fn service_running(&self, name: &str) -> Data {
            self.machine.service_running(name)
        }
        fn file(&self, path: &str) -> Data {
            self.machine.file(path)
        }
        fn update_agent_reboot_required(&self) -> Data {
            self.machine.update_agent_reboot_required()
        }
        fn system(&self, fact: SystemFact) -> Data {
            self.machine.system(fact)
        }
    }

    /// A machine where every listing that a check follows has something in it.
    fn witness() -> Witness {
        let mut registry = Registry::new();
        for key in keys::ANCHORS {
            registry.create_key(key);
        }
        for list in [
            keys::APPRAISER_TARGETS,
            keys::SERVICES_PENDING,
            keys::UNINSTALL,
            keys::UNINSTALL_32,
        ] {
            registry.create_key(&format!(r"{list}\something"));
        }
        let package = "Package_for_ServicingStack_1~x~amd64~~1.1";
        registry.create_key(&format!(r"{}\{package}", keys::CBS_PACKAGES));
        for service in keys::WATCHED_SERVICES {
            registry.create_key(&keys::service(service));
        }
        for key in [keys::AUTO_UPDATE_REBOOT, keys::CBS_PACKAGES_PENDING] {
            registry.create_key(key);
        }
        Witness {
            machine: Recording::new(registry, Description::default()),
            asked: Mutex::default(),
        }
    }

    /// Checks that look elsewhere; each must say of itself what has it run again.
    const READ_NO_REGISTRY: [Check; 5] = [
        Check::UpdateEvents,
        Check::UpdateHistory,
        Check::ComponentStore,
        Check::Storage,
        Check::UpdateAgent,
    ];

    fn parent(key: &str) -> &str {
        key.rsplit_once('\\').map_or("", |(parent, _)| parent)
    }

    #[test]
    fn every_key_that_a_check_reads_is_watched_for_it() {
        let watched = all();
        for check in Check::ALL {
            let witness = witness();
            checks::run(*check, &witness);
            let asked = witness.asked.into_inner().expect("one thread");
            assert!(
                !asked.is_empty() || READ_NO_REGISTRY.contains(check),
                "{check} reads nothing"
            );
            for (key, only_whether_it_is_there) in asked {
                let covers = |w: &Watched| {
                    let below = key.strip_prefix(w.key.as_str());
                    w.checks.contains(check)
                        && (key == w.key
                            || only_whether_it_is_there && parent(&key) == w.key
                            || w.depth == Depth::Tree && below.is_some_and(|b| b.starts_with('\\')))
                };
                assert!(
                    watched.iter().any(covers) || NEVER_CHANGE.contains(&key.as_str()),
                    "{check} reads {key}, and nobody would tell it of a change there"
                );
            }
        }
    }

    #[test]
    fn what_group_policy_and_mdm_write_is_given_the_time_of_a_refresh() {
        let is_policy = |key: &str| key.contains(r"\Policies\") || key.contains(r"\PolicyManager\");
        let policies: Vec<Watched> = all().into_iter().filter(|w| is_policy(&w.key)).collect();
        assert_eq!(policies.len(), 3, "{policies:?}");
        assert!(policies.iter().all(|w| w.settle == Settle::Policy));
        assert_eq!(Settle::Policy.quiet(), Duration::from_millis(500));
    }

    #[test]
    fn one_thread_can_wait_for_all_of_them() {
        // Windows waits for 64 things at most, and one of them is the order to stop.
        let all = all().len() + CHANNELS.len();
        assert!(all < 64, "{all}");
    }

    #[test]
    fn a_policy_that_is_deleted_and_written_again_is_read_once_and_whole() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let mut settling = Settling::default();
        settling.changed(Settle::Policy, &[Check::Pause, Check::ScanSource], start);
        settling.changed(Settle::Policy, &[Check::Pause], after(400));
        assert_eq!(settling.take_due(after(499)).checks, []);
        assert_eq!(settling.next(after(400)), Some(Duration::from_millis(100)));
        assert_eq!(settling.take_due(after(500)).checks, [Check::ScanSource]);
        assert_eq!(settling.take_due(after(899)).checks, []);
        assert_eq!(settling.take_due(after(900)).checks, [Check::Pause]);
        assert_eq!(settling.next(after(900)), None);
    }

    #[test]
    fn what_never_comes_to_rest_is_read_all_the_same() {
        let start = Instant::now();
        let mut settling = Settling::default();
        let mut read_after = None;
        for ms in (0..5_000).step_by(50) {
            let now = start + Duration::from_millis(ms);
            settling.changed(Settle::Policy, &[Check::Pause], now);
            if read_after.is_none() && !settling.take_due(now).is_nothing() {
                read_after = Some(ms);
            }
        }
        assert_eq!(read_after, Some(1_500));
    }

    #[test]
    fn a_quick_change_does_not_wait_for_a_long_installation() {
        let start = Instant::now();
        let mut settling = Settling::default();
        settling.changed(Settle::Servicing, &[Check::UpdateHealthTools], start);
        settling.changed(Settle::State, &[Check::UpdateHealthTools], start);
        let soon = start + Duration::from_millis(100);
        assert_eq!(settling.take_due(soon).checks, [Check::UpdateHealthTools]);
    }

    #[test]
    fn a_change_of_the_collectors_own_settings_is_told_as_such() {
        let start = Instant::now();
        let own: Vec<Watched> = all().into_iter().filter(|w| w.settings).collect();
        assert_eq!(own.len(), 2, "{own:?}");
        assert!(
            own.iter()
                .all(|w| w.settle == Settle::Policy && w.checks == [Check::Device])
        );
        let mut settling = Settling::default();
        settling.changed(Settle::Policy, own[0].checks, start);
        settling.settings_changed(Settle::Policy, start);
        let changed = settling.take_due(start + Settle::Policy.quiet());
        assert!(
            changed.settings && changed.checks == [Check::Device],
            "{changed:?}"
        );
        assert!(
            settling
                .take_due(start + Settle::Policy.most())
                .is_nothing()
        );
    }

    #[test]
    fn the_update_client_is_listened_to_in_both_of_its_channels() {
        let listened = CHANNELS.map(|c| (c.channel, c.provider));
        let provider = keys::UPDATE_PROVIDER;
        assert_eq!(
            listened,
            [
                (keys::UPDATE_CHANNEL, provider),
                (keys::SYSTEM_CHANNEL, provider)
            ]
        );
        assert!(CHANNELS.iter().all(|c| c.settle == Settle::Events));
    }

    #[test]
    fn no_change_has_servicing_asked_for_the_component_store() {
        let by_key = all().into_iter().flat_map(|w| w.checks.to_vec());
        let by_event = CHANNELS.into_iter().flat_map(|c| c.checks.to_vec());
        assert!(
            !by_key
                .chain(by_event)
                .any(|check| check == Check::ComponentStore)
        );
    }
}
