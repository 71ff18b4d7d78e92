//! A machine that is told apart at every look: the address of its WSUS server holds a number.
//!
//! The number stands in the policy value `WUServer`, and the address is the cause of the issue `wsus-without-tls`. So every number
//! that an inspection saw makes a report, and every report that the server took in makes a row of history that names the number.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use sickbay_collector::host::recording::Recording;
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
const AFTER: &str = ".example:8530";

/// The address that holds `number`.
pub fn address(number: u64) -> String {
    format!("{BEFORE}{number}{AFTER}")
}

/// The number in an address.
pub fn number_in(address: &str) -> anyhow::Result<u64> {
    address
        .strip_prefix(BEFORE)
        .and_then(|rest| rest.strip_suffix(AFTER))
        .and_then(|number| number.parse().ok())
        .with_context(|| format!("{address:?} is no numbered address"))
}

/// Makes the recorded machine use the WSUS server with that number.
pub fn set_number(recording: &mut Recording, number: u64) {
    let registry = recording.registry_mut();
    registry.set_value(keys::POLICY, VALUE, Data::Text(address(number)));
    registry.set_value(keys::POLICY_AU, "UseWUServer", Data::Dword(1));
}

/// A machine whose number the test moves, and which tells the test what was read.
#[derive(Debug)]
pub struct NumberedMachine {
    recorded: Replay,
    number: AtomicU64,
    seen: watch::Sender<Option<u64>>,
}

impl NumberedMachine {
    /// Plays `recording` with number 0.
    pub fn new(mut recording: Recording) -> Self {
        set_number(&mut recording, 0);
        Self {
            recorded: Replay::new(recording),
            number: AtomicU64::new(0),
            seen: watch::Sender::new(None),
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
        Data::Text(address(number))
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
