//! What servicing says of the component store, by `dismapi.dll` (fact sheet section 6).
//!
//! It is asked whether something marked the store as damaged, never to scan it. That takes seconds and reads much, so an answer is
//! kept for [`KEPT_MS`] and a failure for [`FAILURE_KEPT_MS`]; one that comes too late for whoever asked is kept all the same. DISM
//! writes to its usual log, `%windir%\Logs\DISM\dism.log`, which cannot be turned off.
#![expect(unsafe_code, reason = "calls Windows")]

use std::ffi::CStr;
use std::io;
use std::mem::ManuallyDrop;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sickbay_diagnosis::Time;
use sickbay_diagnosis::time::{DAY_MS, HOUR_MS};
use sickbay_service::windows::Library;
use windows_sys::Win32::Foundation::ERROR_MOD_NOT_FOUND;
use windows_sys::core::{BOOL, HRESULT, PCWSTR, w};

use crate::host::guarded::Guarded;
use crate::host::told::{Answer, StoreState};

/// For so long an answer holds.
const KEPT_MS: i64 = DAY_MS;
/// For so long a failure is not tried again.
const FAILURE_KEPT_MS: i64 = HOUR_MS;
/// Longest wait for an answer.
const LIMIT: Duration = Duration::from_secs(30);
/// What stands for the running Windows rather than an image of one.
const THIS_WINDOWS: PCWSTR = w!("DISM_{53BFAE52-B167-4E2F-A258-0A37B57FF845}");
/// It logs errors only.
const LOG_ERRORS: i32 = 0;

/// Servicing, and its last answer.
#[derive(Debug)]
pub(super) struct Servicing {
    guarded: Guarded,
    kept: Arc<Mutex<Option<Kept>>>,
}

#[derive(Debug, Clone)]
struct Kept {
    asked_at: Time,
    answer: Answer<u32>,
}

impl Kept {
    fn holds(&self, now: Time) -> bool {
        let age = now.since(self.asked_at);
        let most = match self.answer {
            // The three states that DISM documents; another one is no answer to rest on.
            Answer::Found(0..=2) | Answer::Absent(_) => KEPT_MS,
            _ => FAILURE_KEPT_MS,
        };
        // A clock that was set back would otherwise keep it for years.
        (0..most).contains(&age)
    }

    fn told(self) -> Answer<StoreState> {
        match self.answer {
            Answer::Found(health) => Answer::Found(StoreState {
                health,
                checked_at: self.asked_at,
            }),
            Answer::Absent(what) => Answer::Absent(what),
            Answer::Unreadable(why) => Answer::Unreadable(why),
            Answer::NotRecorded => Answer::NotRecorded,
        }
    }
}

impl Servicing {
    pub(super) fn new() -> Self {
        Self {
            guarded: Guarded::new("servicing", LIMIT),
            kept: Arc::default(),
        }
    }

    /// The state of the component store, asked anew where the last answer no longer holds.
    pub(super) fn state(&self, now: Time) -> Answer<StoreState> {
        let kept = self.kept();
        if let Some(kept) = kept.filter(|kept| kept.holds(now)) {
            return kept.told();
        }
        let keep = Arc::clone(&self.kept);
        let asked = self.guarded.ask(move || {
            let kept = Kept {
                asked_at: now,
                answer: ask(),
            };
            *keep.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept.clone());
            kept
        });
        match asked {
            Ok(kept) => kept.told(),
            Err(why) => Answer::Unreadable(format!("servicing {why}")),
        }
    }

    fn kept(&self) -> Option<Kept> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clone()
    }
}

fn ask() -> Answer<u32> {
    let servicer = match Servicer::load() {
        Ok(servicer) => servicer,
        Err(error) if error.raw_os_error() == Some(ERROR_MOD_NOT_FOUND.cast_signed()) => {
            return Answer::Absent(
                "this Windows has no dismapi.dll, so that servicing cannot be asked for the state of the component store"
                    .to_owned(),
            );
        }
        Err(error) => return Answer::Unreadable(format!("dismapi.dll: {error}")),
    };
    match servicer.health() {
        Ok(health) => Answer::Found(health),
        Err(why) => Answer::Unreadable(why),
    }
}

/// The library, for as long as it is asked.
struct Servicer(ManuallyDrop<Library>);

impl Servicer {
    fn load() -> io::Result<Self> {
        // It is never let go: threads of its own may still run in it.
        Library::load("dismapi.dll").map(|library| Self(ManuallyDrop::new(library)))
    }

    fn health(&self) -> Result<u32, String> {
        // SAFETY: the signatures are those of dismapi.h; each is called below as it says.
        type Initialize = unsafe extern "system" fn(i32, PCWSTR, PCWSTR) -> HRESULT;
        // SAFETY: as above.
        type OpenSession = unsafe extern "system" fn(PCWSTR, PCWSTR, PCWSTR, *mut u32) -> HRESULT;
        // SAFETY: as above; the event, the progress and its argument may be null.
        type Check = unsafe extern "system" fn(u32, BOOL, usize, usize, usize, *mut u32) -> HRESULT;
        // SAFETY: as above.
        type CloseSession = unsafe extern "system" fn(u32) -> HRESULT;
        // SAFETY: as above.
        type Shutdown = unsafe extern "system" fn() -> HRESULT;

        let null = std::ptr::null();
        // SAFETY: the function of that name has that signature, here and in all that follows.
        let initialize: Initialize = unsafe { self.function(c"DismInitialize")? };
        // SAFETY: as above.
        let open: OpenSession = unsafe { self.function(c"DismOpenSession")? };
        // SAFETY: as above.
        let check: Check = unsafe { self.function(c"DismCheckImageHealth")? };
        // SAFETY: as above.
        let close: CloseSession = unsafe { self.function(c"DismCloseSession")? };
        // SAFETY: as above.
        let shutdown: Shutdown = unsafe { self.function(c"DismShutdown")? };

        // SAFETY: null stands for the usual log and the usual folder.
        succeeded("DismInitialize", unsafe {
            initialize(LOG_ERRORS, null, null)
        })?;
        let (mut session, mut health) = (0, u32::MAX);
        // SAFETY: the name ends with a zero, null stands for this Windows' folder and drive, and the session is written to.
        let opened = unsafe { open(THIS_WINDOWS, null, null, &raw mut session) };
        let asked = succeeded("DismOpenSession", opened).and_then(|()| {
            // SAFETY: the session is open; nothing is scanned, cancelled or told; the state is written to.
            let checked = unsafe { check(session, 0, 0, 0, 0, &raw mut health) };
            // SAFETY: the session is open and not used after.
            unsafe { close(session) };
            succeeded("DismCheckImageHealth", checked)
        });
        // SAFETY: initialised above, and no session is left.
        unsafe { shutdown() };
        asked.map(|()| health)
    }

    /// The function of that name.
    ///
    /// # Safety
    /// `F` must be a pointer to a function of its signature.
    // SAFETY: as above.
    unsafe fn function<F: Copy>(&self, name: &CStr) -> Result<F, String> {
        // SAFETY: the caller vouches for the type, and the library stays loaded.
        let found = unsafe { self.0.function(name) };
        found.map_err(|_| "dismapi.dll lacks a function that Windows 8 has".to_owned())
    }
}

fn succeeded(what: &str, code: HRESULT) -> Result<(), String> {
    if code < 0 {
        Err(format!("{what} failed with 0x{:08X}", code.cast_unsigned()))
    } else {
        Ok(())
    }
}
