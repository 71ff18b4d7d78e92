//! Secrets that only this machine can read: DPAPI in machine scope. Whoever may run programs on the machine could have it open them,
//! which is why the file that holds one lies in a folder for SYSTEM and administrators alone.
#![expect(unsafe_code, reason = "calls Windows")]

use std::ffi::c_void;
use std::io;
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{
    ERROR_INVALID_DATA, ERROR_INVALID_PARAMETER, LocalFree, NTE_BAD_DATA, NTE_BAD_HASH,
    NTE_BAD_KEY, NTE_BAD_KEY_STATE,
};
use windows_sys::Win32::Security::Cryptography::{
    CRYPT_INTEGER_BLOB, CRYPTPROTECT_LOCAL_MACHINE, CRYPTPROTECT_PROMPTSTRUCT,
    CRYPTPROTECT_UI_FORBIDDEN,
};
use windows_sys::core::{BOOL, PCWSTR, PWSTR};

use super::Library;

/// Needed at the start and when a key is made, which is once.
const LIBRARY: &str = "crypt32.dll";

type Blob = *const CRYPT_INTEGER_BLOB;
type Prompt = *const CRYPTPROTECT_PROMPTSTRUCT;
// SAFETY: wants what `CryptProtectData` documents.
type Protect = unsafe extern "system" fn(
    Blob,
    PCWSTR,
    Blob,
    *const c_void,
    Prompt,
    u32,
    *mut CRYPT_INTEGER_BLOB,
) -> BOOL;
// SAFETY: wants what `CryptUnprotectData` documents.
type Unprotect = unsafe extern "system" fn(
    Blob,
    *mut PWSTR,
    Blob,
    *const c_void,
    Prompt,
    u32,
    *mut CRYPT_INTEGER_BLOB,
) -> BOOL;

/// Seals `secret`; `entropy` is needed again to open it.
pub fn protect(secret: &[u8], entropy: &[u8]) -> io::Result<Vec<u8>> {
    let library = Library::load(LIBRARY)?;
    // SAFETY: the type is the signature that Windows documents; the library outlives the call.
    let protect: Protect = unsafe { library.function(c"CryptProtectData") }?;
    let (secret, entropy) = (borrowed(secret), borrowed(entropy));
    let mut sealed = CRYPT_INTEGER_BLOB::default();
    // SAFETY: both blobs describe memory that outlives the call, which only reads it; the other pointers may be null; the result
    // is written to `sealed`.
    let done = unsafe {
        protect(
            &raw const secret,
            null(),
            &raw const entropy,
            null(),
            null(),
            CRYPTPROTECT_LOCAL_MACHINE | CRYPTPROTECT_UI_FORBIDDEN,
            &raw mut sealed,
        )
    };
    taken(done, sealed)
}

/// Opens what [`protect`] sealed on this machine with the same `entropy`.
pub fn unprotect(sealed: &[u8], entropy: &[u8]) -> io::Result<Vec<u8>> {
    let library = Library::load(LIBRARY)?;
    // SAFETY: as above.
    let unprotect: Unprotect = unsafe { library.function(c"CryptUnprotectData") }?;
    let (sealed, entropy) = (borrowed(sealed), borrowed(entropy));
    let mut secret = CRYPT_INTEGER_BLOB::default();
    // SAFETY: as above.
    let done = unsafe {
        unprotect(
            &raw const sealed,
            null_mut(),
            &raw const entropy,
            null(),
            null(),
            CRYPTPROTECT_UI_FORBIDDEN,
            &raw mut secret,
        )
    };
    taken(done, secret)
}

/// Whether [`unprotect`] failed because the secret was sealed on another machine, or is none, and so will always fail. All else, such as a
/// service that has not started yet, may pass.
pub fn is_foreign_secret(error: &io::Error) -> bool {
    const CODES: [i32; 6] = [
        ERROR_INVALID_DATA.cast_signed(),
        ERROR_INVALID_PARAMETER.cast_signed(),
        NTE_BAD_DATA,
        NTE_BAD_HASH,
        NTE_BAD_KEY,
        NTE_BAD_KEY_STATE,
    ];
    error
        .raw_os_error()
        .is_some_and(|code| CODES.contains(&code))
}

fn borrowed(bytes: &[u8]) -> CRYPT_INTEGER_BLOB {
    CRYPT_INTEGER_BLOB {
        cbData: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
        // The functions only read what is passed in, though the type does not say so.
        pbData: bytes.as_ptr().cast_mut(),
    }
}

/// Copies what Windows allocated and gives it back.
fn taken(done: i32, blob: CRYPT_INTEGER_BLOB) -> io::Result<Vec<u8>> {
    if done == 0 {
        return Err(io::Error::last_os_error());
    }
    if blob.pbData.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: Windows says that so many bytes stand there, and nobody else writes them.
    let bytes = unsafe { std::slice::from_raw_parts(blob.pbData, blob.cbData as usize) }.to_vec();
    // SAFETY: the call allocated it for the caller to free, and it is not used after.
    unsafe { LocalFree(blob.pbData.cast()) };
    Ok(bytes)
}
