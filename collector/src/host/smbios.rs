//! The machine's UUID in its firmware tables (SMBIOS, DSP0134: system information, structure type 1).
//!
//! Leaves out everything else that stands there, such as serial numbers.

/// What Windows puts before the tables: the calling method, the version, the revision and the length.
const HEADER: usize = 8;
/// The structure that holds the UUID, and where in it.
const SYSTEM_INFORMATION: u8 = 1;
const UUID_AT: usize = 8;
const UUID_BYTES: usize = 16;
/// The mark of the last structure.
const END: u8 = 127;
/// What a maker's board carries that nobody gave a UUID of its own; thousands of machines share it.
const PLACEHOLDERS: [&str; 1] = ["03000200-0400-0500-0006-000700080009"];

/// The UUID in the raw tables as `GetSystemFirmwareTable` gives them; nothing where the machine has none or a maker's placeholder.
pub(super) fn uuid(raw: &[u8]) -> Option<String> {
    let mut rest = raw.get(HEADER..)?;
    loop {
        let (kind, length) = (*rest.first()?, usize::from(*rest.get(1)?));
        if kind == END {
            return None;
        }
        let structure = rest.get(..length)?;
        if kind == SYSTEM_INFORMATION
            && let Some(bytes) = structure.get(UUID_AT..UUID_AT + UUID_BYTES)
        {
            return text(bytes);
        }
        rest = after_strings(rest.get(length.max(4)..)?)?;
    }
}

/// What follows the texts of a structure, which end with an empty one.
fn after_strings(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.windows(2).position(|pair| pair == [0, 0])?;
    bytes.get(end + 2..)
}

/// The first three fields are stored with the lowest byte first.
fn text(bytes: &[u8]) -> Option<String> {
    if bytes.iter().all(|b| *b == 0) || bytes.iter().all(|b| *b == 0xff) {
        return None;
    }
    let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let mut text = String::with_capacity(36);
    for (place, at) in order.into_iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for digit in [bytes.get(at)? >> 4, bytes.get(at)? & 15] {
            text.push(char::from_digit(u32::from(digit), 16)?);
        }
    }
    (!PLACEHOLDERS.contains(&text.as_str())).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(uuid: [u8; 16]) -> Vec<u8> {
        let mut raw = vec![0, 3, 2, 0, 0, 0, 0, 0];
        // A BIOS structure with texts, then the system's, then the end.
        raw.extend([0, 6, 0, 0, 1, 2]);
        raw.extend(b"maker\0version\0\0");
        raw.extend([1, 27, 1, 0, 1, 2, 3, 4]);
        raw.extend(uuid);
        raw.extend([6, 0, 0]);
        raw.extend(b"x\0\0");
        raw.extend([127, 4, 2, 0, 0, 0]);
        raw
    }

    #[test]
    fn the_uuid_reads_as_windows_shows_it() {
        let bytes = [
            0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd,
            0xee, 0xff,
        ];
        assert_eq!(
            uuid(&tables(bytes)).as_deref(),
            Some("00112233-4455-6677-8899-aabbccddeeff")
        );
    }

    #[test]
    fn what_many_machines_share_is_no_fingerprint() {
        assert_eq!(uuid(&tables([0; 16])), None);
        assert_eq!(uuid(&tables([0xff; 16])), None);
        let placeholder = [0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8, 0, 9];
        assert_eq!(uuid(&tables(placeholder)), None);
    }

    #[test]
    fn tables_that_end_too_early_have_no_uuid_and_do_no_harm() {
        let whole = tables([7; 16]);
        for length in 0..whole.len() {
            let _ = uuid(&whole[..length]);
        }
        assert_eq!(uuid(&[0; 4096]), None);
        assert_eq!(uuid(&[0xff; 300]), None);
    }
}
