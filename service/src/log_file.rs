//! A log in files that are rotated and bounded.
//!
//! Promises: the files together never hold more than [`LogFileLimits`] say, however long the program runs; a disk that is full costs
//! lines, which the next line that fits counts, and never the program. The newest lines stand in `NAME.log`, older ones in
//! `NAME.1.log` and so on.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tracing_subscriber::fmt::MakeWriter;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogFileLimits {
    /// Largest size of a file, in bytes; a single longer line may go beyond it.
    pub file_bytes: u64,
    /// Number of files, the newest included; at least one.
    pub files: usize,
}

impl Default for LogFileLimits {
    /// 8 MB in all.
    fn default() -> Self {
        Self {
            file_bytes: 2_000_000,
            files: 4,
        }
    }
}

/// Writes lines to the newest file.
#[derive(Debug)]
pub(crate) struct LogFile(Mutex<Rotating>);

#[derive(Debug)]
struct Rotating {
    folder: PathBuf,
    name: String,
    limits: LogFileLimits,
    open: Option<(File, u64)>,
    lost_lines: u64,
}

impl LogFile {
    /// Goes on at the end of `NAME.log` in `folder`, which is made where it is missing.
    pub(crate) fn open(folder: &Path, name: &str, limits: LogFileLimits) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut rotating = Rotating {
            folder: folder.to_owned(),
            name: name.to_owned(),
            limits,
            open: None,
            lost_lines: 0,
        };
        rotating.reopen()?;
        Ok(Self(Mutex::new(rotating)))
    }
}

impl Rotating {
    fn path(&self, age: usize) -> PathBuf {
        let Self { folder, name, .. } = self;
        if age == 0 {
            folder.join(format!("{name}.log"))
        } else {
            folder.join(format!("{name}.{age}.log"))
        }
    }

    fn reopen(&mut self) -> io::Result<()> {
        let file = File::options()
            .create(true)
            .append(true)
            .open(self.path(0))?;
        let bytes = file.metadata()?.len();
        self.open = Some((file, bytes));
        Ok(())
    }

    /// Makes every file one older; the oldest goes.
    fn rotate(&mut self) -> io::Result<()> {
        // Windows renames no file that is open.
        self.open = None;
        let oldest = self.limits.files.saturating_sub(1);
        if oldest == 0 {
            fs::remove_file(self.path(0))?;
        }
        for age in (0..oldest).rev() {
            match fs::rename(self.path(age), self.path(age + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.reopen()
    }

    fn line(&mut self, line: &[u8]) -> io::Result<()> {
        let bytes = line.len() as u64;
        if self.open.is_none() {
            self.reopen()?;
        }
        let held = self.open.as_ref().map_or(0, |(_, held)| *held);
        if held > 0
            && held + bytes > self.limits.file_bytes
            && let Err(error) = self.rotate()
        {
            // What cannot be renamed, because somebody reads it, is cut, so that the bound holds.
            self.open = None;
            File::create(self.path(0)).map_err(|_| error)?;
            self.reopen()?;
        }
        let Some((file, held)) = &mut self.open else {
            return Err(io::Error::other("no log file is open"));
        };
        if self.lost_lines > 0 {
            let told = format!(
                "({} lines before this one could not be written)\n",
                self.lost_lines
            );
            file.write_all(told.as_bytes())?;
            *held += told.len() as u64;
            self.lost_lines = 0;
        }
        file.write_all(line)?;
        *held += bytes;
        Ok(())
    }
}

/// One line, gathered until it is whole.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    file: &'a LogFile,
    text: Vec<u8>,
}

impl<'a> MakeWriter<'a> for LogFile {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line {
            file: self,
            text: Vec::new(),
        }
    }
}

impl Write for Line<'_> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        let mut rotating = self.file.0.lock().unwrap_or_else(PoisonError::into_inner);
        if rotating.line(&self.text).is_err() {
            rotating.open = None;
            rotating.lost_lines += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(file: &LogFile, text: &str) {
        let mut line = file.make_writer();
        line.write_all(text.as_bytes()).expect("memory");
    }

    fn held(folder: &Path) -> (u64, usize) {
        let files = fs::read_dir(folder).expect("a folder").map(|entry| {
            let entry = entry.expect("an entry");
            entry.metadata().expect("a file").len()
        });
        let sizes: Vec<u64> = files.collect();
        (sizes.iter().sum(), sizes.len())
    }

    const LIMITS: LogFileLimits = LogFileLimits {
        file_bytes: 1_000,
        files: 3,
    };

    #[test]
    fn a_log_never_grows_beyond_its_bound_and_keeps_the_newest_lines() {
        let folder = tempfile::tempdir().expect("a folder");
        for run in 0..20 {
            let file = LogFile::open(folder.path(), "collector", LIMITS).expect("a log");
            for line in 0..100 {
                write(
                    &file,
                    &format!("run {run} line {line} and some more text\n"),
                );
            }
            let (bytes, files) = held(folder.path());
            assert!(
                bytes <= 3_000 && files <= 3,
                "{bytes} bytes in {files} files"
            );
        }
        let newest = fs::read_to_string(folder.path().join("collector.log")).expect("a log");
        assert!(
            newest.ends_with("run 19 line 99 and some more text\n"),
            "{newest}"
        );
        let before = fs::read_to_string(folder.path().join("collector.1.log")).expect("a log");
        assert!(before.contains("run 19"), "{before}");
    }

    #[test]
    fn a_line_that_could_not_be_written_is_counted_and_not_the_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = LogFile::open(folder.path(), "collector", LIMITS).expect("a log");
        // A folder in the place of the file: nothing can be written.
        let path = folder.path().join("collector.log");
        file.0.lock().expect("alone").open = None;
        fs::remove_file(&path).expect("there");
        fs::create_dir(&path).expect("free");
        write(&file, "lost\n");
        write(&file, "lost as well\n");
        fs::remove_dir(&path).expect("empty");
        write(&file, "kept\n");
        let text = fs::read_to_string(&path).expect("a log");
        assert_eq!(
            text,
            "(2 lines before this one could not be written)\nkept\n"
        );
    }
}
