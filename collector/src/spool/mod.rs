//! What waits for acknowledgement, on disk: one sealed file per report.
//!
//! Promises: a report that [`Spool::push`] took survives a crash, whole and in order; half a report is never read; a push that
//! fails (a full disk) loses nothing that was there. What was acknowledged does not come back, because [`Spool::open`] is told
//! up to where. A file that is not whole is set aside as `*.bad`, at most [`BAD_FILES`] of them, and reported.
//!
//! Limits: by default 256 reports and 32 MiB. Where they are passed, the oldest reports are dropped, and their range is told
//! to whoever pushed.
//!
//! Leaves out what a report means: it keeps opaque bytes under an epoch and a sequence number.

pub mod filesystem;
#[cfg(test)]
mod model;
pub mod seal;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

use filesystem::{Disk, Filesystem, TEMPORARY};
use seal::Kind;

/// Largest number of files that are kept after they were set aside.
pub const BAD_FILES: usize = 8;
/// Largest sealed file that is read, in bytes: a message of the wire and room for the headers.
const FILE_BYTES: usize = sickbay_proto::limits::MESSAGE_BYTES + 4096;
const KIND: Kind = Kind {
    magic: *b"SBrp",
    version: 1,
};
const REPORT: &str = ".report";
const BAD: &str = ".bad";
const EPOCH_BYTES: usize = sickbay_proto::limits::EPOCH_BYTES;

/// How much may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpoolLimits {
    /// Largest number of reports.
    pub reports: usize,
    /// Largest size of all files together, in bytes.
    pub bytes: u64,
}

impl Default for SpoolLimits {
    fn default() -> Self {
        Self {
            reports: 256,
            bytes: 32 * 1024 * 1024,
        }
    }
}

/// One report as it waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its sequence number.
    pub sequence: u64,
    /// Its encoded form.
    pub body: Vec<u8>,
}

/// A file that could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadFile {
    /// Its name in the spool's folder.
    pub name: String,
    /// What is wrong with it.
    pub reason: String,
}

/// What a spool held when it was opened.
#[derive(Debug)]
pub struct Opened<F: Filesystem = Disk> {
    /// The spool.
    pub spool: Spool<F>,
    /// What waits, oldest first; sequence numbers rise but need not be without gaps.
    pub waiting: Vec<Waiting>,
    /// What had to be set aside.
    pub bad: Vec<BadFile>,
}

/// A range of sequence numbers, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The oldest.
    pub first: u64,
    /// The newest.
    pub last: u64,
}

