//! The firmware's Secure Boot variables (`GetFirmwareEnvironmentVariableW`).
//!
//! Reading one takes the privilege to change the firmware's environment. It is enabled in a token of the asking thread alone, which
//! is thrown away afterwards, so that nothing else in the process has it at any time; the process's own token stays as it was. Nothing
//! is ever set. Where the account has no such privilege, the variables are unreadable, with the reason.
#![expect(unsafe_code, reason = "calls Windows")]

use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::ptr::{null, null_mut};
use std::time::Duration;

use sickbay_diagnosis::keys;
use sickbay_diagnosis::reading::Data;
use windows_sys::Win32::Foundation::{
    ERROR_ENVVAR_NOT_FOUND, ERROR_INSUFFICIENT_BUFFER, ERROR_INVALID_FUNCTION,
    ERROR_NOT_ALL_ASSIGNED, ERROR_PRIVILEGE_NOT_HELD, HANDLE, LUID,
};
use windows_sys::Win32::Security::{
    AdjustTokenPrivileges, ImpersonateSelf, LUID_AND_ATTRIBUTES, LookupPrivilegeValueW,
    RevertToSelf, SE_PRIVILEGE_ENABLED, SE_SYSTEM_ENVIRONMENT_NAME, SecurityImpersonation,
    TOKEN_ADJUST_PRIVILEGES, TOKEN_PRIVILEGES,
};
use windows_sys::Win32::System::Threading::{GetCurrentThread, OpenThreadToken};
use windows_sys::Win32::System::WindowsProgramming::GetFirmwareEnvironmentVariableW;
use windows_sys::core::{PCWSTR, w};

use super::error::{last, reason};
use super::wide::wide;
use crate::host::efi_signatures::{MOST_BYTES, known_certificates};
use crate::host::firmware::Firmware;
use crate::host::guarded::Guarded;

/// Longest wait.
const LIMIT: Duration = Duration::from_secs(10);
/// Namespace of `db`, `EFI_IMAGE_SECURITY_DATABASE_GUID` of the UEFI specification.
const IMAGE_SECURITY_DATABASE: PCWSTR = w!("{d719b2cb-3d3a-4596-a3bc-dad00e67656f}");
/// Namespace of `KEK`, `EFI_GLOBAL_VARIABLE` of the UEFI specification.
const GLOBAL_VARIABLE: PCWSTR = w!("{8be4df61-93ca-11d2-aa0d-00e098032b8c}");
/// Tried first; enough for most.
const USUAL_BYTES: usize = 64 << 10;

/// The firmware's variables.
#[derive(Debug)]
pub(super) struct Variables(Guarded);

impl Variables {
    pub(super) const fn new() -> Self {
        Self(Guarded::new("firmware", LIMIT))
    }

    /// Which known certificates they hold.
    pub(super) fn read(&self) -> Firmware {
        let read = self.0.ask(read);
        read.unwrap_or_else(|why| {
            Firmware::unknown(&Data::Unreadable(format!("the firmware {why}")))
        })
    }
}

/// On a thread of its own, which alone gets the privilege.
fn read() -> Firmware {
    let privileged = Privileged::become_so();
    let why_not = privileged.as_ref().err().copied();
    Firmware {
        db: certificates(keys::FIRMWARE_DB, false, why_not),
        kek: certificates(keys::FIRMWARE_KEK, true, why_not),
    }
}

fn certificates(name: &str, is_global: bool, without_privilege: Option<u32>) -> Data {
    let namespace = if is_global {
        GLOBAL_VARIABLE
    } else {
        IMAGE_SECURITY_DATABASE
    };
    match variable(&wide(name), namespace) {
        Ok(database) => known_certificates(&database)
            .unwrap_or_else(|why| Data::Unreadable(format!("it cannot be understood: {why}"))),
        // What Windows says where it was started by a BIOS, or by firmware that plays one.
        Err(ERROR_INVALID_FUNCTION) => Data::Absent,
        // This firmware has variables and not this one, so it holds no certificate.
        Err(ERROR_ENVVAR_NOT_FOUND) => Data::MultiText(Vec::new()),
        Err(code) => Data::Unreadable(match without_privilege {
            Some(ERROR_NOT_ALL_ASSIGNED | ERROR_PRIVILEGE_NOT_HELD) => {
                "the account of the collector lacks the privilege SeSystemEnvironmentPrivilege"
                    .to_owned()
            }
            Some(cause) => format!(
                "the privilege SeSystemEnvironmentPrivilege could not be enabled: {}",
                reason(cause)
            ),
            None => reason(code),
        }),
    }
}

