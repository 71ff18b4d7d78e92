//! The way to an update server: name and connection by Winsock, TLS and the question by `winhttp.dll`, as the update agent does it, with
//! this machine's own roots, protocols and proxy (fact sheet section 10).
//!
//! Promises: one GET without credentials, cookies or a client certificate; no redirect is followed; nothing of the answer but its status
//! is read; it ends within [`LIMIT`], and a step that hangs is told as the one that timed out. The machine's WinHTTP settings name the
//! proxy; scripts that would name another one are not run, because they are programs.
#![expect(unsafe_code, reason = "calls Windows")]

use std::ffi::{CStr, c_void};
use std::mem::ManuallyDrop;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sickbay_service::windows::Library;
use windows_sys::Win32::Networking::WinHttp::{
    WINHTTP_ACCESS_TYPE_NAMED_PROXY, WINHTTP_ACCESS_TYPE_NO_PROXY,
    WINHTTP_CALLBACK_FLAG_SECURE_FAILURE, WINHTTP_CALLBACK_STATUS_SECURE_FAILURE,
    WINHTTP_DISABLE_AUTHENTICATION, WINHTTP_DISABLE_COOKIES, WINHTTP_DISABLE_KEEP_ALIVE,
    WINHTTP_DISABLE_REDIRECTS, WINHTTP_FLAG_SECURE, WINHTTP_OPTION_CLIENT_CERT_CONTEXT,
    WINHTTP_OPTION_CONNECT_RETRIES, WINHTTP_OPTION_DISABLE_FEATURE,
    WINHTTP_OPTION_RECEIVE_RESPONSE_TIMEOUT, WINHTTP_QUERY_FLAG_NUMBER, WINHTTP_QUERY_STATUS_CODE,
    WINHTTP_STATUS_CALLBACK,
};
use windows_sys::core::{BOOL, PCWSTR, w};

use super::error::last;
use super::wide::wide;
use crate::host::endpoint::walk::{DeadEnd, Progress, code_of_secure_failure, to_connection};
use crate::host::endpoint::{Endpoint, Step, StepName};
use crate::host::guarded::Guarded;
use crate::host::told::Answer;
use crate::session::{MachineProxy, Proxy};

/// Longest wait for the whole way.
const LIMIT: Duration = Duration::from_secs(20);
/// Longest wait for each part of asking, in milliseconds.
const PART_MS: i32 = 5_000;

/// What was wrong with the certificate, as WinHTTP tells while it connects. One way is gone at a time.
static SECURE_FAILURE: AtomicU32 = AtomicU32::new(0);

/// Goes to update servers, to one at a time.
#[derive(Debug)]
pub(super) struct Walker(Guarded);

impl Walker {
    pub(super) const fn new() -> Self {
        Self(Guarded::new("update endpoint", LIMIT))
    }

    /// The steps as far as they led.
    pub(super) fn go(
        &self,
        endpoint: &Endpoint,
        settings: Option<MachineProxy>,
    ) -> Answer<Vec<Step>> {
        let progress = Progress::default();
        let (going, endpoint) = (progress.clone(), endpoint.clone());
        let went = self.0.ask(move || go(&endpoint, settings.as_ref(), &going));
        let steps = progress.given_up();
        match went {
            Ok(Ok(())) => Answer::Found(steps),
            Ok(Err(why)) => Answer::Unreadable(why),
            Err(why) if steps.is_empty() => {
                Answer::Unreadable(format!("going to the update server {why}"))
            }
            Err(_) => Answer::Found(steps),
        }
    }
}

fn go(
    endpoint: &Endpoint,
    settings: Option<&MachineProxy>,
    progress: &Progress,
) -> Result<(), String> {
    match to_connection(endpoint, settings, progress) {
        Ok(proxy) => ask(endpoint, proxy.as_ref(), progress),
        Err(DeadEnd) => Ok(()),
    }
}

