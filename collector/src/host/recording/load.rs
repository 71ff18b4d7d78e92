//! A recording from files: .reg exports, and folders that hold them with a `host.toml`.
//!
//! Limits: [`MAX_FILE_BYTES`] a file, [`MAX_FILES`] in a folder; folders are not searched in depth. Event logs and other logs in a
//! folder are named as not read: no check of this version needs them.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::host_toml::Description;
use super::reg_file::{Problem, read_reg};
use super::registry::Registry;

/// Most bytes read from one file: an export of all of HKLM\SOFTWARE stays below this.
pub const MAX_FILE_BYTES: u64 = 1024 * 1024 * 1024;
/// Most files looked at in one folder.
pub const MAX_FILES: usize = 1_000;

const HOST_TOML: &str = "host.toml";

/// A path of a recording that cannot be opened at all.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be opened or read.
    #[error("cannot read {}", path.display())]
    Open {
        /// The path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is too large.
    #[error("{} has more than {MAX_FILE_BYTES} bytes", path.display())]
    TooLarge {
        /// The path.
        path: PathBuf,
    },
    /// The folder has too many files to be a recording.
    #[error("{} has more than {MAX_FILES} files; is it the folder of a recording?", path.display())]
    TooManyFiles {
        /// The path.
        path: PathBuf,
    },
    /// The folder holds nothing to read.
    #[error("{} holds neither a .reg file nor a host.toml", path.display())]
    NothingInFolder {
        /// The path.
        path: PathBuf,
    },
    /// The file has neither the first line of a .reg file nor a single readable key.
    #[error("{} is no .reg file", path.display())]
    NotRegFile {
        /// The path.
        path: PathBuf,
    },
}

/// What was read from all paths.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) registry: Registry,
    pub(super) description: Description,
    pub(super) problems: Vec<Problem>,
}

impl Loaded {
    /// Reads a file or folder on top of what was read before.
    pub(super) fn add(&mut self, path: &Path) -> Result<(), LoadError> {
        if !path.is_dir() {
            return self.add_file(path);
        }
        let mut files = files_in(path)?;
        // The order of names decides which of two exports of one value wins, so that it does not depend on the file system.
        files.sort();
        let (wanted, others): (Vec<_>, Vec<_>) = files
            .into_iter()
            .partition(|file| is_reg(file) || is_host_toml(file));
        if wanted.is_empty() {
            return Err(LoadError::NothingInFolder {
                path: path.to_owned(),
            });
        }
        for file in wanted {
            self.add_file(&file)?;
        }
        for file in others {
            self.problem(
                &file,
                None,
                "not read: this version reads .reg files and host.toml".to_owned(),
            );
        }
        Ok(())
    }

    fn add_file(&mut self, path: &Path) -> Result<(), LoadError> {
        let bytes = read_bounded(path)?;
        if is_host_toml(path) {
            self.add_description(path, &bytes);
            return Ok(());
        }
        let read = read_reg(&path.display().to_string(), &bytes, &mut self.registry);
        if !read.has_header && read.entries == 0 {
            return Err(LoadError::NotRegFile {
                path: path.to_owned(),
            });
        }
        self.problems.extend(read.problems);
        Ok(())
    }

    fn add_description(&mut self, path: &Path, bytes: &[u8]) {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.trim_start_matches('\u{feff}'),
            Err(_) => return self.problem(path, None, "the text is not UTF-8".to_owned()),
        };
        match Description::parse(text) {
            Ok(description) => self.description.overlay(description),
            Err(error) => {
                let line = error
                    .span()
                    .map(|span| 1 + text[..span.start.min(text.len())].matches('\n').count());
                self.problem(path, line, error.message().to_owned());
            }
        }
    }

    fn problem(&mut self, path: &Path, line: Option<usize>, reason: String) {
        self.problems.push(Problem {
            file: path.display().to_string(),
            line,
            reason,
        });
    }
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let open = |source| LoadError::Open {
        path: folder.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in folder.read_dir().map_err(open)? {
        let path = entry.map_err(open)?.path();
        if path.is_file() {
            files.push(path);
        }
        if files.len() > MAX_FILES {
            return Err(LoadError::TooManyFiles {
                path: folder.to_owned(),
            });
        }
    }
    Ok(files)
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, LoadError> {
    let open = |source| LoadError::Open {
        path: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(open)?;
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(open)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(LoadError::TooLarge {
            path: path.to_owned(),
        });
    }
    Ok(bytes)
}

fn is_reg(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("reg"))
}

fn is_host_toml(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.eq_ignore_ascii_case(HOST_TOML))
}
