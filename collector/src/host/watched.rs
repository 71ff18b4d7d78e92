//! Which registry keys are watched for changes, which checks read them, and how long a change settles before they are read.
//!
//! Promises: every key that a check reads is watched, but for those in [`NEVER_CHANGE`]; a change of a policy is read within
//! [`Settle::most`] of its first sign. A key is watched with all below it only where values below it count.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sickbay_diagnosis::{Check, keys};

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
    /// An installation that writes thousands of keys in minutes.
    Servicing,
}

impl Settle {
    /// For so long nothing must have changed any more.
    const fn quiet(self) -> Duration {
        Duration::from_millis(match self {
            Self::Policy => 500,
            Self::State => 100,
            Self::Servicing => 5_000,
        })
    }

    /// So long after the first change the checks run even if it goes on.
    const fn most(self) -> Duration {
        Duration::from_millis(match self {
            Self::Policy => 1_500,
            Self::State => 500,
            Self::Servicing => 60_000,
        })
    }
}

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
}

/// Everything that is watched; fewer than the 63 that one thread can wait for.
pub(super) fn all() -> Vec<Watched> {
    use Check::{
        AutomaticUpdates, Device, Pause, PendingReboot, SafeguardHold, ScanSource, Services,
        ServicingStack, UpdateHealthTools, Updates,
    };
    use Depth::{Key, Tree};
    use Settle::{Policy, Servicing, State};
    const POLICIES: &[Check] = &[Pause, SafeguardHold, ScanSource, AutomaticUpdates];
    let rows: [(&str, Depth, Settle, &'static [Check]); 28] = [
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
    ];
    let fixed = rows
        .into_iter()
        .map(|(key, depth, settle, checks)| Watched {
            key: key.to_owned(),
            depth,
            settle,
            checks,
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
    });
    fixed.chain(services).collect()
}

/// Changes that settle.
#[derive(Debug, Default)]
pub(super) struct Settling(BTreeMap<(Settle, Check), Waiting>);

#[derive(Debug)]
struct Waiting {
    first: Instant,
    due: Instant,
}

impl Settling {
    /// Something that these checks read has changed.
    pub(super) fn changed(&mut self, settle: Settle, checks: &[Check], now: Instant) {
        for check in checks {
            let waiting = self.0.entry((settle, *check));
            let waiting = waiting.or_insert(Waiting {
                first: now,
                due: now,
            });
            waiting.due = (now + settle.quiet()).min(waiting.first + settle.most());
        }
    }

    /// Takes the checks that have waited long enough.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Check> {
        let mut due = Vec::new();
        self.0.retain(|(_, check), waiting| {
            let is_due = waiting.due <= now;
            if is_due && !due.contains(check) {
                due.push(*check);
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
            assert!(!asked.is_empty(), "{check} reads nothing");
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
        assert_eq!(policies.len(), 2, "{policies:?}");
        assert!(policies.iter().all(|w| w.settle == Settle::Policy));
        assert_eq!(Settle::Policy.quiet(), Duration::from_millis(500));
    }

    #[test]
    fn one_thread_can_wait_for_all_of_them() {
        // Windows waits for 64 things at most, and one of them is the order to stop.
        assert!(all().len() < 64, "{}", all().len());
    }

    #[test]
    fn a_policy_that_is_deleted_and_written_again_is_read_once_and_whole() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let mut settling = Settling::default();
        settling.changed(Settle::Policy, &[Check::Pause, Check::ScanSource], start);
        settling.changed(Settle::Policy, &[Check::Pause], after(400));
        assert_eq!(settling.take_due(after(499)), []);
        assert_eq!(settling.next(after(400)), Some(Duration::from_millis(100)));
        assert_eq!(settling.take_due(after(500)), [Check::ScanSource]);
        assert_eq!(settling.take_due(after(899)), []);
        assert_eq!(settling.take_due(after(900)), [Check::Pause]);
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
            if read_after.is_none() && !settling.take_due(now).is_empty() {
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
        assert_eq!(settling.take_due(soon), [Check::UpdateHealthTools]);
    }
}
