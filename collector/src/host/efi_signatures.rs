//! Certificates in a firmware's signature database, the content of the variables `db` and `KEK`.
//!
//! Layout: UEFI specification 2.10, section 32.4.1, `EFI_SIGNATURE_LIST`. A database is a row of lists; a list names the kind of its
//! entries and their size, and each entry is its owner's GUID and the data. Numbers are little-endian.
//!
//! Limits: [`MOST_BYTES`] a database, [`MOST_CERTIFICATES`] certificates. An entry that is no X.509 certificate, or one that cannot be
//! understood, is passed over; a list whose sizes do not fit makes the whole database not understood, because what follows it cannot
//! be found, and "does not hold" would be a guess.

use sickbay_diagnosis::reading::Data;

use super::firmware::known;
use crate::certificate::common_name;

/// Largest database that is read; those of machines have some ten thousand bytes.
pub(super) const MOST_BYTES: usize = 1 << 20;
/// Most certificates that are looked at.
const MOST_CERTIFICATES: usize = 1024;
/// `EFI_CERT_X509_GUID`, a5c059a1-94e4-4aa7-87b5-ab155c2bf072.
const X509: [u8; 16] = [
    0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72,
];
/// The kind, and three sizes.
const LIST_HEADER: usize = 16 + 3 * 4;
/// The owner of an entry.
const OWNER: usize = 16;

/// Why a database cannot be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("it is larger than {MOST_BYTES} bytes")]
    TooLarge,
    #[error("a list of it breaks off")]
    CutOff,
    #[error("the sizes in a list of it contradict each other")]
    Sizes,
    #[error("it holds more than {MOST_CERTIFICATES} certificates")]
    TooMany,
}

/// The names of the known certificates that this database holds.
pub(super) fn known_certificates(database: &[u8]) -> Result<Data, Malformed> {
    let names: Vec<String> = certificates(database)?
        .into_iter()
        .filter_map(common_name)
        .collect();
    Ok(known(names.iter().map(String::as_str)))
}

/// The X.509 entries, in their order.
fn certificates(database: &[u8]) -> Result<Vec<&[u8]>, Malformed> {
    if database.len() > MOST_BYTES {
        return Err(Malformed::TooLarge);
    }
    let (mut rest, mut found) = (database, Vec::new());
    // Some firmware fills a variable up with zeros.
    while rest.iter().any(|byte| *byte != 0) {
        let (list, after) = List::first(rest)?;
        rest = after;
        if list.kind != X509 {
            continue;
        }
        for entry in list.entries.chunks_exact(list.entry_size) {
            if found.len() == MOST_CERTIFICATES {
                return Err(Malformed::TooMany);
            }
            found.extend(entry.get(OWNER..));
        }
    }
    Ok(found)
}

struct List<'a> {
    kind: [u8; 16],
    entries: &'a [u8],
    /// Larger than an owner.
    entry_size: usize,
}

impl<'a> List<'a> {
    /// The list that `rest` begins with, and what follows it.
    fn first(rest: &'a [u8]) -> Result<(Self, &'a [u8]), Malformed> {
        let header = rest.first_chunk::<LIST_HEADER>();
        let header = header.ok_or(Malformed::CutOff)?;
        let (kind, sizes) = header.split_first_chunk().ok_or(Malformed::CutOff)?;
        let mut sizes = sizes.chunks_exact(4).map(|size| {
            let size = size.try_into().map_or(0, u32::from_le_bytes);
            usize::try_from(size).unwrap_or(usize::MAX)
        });
        let mut size = || sizes.next().unwrap_or(0);
        let (whole, own_header, entry_size) = (size(), size(), size());
        let (list, after) = rest.split_at_checked(whole).ok_or(Malformed::CutOff)?;
        let entries = LIST_HEADER
            .checked_add(own_header)
            .and_then(|begin| list.get(begin..))
            .ok_or(Malformed::Sizes)?;
        if entry_size <= OWNER || !entries.len().is_multiple_of(entry_size) {
            return Err(Malformed::Sizes);
        }
        Ok((
            Self {
                kind: *kind,
                entries,
                entry_size,
            },
            after,
        ))
    }
}

#[cfg(test)]
mod tests;