/// Why the spool did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The folder could not be read.
    #[error("read the spool folder {path}")]
    Open {
        /// The folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The report could not be made durable; everything that waited before still waits.
    #[error("write report {sequence} to the spool folder {path}")]
    Push {
        /// The folder.
        path: PathBuf,
        /// The report's sequence number.
        sequence: u64,
        /// What the operating system says.
        source: io::Error,
    },
    /// Sequence numbers only rise.
    #[error("report {sequence} does not come after report {newest}, which waits already")]
    Order {
        /// The number that was refused.
        sequence: u64,
        /// The newest that waits.
        newest: u64,
    },
    /// A file could not be removed.
    #[error("remove reports from the spool folder {path}")]
    Remove {
        /// The folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

/// The reports of one epoch that wait for acknowledgement.
#[derive(Debug)]
pub struct Spool<F: Filesystem = Disk> {
    files: F,
    dir: PathBuf,
    limits: SpoolLimits,
    /// Sequence number and file size, oldest first.
    index: VecDeque<(u64, u64)>,
}

impl<F: Filesystem> Spool<F> {
    /// Opens the spool in the existing folder `dir`. Reports of another epoch, and those up to `acknowledged`, are removed.
    pub fn open(
        files: F,
        dir: &Path,
        limits: SpoolLimits,
        epoch: &[u8; EPOCH_BYTES],
        acknowledged: u64,
    ) -> Result<Opened<F>, SpoolError> {
        let listed = files.list(dir).map_err(|source| SpoolError::Open {
            path: dir.to_owned(),
            source,
        })?;
        let mut spool = Self {
            files,
            dir: dir.to_owned(),
            limits,
            index: VecDeque::new(),
        };
        let mut bad = Vec::new();
        let mut old_bad = Vec::new();
        let mut names = Vec::new();
        for entry in listed {
            if entry.name.ends_with(TEMPORARY) {
                spool.forget(&entry.name);
            } else if entry.name.ends_with(BAD) {
                old_bad.push(entry.name);
            } else if entry.name.ends_with(REPORT) {
                names.push(entry.name);
            }
        }
        names.sort();
        let mut waiting = Vec::new();
        for name in names {
            match spool.read(&name) {
                Ok((found, report)) if found == *epoch && report.sequence > acknowledged => {
                    let bytes = (report.body.len() + EPOCH_BYTES + 8 + seal::HEADER_BYTES) as u64;
                    spool.index.push_back((report.sequence, bytes));
                    waiting.push(report);
                }
                Ok(_) => spool.forget(&name),
                Err(reason) => {
                    spool.set_aside(&name, &mut old_bad);
                    bad.push(BadFile { name, reason });
                }
            }
        }
        spool.bound_bad(old_bad);
        Ok(Opened {
            spool,
            waiting,
            bad,
        })
    }

    /// Makes `report` durable. Returns the range of older reports that had to make room for it, if any.
    ///
    /// After an error the report may or may not be found again after a crash, but never half of it.
    pub fn push(
        &mut self,
        epoch: &[u8; EPOCH_BYTES],
        report: &Waiting,
    ) -> Result<Option<Range>, SpoolError> {
        if let Some(newest) = self.newest()
            && report.sequence <= newest
        {
            return Err(SpoolError::Order {
                sequence: report.sequence,
                newest,
            });
        }
        let mut content = Vec::with_capacity(EPOCH_BYTES + 8 + report.body.len());
        content.extend_from_slice(epoch);
        content.extend_from_slice(&report.sequence.to_le_bytes());
        content.extend_from_slice(&report.body);
        let sealed = seal::seal(KIND, &content);
        let name = file_name(report.sequence);
        if let Err(source) = filesystem::replace(&self.files, &self.dir, &name, &sealed) {
            self.forget(&name);
            return Err(SpoolError::Push {
                path: self.dir.clone(),
                sequence: report.sequence,
                source,
            });
        }
        self.index.push_back((report.sequence, sealed.len() as u64));
        Ok(self.make_room())
    }

    /// Removes every report up to and including `sequence`. Call it once it is durable elsewhere that they are acknowledged: after
    /// a crash a removed file may be there again, and only [`Spool::open`]'s `acknowledged` keeps it away.
    pub fn remove_up_to(&mut self, sequence: u64) -> Result<(), SpoolError> {
        while let Some(&(oldest, _)) = self.index.front() {
            if oldest > sequence {
                break;
            }
            self.files
                .remove(&self.dir.join(file_name(oldest)))
                .map_err(|source| SpoolError::Remove {
                    path: self.dir.clone(),
                    source,
                })?;
            self.index.pop_front();
        }
        Ok(())
    }

    /// Removes everything.
    pub fn clear(&mut self) -> Result<(), SpoolError> {
        self.remove_up_to(u64::MAX)
    }

    /// Number of reports that wait.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Sequence number of the newest report.
    pub fn newest(&self) -> Option<u64> {
        self.index.back().map(|(sequence, _)| *sequence)
    }

    /// Size of all files together, in bytes.
    pub fn bytes(&self) -> u64 {
        self.index.iter().map(|(_, bytes)| bytes).sum()
    }

    /// Drops the oldest until the limits hold; the newest always stays.
    fn make_room(&mut self) -> Option<Range> {
        let mut dropped: Option<Range> = None;
        while self.index.len() > 1
            && (self.index.len() > self.limits.reports || self.bytes() > self.limits.bytes)
        {
            let Some((sequence, _)) = self.index.pop_front() else {
                break;
            };
            self.forget(&file_name(sequence));
            dropped = Some(Range {
                first: dropped.map_or(sequence, |range| range.first),
                last: sequence,
            });
        }
        dropped
    }

    fn read(&self, name: &str) -> Result<([u8; EPOCH_BYTES], Waiting), String> {
        let sealed = self
            .files
            .read(&self.dir.join(name), FILE_BYTES)
            .map_err(|error| format!("cannot be read: {error}"))?;
        let content = seal::open(KIND, &sealed).map_err(|broken| broken.to_string())?;
        let (epoch, rest) = content
            .split_first_chunk::<EPOCH_BYTES>()
            .ok_or("holds no epoch")?;
        let (sequence, body) = rest
            .split_first_chunk::<8>()
            .ok_or("holds no sequence number")?;
        let sequence = u64::from_le_bytes(*sequence);
        if name != file_name(sequence) {
            return Err(format!(
                "holds report {sequence}, which its name does not say"
            ));
        }
        let body = body.to_vec();
        Ok((*epoch, Waiting { sequence, body }))
    }

    /// Sets a bad file aside; where even that fails it is removed, because it must not be met again at every start.
    fn set_aside(&self, name: &str, kept: &mut Vec<String>) {
        let aside = format!("{name}{BAD}");
        if self
            .files
            .rename(&self.dir.join(name), &self.dir.join(&aside))
            .is_ok()
        {
            kept.retain(|other| *other != aside);
            kept.push(aside);
        } else {
            self.forget(name);
        }
    }

    /// Removes the oldest of the files that were set aside, by sequence number, beyond [`BAD_FILES`].
    fn bound_bad(&self, mut names: Vec<String>) {
        names.sort();
        let surplus = names.len().saturating_sub(BAD_FILES);
        for name in names.drain(..surplus) {
            self.forget(&name);
        }
    }

    /// Removes a file that nobody needs. A failure is harmless: the next opening tries again.
    fn forget(&self, name: &str) {
        if let Err(error) = self.files.remove(&self.dir.join(name)) {
            tracing::debug!(file = name, %error, "a spool file that is not needed any more could not be removed");
        }
    }
}

/// Twenty digits, so that names sort as numbers do.
fn file_name(sequence: u64) -> String {
    format!("{sequence:020}{REPORT}")
}
