//! `knowledge show|import|reset|export|key|pack`: what is known of Windows, replaced without internet.
//!
//! Promises: what is not imported changes nothing, and what is imported was verified whole before it was kept. A key and an exported table
//! never overwrite a file, and a pack overwrites a pack alone.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand};
use sickbay_diagnosis::Time;
use sickbay_diagnosis::knowledge::{Knowledge, TableName};
use sickbay_store::{ImportedPack, PackMark};

use super::token::plain;
use super::{Opened, WithConfig, operator, say};
use crate::knowledge_pack::{
    About, Draft, FORMAT, InForce, MAX_BYTES, Origin, Pack, SigningKey, Source, WARN_AFTER_DAYS,
    dated_of,
};

/// Longest name of an account that is kept, in characters.
const MAX_ACCOUNT_CHARS: usize = 64;

#[derive(Debug, Args)]
pub(super) struct KnowledgeArgs {
    #[command(subcommand)]
    command: KnowledgeCommand,
}

#[derive(Debug, Subcommand)]
enum KnowledgeCommand {
    /// Say which knowledge is in force, how old it is and where it comes from
    Show {
        #[command(flatten)]
        config: WithConfig,
    },
    /// Put a knowledge pack in force that a trusted key signed
    Import {
        #[command(flatten)]
        config: WithConfig,
        /// The pack; `-` reads standard input
        file: PathBuf,
        /// Take it although it is older than what is in force
        #[arg(long)]
        older: bool,
    },
    /// Go back to the knowledge that came with the program
    Reset {
        #[command(flatten)]
        config: WithConfig,
    },
    /// Write the tables in force into a folder, to be edited and packed again
    Export {
        #[command(flatten)]
        config: WithConfig,
        /// The folder; it is made where it is not there
        folder: PathBuf,
    },
    /// Make a key to sign packs with, and print the public key that servers are told to trust
    Key {
        /// Where the private key goes
        file: PathBuf,
    },
    /// Sign a folder of tables
    Pack(PackArgs),
}

