//! How the private key stands in its file: as it is where the folder's rights are the guard, and on Windows, on top of those, sealed
//! by DPAPI for this machine alone, so that a copied disk or backup holds no usable key.

use std::io;

/// Why a key file does not give its key.
#[derive(Debug)]
pub(super) enum Unopened {
    /// It never will: the device needs another key.
    Broken(String),
    /// What opens it does not work now. The key is not lost, and throwing it away would cost the device its identity.
    #[cfg_attr(
        not(windows),
        expect(dead_code, reason = "only what has to be opened can fail to open")
    )]
    NotNow(io::Error),
}

#[cfg(windows)]
pub(super) use sealed::{NAME, NEXT_NAME, open, seal};

#[cfg(not(windows))]
pub(super) use plain::{NAME, NEXT_NAME, open, seal};

#[cfg(not(windows))]
mod plain {
    use std::io;

    use super::Unopened;

    pub(in crate::state) const NAME: &str = "key.pem";
    pub(in crate::state) const NEXT_NAME: &str = "next-key.pem";

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
    pub(in crate::state) fn open(content: &[u8]) -> Result<Vec<u8>, Unopened> {
        Ok(content.to_vec())
    }
}

#[cfg(windows)]
mod sealed {
    use std::io;

    use sha2::{Digest as _, Sha256};
    use sickbay_service::windows::{is_foreign_secret, protect, unprotect};

    use super::Unopened;

    pub(in crate::state) const NAME: &str = "key.sealed";
    pub(in crate::state) const NEXT_NAME: &str = "next-key.sealed";
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

    pub(in crate::state) fn open(content: &[u8]) -> Result<Vec<u8>, Unopened> {
        let rest = content
            .strip_prefix(MAGIC)
            .and_then(|rest| rest.split_at_checked(SALT_BYTES));
        let Some((salt, sealed)) = rest else {
            let why = "it is no sealed key, or one of another version";
            return Err(Unopened::Broken(why.to_owned()));
        };
        unprotect(sealed, &entropy(salt)).map_err(|error| {
            if is_foreign_secret(&error) {
                Unopened::Broken(format!(
                    "Windows cannot open its seal ({error}); it was sealed on another machine, or this one's keys were replaced"
                ))
            } else {
                Unopened::NotNow(error)
            }
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
