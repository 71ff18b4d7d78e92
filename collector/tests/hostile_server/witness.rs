//! A machine that notes everything that it is asked.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use sickbay_collector::host::endpoint::{Endpoint, Step};
use sickbay_collector::host::firmware::Firmware;
use sickbay_collector::host::recording::Recording;
use sickbay_collector::host::replay::Replay;
use sickbay_collector::host::told::{
    Answer, EventQuery, Events, History, LastSuccess, Room, StoreState, UpdateServices,
};
use sickbay_collector::host::{Host, Listing, SystemFact};
use sickbay_collector::inspection::inspect;
use sickbay_collector::session::MachineProxy;
use sickbay_diagnosis::reading::Data;
use sickbay_diagnosis::{Check, Time};

/// A recording behind a notebook.
pub(crate) struct Witness {
    machine: Replay,
    asked: Mutex<BTreeSet<String>>,
    is_slow: AtomicBool,
}

impl Witness {
    /// A machine with something for every check to find. Its clock may be off.
    pub(crate) fn new(clock_ahead_ms: i64) -> Self {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        let files = [
            fixtures.join("fixtures/real-cases/c01_win11_22000_ssu_and_lcu.reg"),
            fixtures.join("fixtures/real-cases/s01_ni22h2_hold_40667045.reg"),
            fixtures.join("fixtures/real-cases/u01_uht_372_service_disabled.reg"),
            fixtures.join("fixtures/real-cases/w01_outdated_wsus_http.reg"),
            fixtures.join("hostile_server/host.toml"),
        ];
        let (recording, problems) = Recording::load(&files, None).unwrap();
        assert_eq!(problems, []);
        Self {
            machine: Replay::new(recording).with_clock_ahead(clock_ahead_ms),
            asked: Mutex::default(),
            is_slow: AtomicBool::new(false),
        }
    }

    /// Each look at the clock takes a millisecond from now on, and every message is one.
    pub(crate) fn slow_down(&self) {
        self.is_slow.store(true, Ordering::Relaxed);
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> BTreeSet<String> {
        self.asked.lock().unwrap().clone()
    }

    fn note(&self, what: &str, of: &dyn Debug) {
        self.asked.lock().unwrap().insert(format!("{what} {of:?}"));
    }
}

/// What a collector reads that no server speaks with: the checks, what an enrolment tells of the machine, and the way out.
pub(crate) fn reads_without_a_server() -> &'static BTreeSet<String> {
    static READS: OnceLock<BTreeSet<String>> = OnceLock::new();
    READS.get_or_init(|| {
        let alone = Witness::new(0);
        inspect(&alone, Check::ALL);
        for fact in [
            SystemFact::HostName,
            SystemFact::Domain,
            SystemFact::OrganizationalUnit,
            SystemFact::MachineFingerprint,
        ] {
            alone.system(fact);
        }
        alone.machine_proxy();
        let reads = alone.asked();
        // Without a way to the update server among it, this would show less.
        assert!(
            reads.len() > 200 && reads.iter().any(|read| read.starts_with("update endpoint")),
            "{reads:?}"
        );
        reads
    })
}

impl Host for Witness {
    fn now(&self) -> Time {
        if self.is_slow.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.machine.now()
    }

    fn registry_value(&self, key: &str, name: &str) -> Data {
        self.note("value", &(key, name));
        self.machine.registry_value(key, name)
    }

    fn registry_key(&self, key: &str) -> Data {
        self.note("key", &key);
        self.machine.registry_key(key)
    }

    fn registry_subkeys(&self, key: &str) -> Listing<String> {
        self.note("subkeys", &key);
        self.machine.registry_subkeys(key)
    }

    fn registry_values(&self, key: &str) -> Listing<(String, Data)> {
        self.note("values", &key);
        self.machine.registry_values(key)
    }

    fn service_running(&self, name: &str) -> Data {
        self.note("service", &name);
        self.machine.service_running(name)
    }

    fn file(&self, path: &str) -> Data {
        self.note("file", &path);
        self.machine.file(path)
    }

    fn update_agent_reboot_required(&self) -> Data {
        self.note("update agent", &"reboot");
        self.machine.update_agent_reboot_required()
    }

    fn system(&self, fact: SystemFact) -> Data {
        self.note("system", &fact);
        self.machine.system(fact)
    }

    fn machine_proxy(&self) -> Option<MachineProxy> {
        self.note("proxy", &());
        self.machine.machine_proxy()
    }

    fn file_version(&self, path: &str) -> Data {
        self.note("file version", &path);
        self.machine.file_version(path)
    }

    fn system_drive(&self) -> Room {
        self.note("system drive", &());
        self.machine.system_drive()
    }

    fn event_channel(&self, channel: &str) -> Data {
        self.note("event channel", &channel);
        self.machine.event_channel(channel)
    }

    fn events(&self, query: EventQuery) -> Answer<Events> {
        self.note("events", &query);
        self.machine.events(query)
    }

    fn update_history(&self) -> Answer<History> {
        self.note("update agent", &"history");
        self.machine.update_history()
    }

    fn update_services(&self) -> Answer<UpdateServices> {
        self.note("update agent", &"services");
        self.machine.update_services()
    }

    fn last_success(&self) -> LastSuccess {
        self.note("update agent", &"last success");
        self.machine.last_success()
    }

    fn component_store(&self, now: Time) -> Answer<StoreState> {
        self.note("component store", &());
        self.machine.component_store(now)
    }

    fn update_endpoint(&self, endpoint: &Endpoint) -> Answer<Vec<Step>> {
        self.note("update endpoint", endpoint);
        self.machine.update_endpoint(endpoint)
    }

    fn firmware(&self) -> Firmware {
        self.note("firmware", &());
        self.machine.firmware()
    }
}