#[derive(Debug, Args)]
struct PackArgs {
    /// The folder; tables that it lacks will be those of the program that imports the pack
    folder: PathBuf,
    /// The private key, from `knowledge key`
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// What the pack is called, for example 2026.12
    #[arg(long, value_name = "VERSION")]
    version: String,
    /// The day up to which it was collected, YYYY-MM-DD; the newest of its tables' where left out
    #[arg(long, value_name = "DAY")]
    dated: Option<String>,
    /// The pack
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(super) async fn run(args: KnowledgeArgs) -> anyhow::Result<()> {
    match args.command {
        KnowledgeCommand::Show { config } => show(&config.open().await?).await,
        KnowledgeCommand::Import {
            config,
            file,
            older,
        } => import(&config.open().await?, &file, older).await,
        KnowledgeCommand::Reset { config } => reset(&config.open().await?).await,
        KnowledgeCommand::Export { config, folder } => export(&config.open().await?, &folder).await,
        KnowledgeCommand::Key { file } => key(&file),
        KnowledgeCommand::Pack(args) => pack(&args),
    }
}

async fn in_force(opened: &Opened) -> anyhow::Result<InForce> {
    let trusted = opened.config.knowledge.trusted()?;
    Ok(InForce::load(opened.store.as_ref(), &trusted).await?)
}

async fn show(opened: &Opened) -> anyhow::Result<()> {
    let known = in_force(opened).await?;
    say(&described(&known.about(opened.clock.now())));
    Ok(())
}

async fn import(opened: &Opened, file: &Path, older: bool) -> anyhow::Result<()> {
    let bytes = read(file)?;
    let before = in_force(opened).await?;
    let trusted = opened.config.knowledge.trusted()?;
    let now = opened.clock.now();
    let refusal = || {
        format!(
            "{} was not imported, and {} stays in force",
            named(file),
            spoken(&before)
        )
    };
    let pack = Pack::verify(&bytes, &trusted).with_context(refusal)?;
    is_past(pack.dated, now).with_context(refusal)?;
    if !older {
        follows(&pack, &before).with_context(refusal)?;
    }
    let mark = PackMark {
        version: pack.version.to_owned(),
        dated: pack.dated.to_owned(),
        imported_at: now,
        imported_by: account(),
    };
    let pack = ImportedPack { mark, bytes };
    let after = InForce::of(pack.clone(), &trusted);
    opened.store.put_knowledge_pack(pack).await?;
    say(&format!(
        "Imported in the place of {}. A running server takes it up within seconds and diagnoses every device again, if it was started \
         with these trusted keys.\n\n{}",
        spoken(&before),
        described(&after.about(now))
    ));
    Ok(())
}

/// Whether a pack's day has come.
fn is_past(dated: &str, now: Time) -> anyhow::Result<()> {
    // A day ahead is another time zone; more would keep every later pack out as older.
    let tomorrow = now.plus_days(1).date();
    ensure!(
        dated <= tomorrow.as_str(),
        "it is dated {dated}, and that day is still to come: check this computer's clock, or ask who made the pack"
    );
    Ok(())
}

/// Whether nothing in force gives way to something older: neither a pack nor a single table, also where the table that comes is the
/// built-in one because the pack lacks it.
fn follows(pack: &Pack<'_>, before: &InForce) -> anyhow::Result<()> {
    let dated = pack.dated;
    if let Origin::Imported { dated: had, .. } = &before.origin {
        ensure!(
            dated >= had.as_str(),
            "it is older ({dated}) than the pack in force ({had}); with --older it is taken all the same"
        );
    }
    let back = TableName::ALL.iter().filter_map(|name| {
        let had = dated_of(&before.knowledge, *name)?;
        let comes = dated_of(&pack.knowledge, *name)?;
        let from = match pack.text(*name) {
            Some(_) => "in it",
            None => "built in, because the pack lacks it",
        };
        (comes < had).then(|| format!("{name} (in force {had}, {from} {comes})"))
    });
    let back: Vec<String> = back.collect();
    ensure!(
        back.is_empty(),
        "it would put something older in the place of {}; with --older it is taken all the same",
        back.join(", ")
    );
    Ok(())
}

async fn reset(opened: &Opened) -> anyhow::Result<()> {
    let was_there = opened
        .store
        .remove_knowledge_pack(&operator(), opened.clock.now())
        .await?;
    let built_in = spoken(&InForce::default());
    say(&if was_there {
        format!("The imported pack is forgotten; {built_in} is in force.")
    } else {
        format!("There was nothing imported; {built_in} is in force.")
    });
    Ok(())
}

async fn export(opened: &Opened, folder: &Path) -> anyhow::Result<()> {
    let kept = opened.store.knowledge_pack().await?;
    let trusted = opened.config.knowledge.trusted()?;
    let pack = kept
        .as_ref()
        .and_then(|kept| Pack::verify(&kept.bytes, &trusted).ok());
    fs::create_dir_all(folder).with_context(|| format!("make the folder {}", folder.display()))?;
    // Whole or not at all: `knowledge pack` would sign a mixture of fresh and stale tables.
    let there = TableName::ALL.iter().map(|name| folder.join(name.file()));
    if let Some(path) = there.into_iter().find(|path| path.exists()) {
        bail!(
            "nothing was written: {} is there, and never overwritten; choose another folder",
            path.display()
        );
    }
    for name in TableName::ALL {
        let path = folder.join(name.file());
        let own = pack.as_ref().and_then(|pack| pack.text(*name));
        let text = own.unwrap_or(name.built_in());
        let write = || File::create_new(&path)?.write_all(text.as_bytes());
        write().with_context(|| {
            format!(
                "write {} (a file that is there is never overwritten: choose another folder)",
                path.display()
            )
        })?;
    }
    for name in TableName::ALL {
        say(&folder.join(name.file()).display().to_string());
    }
    Ok(())
}

fn key(file: &Path) -> anyhow::Result<()> {
    let (key, pem) = SigningKey::generate();
    let write = || {
        let mut options = File::options();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(file)?;
        file.write_all(pem.as_bytes())?;
        file.sync_all()
    };
    write().with_context(|| {
        format!(
            "write the private key {} (a file that is there is never overwritten)",
            file.display()
        )
    })?;
    say(&key.public().to_string());
    Ok(())
}

fn pack(args: &PackArgs) -> anyhow::Result<()> {
    let key = read_key(&args.key)?;
    may_be_replaced(&args.out)?;
    let tables = read_tables(&args.folder)?;
    let tables: Vec<(TableName, &str)> = tables
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    let whole = |wanted: TableName| {
        let table = tables.iter().find(|(name, _)| *name == wanted);
        table.map(|(_, text)| *text)
    };
    // Read before it is signed, so that an error speaks of the folder and the date can be that of the tables.
    let known = Knowledge::parse(&args.version, whole)
        .with_context(|| format!("nothing was signed; look into {}", args.folder.display()))?;
    let own = |name: &TableName| tables.iter().any(|(own, _)| own == name);
    let newest = known.about().iter().filter(|table| own(&table.name));
    let newest = newest.map(|table| table.dated.as_str()).max();
    let dated = args.dated.as_deref().or(newest).unwrap_or_default();
    let draft = Draft {
        version: &args.version,
        dated,
        tables: tables.clone(),
    };
    let bytes = draft
        .sign(&key)
        .context("nothing was signed, because nobody could import the pack")?;
    write_whole(&args.out, &bytes).with_context(|| format!("write {}", args.out.display()))?;
    let (there, missing): (Vec<TableName>, Vec<TableName>) =
        TableName::ALL.iter().partition(|name| own(name));
    say(&format!(
        "{}: version {}, dated {dated}, signed by {}\nTables: {}{}",
        args.out.display(),
        args.version,
        key.public(),
        counted(&known, &there),
        if missing.is_empty() {
            String::new()
        } else {
            format!(
                "\nNot in it, so built in where it is imported: {}",
                listed(&missing)
            )
        },
    ));
    Ok(())
}

/// Whether nothing but a pack is lost where a pack is written to that place: a mistyped name could be that of the private key.
fn may_be_replaced(out: &Path) -> anyhow::Result<()> {
    let mut start = [0; FORMAT.len()];
    let read = match File::open(out) {
        Ok(mut file) => file.read_exact(&mut start),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => Err(error),
    };
    ensure!(
        read.is_ok() && start == *FORMAT.as_bytes(),
        "{} is there and is no knowledge pack, so it is not overwritten; give --out another name",
        out.display()
    );
    Ok(())
}

fn counted(known: &Knowledge, names: &[TableName]) -> String {
    let about = known.about().iter();
    let own = about.filter(|table| names.contains(&table.name));
    let lines = own.map(|table| format!("{} ({} rows)", table.name, table.entries));
    lines.collect::<Vec<_>>().join(", ")
}

fn listed(names: &[TableName]) -> String {
    let files: Vec<&str> = names.iter().map(|name| name.file()).collect();
    files.join(", ")
}

fn read_key(file: &Path) -> anyhow::Result<SigningKey> {
    let pem = fs::read_to_string(file)
        .with_context(|| format!("read the private key {}", file.display()))?;
    SigningKey::from_pem(&pem).with_context(|| format!("{} cannot be used", file.display()))
}

/// The tables of a folder. A file that looks like a table and is none would be left out without anyone noticing, so it is refused.
fn read_tables(folder: &Path) -> anyhow::Result<Vec<(TableName, String)>> {
    let context = || format!("look into the folder {}", folder.display());
    for entry in fs::read_dir(folder).with_context(context)? {
        let name = entry.with_context(context)?.file_name();
        let name = name.to_string_lossy();
        let known = TableName::ALL.iter().any(|table| table.file() == name);
        if name.ends_with(".tsv") && !known {
            bail!(
                "{} is no table that this version knows; the tables are {}",
                folder.join(&*name).display(),
                listed(TableName::ALL)
            );
        }
    }
    let mut tables = Vec::new();
    for name in TableName::ALL {
        let path = folder.join(name.file());
        match fs::read_to_string(&path) {
            Ok(text) => tables.push((*name, text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(error).with_context(|| format!("read the table {}", path.display()));
            }
        }
    }
    ensure!(
        !tables.is_empty(),
        "there is no table in {}: at least one of {} must be",
        folder.display(),
        listed(TableName::ALL)
    );
    Ok(tables)
}

/// A file's bytes, and no more of them than a pack can have.
fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = MAX_BYTES as u64 + 1;
    let done = if file == Path::new("-") {
        io::stdin().lock().take(most).read_to_end(&mut bytes)
    } else {
        File::open(file).and_then(|file| file.take(most).read_to_end(&mut bytes))
    };
    done.with_context(|| format!("read the knowledge pack {}", named(file)))?;
    Ok(bytes)
}

fn named(file: &Path) -> String {
    if file == Path::new("-") {
        "standard input".to_owned()
    } else {
        file.display().to_string()
    }
}

/// A pack is whole or not there. Whoever carries it may read it.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .permissions(fs::Permissions::from_mode(0o644))
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)
        .map(|_: File| ())
        .map_err(|error| error.error)
}

