//! The last words of a program that Windows is about to end.
#![expect(unsafe_code, reason = "calls Windows")]

use std::fmt;
use std::sync::OnceLock;

use windows_sys::Win32::System::Diagnostics::Debug::{
    EXCEPTION_CONTINUE_SEARCH, EXCEPTION_POINTERS, SetUnhandledExceptionFilter,
};

/// An exception that nobody handled, such as an access violation or a stack that is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The exception's code, for instance 0xC0000005.
    pub code: u32,
    /// Where it happened.
    pub address: usize,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exception 0x{:08X} at 0x{:X}", self.code, self.address)
    }
}

static TELL: OnceLock<fn(Fault)> = OnceLock::new();

/// Has `tell` called, on the thread in question, when an exception is about to end this process. It must do as little as possible: the heap and
/// every lock may be broken. What Windows does then stays as it is. A second call changes nothing.
pub fn on_fault(tell: fn(Fault)) {
    if TELL.set(tell).is_ok() {
        // SAFETY: the filter has the type that Windows documents and lives as long as the program.
        unsafe { SetUnhandledExceptionFilter(Some(filter)) };
    }
}

unsafe extern "system" fn filter(exception: *const EXCEPTION_POINTERS) -> i32 {
    // SAFETY: Windows hands over two valid pointers, or nulls.
    let record = unsafe {
        exception
            .as_ref()
            .and_then(|at| at.ExceptionRecord.as_ref())
    };
    if let (Some(tell), Some(record)) = (TELL.get(), record) {
        tell(Fault {
            code: record.ExceptionCode.cast_unsigned(),
            address: record.ExceptionAddress.addr(),
        });
    }
    EXCEPTION_CONTINUE_SEARCH
}
