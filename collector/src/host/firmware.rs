//! Which known certificates the firmware's Secure Boot variables hold; also a field of `host.toml`.

use serde::{Deserialize, Serialize};
use sickbay_diagnosis::keys;
use sickbay_diagnosis::reading::Data;

/// The variables, each a list of names of [`keys::SECURE_BOOT_CERTIFICATES`]; absent where Windows was started without UEFI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firmware {
    /// Certificates that may sign what starts.
    pub db: Data,
    /// Certificates that may change `db`.
    pub kek: Data,
}

impl Firmware {
    /// Both are alike: absent, unreadable or not recorded.
    pub fn unknown(data: &Data) -> Self {
        Self {
            db: data.clone(),
            kek: data.clone(),
        }
    }
}

/// What a recording says of the variables. One that is left out was not recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FirmwareRecord {
    /// Names of the known certificates in `db`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub db: Option<Vec<String>>,
    /// Those in `KEK`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kek: Option<Vec<String>>,
    /// Windows was started without UEFI.
    pub legacy: bool,
    /// Why they could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl FirmwareRecord {
    /// What a machine would say.
    pub fn told(&self) -> Firmware {
        let held = |names: &Option<Vec<String>>| match names {
            None => Data::NotRecorded,
            Some(names) => known(names.iter().map(String::as_str)),
        };
        match &self.error {
            Some(why) => Firmware::unknown(&Data::Unreadable(why.clone())),
            None if self.legacy => Firmware::unknown(&Data::Absent),
            None => Firmware {
                db: held(&self.db),
                kek: held(&self.kek),
            },
        }
    }
}

/// The known ones of these names, each once and always in the same order, so that the firmware's own order is no change.
pub(super) fn known<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Data {
    let held = keys::SECURE_BOOT_CERTIFICATES
        .into_iter()
        .filter(|known| names.clone().any(|name| name == *known));
    Data::MultiText(held.map(str::to_owned).collect())
}
