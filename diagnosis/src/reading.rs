//! What was read on a device, and where: the raw material of every fact and the evidence of every verdict.
//!
//! "Absent" and "unreadable" are different answers, and so is "this recording does not hold that source".

use serde::{Deserialize, Serialize};

use crate::check::Check;
use crate::observation::{Observation, Outcome};
use crate::time::Time;

/// Where a reading came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A registry key or value.
    Registry,
    /// The service control manager (what runs).
    ServiceManager,
    /// A file or folder.
    File,
    /// An event log.
    EventLog,
    /// The Windows Update agent (COM).
    UpdateAgent,
    /// The operating system itself (host name, architecture, boot time).
    System,
}

impl Source {
    /// The word used in evidence, pages and exports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::ServiceManager => "service-manager",
            Self::File => "file",
            Self::EventLog => "event-log",
            Self::UpdateAgent => "update-agent",
            Self::System => "system",
        }
    }
}

/// One value as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Where it came from.
    #[serde(rename = "s")]
    pub source: Source,
    /// Full path; for the registry `HKLM\SOFTWARE\...`, for a service its name.
    #[serde(rename = "p")]
    pub path: String,
    /// Name of the value; `Some("")` is a key's default value, `None` means the key or object itself.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What was found.
    #[serde(rename = "d")]
    pub data: Data,
}

/// What was found where a reading looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Data {
    /// Looked for, and not there.
    Absent,
    /// There, or perhaps there, and it could not be read: why.
    Unreadable(String),
    /// The recording does not hold this source.
    NotRecorded,
    /// The key exists; when it was last written, where known.
    Key(Option<Time>),
    /// REG_DWORD.
    Dword(u32),
    /// REG_QWORD.
    Qword(u64),
    /// REG_SZ, or a text from another source.
    Text(String),
    /// REG_EXPAND_SZ, not expanded.
    ExpandText(String),
    /// REG_MULTI_SZ; empty strings are kept as they stood.
    MultiText(Vec<String>),
    /// REG_BINARY.
    Binary(Vec<u8>),
    /// Yes or no, from a source that is not the registry.
    Flag(bool),
    /// Any other registry type.
    Other {
        /// The registry's number of the type.
        kind: u32,
        /// The bytes as stored.
        bytes: Vec<u8>,
    },
}

impl Data {
    /// The type as evidence names it: `REG_DWORD`, `absent`, ...
    pub fn type_name(&self) -> String {
        match self {
            Self::Absent => "absent".to_owned(),
            Self::Unreadable(_) => "unreadable".to_owned(),
            Self::NotRecorded => "not-recorded".to_owned(),
            Self::Key(_) => "key".to_owned(),
            Self::Dword(_) => "REG_DWORD".to_owned(),
            Self::Qword(_) => "REG_QWORD".to_owned(),
            Self::Text(_) => "REG_SZ".to_owned(),
            Self::ExpandText(_) => "REG_EXPAND_SZ".to_owned(),
            Self::MultiText(_) => "REG_MULTI_SZ".to_owned(),
            Self::Binary(_) => "REG_BINARY".to_owned(),
            Self::Flag(_) => "flag".to_owned(),
            Self::Other { kind, .. } => format!("REG_TYPE_{kind}"),
        }
    }

    /// The data as evidence shows it: numbers in decimal, lists one line each, bytes in hexadecimal, nothing for what is absent.
    pub fn text(&self) -> String {
        match self {
            Self::Absent | Self::NotRecorded => String::new(),
            Self::Unreadable(why) => why.clone(),
            Self::Key(last_write) => last_write.map_or_else(
                || "exists".to_owned(),
                |t| format!("exists, last written {t}"),
            ),
            Self::Dword(n) => n.to_string(),
            Self::Qword(n) => n.to_string(),
            Self::Text(s) | Self::ExpandText(s) => s.clone(),
            Self::MultiText(lines) => lines.join("\n"),
            Self::Flag(b) => b.to_string(),
            Self::Binary(bytes) | Self::Other { bytes, .. } => hex(bytes),
        }
    }

    /// Whether something was found (a value or a key).
    pub const fn is_present(&self) -> bool {
        !matches!(self, Self::Absent | Self::Unreadable(_) | Self::NotRecorded)
    }

    /// The number in a DWORD or QWORD. A text is not a number here: Windows ignores a REG_SZ where it wants a DWORD.
    pub fn number(&self) -> Option<u64> {
        match self {
            Self::Dword(n) => Some(u64::from(*n)),
            Self::Qword(n) => Some(*n),
            _ => None,
        }
    }

    /// The text of a REG_SZ or REG_EXPAND_SZ.
    pub fn string(&self) -> Option<&str> {
        match self {
            Self::Text(s) | Self::ExpandText(s) => Some(s),
            _ => None,
        }
    }

    /// The lines of a REG_MULTI_SZ, or of a REG_SZ where scripts or older releases write one; empty lines left out.
    pub fn lines(&self) -> Vec<&str> {
        let keep = |s: &&str| !s.trim().is_empty();
        match self {
            Self::MultiText(lines) => lines.iter().map(String::as_str).filter(keep).collect(),
            Self::Text(s) | Self::ExpandText(s) => s.lines().filter(keep).collect(),
            _ => Vec::new(),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
            let _ = write!(out, "{byte:02x}");
            out
        })
}

/// A reading as pages, API and exports show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// `registry`, `service-manager`, `file`, ...; `collector` for what became of a check, `server` for what the server saw.
    pub source: String,
    /// Full path.
    pub path: String,
    /// Name of the value; empty for the key itself.
    pub name: String,
    /// `REG_DWORD`, ..., `key`, `absent`, `unreadable`, `not-recorded`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The raw data as text.
    pub data: String,
    /// When it was read, RFC 3339, by the device's clock.
    pub read_at: String,
}

impl Evidence {
    /// The evidence that a check could look, or why it could not.
    pub fn of_outcome(check: Check, observation: &Observation) -> Self {
        let (kind, data) = match &observation.outcome {
            Outcome::Seen(readings) => ("seen", format!("{} readings", readings.len())),
            Outcome::Unavailable(why) => ("unavailable", why.clone()),
            Outcome::Failed(why) => ("failed", why.clone()),
        };
        Self {
            source: "collector".to_owned(),
            path: format!("check {check}"),
            name: String::new(),
            kind: kind.to_owned(),
            data,
            read_at: observation.taken_at.to_string(),
        }
    }

    /// The evidence that a reading gives, read at `read_at`.
    pub fn of(reading: &Reading, read_at: Time) -> Self {
        Self {
            source: reading.source.name().to_owned(),
            path: reading.path.clone(),
            name: reading.name.clone().unwrap_or_default(),
            kind: reading.data.type_name(),
            data: reading.data.text(),
            read_at: read_at.to_string(),
        }
    }
}
