//! The machine's own proxy, as `netsh winhttp set proxy` or group policy left it. PAC scripts are not asked: they are programs.
#![expect(unsafe_code, reason = "calls Windows")]

use std::ptr::null_mut;

use sickbay_service::windows::Library;
use windows_sys::Win32::Foundation::GlobalFree;
use windows_sys::Win32::Networking::WinHttp::{
    WINHTTP_ACCESS_TYPE_NAMED_PROXY, WINHTTP_PROXY_INFO,
};
use windows_sys::core::{BOOL, PWSTR};

use super::wide;
use crate::session::MachineProxy;

/// Longest list of proxies or hosts that is read, in UTF-16 units.
const LONGEST: usize = 8 * 1024;

// SAFETY: wants a structure to write to.
type GetDefaultProxyConfiguration = unsafe extern "system" fn(*mut WINHTTP_PROXY_INFO) -> BOOL;

/// `None` where there is none, and where Windows does not tell.
pub(super) fn machine() -> Option<MachineProxy> {
    let library = Library::load("winhttp.dll").ok()?;
    // SAFETY: the type is the signature that Windows documents; the library outlives the call.
    let get: GetDefaultProxyConfiguration =
        unsafe { library.function(c"WinHttpGetDefaultProxyConfiguration") }.ok()?;
    let mut found = WINHTTP_PROXY_INFO {
        dwAccessType: 0,
        lpszProxy: null_mut(),
        lpszProxyBypass: null_mut(),
    };
    // SAFETY: the call fills the structure, whose texts are the caller's to free.
    if unsafe { get(&raw mut found) } == 0 {
        return None;
    }
    let (proxy, bypass) = (taken(found.lpszProxy), taken(found.lpszProxyBypass));
    (found.dwAccessType == WINHTTP_ACCESS_TYPE_NAMED_PROXY && !proxy.is_empty())
        .then_some(MachineProxy { proxy, bypass })
}

/// Copies a text that Windows allocated and gives it back.
fn taken(text: PWSTR) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: the text ends with a zero, and no unit behind it is read.
    let units = (0..LONGEST).map(|at| unsafe { *text.add(at) });
    let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
    // SAFETY: Windows allocated it for the caller to free, and it is not used after.
    unsafe { GlobalFree(text.cast()) };
    wide::text(&units)
}
