//! What runs, as the service control manager says. Nothing is started or stopped: the rights asked for do not allow it.
#![expect(unsafe_code, reason = "calls Windows")]

use std::ptr::null;

use sickbay_diagnosis::reading::Data;
use windows_sys::Win32::Foundation::ERROR_SERVICE_DOES_NOT_EXIST;
use windows_sys::Win32::System::Services::{
    CloseServiceHandle, OpenSCManagerW, OpenServiceW, QueryServiceStatusEx, SC_HANDLE,
    SC_MANAGER_CONNECT, SC_STATUS_PROCESS_INFO, SERVICE_QUERY_STATUS, SERVICE_RUNNING,
    SERVICE_STATUS_PROCESS,
};

use super::error::{last, reason};
use super::wide::wide;

/// Whether service `name` runs; one that is starting, stopping or paused does not.
pub(super) fn running(name: &str) -> Data {
    match state(name) {
        Ok(state) => Data::Flag(state == SERVICE_RUNNING),
        Err(ERROR_SERVICE_DOES_NOT_EXIST) => Data::Absent,
        Err(code) => Data::Unreadable(reason(code)),
    }
}

fn state(name: &str) -> Result<u32, u32> {
    // SAFETY: null stands for this machine and its active database.
    let manager = Handle::of(unsafe { OpenSCManagerW(null(), null(), SC_MANAGER_CONNECT) })?;
    let name = wide(name);
    // SAFETY: the manager's handle is open, and `name` ends with a zero.
    let service =
        Handle::of(unsafe { OpenServiceW(manager.0, name.as_ptr(), SERVICE_QUERY_STATUS) })?;
    let mut status = SERVICE_STATUS_PROCESS::default();
    let mut needed = 0;
    // SAFETY: the handle is open; at most as many bytes as the structure has are written to it, and it may hold any bytes.
    let done = unsafe {
        QueryServiceStatusEx(
            service.0,
            SC_STATUS_PROCESS_INFO,
            (&raw mut status).cast(),
            size_of::<SERVICE_STATUS_PROCESS>() as u32,
            &raw mut needed,
        )
    };
    if done == 0 {
        return Err(last());
    }
    Ok(status.dwCurrentState)
}

struct Handle(SC_HANDLE);

impl Handle {
    /// A handle that a call gave, or why it gave none.
    fn of(handle: SC_HANDLE) -> Result<Self, u32> {
        if handle.is_null() {
            Err(last())
        } else {
            Ok(Self(handle))
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle is open and belongs to this value alone.
        unsafe { CloseServiceHandle(self.0) };
    }
}
