//! What Windows tells of the machine outside the registry, and what it has learnt of its place in a domain. Nobody else is asked:
//! a domain controller that does not answer would hold up an inspection.
#![expect(unsafe_code, reason = "calls Windows")]

use std::ffi::c_void;
use std::ptr::{null, null_mut};
use std::sync::{Mutex, PoisonError};

use sickbay_diagnosis::facts::device::organizational_unit_of;
use sickbay_diagnosis::reading::Data;
use sickbay_diagnosis::{Time, keys};
use sickbay_service::windows::Library;
use windows_sys::Win32::Foundation::ERROR_MORE_DATA;
use windows_sys::Win32::NetworkManagement::NetManagement::{
    NERR_Success, NETSETUP_JOIN_STATUS, NetSetupDomainName,
};
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
use windows_sys::Win32::System::SystemInformation::{
    COMPUTER_NAME_FORMAT, ComputerNameDnsDomain, ComputerNameDnsHostname, GetComputerNameExW,
    GetNativeSystemInfo, GetSystemFirmwareTable, GetTickCount64, IMAGE_FILE_MACHINE,
    IMAGE_FILE_MACHINE_AMD64, IMAGE_FILE_MACHINE_ARM64, IMAGE_FILE_MACHINE_I386,
    PROCESSOR_ARCHITECTURE_AMD64, PROCESSOR_ARCHITECTURE_ARM64, PROCESSOR_ARCHITECTURE_INTEL, RSMB,
    SYSTEM_INFO,
};
use windows_sys::Win32::System::Threading::GetCurrentProcess;
use windows_sys::core::{BOOL, PCWSTR, PWSTR, s, w};

use super::error::{last, reason};
use super::{registry, wide};
use crate::host::smbios;

/// Where Windows keeps an identifier that setup made up. Clones of one image share it.
const CRYPTOGRAPHY: &str = r"HKLM\SOFTWARE\Microsoft\Cryptography";
/// Largest firmware table that is read, in bytes; they have a few thousand.
const MAX_FIRMWARE: usize = 1 << 20;
/// By how much the machine's start may seem to move before it is taken for another one: clocks are set.
const CLOCK_SET_MS: i64 = 60_000;

/// The host name.
pub(super) fn host_name() -> Data {
    computer_name(ComputerNameDnsHostname).unwrap_or_else(Data::Unreadable)
}

/// DNS name of the AD domain, or its short name where there is no other; absent on a machine that has not joined one.
pub(super) fn domain() -> Data {
    match joined_domain() {
        Err(why) => Data::Unreadable(why),
        Ok(None) => Data::Absent,
        Ok(Some(short)) => match computer_name(ComputerNameDnsDomain) {
            Ok(Data::Text(name)) => Data::Text(name),
            _ => Data::Text(short),
        },
    }
}

/// The machine's OU, as the last group policy run left its name.
pub(super) fn organizational_unit() -> Data {
    match registry::value(keys::GROUP_POLICY_STATE, "Distinguished-Name") {
        Data::Text(name) => organizational_unit_of(&name).map_or(Data::Absent, Data::Text),
        other => other,
    }
}

/// The AD site that the machine found itself in.
pub(super) fn site() -> Data {
    match registry::value(keys::NETLOGON_PARAMETERS, "DynamicSiteName") {
        Data::Absent => registry::value(keys::NETLOGON_PARAMETERS, "SiteName"),
        found => found,
    }
}

/// The machine's own architecture, also where this program runs by emulation.
pub(super) fn architecture() -> Data {
    let known = match native_machine() {
        Some(IMAGE_FILE_MACHINE_AMD64) => Some("x64"),
        Some(IMAGE_FILE_MACHINE_ARM64) => Some("arm64"),
        Some(IMAGE_FILE_MACHINE_I386) => Some("x86"),
        // Before Windows 10 1511 there is no emulation of a foreign processor, and the older question is enough.
        _ => match native_processor() {
            PROCESSOR_ARCHITECTURE_AMD64 => Some("x64"),
            PROCESSOR_ARCHITECTURE_ARM64 => Some("arm64"),
            PROCESSOR_ARCHITECTURE_INTEL => Some("x86"),
            _ => None,
        },
    };
    known.map_or_else(
        || Data::Unreadable("Windows names a processor that is not known here".to_owned()),
        |name| Data::Text(name.to_owned()),
    )
}

/// The UUID of the firmware, else, marked as such, the identifier that setup made up.
pub(super) fn fingerprint() -> Data {
    if let Some(uuid) = firmware_table().as_deref().and_then(smbios::uuid) {
        return Data::Text(uuid);
    }
    match registry::value(CRYPTOGRAPHY, "MachineGuid") {
        Data::Text(guid) => Data::Text(format!("machine-guid:{guid}")),
        other => other,
    }
}

/// When the machine started. It is derived from two clocks that drift, so that the first answer stays until the clock was set.
#[derive(Debug, Default)]
pub(super) struct Boot(Mutex<Option<Time>>);

