//! `cargo xtask dist`: what is handed out, in `dist/` with checksums: the Windows collector, its installer, and the kit for a
//! domain's administrator, without a token (`sickbay-server gpo-kit` makes one with).
//!
//! Promises: the program runs on every 64-bit Windows from 7 / Server 2008 R2 on as far as its imports tell; it is at most [`MAX_BYTES`]
//! long and its installer at most [`msi::MAX_BYTES`]; where not, this fails. Both are signed where a certificate is given, and said to be
//! unsigned where not.

mod cross;
mod imports;
mod msi;
mod properties;
mod sign;
mod stand_ins;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};
use sickbay_packaging::Order;

use cross::Build;

/// Largest program, in bytes.
const MAX_BYTES: u64 = 4 * 1024 * 1024;
/// Most of a kit that is not its installer, in bytes.
const KIT_BYTES: u64 = 256 * 1024;
/// The folder for what is handed out, below the root.
const FOLDER: &str = "dist";
const CHECKSUMS: &str = "SHA256SUMS";
/// What a kit says of when it was made; a real time would make each build another file.
const NO_TIME: &str = "1980-01-01T00:00:00";

/// With what the results are signed.
#[derive(Debug, Clone)]
pub(crate) struct Signer {
    /// The certificate, PEM.
    pub(crate) certificate: PathBuf,
    /// Its key, PEM.
    pub(crate) key: PathBuf,
}

/// Builds it. `quick` is for tests: not optimised, and it stays in the build folder, with the stand-ins and two installers beside it.
/// Returns whether all that has to hold does.
pub(crate) fn run(root: &Path, quick: bool, signer: Option<&Signer>) -> Result<bool> {
    let build = if quick { Build::Quick } else { Build::Dist };
    let begun = Instant::now();
    let Some(program) = cross::collector(root, build)? else {
        return Ok(false);
    };
    println!("built in {:.0} s", begun.elapsed().as_secs_f64());
    let dlls = imports::of(&program)?;
    println!("it imports from {}", dlls.join(", "));
    let mut wrong = imports::too_new(&dlls);
    let version = env!("CARGO_PKG_VERSION");
    let content = fs::read(&program).with_context(|| format!("read {}", program.display()))?;
    wrong.extend(properties::wrong(&content, version));
    if quick {
        let next = msi::next_version(version)?;
        for (version, name) in [(version, "collector.msi"), (&*next, "collector-next.msi")] {
            msi::build(root, &program, version, &program.with_file_name(name))?;
        }
        if !stand_ins::build(root, &program)? {
            return Ok(false);
        }
    } else {
        wrong.extend(hand_out(root, &program, version, signer)?);
    }
    for what in &wrong {
        eprintln!("error: {what}");
    }
    Ok(wrong.is_empty())
}

/// Whether the collector also compiles for the target that developers have who build on Windows, or by rustup.
pub(crate) fn compiles_for_the_usual_target(root: &Path) -> Result<bool> {
    cross::compiles_for_the_usual_target(root)
}

/// Builds what benchmarks run under Wine: the program as it is handed out, and stand-ins beside it.
pub(crate) fn for_benchmarks(root: &Path) -> Result<bool> {
    let Some(program) = cross::collector(root, Build::Dist)? else {
        return Ok(false);
    };
    stand_ins::build(root, &program)
}

/// Puts program and installer into the folder, with checksums. Returns what is wrong with them, a sentence each.
fn hand_out(
    root: &Path,
    program: &Path,
    version: &str,
    signer: Option<&Signer>,
) -> Result<Vec<String>> {
    let folder = root.join(FOLDER);
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let exe = folder.join(cross::PROGRAM);
    sign::put(program, &exe, signer)?;
    let msi = folder.join(format!("sickbay-collector-{version}-x64.msi"));
    let unsigned = program.with_file_name("collector.msi");
    msi::build(root, &exe, version, &unsigned)?;
    sign::put(&unsigned, &msi, signer)?;
    let kit = folder.join(format!("sickbay-collector-{version}-gpo-kit.zip"));
    put_kit(&msi, &kit)?;
    let mut wrong = Vec::new();
    let mut sums = String::new();
    let limits = [
        (&exe, MAX_BYTES),
        (&msi, msi::MAX_BYTES),
        (&kit, msi::MAX_BYTES + KIT_BYTES),
    ];
    for (file, most) in limits {
        let content = fs::read(file).with_context(|| format!("read {}", file.display()))?;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        sums += &checksum_line(&name, &content);
        println!("{}: {} bytes", file.display(), content.len());
        if content.len() as u64 > most {
            wrong.push(format!(
                "{name} is {} bytes long; at most {most} are allowed, so that it can be spread to every machine",
                content.len()
            ));
        }
    }
    let list = folder.join(CHECKSUMS);
    fs::write(&list, sums).with_context(|| format!("write {}", list.display()))?;
    println!("{}", list.display());
    println!("{}", sign::told(signer));
    Ok(wrong)
}

/// Packs the kit of an installer.
fn put_kit(msi: &Path, kit: &Path) -> Result<()> {
    let installer = fs::read(msi).with_context(|| format!("read {}", msi.display()))?;
    let packed = sickbay_packaging::build(Order {
        installer: &installer,
        settings: None,
        made_at: NO_TIME,
    })
    .with_context(|| format!("pack {}", kit.display()))?;
    fs::write(kit, packed).with_context(|| format!("write {}", kit.display()))
}

/// A line as `sha256sum --check` reads it.
fn checksum_line(name: &str, content: &[u8]) -> String {
    format!("{}  {name}\n", hex::encode(Sha256::digest(content)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksums_are_what_sha256sum_checks() {
        assert_eq!(
            checksum_line("a.exe", b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a.exe\n"
        );
    }
}
