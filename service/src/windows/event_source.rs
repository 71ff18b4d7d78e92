//! The Application log.
#![expect(unsafe_code, reason = "calls Windows")]

use std::ffi::OsStr;
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::EventLog::{
    DeregisterEventSource, EVENTLOG_ERROR_TYPE, EVENTLOG_INFORMATION_TYPE, EVENTLOG_WARNING_TYPE,
    RegisterEventSourceW, ReportEventW,
};

use super::wide;

/// Longest text, in UTF-16 units; Windows takes 31,839.
const MAX_TEXT: usize = 8 * 1024;

/// How an event is marked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Information,
    Warning,
    Error,
}

/// A source that is open.
#[derive(Debug)]
pub(crate) struct Source(HANDLE);

// SAFETY: the handle belongs to the process, and Windows serialises what is written through it.
unsafe impl Send for Source {}
// SAFETY: as above.
unsafe impl Sync for Source {}

impl Source {
    /// `None` where the log cannot be written.
    pub(crate) fn open(name: &str) -> Option<Self> {
        let name = wide(OsStr::new(name));
        // SAFETY: null stands for this machine; the name ends with a zero and outlives the call.
        let handle = unsafe { RegisterEventSourceW(null(), name.as_ptr()) };
        (!handle.is_null()).then_some(Self(handle))
    }

    /// What cannot be written is lost here; the program's own log has it too.
    pub(crate) fn report(&self, kind: Kind, id: u16, text: &str) {
        let kind = match kind {
            Kind::Information => EVENTLOG_INFORMATION_TYPE,
            Kind::Warning => EVENTLOG_WARNING_TYPE,
            Kind::Error => EVENTLOG_ERROR_TYPE,
        };
        let text = plain(text);
        let mut units: Vec<u16> = text.encode_utf16().take(MAX_TEXT).collect();
        units.push(0);
        let texts = [units.as_ptr()];
        // SAFETY: the source is open; one text is given, it ends with a zero and outlives the call; there are no data and no account.
        unsafe {
            ReportEventW(
                self.0,
                kind,
                0,
                u32::from(id),
                null_mut(),
                1,
                0,
                texts.as_ptr(),
                null(),
            )
        };
    }
}

/// The text as the event viewer shows it: a percent sign before a digit, or before another one, would be taken for a place to fill in, and
/// there is no way to escape it, so a blank follows it.
fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        shown.push(if letter == '\0' { ' ' } else { letter });
        let next = letters.peek();
        if letter == '%' && next.is_some_and(|next| next.is_ascii_digit() || *next == '%') {
            shown.push(' ');
        }
    }
    shown
}

impl Drop for Source {
    fn drop(&mut self) {
        // SAFETY: the handle is open and belongs to this value alone.
        unsafe { DeregisterEventSource(self.0) };
    }
}
