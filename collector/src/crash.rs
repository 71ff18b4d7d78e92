//! Keeps a check that ends the whole program from doing so again and again.
//!
//! A check asks libraries that are not ours, which may do worse than answer with an error: no thread and no time limit helps against
//! an access violation, nor against a defect of our own. So the dying program writes which check ran into the state folder, whoever
//! watches over it starts it again, and the next one leaves that check out for a day and says so where its result would stand.

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use sickbay_diagnosis::{Check, Time};

use crate::clock::now;
use crate::state::{CRASHES, Crash, StateError, make_private, take_note_of_crashes};

/// Where [`Check::ALL`] holds the check that runs now, plus one; zero where none does.
static RUNNING: AtomicUsize = AtomicUsize::new(0);
/// Open for as long as the program runs, since a dying one should not need more than a write.
static RECORD: OnceLock<File> = OnceLock::new();
/// Bytes of a line; longer messages are cut.
const LINE: usize = 1024;

/// Held while a check runs.
#[derive(Debug)]
pub(crate) struct Running(());

impl Running {
    pub(crate) fn new(check: Check) -> Self {
        let place = Check::ALL.iter().position(|other| *other == check);
        RUNNING.store(place.map_or(0, |place| place + 1), Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.store(0, Ordering::Relaxed);
    }
}

/// What [`record_in`] does, told in sentences for an administrator. That it cannot be done is no reason not to work.
pub(crate) fn watch_over(dir: &Path, tell: impl Fn(&str)) {
    match record_in(dir) {
        Ok(news) => news.iter().for_each(|crash| tell(&told(crash))),
        Err(error) => {
            tracing::warn!(%error, "if this program ends by a defect, the next start will not know");
        }
    }
}

fn told(crash: &Crash) -> String {
    let Crash { at, what, .. } = crash;
    let ended = format!("The collector ended at {at} though nobody asked it to: {what}.");
    match crash.leaves_out(now()) {
        Some(check) => format!(
            "{ended} It then ran the check {}, which is left out until {}.",
            check.name(),
            crash.until()
        ),
        None => ended,
    }
}

/// From now on, whatever ends this process by a defect is written into `dir`, which is made where it is missing, and a panic of any
/// thread ends it. Returns what earlier ones left there and nobody told yet. For the one collector of a process; a second call changes
/// nothing.
///
/// # Errors
///
/// The file cannot be read or written.
pub(crate) fn record_in(dir: &Path) -> Result<Vec<Crash>, StateError> {
    make_private(dir).map_err(|source| StateError::Folder {
        path: dir.to_owned(),
        source,
    })?;
    let news = take_note_of_crashes(dir, now())?;
    let path = dir.join(CRASHES);
    let opened = File::options().append(true).create(true).open(&path);
    let file = opened.map_err(|source| StateError::Write { path, source })?;
    if RECORD.set(file).is_ok() {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            write(&format_args!("{panic}"));
            before(panic);
            std::process::abort();
        }));
        #[cfg(windows)]
        sickbay_service::windows::on_fault(|fault| write(&format_args!("{fault}")));
    }
    Ok(news)
}

/// Writes the line of this end. Takes nothing from the heap, which may be what is broken.
fn write(what: &dyn fmt::Display) {
    if let Some(mut file) = RECORD.get() {
        let running = RUNNING.load(Ordering::Relaxed);
        let check = running
            .checked_sub(1)
            .and_then(|place| Check::ALL.get(place));
        let line = Line::of(now(), check.copied(), what);
        // There is nobody left to tell of a failure.
        let _ = file.write_all(line.bytes());
    }
}

/// A line of JSON on the stack.
struct Line {
    bytes: [u8; LINE],
    used: usize,
}

impl Line {
    fn of(at: Time, check: Option<Check>, what: &dyn fmt::Display) -> Self {
        let mut line = Self {
            bytes: [0; LINE],
            used: 0,
        };
        // Each of these writes fits, or is meant to be cut.
        let _ = write!(
            line,
            r#"{{"at":{},"version":"{}""#,
            at.millis(),
            env!("CARGO_PKG_VERSION")
        );
        if let Some(check) = check {
            let _ = write!(line, r#","check":"{}""#, check.name());
        }
        let _ = line.write_str(r#","what":""#);
        let _ = write!(Quoted(&mut line), "{what}");
        let _ = line.write_str("\"}\n");
        line
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.used]
    }

    fn put(&mut self, text: &str) -> fmt::Result {
        let end = self.used + text.len();
        let place = self.bytes.get_mut(self.used..end).ok_or(fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.used = end;
        Ok(())
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text)
    }
}

/// Writes the inside of a JSON text, and keeps the room that the line's end needs.
struct Quoted<'a>(&'a mut Line);

impl fmt::Write for Quoted<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        const END: usize = 16;
        for c in text.chars() {
            if self.0.used + c.len_utf8() + END > LINE {
                return Err(fmt::Error);
            }
            match c {
                '"' => self.0.put("'")?,
                '\\' => self.0.put("/")?,
                c if c.is_control() => self.0.put(" ")?,
                c => self.0.put(c.encode_utf8(&mut [0; 4]))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use std::process::Command;

    use super::*;
    use crate::state::peek_crashes;

    #[test]
    fn every_line_can_be_read_again_whatever_ended_the_program() {
        let at = Time::from_millis(1_700_000_000_000);
        let long = "ä\"\\\n".repeat(1000);
        for (what, expected) in [
            ("panicked at \"x\":\nno", "panicked at 'x': no"),
            (&*long, &*"ä'/ ".repeat(1000)),
        ] {
            let line = Line::of(at, Some(Check::Storage), &what);
            let crash: Crash = serde_json::from_slice(line.bytes()).unwrap();
            assert_eq!((crash.at, crash.check.as_deref()), (at, Some("storage")));
            assert!(expected.starts_with(&crash.what), "{}", crash.what);
            assert!(crash.what.len() == expected.len() || crash.what.len() > 900);
            assert!(line.bytes().ends_with(b"\"}\n"));
        }
        let line = Line::of(at, None, &"x");
        let crash: Crash = serde_json::from_slice(line.bytes()).unwrap();
        assert_eq!((crash.check, crash.told), (None, false));
    }

    const FOLDER: &str = "SICKBAY_TEST_CRASH_FOLDER";

    /// Plays the dying program for the test below, in a process of its own; alone it has nothing to do.
    #[test]
    fn dies_in_a_check() {
        if let Some(dir) = std::env::var_os(FOLDER) {
            record_in(Path::new(&dir)).unwrap();
            let _running = Running::new(Check::UpdateHistory);
            let thread = std::thread::spawn(|| panic!("on purpose"));
            let _ = thread.join();
            unreachable!("a panic of any thread ends the process");
        }
    }

    #[test]
    fn a_panic_ends_the_program_and_leaves_word_of_the_check() {
        let dir = tempfile::tempdir().unwrap();
        let died = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::tests::dies_in_a_check"])
            .env(FOLDER, dir.path())
            .output()
            .unwrap();
        assert!(!died.status.success(), "{died:?}");
        let crashes = peek_crashes(dir.path()).unwrap();
        let [crash] = crashes.as_slice() else {
            unreachable!("{crashes:?} {died:?}");
        };
        assert_eq!(crash.check.as_deref(), Some("update_history"));
        assert!(crash.what.contains("on purpose"), "{}", crash.what);
        assert_eq!(crash.leaves_out(now()), Some(Check::UpdateHistory));
    }
}
