//! That nothing that a check reads goes unwatched, and how changes settle.

use std::sync::Mutex;

use sickbay_diagnosis::Time;
use sickbay_diagnosis::reading::Data;

use super::*;
use crate::checks;
use crate::host::recording::{Description, Recording, Registry};
use crate::host::told::LastSuccess;
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
    fn last_success(&self) -> LastSuccess {
        // Only where scans do not work does the way to the update server matter, and the policies that lead it.
        LastSuccess::unknown(Data::Absent)
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