/// Who types, as far as the environment says: `sudo` keeps the name of who asked it.
fn account() -> String {
    let named = ["SUDO_USER", "USER", "LOGNAME"];
    let name = named
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|name| !name.is_empty()));
    let name = name.unwrap_or_else(|| "unknown".to_owned());
    plain(&name).chars().take(MAX_ACCOUNT_CHARS).collect()
}

fn spoken(known: &InForce) -> String {
    let version = match &known.origin {
        Origin::Imported { .. } => format!("knowledge {}", known.knowledge.version()),
        Origin::BuiltIn | Origin::Refused { .. } => "the built-in knowledge".to_owned(),
    };
    format!("{version} (dated {})", known.dated())
}

fn days(count: i64) -> String {
    format!("{count} {}", if count == 1 { "day" } else { "days" })
}

fn described(about: &About) -> String {
    let source = match &about.source {
        Source::BuiltIn => "built in".to_owned(),
        Source::Imported { at, by, signer } => {
            format!("imported {at} by {}, signed by {signer}", plain(by))
        }
    };
    let mut lines = vec![
        format!("Version: {}", about.version),
        format!("Dated: {}, {} old", about.dated, days(about.age_days)),
        format!("Source: {source}"),
        String::new(),
        "TABLE\tDATED\tENTRIES\tSOURCE".to_owned(),
    ];
    lines.extend(about.tables.iter().map(|table| {
        let source = if table.imported {
            "imported"
        } else {
            "built in"
        };
        let name = table.name.file();
        format!("{name}\t{}\t{}\t{source}", table.dated, table.entries)
    }));
    let mut notes = Vec::new();
    if let Some((mark, reason)) = &about.refused {
        notes.push(format!(
            "What was imported {} by {} is not used: {reason}",
            mark.imported_at,
            plain(&mark.imported_by)
        ));
    }
    let overtaken = about.overtaken().filter_map(|table| {
        let newer = table.newer_built_in.as_deref()?;
        Some(format!("{} ({newer})", table.name))
    });
    let overtaken: Vec<String> = overtaken.collect();
    if !overtaken.is_empty() {
        notes.push(format!(
            "Newer than what was imported are these that came with the program: {}. `sickbay-server knowledge reset` goes back to all \
             of them; a pack without these tables lets them be used.",
            overtaken.join(", ")
        ));
    }
    if about.is_old() {
        notes.push(format!(
            "It is older than {WARN_AFTER_DAYS} days; a newer pack comes in by `sickbay-server knowledge import FILE`."
        ));
    }
    if !about.unknown.is_empty() {
        notes.push(format!(
            "Left out of the pack, because this version does not know them: {}",
            about.unknown.join(", ")
        ));
    }
    if !notes.is_empty() {
        lines.push(String::new());
        lines.extend(notes);
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use super::*;

    use crate::knowledge_pack::TrustedKeys;

    const LATER: &str = "2096-01-01";

    fn built_in(name: TableName, dated: &str) -> String {
        let (_, rows) = name.built_in().split_once('\n').unwrap();
        format!("# dated {dated}\n{rows}")
    }

    /// A pack of these tables, each of that day.
    fn signed(key: &SigningKey, dated: &str, tables: &[(TableName, &str)]) -> Vec<u8> {
        let texts = tables
            .iter()
            .map(|(name, dated)| (*name, built_in(*name, dated)));
        let texts: Vec<(TableName, String)> = texts.collect();
        let draft = Draft {
            version: "1",
            dated,
            tables: texts.iter().map(|(n, text)| (*n, text.as_str())).collect(),
        };
        draft.sign(key).unwrap()
    }

    fn imported(bytes: Vec<u8>, trusted: &TrustedKeys) -> InForce {
        let mark = PackMark {
            version: String::new(),
            dated: String::new(),
            imported_at: Time::from_millis(0),
            imported_by: String::new(),
        };
        InForce::of(ImportedPack { mark, bytes }, trusted)
    }

    #[test]
    fn a_pack_of_the_future_is_none() {
        let now = Time::from_millis(1_796_000_000_000);
        assert_eq!(now.date(), "2026-11-30");
        for dated in ["2026-11-20", "2026-11-30", "2026-12-01"] {
            assert!(is_past(dated, now).is_ok(), "{dated}");
        }
        let said = is_past("2026-12-02", now).unwrap_err().to_string();
        assert!(said.contains("clock"), "{said}");
    }

    #[test]
    fn no_pack_and_no_single_table_gives_way_to_an_older_one_unasked() {
        let (key, _) = SigningKey::generate();
        let trusted = TrustedKeys::of([key.public()]);
        let said = |bytes: &[u8], before: &InForce| {
            let pack = Pack::verify(bytes, &trusted).unwrap();
            follows(&pack, before).err().map(|error| error.to_string())
        };
        let none = InForce::default();
        // One table that is newer than the built-in one, though other built-in tables are newer than the pack.
        let own = dated_of(Knowledge::built_in(), TableName::Holds).unwrap();
        let holds = signed(&key, own, &[(TableName::Holds, own)]);
        assert_eq!(said(&holds, &none), None);
        let old = signed(&key, LATER, &[(TableName::Holds, "2001-01-01")]);
        let refusal = said(&old, &none).unwrap();
        assert!(
            refusal.contains("safeguard-holds.tsv") && refusal.contains("--older"),
            "{refusal}"
        );

        // What the pack in force has, and the next one lacks, would be the built-in one again.
        let whole: Vec<(TableName, &str)> =
            TableName::ALL.iter().map(|name| (*name, LATER)).collect();
        let before = imported(signed(&key, LATER, &whole), &trusted);
        let partial = signed(&key, "2096-02-01", &[(TableName::Holds, "2096-02-01")]);
        let refusal = said(&partial, &before).unwrap();
        assert!(
            !refusal.contains("safeguard-holds") && refusal.contains("windows-releases.tsv"),
            "{refusal}"
        );
        assert!(refusal.contains("because the pack lacks it"), "{refusal}");
        // The same tables in an older pack.
        let older = said(&signed(&key, "2095-01-01", &whole), &before).unwrap();
        assert!(older.contains("older (2095-01-01)"), "{older}");
        assert_eq!(said(&signed(&key, LATER, &whole), &before), None);
    }

    #[test]
    fn a_pack_overwrites_a_pack_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        assert!(may_be_replaced(&path).is_ok(), "nothing is there");
        for (bytes, may) in [
            (b"sickbay-knowledge 1\n".as_slice(), true),
            (b"-----BEGIN PRIVATE KEY-----\n", false),
            (b"", false),
        ] {
            fs::write(&path, bytes).unwrap();
            assert_eq!(may_be_replaced(&path).is_ok(), may, "{bytes:?}");
        }
        assert!(may_be_replaced(folder.path()).is_err(), "a folder");
    }
}
