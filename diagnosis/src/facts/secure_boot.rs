//! Secure Boot: whether it is on, which certificates its firmware trusts, and how far Windows came with those of 2023.
//!
//! Sources: KB5062710 (which certificates end when), KB5068202 (`AvailableUpdates`, `UEFICA2023Status`, `UEFICA2023Error`,
//! `WindowsUEFICA2023Capable`: 1 for the certificate in `db`, 2 for a start from the boot manager that it signed as well).

use serde_json::{Value, json};

use super::valued::Reader;
use crate::keys;
use crate::observation::{EvidenceRef, Found, Lookup};
use crate::reading::Data;

const STATUS: &str = "UEFICA2023Status";
const ERROR: &str = "UEFICA2023Error";
const CAPABLE: &str = "WindowsUEFICA2023Capable";
const AVAILABLE: &str = "AvailableUpdates";
const ENABLED: &str = "UEFISecureBootEnabled";
/// Not a step of its own: it says that certificates of others are added only where their predecessors are; it stays set.
const ONLY_WHERE_PREDECESSORS_ARE: u64 = 0x4000;

/// Facts of the check `secure_boot`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecureBootFacts {
    /// Whether it is on.
    pub enabled: Enabled,
    /// What may sign what starts.
    pub db: Certificates,
    /// What may change `db`.
    pub kek: Certificates,
    /// How far Windows says that it came.
    pub status: Option<Status>,
    /// The code of what went wrong last; never 0.
    pub error: Option<u64>,
    /// How far the start itself came: 0, 1 or 2.
    pub capable: Option<u64>,
    /// Steps that Windows has been told to make and has not made.
    pub steps_left: u64,
    /// The readings.
    pub evidence: Vec<EvidenceRef>,
}

/// Whether Secure Boot is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enabled {
    /// It is.
    On,
    /// It is not.
    Off,
    /// It could not be told: why.
    Unknown(String),
}

/// What a firmware variable holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Certificates {
    /// These known certificates.
    Held(Vec<String>),
    /// Windows was started without UEFI.
    NoUefi,
    /// It could not be told: why.
    Unknown(String),
}

/// How far Windows says that it came with the certificates and the boot manager of 2023.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Nothing was done.
    NotStarted,
    /// Some of it was.
    InProgress,
    /// All was.
    Updated,
}

impl Status {
    /// The word in the registry.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotStarted => "NotStarted",
            Self::InProgress => "InProgress",
            Self::Updated => "Updated",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::NotStarted, Self::InProgress, Self::Updated]
            .into_iter()
            .find(|status| status.name().eq_ignore_ascii_case(name))
    }
}

impl Certificates {
    /// Whether this one is held; nothing where that is not known.
    pub fn hold(&self, name: &str) -> Option<bool> {
        match self {
            Self::Held(names) => Some(names.iter().any(|held| held == name)),
            Self::NoUefi | Self::Unknown(_) => None,
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Held(names) => json!(names),
            Self::NoUefi | Self::Unknown(_) => Value::Null,
        }
    }
}

impl SecureBootFacts {
    /// Interprets the readings of the check.
    pub fn derive(lookup: Lookup<'_>) -> Self {
        let reader = Reader::new(lookup);
        let number = |path, name| reader.number(path, name).map(|number| number.value);
        let of_servicing = |name| number(keys::SECURE_BOOT_SERVICING, name);
        Self {
            enabled: enabled(&reader),
            db: certificates(&reader, keys::FIRMWARE_DB),
            kek: certificates(&reader, keys::FIRMWARE_KEK),
            status: reader
                .text(keys::SECURE_BOOT_SERVICING, STATUS)
                .and_then(|status| Status::named(&status.value)),
            error: of_servicing(ERROR).filter(|code| *code != 0),
            capable: of_servicing(CAPABLE),
            steps_left: number(keys::SECURE_BOOT, AVAILABLE).unwrap_or(0)
                & !ONLY_WHERE_PREDECESSORS_ARE,
            evidence: [
                reader.refs(keys::SECURE_BOOT_STATE, &[ENABLED]),
                reader.told(keys::FIRMWARE, &[keys::FIRMWARE_DB, keys::FIRMWARE_KEK]),
                reader.told(keys::SECURE_BOOT_SERVICING, &[STATUS, ERROR, CAPABLE]),
                reader.told(keys::SECURE_BOOT, &[AVAILABLE]),
            ]
            .concat(),
        }
    }

    /// The facts as JSON.
    pub fn json(&self) -> Value {
        let (state, reason) = match (&self.enabled, &self.db) {
            (Enabled::On, _) => ("on", None),
            (Enabled::Off, _) => ("off", None),
            (Enabled::Unknown(_), Certificates::NoUefi) => ("no-uefi", None),
            (Enabled::Unknown(why), _) => ("unknown", Some(why)),
        };
        let why = |certificates: &Certificates| match certificates {
            Certificates::Unknown(why) => Some(why.clone()),
            Certificates::Held(_) | Certificates::NoUefi => None,
        };
        json!({
            "state": state,
            "reason": reason,
            "db": self.db.json(),
            "kek": self.kek.json(),
            "firmware_reason": why(&self.db).or_else(|| why(&self.kek)),
            "status": self.status.map(Status::name),
            "error": self.error,
            "capable": self.capable,
            "steps_left": self.steps_left,
        })
    }
}

fn enabled(reader: &Reader<'_>) -> Enabled {
    let found = reader.value(keys::SECURE_BOOT_STATE, ENABLED);
    let data = found.as_ref().map(Found::data);
    let why = match data {
        Some(data) if data.number().is_some() => {
            return match data.number() {
                Some(0) => Enabled::Off,
                _ => Enabled::On,
            };
        }
        Some(Data::Unreadable(why)) => format!("{ENABLED} could not be read: {why}"),
        Some(Data::Absent) => {
            format!("Windows does not say whether Secure Boot is on ({ENABLED} is absent)")
        }
        None | Some(Data::NotRecorded) => format!("{ENABLED} was not recorded"),
        Some(_) => format!("{ENABLED} is no number"),
    };
    Enabled::Unknown(why)
}

fn certificates(reader: &Reader<'_>, name: &str) -> Certificates {
    let found = reader.value(keys::FIRMWARE, name);
    match found.as_ref().map(Found::data) {
        Some(Data::MultiText(names)) => Certificates::Held(names.clone()),
        Some(Data::Absent) => Certificates::NoUefi,
        Some(Data::Unreadable(why)) => {
            Certificates::Unknown(format!("{name} could not be read: {why}"))
        }
        _ => Certificates::Unknown(format!("what {name} holds was not recorded")),
    }
}

#[cfg(test)]
mod tests;