/// Asks for what the endpoint names. An error is this machine's own, and tells nothing of the way.
fn ask(endpoint: &Endpoint, proxy: Option<&Proxy>, progress: &Progress) -> Result<(), String> {
    let http = WinHttp::load()?;
    let session = http.session(proxy)?;
    let connection = http.connection(&session, endpoint)?;
    let request = http.request(&connection, endpoint)?;
    SECURE_FAILURE.store(0, Ordering::SeqCst);
    // Sending is what makes the connection and the TLS on it.
    let first = if endpoint.tls {
        StepName::Tls
    } else {
        StepName::Http
    };
    progress.begin(first);
    if let Err(code) = http.send(&request) {
        progress.end(failed(first, "WinHttpSendRequest", code));
        return Ok(());
    }
    if endpoint.tls {
        progress.end(Step::ok(StepName::Tls));
        progress.begin(StepName::Http);
    }
    let step = match http.status(&request) {
        Ok(status) => Step {
            status: u16::try_from(status).ok(),
            ..Step::ok(StepName::Http)
        },
        Err((call, code)) => failed(StepName::Http, call, code),
    };
    progress.end(step);
    Ok(())
}

fn failed(step: StepName, call: &str, code: u32) -> Step {
    let told = code_of_secure_failure(code, SECURE_FAILURE.load(Ordering::SeqCst));
    Step::failed(step, Some(told), format!("{call} failed with {code}"))
}

// SAFETY: WinHTTP calls it with a number behind the pointer where the status is a failure of TLS.
unsafe extern "system" fn note_secure_failure(
    _handle: *mut c_void,
    _context: usize,
    status: u32,
    information: *mut c_void,
    _length: u32,
) {
    if status == WINHTTP_CALLBACK_STATUS_SECURE_FAILURE && !information.is_null() {
        // SAFETY: with this status the information is a number of 32 bits, which need not be aligned here.
        let flags = unsafe { information.cast::<u32>().read_unaligned() };
        SECURE_FAILURE.fetch_or(flags, Ordering::SeqCst);
    }
}

// SAFETY: the signatures are those of winhttp.h; each is called below as it says.
type Open = unsafe extern "system" fn(PCWSTR, u32, PCWSTR, PCWSTR, u32) -> *mut c_void;
// SAFETY: as above.
type Connect = unsafe extern "system" fn(*mut c_void, PCWSTR, u16, u32) -> *mut c_void;
// SAFETY: as above.
type OpenRequest = unsafe extern "system" fn(
    *mut c_void,
    PCWSTR,
    PCWSTR,
    PCWSTR,
    PCWSTR,
    *const PCWSTR,
    u32,
) -> *mut c_void;
// SAFETY: as above.
type SetTimeouts = unsafe extern "system" fn(*mut c_void, i32, i32, i32, i32) -> BOOL;
// SAFETY: as above.
type SetOption = unsafe extern "system" fn(*const c_void, u32, *const c_void, u32) -> BOOL;
// SAFETY: as above.
type SetCallback = unsafe extern "system" fn(
    *mut c_void,
    WINHTTP_STATUS_CALLBACK,
    u32,
    usize,
) -> WINHTTP_STATUS_CALLBACK;
// SAFETY: as above.
type Send =
    unsafe extern "system" fn(*mut c_void, PCWSTR, u32, *const c_void, u32, u32, usize) -> BOOL;
// SAFETY: as above.
type Receive = unsafe extern "system" fn(*mut c_void, *mut c_void) -> BOOL;
// SAFETY: as above.
type QueryHeaders =
    unsafe extern "system" fn(*mut c_void, u32, PCWSTR, *mut c_void, *mut u32, *mut u32) -> BOOL;
// SAFETY: as above.
type Close = unsafe extern "system" fn(*mut c_void) -> BOOL;

