//! Files and folders: whether they are there, since when, and of which version; and room on the drive of Windows.
//!
//! Only paths on a drive are looked for. A path on another machine would make this one sign in there, on the word of a registry
//! value; so it is [`Data::Unreadable`].
#![expect(unsafe_code, reason = "calls Windows")]

use std::io;
use std::ptr::null_mut;

use sickbay_diagnosis::keys;
use sickbay_diagnosis::reading::Data;
use windows_sys::Win32::Foundation::{
    ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND, ERROR_RESOURCE_TYPE_NOT_FOUND,
};
use windows_sys::Win32::Storage::FileSystem::{
    GetDiskFreeSpaceExW, GetFileVersionInfoSizeW, GetFileVersionInfoW, VS_FIXEDFILEINFO,
    VerQueryValueW,
};
use windows_sys::core::w;

use super::error::{last, reason};
use super::wide::wide;
use crate::clock::time_of;
use crate::host::told::Room;

/// Largest description of a version, in bytes; they have a few thousand.
const MAX_VERSION_BYTES: u32 = 1 << 20;
/// What a description of a version begins with.
const VERSION_SIGNATURE: u32 = 0xfeef_04bd;

/// Whether `path` is there, its variables such as `%windir%` expanded by this process's environment; with its time of creation.
pub(super) fn file(path: &str) -> Data {
    let expanded = expanded(path);
    if !is_on_a_drive(&expanded) {
        return Data::Unreadable(format!("{expanded} is no path on a drive of this machine"));
    }
    match std::fs::symlink_metadata(&expanded) {
        Ok(metadata) => Data::Key(metadata.created().ok().map(time_of)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Data::Absent,
        Err(error) => Data::Unreadable(error.to_string()),
    }
}

/// The version of the file at `path`, by the numbers in its description.
pub(super) fn version(path: &str) -> Data {
    let expanded = expanded(path);
    if !is_on_a_drive(&expanded) {
        return Data::Unreadable(format!("{expanded} is no path on a drive of this machine"));
    }
    match described(&wide(&expanded)) {
        Ok(version) => Data::Text(version),
        Err(ERROR_FILE_NOT_FOUND | ERROR_PATH_NOT_FOUND) => Data::Absent,
        Err(ERROR_RESOURCE_TYPE_NOT_FOUND) => {
            Data::Unreadable("the file does not say its version".to_owned())
        }
        Err(0) => Data::Unreadable("the file's version cannot be understood".to_owned()),
        Err(code) => Data::Unreadable(reason(code)),
    }
}

fn described(path: &[u16]) -> Result<String, u32> {
    // SAFETY: `path` ends with a zero; the second argument is of no use and may be null.
    let length = unsafe { GetFileVersionInfoSizeW(path.as_ptr(), null_mut()) };
    if length == 0 {
        return Err(last());
    }
    if length > MAX_VERSION_BYTES {
        return Err(0);
    }
    // Windows reads numbers in it as such, so it begins at a place fit for them.
    let mut info = vec![0_u64; (length as usize).div_ceil(8)];
    // SAFETY: `path` ends with a zero; at most `length` bytes are written to `info`, which has them.
    let done = unsafe { GetFileVersionInfoW(path.as_ptr(), 0, length, info.as_mut_ptr().cast()) };
    if done == 0 {
        return Err(last());
    }
    let (mut fixed, mut bytes) = (null_mut(), 0);
    // SAFETY: `info` was filled above; the call writes a pointer into it and how many bytes there are.
    let done = unsafe {
        VerQueryValueW(
            info.as_ptr().cast(),
            w!("\\"),
            &raw mut fixed,
            &raw mut bytes,
        )
    };
    if done == 0 || fixed.is_null() || (bytes as usize) < size_of::<VS_FIXEDFILEINFO>() {
        return Err(0);
    }
    // SAFETY: so many bytes of `info` are there; they may lie anywhere and hold anything.
    let fixed: VS_FIXEDFILEINFO = unsafe { fixed.cast::<VS_FIXEDFILEINFO>().read_unaligned() };
    if fixed.dwSignature != VERSION_SIGNATURE {
        return Err(0);
    }
    let (high, low) = (fixed.dwFileVersionMS, fixed.dwFileVersionLS);
    Ok(format!(
        "{}.{}.{}.{}",
        high >> 16,
        high & 0xffff,
        low >> 16,
        low & 0xffff
    ))
}

/// Room on the drive of Windows, as it is for the system itself.
pub(super) fn system_drive() -> Room {
    let drive = expanded(keys::SYSTEM_DRIVE);
    if !is_on_a_drive(&drive) {
        return Room::unknown(Data::Unreadable(format!(
            "{drive} is no drive of this machine"
        )));
    }
    let drive = wide(&drive);
    let (mut total, mut free) = (0_u64, 0_u64);
    // SAFETY: `drive` ends with a zero; what is not asked for is null, the rest is written to.
    let done =
        unsafe { GetDiskFreeSpaceExW(drive.as_ptr(), null_mut(), &raw mut total, &raw mut free) };
    if done == 0 {
        return Room::unknown(Data::Unreadable(reason(last())));
    }
    Room {
        free: Data::Qword(free),
        total: Data::Qword(total),
    }
}

/// The path with its variables replaced; one that is not set stays as it is.
fn expanded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let Some((name, behind)) = after.split_once('%') else {
            out.push('%');
            rest = after;
            break;
        };
        match std::env::var(name) {
            Ok(value) => out.push_str(&value),
            Err(_) => out.extend(["%", name, "%"]),
        }
        rest = behind;
    }
    out + rest
}

fn is_on_a_drive(path: &str) -> bool {
    matches!(path.as_bytes(), [letter, b':', b'\\', ..] if letter.is_ascii_alphabetic())
}
