//! One cluster for every test that wants no more than a database.

use std::fs::File;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result};
use uuid::Uuid;

use crate::cluster::{Cluster, Durability, own};

/// The migrations that make a template.
const MIGRATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/postgres");

/// A database of a test's own in the cluster that all share. Removed when it is dropped.
#[derive(Debug)]
pub struct Database {
    cluster: std::mem::ManuallyDrop<Cluster>,
    name: String,
    /// While anybody holds it, the cluster stays up.
    _used: File,
}

impl Database {
    /// One with Sickbay's tables, a copy of one in which `make` made them.
    ///
    /// # Errors
    /// Where Postgres is not installed or fails, and what `make` says.
    pub fn with_tables(make: impl FnOnce(&str) -> Result<()>) -> Result<Self> {
        // Named after what is in it: migrations that change between two runs make another.
        let files = std::fs::read_dir(MIGRATIONS).context("read the folder of migrations")?;
        let mut files: Vec<PathBuf> = files.map(|f| Ok(f?.path())).collect::<Result<_>>()?;
        files.sort();
        let mut sum = DefaultHasher::new();
        for file in files {
            sum.write(&std::fs::read(file)?);
        }
        Self::new(&format!("sickbay_{:016x}", sum.finish()), make)
    }

    /// One without a table.
    ///
    /// # Errors
    /// Where Postgres is not installed or fails.
    pub fn empty() -> Result<Self> {
        Self::new("template0", |_| Ok(()))
    }

    /// One as it was when `pg_dump` wrote it into this archive (format `custom`).
    ///
    /// # Errors
    /// Where Postgres is not installed or fails.
    pub fn restored(archive: &Path) -> Result<Self> {
        let database = Self::empty()?;
        database.cluster.restore(&database.name, archive)?;
        Ok(database)
    }

    /// Writes it into an archive of `pg_dump`.
    ///
    /// # Errors
    /// What Postgres says.
    pub fn dump(&self, archive: &Path) -> Result<()> {
        self.cluster.dump(&self.name, archive)
    }

    /// A copy of the template of that name, which `make` makes in an empty database where there is none yet. The name has to tell
    /// what is in it: letters, digits and underscores.
    ///
    /// # Errors
    /// Where Postgres is not installed or fails, and what `make` says.
    fn new(template: &str, make: impl FnOnce(&str) -> Result<()>) -> Result<Self> {
        let base = base();
        std::fs::create_dir_all(&base)?;
        let used = File::create(base.join("used"))?;
        used.lock_shared()?;
        let cluster = std::mem::ManuallyDrop::new(Cluster::at(base.join("cluster"))?);
        // Who comes first starts it, and makes the template.
        let starting = File::create(base.join("starting"))?;
        starting.lock()?;
        if !cluster.is_made() {
            cluster.make(Durability::None)?;
        }
        if !cluster.is_running() {
            cluster.run()?;
            stop_when_unused(&cluster, &base)?;
        }
        if !cluster.has(template)? {
            let unfinished = format!("making_{template}");
            cluster.remove(&unfinished)?;
            cluster.create(&unfinished, None)?;
            make(&cluster.url(&unfinished))?;
            cluster.rename(&unfinished, template)?;
        }
        starting.unlock()?;
        let name = format!("test_{}", Uuid::new_v4().simple());
        cluster.create(&name, Some(template))?;
        Ok(Self {
            cluster,
            name,
            _used: used,
        })
    }

    /// Its address.
    pub fn url(&self) -> String {
        self.cluster.url(&self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // One that cannot be removed goes with the cluster's next making.
        let _removed = self.cluster.remove(&self.name);
    }
}

/// Where the shared cluster is, by user: short, for the path of a socket may have no more than 107 bytes.
fn base() -> PathBuf {
    use std::os::unix::fs::MetadataExt as _;
    let user = std::fs::metadata("/proc/self").map_or(0, |own| own.uid());
    std::env::temp_dir().join(format!("sickbay-postgres-of-{user}"))
}

/// Leaves a shell behind that stops the server once nobody used it for some seconds, and removes everything.
fn stop_when_unused(cluster: &Cluster, base: &Path) -> Result<()> {
    own(cluster.folder())?;
    const WATCH: &str = r#"
base=$1; shift
while sleep 5; do
    if flock --nonblock --exclusive "$base/used" sh -c '"$@" stop --silent --mode immediate --pgdata "$0/cluster/data"; rm -rf "$0/cluster"' "$base" "$@"; then
        exit
    fi
done
"#;
    let stop = cluster.command("pg_ctl");
    std::process::Command::new("setsid")
        .args(["sh", "-c", WATCH, "sh"])
        .arg(base)
        .arg(stop.get_program())
        .args(stop.get_args())
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("leave a watcher behind")?;
    Ok(())
}
