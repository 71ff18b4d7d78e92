//! The registry, in the 64-bit view.
//!
//! Absent, refused and failed are different answers, also in the midst of a listing: one that breaks off is unreadable, not short.
//! Keys are opened with no more rights than the question needs. Limits: [`MAX_VALUE_BYTES`] a value, [`MAX_NAMES`] names a listing.
//! Names that are no Unicode come out with U+FFFD and are then not found again.
#![expect(unsafe_code, reason = "calls Windows")]

use std::ptr::{null, null_mut};

use sickbay_diagnosis::Time;
use sickbay_diagnosis::reading::Data;
use windows_sys::Win32::Foundation::{
    ERROR_FILE_NOT_FOUND, ERROR_KEY_DELETED, ERROR_MORE_DATA, ERROR_NO_MORE_ITEMS,
    ERROR_PATH_NOT_FOUND, ERROR_SUCCESS, FILETIME, WIN32_ERROR,
};
use windows_sys::Win32::System::Registry::{
    HKEY, HKEY_CLASSES_ROOT, HKEY_CURRENT_CONFIG, HKEY_CURRENT_USER, HKEY_LOCAL_MACHINE,
    HKEY_USERS, KEY_ENUMERATE_SUB_KEYS, KEY_QUERY_VALUE, KEY_WOW64_64KEY, REG_SAM_FLAGS,
    RegCloseKey, RegEnumKeyExW, RegEnumValueW, RegOpenKeyExW, RegQueryInfoKeyW, RegQueryValueExW,
};

use super::error::reason;
use super::wide::{text, wide};
use crate::host::Listing;
use crate::host::recording::reg_data::{TextBytes, from_bytes};

/// Largest value that is read. The largest in practice, lists of file renames, stay far below.
const MAX_VALUE_BYTES: usize = 4 << 20;
/// Most names of one listing.
const MAX_NAMES: u32 = 64 * 1024;
/// What most values fit into at the first attempt.
const USUAL_VALUE_BYTES: usize = 512;
/// Attempts for a value that grows while it is read.
const ATTEMPTS: usize = 8;
/// Longest name of a key and of a value, with the zero behind it.
const KEY_NAME: usize = 256;
const VALUE_NAME: usize = 16 * 1024;

/// Value `name` of the key at `path`.
pub(super) fn value(path: &str, name: &str) -> Data {
    let read = Key::open(path, KEY_QUERY_VALUE).and_then(|key| key.value(name));
    read.unwrap_or_else(Failure::data)
}

/// Values of the key at `path`, in the order of `names`. The key is opened once, which costs as much as reading a value.
pub(super) fn values_named(path: &str, names: &[&str]) -> Vec<Data> {
    match Key::open(path, KEY_QUERY_VALUE) {
        Ok(key) => names
            .iter()
            .map(|name| key.value(name).unwrap_or_else(Failure::data))
            .collect(),
        Err(failure) => vec![failure.data(); names.len()],
    }
}

/// The key at `path`, with when it was last written.
pub(super) fn key(path: &str) -> Data {
    let read = Key::open(path, KEY_QUERY_VALUE).and_then(|key| key.last_write());
    read.map_or_else(Failure::data, Data::Key)
}

/// Names of the direct subkeys.
pub(super) fn subkeys(path: &str) -> Listing<String> {
    let read = Key::open(path, KEY_ENUMERATE_SUB_KEYS).and_then(|key| key.subkeys());
    read.map_or_else(Failure::listing, Listing::Found)
}

/// What is different after a subkey has come or gone: when a key was last written, in units of Windows, and how many subkeys it has.
pub(super) type Stamp = (u64, u32);

/// The stamp of the key at `path`; nothing where it cannot be read.
pub(super) fn stamp(path: &str) -> Option<Stamp> {
    let key = Key::open(path, KEY_QUERY_VALUE).ok()?;
    key.stamp().ok()
}

/// Names and data of the values.
pub(super) fn values(path: &str) -> Listing<(String, Data)> {
    let read = Key::open(path, KEY_QUERY_VALUE).and_then(|key| key.values());
    read.map_or_else(Failure::listing, Listing::Found)
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The key or value is not there.
    Absent,
    /// Windows refused or failed.
    Unreadable(String),
}

impl Failure {
    fn of(code: WIN32_ERROR) -> Self {
        match code {
            // A key that goes between being opened and being read is as gone as one that never was.
            ERROR_FILE_NOT_FOUND | ERROR_PATH_NOT_FOUND | ERROR_KEY_DELETED => Self::Absent,
            code => Self::Unreadable(reason(code)),
        }
    }

    fn data(self) -> Data {
        match self {
            Self::Absent => Data::Absent,
            Self::Unreadable(why) => Data::Unreadable(why),
        }
    }

    fn listing<T>(self) -> Listing<T> {
        match self {
            Self::Absent => Listing::Absent,
            Self::Unreadable(why) => Listing::Unreadable(why),
        }
    }
}

/// An open key; closed when it is dropped.
#[derive(Debug)]
pub(super) struct Key(HKEY);

// SAFETY: a registry handle belongs to the process; Windows lets any of its threads use it.
unsafe impl Send for Key {}

