//! `registry.pol`: the registry values of a group policy object, as [MS-GPREG] 2.2.1 lays them out.
//!
//! Promises: what [`write()`] writes, [`read()`] reads back as it was. Leaves out the names with `**` by which values are deleted.

use std::iter::once;

/// `PReg`, and version 1.
const HEADER: [u8; 8] = *b"PReg\x01\0\0\0";
const REG_SZ: u32 = 1;
const REG_DWORD: u32 = 4;
const REG_MULTI_SZ: u32 = 7;

/// What a value holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// `REG_SZ`.
    Text(String),
    /// `REG_DWORD`.
    Number(u32),
    /// `REG_MULTI_SZ`; no entry is empty, because an empty one would end the list.
    List(Vec<String>),
}

/// A value and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key, without its hive: a policy of a computer goes to `HKLM`.
    pub key: String,
    /// The value's name.
    pub name: String,
    /// What it holds.
    pub data: Data,
}

/// Why bytes are no `registry.pol`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at byte {at}, {expected} is expected")]
pub struct NotAPolicy {
    /// Where.
    pub at: usize,
    /// What should stand there.
    pub expected: &'static str,
}

/// The file of these values.
pub(crate) fn write(entries: &[Entry]) -> Vec<u8> {
    let mut file = HEADER.to_vec();
    for entry in entries {
        let (kind, data) = match &entry.data {
            Data::Text(text) => (REG_SZ, ended(text)),
            Data::Number(number) => (REG_DWORD, number.to_le_bytes().to_vec()),
            Data::List(lines) => {
                let mut data: Vec<u8> = lines.iter().flat_map(|line| ended(line)).collect();
                data.extend([0, 0]);
                (REG_MULTI_SZ, data)
            }
        };
        file.extend(wide("["));
        file.extend(ended(&entry.key));
        file.extend(wide(";"));
        file.extend(ended(&entry.name));
        file.extend(wide(";"));
        file.extend(kind.to_le_bytes());
        file.extend(wide(";"));
        file.extend((data.len() as u32).to_le_bytes());
        file.extend(wide(";"));
        file.extend(data);
        file.extend(wide("]"));
    }
    file
}

/// The values of a file.
pub fn read(file: &[u8]) -> Result<Vec<Entry>, NotAPolicy> {
    let mut reader = Reader { file, at: 0 };
    if reader.take(HEADER.len(), "the header")? != HEADER {
        return Err(NotAPolicy {
            at: 0,
            expected: "the header PReg, version 1",
        });
    }
    let mut entries = Vec::new();
    while reader.at < file.len() {
        reader.mark("[")?;
        let key = reader.text()?;
        reader.mark(";")?;
        let name = reader.text()?;
        reader.mark(";")?;
        let kind = reader.number()?;
        reader.mark(";")?;
        let length = reader.number()? as usize;
        reader.mark(";")?;
        let begin = reader.at;
        let data = reader.take(length, "the data")?;
        let data = data_of(kind, data).ok_or(NotAPolicy {
            at: begin,
            expected: "data of a type that is known here",
        })?;
        reader.mark("]")?;
        entries.push(Entry { key, name, data });
    }
    Ok(entries)
}

fn data_of(kind: u32, data: &[u8]) -> Option<Data> {
    let text = |data: &[u8]| {
        let (units, rest) = data.as_chunks::<2>();
        let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
        rest.is_empty().then(|| String::from_utf16(&units).ok())?
    };
    match kind {
        REG_SZ => Some(Data::Text(text(data)?.strip_suffix('\0')?.to_owned())),
        REG_DWORD => Some(Data::Number(u32::from_le_bytes(data.try_into().ok()?))),
        REG_MULTI_SZ => {
            let lines = text(data)?;
            let lines = lines.strip_suffix('\0')?.split_terminator('\0');
            Some(Data::List(lines.map(str::to_owned).collect()))
        }
        _ => None,
    }
}

struct Reader<'a> {
    file: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, bytes: usize, expected: &'static str) -> Result<&'a [u8], NotAPolicy> {
        let end = self.at.checked_add(bytes);
        let taken = end.and_then(|end| self.file.get(self.at..end));
        let taken = taken.ok_or(NotAPolicy {
            at: self.at,
            expected,
        })?;
        self.at += bytes;
        Ok(taken)
    }

    fn mark(&mut self, mark: &'static str) -> Result<(), NotAPolicy> {
        let at = self.at;
        let expected = mark;
        if self.take(2, expected)? == wide(mark) {
            Ok(())
        } else {
            Err(NotAPolicy { at, expected })
        }
    }

    fn number(&mut self) -> Result<u32, NotAPolicy> {
        let bytes = self.take(4, "a number")?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |n, byte| n << 8 | u32::from(*byte)))
    }

    fn text(&mut self) -> Result<String, NotAPolicy> {
        let at = self.at;
        let mut units = Vec::new();
        loop {
            match *self.take(2, "a text that ends in a zero")? {
                [0, 0] => break,
                [low, high] => units.push(u16::from_le_bytes([low, high])),
                _ => unreachable!("two bytes were taken"),
            }
        }
        String::from_utf16(&units).map_err(|_| NotAPolicy {
            at,
            expected: "UTF-16",
        })
    }
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn ended(text: &str) -> Vec<u8> {
    let units = text.encode_utf16().chain(once(0));
    units.flat_map(u16::to_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, data: Data) -> Entry {
        Entry {
            key: r"SOFTWARE\Policies\Sickbay\Collector".to_owned(),
            name: name.to_owned(),
            data,
        }
    }

    #[test]
    fn values_come_back_as_they_were_written() {
        let entries = [
            entry(
                "ServerUrls",
                Data::List(vec!["https://a:1".to_owned(), "[;]".to_owned()]),
            ),
            entry("None", Data::List(Vec::new())),
            entry("EnrolmentToken", Data::Text("sbe_\u{1f916};]".to_owned())),
            entry("AllowBundles", Data::Number(0x0100_0001)),
        ];
        assert_eq!(read(&write(&entries)).unwrap(), entries);
        assert_eq!(write(&[]), HEADER);
        assert_eq!(read(&HEADER).unwrap(), []);
    }

    /// Byte for byte as the specification's grammar spells it, so that reader and writer cannot be wrong together.
    #[test]
    fn the_bytes_are_those_of_the_specification() {
        let file = write(&[Entry {
            key: "K".to_owned(),
            name: "N".to_owned(),
            data: Data::List(vec!["a".to_owned()]),
        }]);
        let wanted =
            b"PReg\x01\0\0\0[\0K\0\0\0;\0N\0\0\0;\0\x07\0\0\0;\0\x06\0\0\0;\0a\0\0\0\0\0]\0";
        assert_eq!(file, wanted);
        let number = write(&[Entry {
            key: "K".to_owned(),
            name: "N".to_owned(),
            data: Data::Number(5),
        }]);
        assert!(
            number.ends_with(b";\0\x04\0\0\0;\0\x04\0\0\0;\0\x05\0\0\0]\0"),
            "{number:?}"
        );
    }

    #[test]
    fn what_was_cut_off_or_changed_is_refused_with_the_place() {
        let whole = write(&[entry("EnrolmentToken", Data::Text("t".to_owned()))]);
        for length in 0..whole.len() {
            // After the header, a file without values is one too.
            assert_eq!(
                read(&whole[..length]).is_ok(),
                length == HEADER.len(),
                "{length}"
            );
        }
        let mut changed = whole.clone();
        *changed.last_mut().unwrap() = 1;
        assert_eq!(read(&changed).unwrap_err().expected, "]");
    }
}