/// The library, for as long as it is asked. It is never let go: threads of its own may still run in it, and where scans work nothing
/// loads it.
struct WinHttp(ManuallyDrop<Library>);

/// A session, connection or request; closed when dropped, before what it was made of.
struct Handle {
    raw: *mut c_void,
    close: Close,
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle was opened once and is not used after.
        unsafe { (self.close)(self.raw) };
    }
}

impl WinHttp {
    fn load() -> Result<Self, String> {
        let library = Library::load("winhttp.dll").map_err(|e| format!("winhttp.dll: {e}"))?;
        Ok(Self(ManuallyDrop::new(library)))
    }

    fn session(&self, proxy: Option<&Proxy>) -> Result<Handle, String> {
        // SAFETY: the function of that name has that signature, here and in all that follows.
        let open: Open = unsafe { self.function(c"WinHttpOpen")? };
        // SAFETY: as above.
        let set_timeouts: SetTimeouts = unsafe { self.function(c"WinHttpSetTimeouts")? };
        // SAFETY: as above.
        let set_callback: SetCallback = unsafe { self.function(c"WinHttpSetStatusCallback")? };
        let named = proxy.map(|proxy| wide(&proxy.authority()));
        let (access, name) = named
            .as_ref()
            .map_or((WINHTTP_ACCESS_TYPE_NO_PROXY, null()), |name| {
                (WINHTTP_ACCESS_TYPE_NAMED_PROXY, name.as_ptr())
            });
        // SAFETY: both names end with a zero; null stands for no proxy, and for no host that is reached without it.
        let raw = unsafe { open(w!("Sickbay"), access, name, null(), 0) };
        let session = self.handle("WinHttpOpen", raw)?;
        // SAFETY: the session is open.
        let set = unsafe { set_timeouts(session.raw, PART_MS, PART_MS, PART_MS, PART_MS) };
        succeeded("WinHttpSetTimeouts", set)?;
        // What it would tell is only a closer look at a failure, so that it may fail.
        // SAFETY: the session is open, and the function lives as long as the program.
        unsafe {
            set_callback(
                session.raw,
                Some(note_secure_failure),
                WINHTTP_CALLBACK_FLAG_SECURE_FAILURE,
                0,
            )
        };
        Ok(session)
    }

    fn connection(&self, session: &Handle, endpoint: &Endpoint) -> Result<Handle, String> {
        // SAFETY: as in `session`.
        let connect: Connect = unsafe { self.function(c"WinHttpConnect")? };
        let host = wide(&endpoint.bracketed_host());
        // SAFETY: the session is open, and the name ends with a zero.
        let raw = unsafe { connect(session.raw, host.as_ptr(), endpoint.port, 0) };
        self.handle("WinHttpConnect", raw)
    }

    fn request(&self, connection: &Handle, endpoint: &Endpoint) -> Result<Handle, String> {
        // SAFETY: as in `session`.
        let open: OpenRequest = unsafe { self.function(c"WinHttpOpenRequest")? };
        // SAFETY: as above.
        let set_option: SetOption = unsafe { self.function(c"WinHttpSetOption")? };
        let path = wide(&endpoint.path);
        let flags = if endpoint.tls { WINHTTP_FLAG_SECURE } else { 0 };
        // SAFETY: the connection is open, and both texts end with a zero; null stands for HTTP/1.1, no referrer and no wanted types.
        let raw = unsafe {
            open(
                connection.raw,
                w!("GET"),
                path.as_ptr(),
                null(),
                null(),
                null(),
                flags,
            )
        };
        let request = self.handle("WinHttpOpenRequest", raw)?;
        let off = WINHTTP_DISABLE_AUTHENTICATION
            | WINHTTP_DISABLE_COOKIES
            | WINHTTP_DISABLE_REDIRECTS
            | WINHTTP_DISABLE_KEEP_ALIVE;
        let number = |option: u32, value: u32| {
            // SAFETY: the request is open, and the options below take the number that is pointed to.
            unsafe {
                set_option(
                    request.raw,
                    option,
                    (&raw const value).cast(),
                    size_of::<u32>() as u32,
                )
            }
        };
        succeeded(
            "WinHttpSetOption",
            number(WINHTTP_OPTION_DISABLE_FEATURE, off),
        )?;
        // Without these the whole way's limit holds, but does not tell WinHTTP's own codes. The answer's head has a limit of its own,
        // which the session's do not set, of 90 s.
        number(
            WINHTTP_OPTION_RECEIVE_RESPONSE_TIMEOUT,
            PART_MS.cast_unsigned(),
        );
        number(WINHTTP_OPTION_CONNECT_RETRIES, 1);
        if endpoint.tls {
            // A server that would like a certificate of the client then goes on without. Where this fails none is sent either.
            // SAFETY: the request is open; null stands for no certificate.
            unsafe { set_option(request.raw, WINHTTP_OPTION_CLIENT_CERT_CONTEXT, null(), 0) };
        }
        Ok(request)
    }

