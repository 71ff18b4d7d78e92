//! The DLLs that a Windows program imports from, and whether the oldest supported Windows has them.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

/// Reads the import table; part of Debian's `binutils-mingw-w64-x86-64`, which comes with the linker.
const OBJDUMP: &str = "x86_64-w64-mingw32-objdump";

/// What every 64-bit Windows from 7 / Server 2008 R2 on brings along. Not among them, although tempting: `bcryptprimitives.dll`,
/// whose `ProcessPrng` is newer, and the `api-ms-win-*` sets.
const ON_WINDOWS_7: [&str; 16] = [
    "advapi32.dll",
    "bcrypt.dll",
    "crypt32.dll",
    "iphlpapi.dll",
    "kernel32.dll",
    "msvcrt.dll",
    "netapi32.dll",
    "ntdll.dll",
    "ole32.dll",
    "oleaut32.dll",
    "secur32.dll",
    "user32.dll",
    "userenv.dll",
    "version.dll",
    "wevtapi.dll",
    "ws2_32.dll",
];

/// The DLLs that `program` imports from, in lower case and in order.
pub(super) fn of(program: &Path) -> Result<Vec<String>> {
    let said = Command::new(OBJDUMP)
        .arg("--private-headers")
        .arg(program)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("start {OBJDUMP}, which comes with binutils-mingw-w64-x86-64"))?;
    ensure!(
        said.status.success(),
        "{OBJDUMP} cannot read {}: {}",
        program.display(),
        String::from_utf8_lossy(&said.stderr)
    );
    let dlls = named_in(&String::from_utf8_lossy(&said.stdout));
    ensure!(
        !dlls.is_empty(),
        "{} seems to import nothing, which no Windows program does",
        program.display()
    );
    Ok(dlls)
}

fn named_in(headers: &str) -> Vec<String> {
    let mut dlls: Vec<String> = headers
        .lines()
        .filter_map(|line| line.trim().strip_prefix("DLL Name:"))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    dlls.sort_unstable();
    dlls.dedup();
    dlls
}

/// What is wrong with these imports, a sentence each.
pub(super) fn too_new(dlls: &[String]) -> Vec<String> {
    dlls.iter()
        .filter(|dll| !ON_WINDOWS_7.contains(&dll.as_str()))
        .map(|dll| {
            format!(
                "the program imports from {dll}, which Windows 7 may lack; find out which crate asks for it, or add it to ON_WINDOWS_7 \
                 in xtask/src/dist/imports.rs where Windows 7 is known to have it"
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dll_that_windows_7_lacks_is_refused() {
        let headers = "The Import Tables:\n\tDLL Name: KERNEL32.dll\n\tvma:\n\tDLL Name: bcryptprimitives.dll\n\tDLL Name: KERNEL32.dll\n";
        let dlls = named_in(headers);
        assert_eq!(dlls, ["bcryptprimitives.dll", "kernel32.dll"]);
        let wrong = too_new(&dlls);
        assert_eq!(wrong.len(), 1);
        assert!(wrong[0].contains("bcryptprimitives.dll"), "{wrong:?}");
    }
}