/// The bytes of a variable; `name` ends with a zero.
fn variable(name: &[u16], namespace: PCWSTR) -> Result<Vec<u8>, u32> {
    let mut size = USUAL_BYTES;
    loop {
        let mut bytes = vec![0_u8; size];
        let room = u32::try_from(size).unwrap_or(u32::MAX);
        // SAFETY: name and namespace end with a zero, and at most `room` bytes are written to `bytes`, which has them.
        let written = unsafe {
            GetFirmwareEnvironmentVariableW(
                name.as_ptr(),
                namespace,
                bytes.as_mut_ptr().cast(),
                room,
            )
        };
        if written > 0 {
            bytes.truncate(written as usize);
            return Ok(bytes);
        }
        match last() {
            // One more byte than is taken, so that a larger one is seen to be too large.
            ERROR_INSUFFICIENT_BUFFER if size <= MOST_BYTES => size = MOST_BYTES + 1,
            code => return Err(code),
        }
    }
}

/// The thread has the privilege until this is dropped.
struct Privileged(());

impl Privileged {
    fn become_so() -> Result<Self, u32> {
        // SAFETY: takes a level and gives this thread a copy of the process's token; undone on drop.
        if unsafe { ImpersonateSelf(SecurityImpersonation) } == 0 {
            return Err(last());
        }
        // From here on dropping undoes it, however the rest ends.
        let privileged = Self(());
        enable(SE_SYSTEM_ENVIRONMENT_NAME)?;
        Ok(privileged)
    }
}

impl Drop for Privileged {
    fn drop(&mut self) {
        // SAFETY: takes nothing; this thread's token is let go, and with it the privilege.
        if unsafe { RevertToSelf() } == 0 {
            // The thread ends after this question, and its token with it.
            tracing::warn!(
                "the privilege to read the firmware could not be given up: {}",
                reason(last())
            );
        }
    }
}

/// Enables a privilege in the token of this thread.
fn enable(privilege: PCWSTR) -> Result<(), u32> {
    let mut luid = LUID::default();
    // SAFETY: null means this machine, the name ends with a zero, and the number is written to.
    if unsafe { LookupPrivilegeValueW(null(), privilege, &raw mut luid) } == 0 {
        return Err(last());
    }
    let mut opened: HANDLE = null_mut();
    // SAFETY: the thread is this one, asked for as the process itself (1), and the handle is written to.
    let has_token = unsafe {
        OpenThreadToken(
            GetCurrentThread(),
            TOKEN_ADJUST_PRIVILEGES,
            1,
            &raw mut opened,
        )
    };
    if has_token == 0 {
        return Err(last());
    }
    // SAFETY: opened above and owned by nobody else.
    let token = unsafe { OwnedHandle::from_raw_handle(opened) };
    let wanted = TOKEN_PRIVILEGES {
        PrivilegeCount: 1,
        Privileges: [LUID_AND_ATTRIBUTES {
            Luid: luid,
            Attributes: SE_PRIVILEGE_ENABLED,
        }],
    };
    // SAFETY: the token is open for this, the one privilege is read, and what was before is not asked for.
    let adjusted = unsafe {
        AdjustTokenPrivileges(
            token.as_raw_handle(),
            0,
            &raw const wanted,
            0,
            null_mut(),
            null_mut(),
        )
    };
    // Windows says so as well where it enabled nothing, and tells that apart by the code alone.
    match (adjusted, last()) {
        (0, code) | (_, code @ ERROR_NOT_ALL_ASSIGNED) => Err(code),
        _ => Ok(()),
    }
}