    /// Sends the request; the code where it does not go out.
    fn send(&self, request: &Handle) -> Result<(), u32> {
        // SAFETY: as in `session`.
        let send: Send = unsafe { self.function(c"WinHttpSendRequest") }.map_err(|_| last())?;
        // SAFETY: the request is open, and has neither further headers nor a body.
        let sent = unsafe { send(request.raw, null(), 0, null(), 0, 0, 0) };
        if sent == 0 { Err(last()) } else { Ok(()) }
    }

    /// Waits for the answer; its status, or which call failed with which code.
    fn status(&self, request: &Handle) -> Result<u32, (&'static str, u32)> {
        const RECEIVE: &str = "WinHttpReceiveResponse";
        const QUERY: &str = "WinHttpQueryHeaders";
        // SAFETY: as in `session`.
        let receive: Receive =
            unsafe { self.function(c"WinHttpReceiveResponse") }.map_err(|_| (RECEIVE, last()))?;
        // SAFETY: as above.
        let query: QueryHeaders =
            unsafe { self.function(c"WinHttpQueryHeaders") }.map_err(|_| (QUERY, last()))?;
        // SAFETY: the request is open and was sent; the reserved argument is null as required.
        if unsafe { receive(request.raw, null_mut()) } == 0 {
            return Err((RECEIVE, last()));
        }
        let (mut status, mut size) = (0_u32, size_of::<u32>() as u32);
        // SAFETY: the answer is there; as a number the status takes the 32 bits that are pointed to.
        let found = unsafe {
            query(
                request.raw,
                WINHTTP_QUERY_STATUS_CODE | WINHTTP_QUERY_FLAG_NUMBER,
                null(),
                (&raw mut status).cast(),
                &raw mut size,
                null_mut(),
            )
        };
        if found == 0 {
            return Err((QUERY, last()));
        }
        Ok(status)
    }

    fn handle(&self, call: &str, raw: *mut c_void) -> Result<Handle, String> {
        if raw.is_null() {
            return Err(format!("{call} failed with {}", last()));
        }
        // SAFETY: as in `session`.
        let close: Close = unsafe { self.function(c"WinHttpCloseHandle")? };
        Ok(Handle { raw, close })
    }

    /// The function of that name.
    ///
    /// # Safety
    /// `F` must be a pointer to a function of its signature.
    // SAFETY: as above.
    unsafe fn function<F: Copy>(&self, name: &CStr) -> Result<F, String> {
        // SAFETY: the caller vouches for the type, and the library stays loaded.
        let found = unsafe { self.0.function(name) };
        found.map_err(|error| format!("winhttp.dll: {}: {error}", name.to_string_lossy()))
    }
}

fn succeeded(call: &str, result: BOOL) -> Result<(), String> {
    if result == 0 {
        return Err(format!("{call} failed with {}", last()));
    }
    Ok(())
}
