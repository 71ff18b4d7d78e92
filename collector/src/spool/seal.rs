//! The seal around everything durable: a header by which a torn, foreign or rotten file is told from a whole one.
//!
//! | bytes | what |
//! |---|---|
//! | 4 | magic, by kind of file |
//! | 2 | version of the content, little endian |
//! | 2 | zero |
//! | 4 | length of the content in bytes, little endian |
//! | 4 | CRC32C over the twelve bytes before and the content, little endian |

/// Length of the header, in bytes.
pub const HEADER_BYTES: usize = 16;
const CHECKED_HEADER_BYTES: usize = 12;

/// A kind of sealed file, and the version of its content that this build reads and writes.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// First bytes of the file.
    pub magic: [u8; 4],
    /// Version of the content.
    pub version: u16,
}

/// Why a file is not a whole sealed file of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Too short to hold a header.
    #[error("{0} bytes are too short for a header")]
    Short(usize),
    /// Another kind of file.
    #[error("it does not start as a file of this kind does")]
    Foreign,
    /// Written by a build that this one does not understand.
    #[error("its content has version {found}; this build reads {known}")]
    Version {
        /// Version in the file.
        found: u16,
        /// Version of this build.
        known: u16,
    },
    /// It ends too early or too late.
    #[error("its header promises {promised} bytes and {found} follow")]
    Length {
        /// Length in the header.
        promised: usize,
        /// Length of what follows.
        found: usize,
    },
    /// Its bytes changed after they were written.
    #[error("its checksum does not match")]
    Checksum,
}

/// `content` with its header.
pub fn seal(kind: Kind, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("sealed contents are bounded far below 4 GiB");
    let mut sealed = Vec::with_capacity(HEADER_BYTES + content.len());
    sealed.extend_from_slice(&kind.magic);
    sealed.extend_from_slice(&kind.version.to_le_bytes());
    sealed.extend_from_slice(&[0, 0]);
    sealed.extend_from_slice(&length.to_le_bytes());
    let checksum = checksum(&sealed, content);
    sealed.extend_from_slice(&checksum.to_le_bytes());
    sealed.extend_from_slice(content);
    sealed
}

/// The content of a sealed file, or why it is not whole.
pub fn open(kind: Kind, sealed: &[u8]) -> Result<&[u8], Broken> {
    let Some((header, content)) = sealed.split_first_chunk::<HEADER_BYTES>() else {
        return Err(Broken::Short(sealed.len()));
    };
    let (checked, sum) = header.split_at(CHECKED_HEADER_BYTES);
    if checked[..4] != kind.magic {
        return Err(Broken::Foreign);
    }
    let promised = u32::from_le_bytes([checked[8], checked[9], checked[10], checked[11]]) as usize;
    if promised != content.len() {
        return Err(Broken::Length {
            promised,
            found: content.len(),
        });
    }
    if sum != checksum(checked, content).to_le_bytes() {
        return Err(Broken::Checksum);
    }
    let found = u16::from_le_bytes([checked[4], checked[5]]);
    if found != kind.version {
        return Err(Broken::Version {
            found,
            known: kind.version,
        });
    }
    Ok(content)
}

fn checksum(header: &[u8], content: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(header), content)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KIND: Kind = Kind {
        magic: *b"TEST",
        version: 3,
    };

    proptest! {
        #[test]
        fn a_sealed_file_with_any_one_byte_changed_or_cut_is_refused(
            content in proptest::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>(), change in 1_u8..,
        ) {
            let sealed = seal(KIND, &content);
            prop_assert_eq!(open(KIND, &sealed), Ok(&content[..]));
            let at = at.index(sealed.len());
            let mut changed = sealed.clone();
            changed[at] ^= change;
            prop_assert!(open(KIND, &changed).is_err());
            prop_assert!(open(KIND, &sealed[..at]).is_err());
        }

        #[test]
        fn opening_arbitrary_bytes_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = open(KIND, &bytes);
        }
    }

    #[test]
    fn a_file_of_a_newer_build_is_told_from_a_broken_one() {
        let newer = seal(Kind { version: 4, ..KIND }, b"x");
        assert_eq!(
            open(KIND, &newer),
            Err(Broken::Version { found: 4, known: 3 })
        );
    }
}
