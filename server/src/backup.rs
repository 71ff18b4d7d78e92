//! Copies of all that makes a server itself: the database, the keys beside it, the settings. Made while it runs, put back as a whole.
//!
//! A backup is a folder. Its database is a file whatever the server's own is, written by the way that fleets are moved: one state, read
//! back and compared. What stands in the folder opens everything, so it is for its owner alone.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sickbay_diagnosis::Time;
use sickbay_store::{Moved, NewAudit, action, schema_version, shown};

use crate::config::{Config, Storage};
use crate::key_ring;
use crate::secret_file;
use crate::storage;

/// What says what a backup holds. Written last.
const CONTENT: &str = "backup.json";
/// The database.
const DATABASE: &str = "fleet.db";
/// Files of the data folder.
const DATA: &str = "data";
/// The settings file.
const SETTINGS: &str = "settings.toml";

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Version of the program that made it.
    pub program: String,
    /// Version of the schema.
    pub schema: i64,
    /// When it was made, RFC 3339.
    pub made_at: String,
    /// The database that it was made of, without its password.
    pub of: String,
    /// Rows of each table.
    pub tables: BTreeMap<String, Rows>,
    /// SHA-256 of each file, by its path in the backup.
    pub files: BTreeMap<String, String>,
}

/// What a table holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// How many rows.
    pub rows: u64,
    /// SHA-256 of all of them.
    pub digest: String,
}

impl Content {
    /// Rows of all tables.
    pub fn rows(&self) -> u64 {
        self.tables.values().map(|table| table.rows).sum()
    }
}

/// Makes a backup in the folder `to`, which must not be there yet, for whoever `by` is. The server may run.
///
/// # Errors
/// Says what could not be read or written; the folder is not there then.
pub async fn make(
    config: &Config,
    settings: Option<&Path>,
    to: &Path,
    by: &str,
    now: Time,
) -> anyhow::Result<Content> {
    ensure!(
        !to.exists(),
        "{} is there already; a backup is never written over, name another folder",
        to.display()
    );
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    // What is unfinished has another name, so that nobody takes it for a backup. The folder is for its owner alone.
    let unfinished = folder_of_ones_own()
        .prefix(".unfinished-backup-")
        .tempdir_in(parent)
        .with_context(|| format!("cannot make a folder in {}", parent.display()))?;
    let folder = unfinished.path();
    let storage = &config.storage;
    let database = storage.database_url();
    // Before it leaves, so that the copy says it, too.
    let line = NewAudit::new(now, by, action::BACKED_UP, "everything");
    record(storage, line.with(to.display().to_string())).await?;
    let moved = storage::move_fleet(&database, &sqlite(&folder.join(DATABASE)), false)
        .await
        .context("copy the database")?;
    // After the database: a key is there before the row that needs it.
    let mut files = vec![(DATABASE.to_owned(), folder.join(DATABASE))];
    fs::create_dir(folder.join(DATA)).context("make a folder for the keys")?;
    for (name, path) in own_files(&storage.data_dir)? {
        let copy = folder.join(DATA).join(&name);
        copy_file(&path, &copy)?;
        files.push((format!("{DATA}/{name}"), copy));
    }
    if let Some(settings) = settings {
        let copy = folder.join(SETTINGS);
        copy_file(settings, &copy)?;
        files.push((SETTINGS.to_owned(), copy));
    }
    let content = Content {
        program: env!("CARGO_PKG_VERSION").to_owned(),
        schema: schema_version(),
        made_at: now.to_string(),
        of: shown(&database),
        tables: moved.iter().map(rows_of).collect(),
        files: files
            .iter()
            .map(|(name, path)| Ok((name.clone(), sum_of(path)?)))
            .collect::<anyhow::Result<_>>()?,
    };
    let text = serde_json::to_string_pretty(&content)?;
    let file = folder.join(CONTENT);
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    for (_, path) in files {
        durable(&path)?;
    }
    durable(&file)?;
    let unfinished = unfinished.keep();
    fs::rename(&unfinished, to).with_context(|| format!("cannot make {}", to.display()))?;
    durable(parent)?;
    Ok(content)
}

