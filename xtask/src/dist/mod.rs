//! `cargo xtask dist`: what is handed out, in `dist/` with checksums. For now the Windows collector.
//!
//! Promises: the program runs on every 64-bit Windows from 7 / Server 2008 R2 on as far as its imports tell, and is at most
//! [`MAX_BYTES`] long; where not, this fails. Leaves out signing and packages.

mod cross;
mod imports;
mod stand_ins;

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use cross::Build;

/// Largest program, in bytes.
const MAX_BYTES: u64 = 4 * 1024 * 1024;
/// The folder for what is handed out, below the root.
const FOLDER: &str = "dist";
const CHECKSUMS: &str = "SHA256SUMS";

/// Builds it. `quick` is for tests: not optimised, and it stays in the build folder, with the stand-ins beside it. Returns whether all that has to
/// hold does.
pub(crate) fn run(root: &Path, quick: bool) -> Result<bool> {
    let build = if quick { Build::Quick } else { Build::Dist };
    let begun = Instant::now();
    let Some(program) = cross::collector(root, build)? else {
        return Ok(false);
    };
    let bytes = fs::metadata(&program)
        .with_context(|| format!("find {}", program.display()))?
        .len();
    let dlls = imports::of(&program)?;
    println!(
        "{}: {bytes} bytes, built in {:.0} s",
        program.display(),
        begun.elapsed().as_secs_f64()
    );
    println!("it imports from {}", dlls.join(", "));
    let mut wrong = imports::too_new(&dlls);
    if !quick && bytes > MAX_BYTES {
        wrong.push(format!(
            "the program is {bytes} bytes long; at most {MAX_BYTES} are allowed, so that it can be spread to every machine"
        ));
    }
    for what in &wrong {
        eprintln!("error: {what}");
    }
    if wrong.is_empty() && !quick {
        hand_out(root, &program)?;
    }
    if quick && !stand_ins::build(root, &program)? {
        return Ok(false);
    }
    Ok(wrong.is_empty())
}

/// Builds what benchmarks run under Wine: the program as it is handed out, and stand-ins beside it.
pub(crate) fn for_benchmarks(root: &Path) -> Result<bool> {
    let Some(program) = cross::collector(root, Build::Dist)? else {
        return Ok(false);
    };
    stand_ins::build(root, &program)
}

/// Copies the program into the folder and writes its checksum beside it.
fn hand_out(root: &Path, program: &Path) -> Result<()> {
    let folder = root.join(FOLDER);
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let content = fs::read(program).with_context(|| format!("read {}", program.display()))?;
    let to = folder.join(cross::PROGRAM);
    fs::write(&to, &content).with_context(|| format!("write {}", to.display()))?;
    let sums = folder.join(CHECKSUMS);
    fs::write(&sums, checksum_line(cross::PROGRAM, &content))
        .with_context(|| format!("write {}", sums.display()))?;
    println!("{}\n{}", to.display(), sums.display());
    Ok(())
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
