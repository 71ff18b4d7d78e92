//! The product's own log, as its Windows service writes it, read back line by line.

use std::fs::File;
use std::io::Read as _;
use std::sync::{Mutex, OnceLock};

use sickbay_service::{LogFileLimits, init_logging_to_files};

/// Longest line, in characters, that anything a server says may lead to.
const MOST_CHARACTERS: usize = 4000;

/// Reads what was logged since it was read last.
pub(crate) struct Log(Mutex<Reader>);

struct Reader {
    file: File,
    /// The beginning of a line that was not written to its end yet.
    rest: Vec<u8>,
}

impl Log {
    /// The log of this process; from the first call on everything is logged.
    pub(crate) fn of_this_process() -> &'static Self {
        static LOG: OnceLock<Log> = OnceLock::new();
        LOG.get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            let all_in_one_file = LogFileLimits {
                file_bytes: u64::MAX,
                files: 1,
            };
            init_logging_to_files(folder.path(), "collector", all_in_one_file, "debug").unwrap();
            // Both ends stay open, so that the file works on although its name goes with the folder.
            Self(Mutex::new(Reader {
                file: File::open(folder.path().join("collector.log")).unwrap(),
                rest: Vec::new(),
            }))
        })
    }

    /// The lines that were logged since the last call.
    pub(crate) fn news(&self) -> String {
        let mut reader = self.0.lock().unwrap();
        let mut news = std::mem::take(&mut reader.rest);
        reader.file.read_to_end(&mut news).unwrap();
        let whole = news.iter().rposition(|byte| *byte == b'\n');
        reader.rest = news.split_off(whole.map_or(0, |last| last + 1));
        String::from_utf8(news).unwrap()
    }
}

/// Every line is one that the program itself began, and holds nothing that commands a terminal or turns text around.
pub(crate) fn is_harmless(log: &str) -> Result<(), String> {
    for line in log.lines() {
        let begins_with_a_time = line.len() > 24
            && line.as_bytes()[..4].iter().all(u8::is_ascii_digit)
            && line.as_bytes()[10] == b'T';
        if !begins_with_a_time {
            return Err(format!(
                "the log holds a line that begins so: {:?}",
                shortened(line)
            ));
        }
        is_plain(line).map_err(|what| format!("the log holds {what}"))?;
        if line.chars().count() > MOST_CHARACTERS {
            return Err(format!("the log holds a long line: {:?}", shortened(line)));
        }
    }
    Ok(())
}

/// Text of one line without controls and without marks that hide or reorder.
pub(crate) fn is_plain(text: &str) -> Result<(), String> {
    let hides = |c: &char| {
        c.is_control()
            || matches!(c,
                '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    };
    match text.chars().find(hides) {
        None => Ok(()),
        Some(c) => Err(format!("{c:?} in {:?}", shortened(text))),
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(300).collect()
}
