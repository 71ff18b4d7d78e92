//! Windows' error codes in words.

use std::io;

use windows_sys::Win32::Foundation::{ERROR_ACCESS_DENIED, GetLastError, WIN32_ERROR};

/// What an error code says. The usual one in words of our own, because Windows speaks the language of the machine.
pub(super) fn reason(code: WIN32_ERROR) -> String {
    if code == ERROR_ACCESS_DENIED {
        return format!("access is denied (error {code})");
    }
    io::Error::from_raw_os_error(code.cast_signed()).to_string()
}

/// The code of the call that just failed on this thread.
pub(super) fn last() -> WIN32_ERROR {
    #![expect(unsafe_code, reason = "calls Windows")]
    // SAFETY: takes nothing and only reads this thread's own state.
    unsafe { GetLastError() }
}
