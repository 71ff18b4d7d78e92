//! How the private key stands in its file: as it is where the folder's rights are the guard, and on Windows, on top of those, sealed
//! by DPAPI for this machine alone, so that a copied disk or backup holds no usable key.

#[cfg(windows)]
pub(super) use sealed::{NAME, open, seal};

#[cfg(not(windows))]
pub(super) use plain::{NAME, open, seal};

#[cfg(not(windows))]
mod plain {
    use std::io;

    pub(in crate::state) const NAME: &str = "key.pem";

    #[expect(
        clippy::unnecessary_wraps,
        reason = "sealing can fail where there is a seal"
    )]
    pub(in crate::state) fn seal(pem: &[u8]) -> io::Result<Vec<u8>> {
        Ok(pem.to_vec())
    }

    #[expect(
        clippy::unnecessary_wraps,
        reason = "opening can fail where there is a seal"
    )]
    pub(in crate::state) fn open(content: &[u8]) -> Result<Vec<u8>, String> {
        Ok(content.to_vec())
    }
}

#[cfg(windows)]
mod sealed {
    use std::io;

    use sha2::{Digest as _, Sha256};
    use sickbay_service::windows::{protect, unprotect};

    pub(in crate::state) const NAME: &str = "key.sealed";
    /// Begins the file; the number changes with its form.
    const MAGIC: &[u8] = b"SICKBAY-KEY-1\n";
    const SALT_BYTES: usize = 32;
    /// Keeps what other programs sealed, or have opened for them, apart from what this one does.
    const PURPOSE: &[u8] = b"Sickbay collector private key";

    pub(in crate::state) fn seal(pem: &[u8]) -> io::Result<Vec<u8>> {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt).map_err(io::Error::other)?;
        let sealed = protect(pem, &entropy(&salt))?;
        Ok([MAGIC, &salt, &sealed].concat())
    }

    pub(in crate::state) fn open(content: &[u8]) -> Result<Vec<u8>, String> {
        let rest = content
            .strip_prefix(MAGIC)
            .and_then(|rest| rest.split_at_checked(SALT_BYTES))
            .ok_or("it is no sealed key, or one of another version")?;
        let (salt, sealed) = rest;
        unprotect(sealed, &entropy(salt)).map_err(|error| {
            format!(
                "Windows cannot open its seal ({error}); it was sealed on another machine, or this one's keys were replaced"
            )
        })
    }

    fn entropy(salt: &[u8]) -> Vec<u8> {
        Sha256::new()
            .chain_update(PURPOSE)
            .chain_update(salt)
            .finalize()
            .to_vec()
    }
}
