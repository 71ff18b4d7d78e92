//! A machine that is told apart at every look: the address of its WSUS server holds a number.
//!
//! It also holds the machine's name. Otherwise most machines would have the same address for a moment, which would become the
//! fleet's provisional expectation, and every device would be diagnosed again and again.
//!
//! The number stands in the policy value `WUServer`, and the address is the cause of the issue `wsus-without-tls`. So every number
//! that an inspection saw makes a report, and every report that the server took in makes a row of history that names the number.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use sickbay_collector::host::recording::{Description, Recording, Registry};
use sickbay_collector::host::replay::Replay;
use sickbay_collector::host::{Host, Listing, SystemFact};
use sickbay_diagnosis::reading::Data;
use sickbay_diagnosis::{Time, keys};
use tokio::sync::watch;

/// The value that holds the number.
pub const VALUE: &str = "WUServer";
/// The issue whose cause is the number's address.
pub const ISSUE: &str = "wsus-without-tls";
const BEFORE: &str = "http://wsus-";

/// The address of machine `name` that holds `number`.
pub fn address(name: &str, number: u64) -> String {
    format!(
        "{BEFORE}{number}.{}.example:8530",
        name.to_ascii_lowercase()
    )
}

/// The number in an address.
pub fn number_in(address: &str) -> anyhow::Result<u64> {
    address
        .strip_prefix(BEFORE)
        .and_then(|rest| rest.split_once('.')?.0.parse().ok())
        .with_context(|| format!("{address:?} is no numbered address"))
}

/// A recording of a machine `name` with number 0: a Windows 11 of which little more than policies is recorded, so that hundreds of
/// collectors in a debug build spend their time on reporting.
pub fn recording(name: &str) -> Recording {
    let mut registry = Registry::new();
    for (value, data) in [
        ("CurrentBuildNumber", "26200"),
        ("DisplayVersion", "25H2"),
        ("EditionID", "Enterprise"),
    ] {
        registry.set_value(keys::WINDOWS_NT, value, Data::Text(data.to_owned()));
    }
    registry.set_value(keys::WINDOWS_NT, "UBR", Data::Dword(8246));
    registry.set_value(
        keys::WINDOWS_NT,
        "InstallationType",
        Data::Text("Client".to_owned()),
    );
    registry.set_value(
        keys::PRODUCT_OPTIONS,
        "ProductType",
        Data::Text("WinNT".to_owned()),
    );
    registry.set_value(
        keys::UPDATE_POLICY_SETTINGS,
        "PausedQualityStatus",
        Data::Dword(0),
    );
    let description = Description {
        host_name: Some(name.to_owned()),
        domain: Some("test.example".to_owned()),
        ..Description::default()
    };
    let mut recording = Recording::new(registry, description);
    set_number(&mut recording, name, 0);
    recording
}

/// Makes the recorded machine `name` use the WSUS server with that number.
pub fn set_number(recording: &mut Recording, name: &str, number: u64) {
    let registry = recording.registry_mut();
    registry.set_value(keys::POLICY, VALUE, Data::Text(address(name, number)));
    registry.set_value(keys::POLICY_AU, "UseWUServer", Data::Dword(1));
}

/// A machine whose number the test moves, and which tells the test what was read.
#[derive(Debug)]
pub struct NumberedMachine {
    name: String,
    recorded: Replay,
    number: AtomicU64,
    seen: watch::Sender<Option<u64>>,
}

impl NumberedMachine {
    /// The machine `name` with number 0.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            recorded: Replay::new(recording(name)),
            number: AtomicU64::new(0),
            seen: watch::Sender::new(None),
        }
    }

    /// The machine `name` whose firmware says `fingerprint`.
    pub fn with_firmware(name: &str, fingerprint: &str) -> Self {
        let mut recorded = recording(name);
        recorded.description_mut().machine_fingerprint = Some(fingerprint.to_owned());
        Self {
            recorded: Replay::new(recorded),
            ..Self::new(name)
        }
    }

    /// The number now.
    pub fn number(&self) -> u64 {
        self.number.load(Ordering::SeqCst)
    }

    /// Moves to the next number.
    pub fn next(&self) -> u64 {
        self.number.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// The newest number that an inspection read.
    pub fn seen(&self) -> watch::Receiver<Option<u64>> {
        self.seen.subscribe()
    }
}

impl Host for NumberedMachine {
    fn now(&self) -> Time {
        self.recorded.now()
    }

    fn registry_value(&self, key: &str, name: &str) -> Data {
        if key != keys::POLICY || name != VALUE {
            return self.recorded.registry_value(key, name);
        }
        let number = self.number();
        self.seen.send_replace(Some(number));
        Data::Text(address(&self.name, number))
    }

    fn registry_key(&self, key: &str) -> Data {
        self.recorded.registry_key(key)
    }

    fn registry_subkeys(&self, key: &str) -> Listing<String> {
        self.recorded.registry_subkeys(key)
    }

    fn registry_values(&self, key: &str) -> Listing<(String, Data)> {
        self.recorded.registry_values(key)
    }

    fn service_running(&self, name: &str) -> Data {
        self.recorded.service_running(name)
    }

    fn file(&self, path: &str) -> Data {
        self.recorded.file(path)
    }

    fn update_agent_reboot_required(&self) -> Data {
        self.recorded.update_agent_reboot_required()
    }

    fn system(&self, fact: SystemFact) -> Data {
        self.recorded.system(fact)
    }
}
