//! Names every asset by its content and bundles the scripts.
//!
//! The scripts use code from npm, which is installed into `OUT_DIR` and bundled there by esbuild; none of it is ever committed. Where
//! npm is missing or fails, the build says so and goes on without scripts: every page works without them, so building Sickbay
//! needs nothing but Rust.
//!
//! `SICKBAY_WEB_SCRIPTS=off` leaves the scripts out without trying, for builds that must not reach for the network.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use sha2::{Digest, Sha256};

/// Hexadecimal digits of the content hash in a name: enough that two versions never meet.
const HASH_DIGITS: usize = 16;

/// Assets kept in the repository, with their media types.
const KEPT: [(&str, &str); 2] = [
    ("logo.svg", "image/svg+xml"),
    ("favicon.svg", "image/svg+xml"),
];
const STYLE: &str = "sickbay.css";
const STYLE_TYPE: &str = "text/css; charset=utf-8";
const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };
const SCRIPT: &str = "sickbay.js";
const SCRIPT_TYPE: &str = "text/javascript; charset=utf-8";

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    for watched in ["assets", "scripts", "package.json", "package-lock.json"] {
        println!("cargo::rerun-if-changed={watched}");
    }
    println!("cargo::rerun-if-env-changed=SICKBAY_WEB_SCRIPTS");

    let mut assets: Vec<(&str, &str, PathBuf)> = KEPT
        .iter()
        .map(|(name, media)| (*name, *media, here.join("assets").join(name)))
        .collect();
    assets.push((STYLE, STYLE_TYPE, style(&here.join("assets/style"), &out)?));
    if env::var("SICKBAY_WEB_SCRIPTS").as_deref() == Ok("off") {
        println!(
            "cargo::warning=the pages are built without scripts, as SICKBAY_WEB_SCRIPTS=off asks"
        );
    } else {
        match bundle(&here, &out.join("npm")) {
            Ok(script) => assets.push((SCRIPT, SCRIPT_TYPE, script)),
            Err(why) => {
                println!(
                    "cargo::warning=the pages are built without scripts (no live updates, no copy buttons; SICKBAY_WEB_SCRIPTS=off \
                     keeps it so without trying): {why}"
                );
                if !has_npm() {
                    // A file that never exists makes cargo ask again at each build, so that npm is noticed once it is there.
                    println!("cargo::rerun-if-changed={}", out.join("no-npm").display());
                }
            }
        }
    }
    fs::write(out.join("assets.rs"), table(&assets)?)?;
    Ok(())
}

/// Puts the parts of the style sheet together, in the order of their names, and returns its path.
fn style(parts: &Path, out: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let entries: Result<Vec<_>, _> = fs::read_dir(parts)?.collect();
    let mut parts: Vec<PathBuf> = entries?.iter().map(fs::DirEntry::path).collect();
    parts.sort();
    let texts: Result<Vec<String>, _> = parts.iter().map(fs::read_to_string).collect();
    let style = out.join(STYLE);
    fs::write(&style, texts?.concat())?;
    Ok(style)
}

fn has_npm() -> bool {
    Command::new(NPM).arg("--version").output().is_ok()
}

/// Bundles `scripts/` into one file and returns its path.
fn bundle(here: &Path, work: &Path) -> Result<PathBuf, Box<dyn Error>> {
    fs::create_dir_all(work.join("scripts"))?;
    for entry in fs::read_dir(here.join("scripts"))? {
        let entry = entry?;
        fs::copy(entry.path(), work.join("scripts").join(entry.file_name()))?;
    }
    let manifest = fs::read(here.join("package.json"))?;
    let lock = fs::read(here.join("package-lock.json"))?;
    fs::write(work.join("package.json"), &manifest)?;
    fs::write(work.join("package-lock.json"), &lock)?;

    // Installing again only where the lock file changed keeps a change of a script from needing the network.
    let stamp = work.join("installed");
    let wanted = hex::encode(
        Sha256::new()
            .chain_update(&manifest)
            .chain_update(&lock)
            .finalize(),
    );
    if fs::read_to_string(&stamp).ok().as_deref() != Some(wanted.as_str()) {
        run(Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" })
            .args([
                "ci",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--loglevel=error",
            ])
            .args(["--fetch-retries=1", "--fetch-timeout=30000"])
            .current_dir(work))?;
        fs::write(&stamp, wanted)?;
    }

    let script = work.join(SCRIPT);
    run(Command::new("node")
        .arg("node_modules/esbuild/bin/esbuild")
        .args([
            "scripts/sickbay.ts",
            "--bundle",
            "--minify",
            "--format=iife",
        ])
        .args(["--target=es2022", "--charset=utf8", "--legal-comments=none"])
        // Style sheets of libraries: the content security policy lets a script adopt them, and no page name them.
        .args(["--loader:.css=text"])
        .args(["--log-level=warning", "--outfile=sickbay.js"])
        .current_dir(work))?;
    Ok(script)
}

/// Runs a command; its last words become the error, on one line because cargo shows warnings so.
fn run(command: &mut Command) -> Result<(), Box<dyn Error>> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error| format!("{program} cannot be started: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().filter(|line| !line.trim().is_empty()).take(3);
    Err(format!(
        "{program} failed ({}): {}",
        output.status,
        last.collect::<Vec<_>>().join(" / ")
    )
    .into())
}

/// The table of assets as Rust text.
fn table(assets: &[(&str, &str, PathBuf)]) -> Result<String, Box<dyn Error>> {
    let mut text = String::from(
        "/// Every asset of this build.\npub(crate) static ASSETS: &[Embedded] = &[\n",
    );
    for (name, media, path) in assets {
        let bytes = fs::read(path)?;
        let hash = hex::encode(Sha256::digest(&bytes));
        let (stem, extension) = name.rsplit_once('.').ok_or("an asset needs an extension")?;
        let hashed = format!("{stem}-{}.{extension}", &hash[..HASH_DIGITS]);
        writeln!(
            text,
            "    Embedded {{ name: {name:?}, hashed: {hashed:?}, content_type: {media:?}, bytes: include_bytes!({:?}) }},",
            path.to_string_lossy()
        )?;
    }
    text.push_str("];\n");
    Ok(text)
}