/// Puts a backup in the place of the configured database and the keys beside it. Only what is empty is taken, unless it `replaces`.
///
/// # Errors
/// Says what is wrong with the backup, what is in the way, or that the server still runs. Keys are put back first, because the record is
/// opened with one of them; a database that could not be put back after them is as it was before, and the same command can be run again.
pub async fn restore(
    config: &Config,
    from: &Path,
    replaces: bool,
    by: &str,
    now: Time,
) -> anyhow::Result<Content> {
    let content = read(from)?;
    ensure!(
        content.schema <= schema_version(),
        "the backup was made by a newer Sickbay ({}, schema {}); restore it with that one",
        content.program,
        content.schema
    );
    is_stopped(config)?;
    storage::nobody_serves(&config.storage.database_url()).await?;
    let storage = &config.storage;
    let folder = &storage.data_dir;
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the data folder {}", folder.display()))?;
    let keys: Vec<(&str, PathBuf)> = content
        .files
        .keys()
        .filter_map(|name| Some((name.strip_prefix(DATA)?.strip_prefix('/')?, from.join(name))))
        .collect();
    for (name, file) in &keys {
        let there = folder.join(name);
        let is_other = there.exists() && sum_of(&there)? != sum_of(file)?;
        ensure!(
            replaces || !is_other,
            "{} is another one than the backup's; say --replace if it may go",
            there.display()
        );
    }
    let in_the_way = in_the_way(&content, folder)?;
    if let Some(file) = in_the_way.first().filter(|_| !replaces) {
        bail!(
            "{} is of another fleet than the backup's, whose secrets are in its database; say --replace if it may go",
            file.display()
        );
    }
    for (name, file) in &keys {
        let there = folder.join(name);
        copy_file(file, &there)?;
        durable(&there)?;
    }
    // A database is brought up to date where it is opened, and the backup stays as it was made.
    let copy = folder_of_ones_own()
        .tempdir_in(folder)
        .context("make a folder for the database's copy")?;
    let database = copy.path().join(DATABASE);
    copy_file(&from.join(DATABASE), &database)?;
    let as_copy = Storage {
        database: sqlite(&database),
        ..storage.clone()
    };
    storage::migrate(&as_copy).await?;
    let moved = storage::move_fleet(&as_copy.database, &storage.database_url(), replaces)
        .await
        .context("put the database back")?;
    for file in in_the_way {
        secret_file::remove(&file)?;
    }
    let tables: BTreeMap<String, Rows> = moved.iter().map(rows_of).collect();
    ensure!(
        content.schema < schema_version() || tables == content.tables,
        "what was put back is not what the backup says that it holds"
    );
    let line = NewAudit::new(now, by, action::PUT_BACK, "everything");
    record(
        storage,
        line.with(format!("as it was at {}", content.made_at)),
    )
    .await?;
    Ok(content)
}

/// Secrets in files, where the backup has them all in its database.
fn in_the_way(content: &Content, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if content
        .tables
        .get("secret")
        .is_none_or(|table| table.rows == 0)
    {
        return Ok(Vec::new());
    }
    let files = own_files(folder)?.into_iter();
    let files = files.filter(|(name, _)| key_ring::is_name(name));
    Ok(files.map(|(_, path)| path).collect())
}

async fn record(storage: &Storage, line: NewAudit) -> anyhow::Result<()> {
    let store = storage::open(storage).await?;
    let recorded = store.record(vec![line]).await;
    store.close().await;
    Ok(recorded?)
}

/// What a backup says that it holds, which is what stands there.
fn read(from: &Path) -> anyhow::Result<Content> {
    let file = from.join(CONTENT);
    let text = fs::read_to_string(&file).with_context(|| {
        format!(
            "cannot read {}: a backup is a folder that `sickbay-server backup` made",
            file.display()
        )
    })?;
    let content: Content = serde_json::from_str(&text)
        .with_context(|| format!("{} cannot be understood", file.display()))?;
    for (name, sum) in &content.files {
        let is_below = Path::new(name)
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)));
        ensure!(
            is_below,
            "{} names {name:?}, which is not in it",
            file.display()
        );
        let path = from.join(name);
        ensure!(
            sum_of(&path)? == *sum,
            "{} is not what the backup was made of: it was changed or is damaged",
            path.display()
        );
    }
    ensure!(
        content.files.contains_key(DATABASE),
        "the backup has no {DATABASE}"
    );
    Ok(content)
}

/// A server that runs would go on with what it remembers of the database.
fn is_stopped(config: &Config) -> anyhow::Result<()> {
    match std::net::TcpListener::bind(config.collectors.listen) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => bail!(
            "somebody listens on {} (collectors.listen): stop the server first",
            config.collectors.listen
        ),
        // Whatever else is wrong with the address, the server says when it starts.
        _ => Ok(()),
    }
}

/// Name and path of each key and certificate of the data folder. What else may stand there is the database, files that are made again,
/// and what the owner put there.
fn own_files(folder: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let cannot = || format!("cannot read the data folder {}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(cannot)? {
        let entry = entry.with_context(cannot)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        let kind = path.extension().and_then(|extension| extension.to_str());
        let is_key = matches!(kind, Some("pem" | "key"));
        if entry.file_type().with_context(cannot)?.is_file() && is_key {
            files.push((name, path));
        }
    }
    files.sort();
    Ok(files)
}

/// How to make a folder that nobody else may look into.
fn folder_of_ones_own<'a>() -> tempfile::Builder<'a, 'a> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder
}

fn rows_of(moved: &Moved) -> (String, Rows) {
    let rows = Rows {
        rows: moved.rows,
        digest: hex::encode(moved.digest),
    };
    (moved.table.clone(), rows)
}

fn sqlite(path: &Path) -> String {
    format!("sqlite://{}", path.display())
}

fn copy_file(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::copy(from, to)
        .map(|_| ())
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

fn sum_of(path: &Path) -> anyhow::Result<String> {
    let cannot = || format!("cannot read {}", path.display());
    let mut file = fs::File::open(path).with_context(cannot)?;
    let mut sum = Sha256::new();
    let mut part = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut part).with_context(cannot)?;
        let Some(read) = part.get(..read).filter(|read| !read.is_empty()) else {
            return Ok(hex::encode(sum.finalize()));
        };
        sum.update(read);
    }
}

/// Waits until a file, or the names in a folder, would survive a power cut.
fn durable(path: &Path) -> anyhow::Result<()> {
    let synced = fs::File::open(path).and_then(|file| file.sync_all());
    synced.with_context(|| format!("cannot make {} durable", path.display()))
}