impl Boot {
    /// By the clock that shows `now`, to the second.
    pub(super) fn time(&self, now: Time) -> Time {
        // SAFETY: takes nothing and cannot fail.
        let running = unsafe { GetTickCount64() };
        let boot = now.plus_millis(-i64::try_from(running).unwrap_or(i64::MAX));
        let boot = Time::from_millis(boot.millis().div_euclid(1_000) * 1_000);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *known {
            Some(known) if boot.since(known).abs() < CLOCK_SET_MS => known,
            _ => *known.insert(boot),
        }
    }
}

fn computer_name(which: COMPUTER_NAME_FORMAT) -> Result<Data, String> {
    let mut buffer = vec![0_u16; 256];
    loop {
        let mut length = u32::try_from(buffer.len()).unwrap_or(u32::MAX);
        // SAFETY: at most `length` units are written to `buffer`, which is that long.
        let done = unsafe { GetComputerNameExW(which, buffer.as_mut_ptr(), &raw mut length) };
        if done != 0 {
            let name = wide::text(&buffer);
            return Ok(if name.is_empty() {
                Data::Absent
            } else {
                Data::Text(name)
            });
        }
        let code = last();
        if code != ERROR_MORE_DATA || length as usize <= buffer.len() {
            return Err(reason(code));
        }
        buffer.resize(length as usize, 0);
    }
}

// SAFETY: wants a server's name or null, and two places to write to.
type GetJoinInformation =
    unsafe extern "system" fn(PCWSTR, *mut PWSTR, *mut NETSETUP_JOIN_STATUS) -> u32;
// SAFETY: wants what another function of its library allocated.
type BufferFree = unsafe extern "system" fn(*const c_void) -> u32;

/// The short name of the domain that the machine has joined.
fn joined_domain() -> Result<Option<String>, String> {
    let library = Library::load("netapi32.dll").map_err(|error| error.to_string())?;
    // SAFETY: the types are the signatures that Windows documents; the library outlives the calls.
    let (get, free): (GetJoinInformation, BufferFree) = unsafe {
        let get = library.function(c"NetGetJoinInformation");
        let free = library.function(c"NetApiBufferFree");
        (
            get.map_err(|error| error.to_string())?,
            free.map_err(|error| error.to_string())?,
        )
    };
    let mut name = null_mut();
    let mut status: NETSETUP_JOIN_STATUS = 0;
    // SAFETY: null stands for this machine; the call writes a text of its own and a status.
    let code = unsafe { get(null(), &raw mut name, &raw mut status) };
    if code != NERR_Success {
        return Err(reason(code));
    }
    let mut units = Vec::new();
    if !name.is_null() {
        // SAFETY: the text ends with a zero, and no unit behind it is read.
        let all = (0..).map(|at| unsafe { *name.add(at) });
        units.extend(all.take_while(|unit| *unit != 0));
        // SAFETY: the call above allocated it for the caller to free, and it is not used after.
        unsafe { free(name.cast()) };
    }
    Ok((status == NetSetupDomainName).then(|| wide::text(&units)))
}

/// What `IsWow64Process2` says, which Windows has since 10 1511 only and which is therefore looked up.
fn native_machine() -> Option<IMAGE_FILE_MACHINE> {
    // SAFETY: wants a process and two numbers to write to; that is how it is called below.
    type IsWow64Process2 =
        unsafe extern "system" fn(isize, *mut IMAGE_FILE_MACHINE, *mut IMAGE_FILE_MACHINE) -> BOOL;
    // SAFETY: both names end with a zero, and kernel32 stays loaded as long as the process.
    let found =
        unsafe { GetProcAddress(GetModuleHandleW(w!("kernel32.dll")), s!("IsWow64Process2")) }?;
    // SAFETY: this is the signature that Windows documents for the function of that name.
    let is_wow64_process2: IsWow64Process2 = unsafe { std::mem::transmute(found) };
    let (mut process, mut native) = (0, 0);
    // SAFETY: the pseudo handle of this process is always valid; both numbers are written.
    let done = unsafe {
        is_wow64_process2(
            GetCurrentProcess().addr().cast_signed(),
            &raw mut process,
            &raw mut native,
        )
    };
    (done != 0).then_some(native)
}

fn native_processor() -> u16 {
    let mut info = SYSTEM_INFO::default();
    // SAFETY: the call fills the structure and cannot fail.
    unsafe { GetNativeSystemInfo(&raw mut info) };
    // SAFETY: both members of the union are plain numbers.
    unsafe { info.Anonymous.Anonymous.wProcessorArchitecture }
}

fn firmware_table() -> Option<Vec<u8>> {
    // SAFETY: without a buffer only the size is told.
    let length = unsafe { GetSystemFirmwareTable(RSMB, 0, null_mut(), 0) };
    let mut table = vec![0_u8; Some(length as usize).filter(|n| (1..=MAX_FIRMWARE).contains(n))?];
    // SAFETY: at most `length` bytes are written to `table`, which is that long.
    let written = unsafe { GetSystemFirmwareTable(RSMB, 0, table.as_mut_ptr(), length) };
    table.truncate(written as usize);
    (written > 0 && written <= length).then_some(table)
}
