//! A disk that is full for a server, and has room again when the test wants it.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use tempfile::TempDir;

use crate::server::Server;

/// Size of the small file system, in bytes.
const SIZE: usize = 24 * 1024 * 1024;

/// How a disk is made full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A small file system of its own is filled: writing fails with "no space left". Needs the right to mount.
    SmallFileSystem,
    /// The process may not make its files larger: writing fails with "file too large". Needs no right.
    FileSizeLimit,
}

impl Way {
    /// The ways that work here; the second always does.
    pub fn possible() -> anyhow::Result<Vec<Self>> {
        let folder = tempfile::tempdir().context("make a temporary folder")?;
        let may_mount = Mount::new(folder.path()).is_ok();
        Ok(if may_mount {
            vec![Self::SmallFileSystem, Self::FileSizeLimit]
        } else {
            vec![Self::FileSizeLimit]
        })
    }
}

/// A small file system, mounted until dropped.
struct Mount(PathBuf);

impl Mount {
    fn new(at: &Path) -> rustix::io::Result<Self> {
        let size = std::ffi::CString::new(format!("size={SIZE}")).expect("a number holds no NUL");
        mount(
            "none",
            at,
            "tmpfs",
            MountFlags::empty(),
            Some(size.as_c_str()),
        )?;
        Ok(Self(at.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Detached at once, although a server may still hold files open in it.
        let _ = unmount(&self.0, UnmountFlags::DETACH);
    }
}

/// A folder on a disk that can be full.
pub struct SmallDisk {
    way: Way,
    // Unmounted before the folder is removed.
    _mount: Option<Mount>,
    folder: TempDir,
}

impl SmallDisk {
    /// Makes it.
    pub fn new(way: Way) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("make a temporary folder")?;
        let mount = match way {
            Way::SmallFileSystem => {
                Some(Mount::new(folder.path()).context("mount a small file system")?)
            }
            Way::FileSizeLimit => None,
        };
        Ok(Self {
            way,
            _mount: mount,
            folder,
        })
    }

    /// Starts a server whose data is on it.
    pub async fn server(&self) -> anyhow::Result<Server> {
        let data = self.folder.path().join("data");
        Server::start_in(Some(&data), self.way == Way::FileSizeLimit).await
    }

    fn filler(&self) -> PathBuf {
        self.folder.path().join("filler")
    }

    /// Leaves no room.
    pub fn fill(&self, server: &Server) -> anyhow::Result<()> {
        match self.way {
            Way::SmallFileSystem => {
                let mut filler =
                    File::create(self.filler()).context("make a file that fills the disk")?;
                let block = [0; 4096];
                while filler.write_all(&block).is_ok() {}
                Ok(())
            }
            Way::FileSizeLimit => {
                let database = server.data_dir().join("sickbay.db");
                let size = std::fs::metadata(database)
                    .context("look at the database")?
                    .len();
                server.limit_files(Some(size.min(1024 * 1024)))
            }
        }
    }

    /// Makes room again.
    pub fn make_room(&self, server: &Server) -> anyhow::Result<()> {
        match self.way {
            Way::SmallFileSystem => {
                std::fs::remove_file(self.filler()).context("remove the file that fills the disk")
            }
            Way::FileSizeLimit => server.limit_files(None),
        }
    }
}
