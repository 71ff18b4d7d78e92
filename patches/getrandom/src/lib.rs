//! `getrandom` 0.2 as far as `ring` uses it, by `getrandom` 0.4.
//!
//! The older one always links `bcrypt.dll` on Windows. The newer one asks for random numbers as the standard library does on the target at
//! hand, which for Windows 7 is `RtlGenRandom`, so that the service does not hold a library, and what that brings along, for years. See
//! `docs/decisions/0020-one-way-to-random-numbers.md`.
#![forbid(unsafe_code)]

use std::fmt;

/// The operating system gave no random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error(current::Error);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Error {}

/// Fills `dest` with random bytes of the operating system.
///
/// # Errors
///
/// The operating system gave none; what `dest` holds then is undefined.
pub fn getrandom(dest: &mut [u8]) -> Result<(), Error> {
    current::fill(dest).map_err(Error)
}