impl Key {
    /// Opens the key at `path`, from a hive's short name on, with these rights.
    pub(super) fn open(path: &str, access: REG_SAM_FLAGS) -> Result<Self, Failure> {
        let (root, below) = path.split_once('\\').unwrap_or((path, ""));
        let root = predefined(root)
            .ok_or_else(|| Failure::Unreadable(format!("{root} is no root of the registry")))?;
        let below = wide(below);
        let mut key = null_mut();
        // SAFETY: `below` ends with a zero and outlives the call, which writes a handle to `key`.
        let code = unsafe {
            RegOpenKeyExW(
                root,
                below.as_ptr(),
                0,
                access | KEY_WOW64_64KEY,
                &raw mut key,
            )
        };
        succeeded(code).map(|()| Self(key))
    }

    /// The handle, valid as long as this key.
    pub(super) const fn handle(&self) -> HKEY {
        self.0
    }

    fn value(&self, name: &str) -> Result<Data, Failure> {
        let name = wide(name);
        let mut bytes = vec![0_u8; USUAL_VALUE_BYTES];
        for _ in 0..ATTEMPTS {
            let mut kind = 0;
            let mut length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            // SAFETY: `name` ends with a zero; at most `length` bytes are written to `bytes`, which is that long.
            let code = unsafe {
                RegQueryValueExW(
                    self.0,
                    name.as_ptr(),
                    null(),
                    &raw mut kind,
                    bytes.as_mut_ptr(),
                    &raw mut length,
                )
            };
            let length = length as usize;
            if code != ERROR_MORE_DATA {
                succeeded(code)?;
                bytes.truncate(length);
                return Ok(from_bytes(kind, bytes, TextBytes::Utf16));
            }
            if length > MAX_VALUE_BYTES {
                return Err(Failure::Unreadable(format!(
                    "it is {length} bytes long; at most {MAX_VALUE_BYTES} are read"
                )));
            }
            bytes.resize(length.max(bytes.len() * 2), 0);
        }
        Err(Failure::Unreadable(
            "it changed faster than it could be read".to_owned(),
        ))
    }

    fn last_write(&self) -> Result<Option<Time>, Failure> {
        let (written, _) = self.stamp()?;
        Ok(Time::from_filetime(written))
    }

    fn stamp(&self) -> Result<Stamp, Failure> {
        let mut written = FILETIME::default();
        let mut subkeys = 0;
        // SAFETY: what is not asked for is null, which is allowed; the number and the time are written to.
        let code = unsafe {
            RegQueryInfoKeyW(
                self.0,
                null_mut(),
                null_mut(),
                null(),
                &raw mut subkeys,
                null_mut(),
                null_mut(),
                null_mut(),
                null_mut(),
                null_mut(),
                null_mut(),
                &raw mut written,
            )
        };
        succeeded(code)?;
        let ticks = u64::from(written.dwHighDateTime) << 32 | u64::from(written.dwLowDateTime);
        Ok((ticks, subkeys))
    }

    fn subkeys(&self) -> Result<Vec<String>, Failure> {
        let mut buffer = [0_u16; KEY_NAME];
        names(|at| {
            let mut length = KEY_NAME as u32;
            // SAFETY: at most `length` units are written to `buffer`, which is that long; what is not asked for is null.
            let code = unsafe {
                RegEnumKeyExW(
                    self.0,
                    at,
                    buffer.as_mut_ptr(),
                    &raw mut length,
                    null(),
                    null_mut(),
                    null_mut(),
                    null_mut(),
                )
            };
            (code, text(&buffer))
        })
    }

    fn values(&self) -> Result<Vec<(String, Data)>, Failure> {
        let mut buffer = vec![0_u16; VALUE_NAME];
        let names = names(|at| {
            let mut length = VALUE_NAME as u32;
            // SAFETY: at most `length` units are written to `buffer`, which is that long; what is not asked for is null.
            let code = unsafe {
                RegEnumValueW(
                    self.0,
                    at,
                    buffer.as_mut_ptr(),
                    &raw mut length,
                    null(),
                    null_mut(),
                    null_mut(),
                    null_mut(),
                )
            };
            (code, text(&buffer))
        })?;
        let read = names.into_iter().map(|name| {
            let data = self.value(&name).unwrap_or_else(Failure::data);
            (name, data)
        });
        Ok(read.filter(|(_, data)| *data != Data::Absent).collect())
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: the handle was opened by this key, and nothing uses it after its drop.
        unsafe { RegCloseKey(self.0) };
    }
}

/// Asks for one name after the other until there are no more.
fn names(mut next: impl FnMut(u32) -> (WIN32_ERROR, String)) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for at in 0..MAX_NAMES {
        let (code, name) = next(at);
        if code == ERROR_NO_MORE_ITEMS {
            break;
        }
        succeeded(code)?;
        names.push(name);
    }
    Ok(names)
}

fn succeeded(code: WIN32_ERROR) -> Result<(), Failure> {
    if code == ERROR_SUCCESS {
        Ok(())
    } else {
        Err(Failure::of(code))
    }
}

fn predefined(name: &str) -> Option<HKEY> {
    let roots = [
        ("HKLM", HKEY_LOCAL_MACHINE),
        ("HKU", HKEY_USERS),
        ("HKCU", HKEY_CURRENT_USER),
        ("HKCR", HKEY_CLASSES_ROOT),
        ("HKCC", HKEY_CURRENT_CONFIG),
    ];
    let found = roots
        .into_iter()
        .find(|(known, _)| name.eq_ignore_ascii_case(known));
    found.map(|(_, root)| root)
}
