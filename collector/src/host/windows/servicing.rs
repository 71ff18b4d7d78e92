//! What servicing says of the component store, by `dismapi.dll` (fact sheet section 6).
//!
//! It is asked whether something marked the store as damaged, never to scan it. That takes seconds and reads much, so an answer is
//! kept for [`KEPT_MS`] and a failure for [`FAILURE_KEPT_MS`]; one that comes too late for whoever asked is kept all the same. DISM
//! writes to its usual log, `%windir%\Logs\DISM\dism.log`, which cannot be turned off.
#![expect(unsafe_code, reason = "calls Windows")]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sickbay_diagnosis::Time;
use sickbay_diagnosis::time::{DAY_MS, HOUR_MS};
use windows_sys::Win32::Foundation::{ERROR_MOD_NOT_FOUND, HMODULE};
use windows_sys::Win32::System::LibraryLoader::{
    GetProcAddress, LOAD_LIBRARY_SEARCH_SYSTEM32, LoadLibraryExW,
};
use windows_sys::core::{BOOL, HRESULT, PCSTR, PCWSTR, s, w};

use super::error::{last, reason};
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
            Answer::Unreadable(_) => FAILURE_KEPT_MS,
            _ => KEPT_MS,
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
    let library = match Library::load() {
        Ok(library) => library,
        Err(ERROR_MOD_NOT_FOUND) => {
            return Answer::Absent(
                "this Windows has no dismapi.dll, so that servicing cannot be asked for the state of the component store"
                    .to_owned(),
            );
        }
        Err(code) => return Answer::Unreadable(format!("dismapi.dll: {}", reason(code))),
    };
    match library.health() {
        Ok(health) => Answer::Found(health),
        Err(why) => Answer::Unreadable(why),
    }
}

/// The library. It stays loaded: threads of its own may still run in it.
struct Library(HMODULE);

impl Library {
    /// Windows' own, wherever else one of that name may lie.
    fn load() -> Result<Self, u32> {
        // SAFETY: the name ends with a zero; nothing else is passed. What the library does when it is loaded is Windows' own.
        let library = unsafe {
            LoadLibraryExW(
                w!("dismapi.dll"),
                std::ptr::null_mut(),
                LOAD_LIBRARY_SEARCH_SYSTEM32,
            )
        };
        if library.is_null() {
            Err(last())
        } else {
            Ok(Self(library))
        }
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
        let initialize: Initialize = unsafe { self.function(s!("DismInitialize"))? };
        // SAFETY: as above.
        let open: OpenSession = unsafe { self.function(s!("DismOpenSession"))? };
        // SAFETY: as above.
        let check: Check = unsafe { self.function(s!("DismCheckImageHealth"))? };
        // SAFETY: as above.
        let close: CloseSession = unsafe { self.function(s!("DismCloseSession"))? };
        // SAFETY: as above.
        let shutdown: Shutdown = unsafe { self.function(s!("DismShutdown"))? };

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
    unsafe fn function<F>(&self, name: PCSTR) -> Result<F, String> {
        const { assert!(size_of::<F>() == size_of::<usize>()) };
        // SAFETY: the library stays loaded, and the name ends with a zero.
        let found = unsafe { GetProcAddress(self.0, name) };
        let found = found.ok_or("dismapi.dll lacks a function that Windows 8 has")?;
        // SAFETY: the caller vouches for the type, which is as large as a pointer.
        Ok(unsafe { std::mem::transmute_copy(&found) })
    }
}

fn succeeded(what: &str, code: HRESULT) -> Result<(), String> {
    if code < 0 {
        Err(format!("{what} failed with 0x{:08X}", code.cast_unsigned()))
    } else {
        Ok(())
    }
}
