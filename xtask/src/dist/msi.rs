//! The collector's installer: `packaging/msi/collector.wxs` by wixl, and what wixl cannot say by SQL on its result.
//!
//! Promises: the version is the workspace's; the same program, version and source give the same product and package codes, so that the
//! same build is the same to Windows, and any other build replaces an earlier one of the same version. The bytes of two builds still
//! differ in the times that wixl writes.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use sha2::{Digest as _, Sha256};
use sickbay_packaging::UPGRADE_CODE;

/// Largest installer, in bytes.
pub(super) const MAX_BYTES: u64 = 3 * 1024 * 1024;
const SOURCE: &str = "packaging/msi/collector.wxs";
const WHAT_TO_INSTALL: &str = "The installer is built with Debian's packages: sudo apt-get install --yes --no-install-recommends wixl msitools";
/// Components that are installed only where a property is given, which wixl has no words for.
const CONDITIONS: [(&str, &str); 3] = [
    ("ServerUrls", "SERVERURLS"),
    ("EnrolmentToken", "ENROLMENTTOKEN"),
    ("ServerCaPins", "SERVERCAPINS"),
];

/// Builds the installer of `program` to `to`.
pub(super) fn build(root: &Path, program: &Path, version: &str, to: &Path) -> Result<()> {
    let folder = program.parent().context("a program stands in a folder")?;
    let name = program.file_name().context("a program has a name")?;
    let content = std::fs::read(program).with_context(|| format!("read {}", program.display()))?;
    let source = root.join(SOURCE);
    let source_text =
        std::fs::read(&source).with_context(|| format!("read {}", source.display()))?;
    let corrections = corrections(version);
    let made_of = [
        version.as_bytes(),
        &content,
        &source_text,
        corrections.concat().as_bytes(),
    ]
    .map(<[u8]>::to_vec);
    let code = guid("product", &made_of);
    // wixl finds files by relative paths alone.
    run(Command::new("wixl")
        .current_dir(folder)
        .args(["-a", "x64", "-D"])
        .arg(format!("Version={version}"))
        .arg("-D")
        .arg(format!("ProductCode={code}"))
        .arg("-D")
        .arg(format!("Program={}", name.display()))
        .arg("-o")
        .arg(to)
        .arg(source))?;
    for statement in corrections {
        run(Command::new("msibuild").arg(to).arg("-q").arg(statement))?;
    }
    // Windows Installer refuses a package (error 1638) whose product is installed by a package of another code, and wixl rolls dice.
    run(Command::new("msibuild")
        .arg(to)
        .args(["-s", "Sickbay Collector", "Sickbay", "x64;1033"])
        .arg(guid("package", &made_of)))?;
    Ok(())
}

/// What is changed in wixl's result, as SQL of the installer's database.
fn corrections(version: &str) -> Vec<String> {
    let conditions = CONDITIONS.map(|(component, property)| {
        format!("UPDATE `Component` SET `Condition`='{property}' WHERE `Component`='{component}'")
    });
    let mut all = conditions.to_vec();
    // Windows Installer tells the version that an upgrade removes so, by UPGRADINGPRODUCTCODE. Not every implementation of it does, and
    // a goodbye cannot be taken back: so the installed program is told as well. Type 98: a program by its path, whatever comes of it. The
    // path has a blank: without quotation marks, a C:\Program.exe would be started.
    all.push(
        "INSERT INTO `CustomAction` (`Action`, `Type`, `Source`, `Target`) \
         VALUES ('TellUpgrading', 98, 'INSTALLDIR', '\"[INSTALLDIR]sickbay-collector.exe\" service upgrading')"
            .to_owned(),
    );
    all.push(
        "INSERT INTO `InstallExecuteSequence` (`Action`, `Condition`, `Sequence`) VALUES ('TellUpgrading', 'WIX_UPGRADE_DETECTED', 1501)"
            .to_owned(),
    );
    // An older version is removed inside the transaction: where the new one fails, the old one comes back.
    all.push("UPDATE `InstallExecuteSequence` SET `Sequence`=1502 WHERE `Action`='RemoveExistingProducts'".to_owned());
    // wixl writes a list of its own and takes no other. What an earlier version was told is in it: where a person installs, the search runs
    // before the installer's elevated half does, is not repeated there, and only what is listed is handed over.
    all.push(
        "UPDATE `Property` SET `Value`='WIX_DOWNGRADE_DETECTED;WIX_UPGRADE_DETECTED;SERVERURLS;ENROLMENTTOKEN;SERVERCAPINS;REMOVESTATE;\
         OLDSERVERURLS;OLDENROLMENTTOKEN;OLDSERVERCAPINS' WHERE `Property`='SecureCustomProperties'"
            .to_owned(),
    );
    // Another build of the same version replaces it too (512), rather than standing beside it.
    all.push("DELETE FROM `Upgrade` WHERE `ActionProperty`='WIX_UPGRADE_DETECTED'".to_owned());
    all.push(format!(
        "INSERT INTO `Upgrade` (`UpgradeCode`, `VersionMin`, `VersionMax`, `Language`, `Attributes`, `Remove`, `ActionProperty`) \
         VALUES ('{UPGRADE_CODE}', '', '{version}', '', 513, '', 'WIX_UPGRADE_DETECTED')"
    ));
    all
}

/// A GUID made of what the installer holds, for one of its uses.
fn guid(use_of_it: &str, made_of: &[Vec<u8>]) -> String {
    let mut digest = Sha256::new().chain_update(use_of_it);
    for part in made_of {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    let digest = digest.finalize();
    let hex = hex::encode_upper(&digest[..16]);
    // Version 8 (made in a way of our own) and the usual variant.
    format!(
        "{{{}-{}-8{}-A{}-{}}}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..32]
    )
}

/// The next version after `version`, for trying an upgrade.
pub(super) fn next_version(version: &str) -> Result<String> {
    let (start, last) = version.rsplit_once('.').context("a version has parts")?;
    let last: u32 = last
        .parse()
        .with_context(|| format!("the last part of {version} is a number"))?;
    Ok(format!("{start}.{}", last + 1))
}

/// The rows of a table, for a test: what msitools reads back.
#[cfg(test)]
fn table(installer: &Path, name: &str) -> Result<Vec<Vec<String>>> {
    let output = Command::new("msiinfo")
        .arg("export")
        .arg(installer)
        .arg(name)
        .stdin(Stdio::null())
        .output()
        .context(WHAT_TO_INSTALL)?;
    ensure!(
        output.status.success(),
        "msiinfo cannot read {name}: {output:?}"
    );
    let text = String::from_utf8_lossy(&output.stdout).replace('\r', "");
    let cells = |line: &str| line.split('\t').map(str::to_owned).collect();
    Ok(text.lines().skip(3).map(cells).collect())
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| {
        format!(
            "start {}. {WHAT_TO_INSTALL}",
            command.get_program().display()
        )
    })?;
    // wixl tells of some failures with a good exit status.
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success() && !said.contains("CRITICAL") && !said.contains("libmsi_"),
        "{command:?} failed: {}{said}",
        String::from_utf8_lossy(&output.stdout)
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use super::*;

    const PROGRAM: &[u8] = b"MZ, as far as an installer looks";

    fn built(folder: &Path, version: &str) -> std::path::PathBuf {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let program = folder.join("sickbay-collector.exe");
        std::fs::write(&program, PROGRAM).unwrap();
        let installer = folder.join("collector.msi");
        build(root, &program, version, &installer).unwrap();
        installer
    }

    fn has(rows: &[Vec<String>], cells: &[&str]) -> bool {
        rows.iter()
            .any(|row| cells.iter().all(|cell| row.iter().any(|c| c == cell)))
    }

    #[test]
    fn the_installer_says_what_it_was_told_to_say() {
        let folder = tempfile::tempdir().unwrap();
        let installer = built(folder.path(), "3.4.5");
        let properties = table(&installer, "Property").unwrap();
        assert!(
            has(&properties, &["ProductVersion", "3.4.5"]),
            "{properties:?}"
        );
        assert!(
            has(&properties, &["UpgradeCode", UPGRADE_CODE]),
            "{properties:?}"
        );
        assert!(has(&properties, &["ALLUSERS", "1"]), "{properties:?}");
        let hidden = ["MsiHiddenProperties", "ENROLMENTTOKEN;OLDENROLMENTTOKEN"];
        assert!(has(&properties, &hidden), "{properties:?}");
        let components = table(&installer, "Component").unwrap();
        for (component, property) in CONDITIONS {
            assert!(has(&components, &[component, property]), "{components:?}");
        }
        let services = table(&installer, "ServiceInstall").unwrap();
        assert!(
            has(
                &services,
                &["SickbayCollector", "service run", "LocalSystem"]
            ),
            "{services:?}"
        );
        let upgrades = table(&installer, "Upgrade").unwrap();
        assert!(
            has(&upgrades, &["3.4.5", "513", "WIX_UPGRADE_DETECTED"]),
            "{upgrades:?}"
        );
        let registry = table(&installer, "Registry").unwrap();
        assert!(
            registry.iter().all(|row| !row[2].ends_with('\\')),
            "{registry:?}"
        );
    }

    /// The kit refuses what is no installer of the collector, so it must know this one.
    #[test]
    fn the_kit_knows_the_installer_that_is_built() {
        let folder = tempfile::tempdir().unwrap();
        let content = std::fs::read(built(folder.path(), "3.4.5")).unwrap();
        let read = sickbay_packaging::Installer::read(&content).unwrap();
        assert_eq!(read.version, "3.4.5");
        assert_eq!(
            read.product_code,
            guid_of(&installer_in(folder.path()), "ProductCode")
        );
    }

    fn installer_in(folder: &Path) -> std::path::PathBuf {
        folder.join("collector.msi")
    }

    fn guid_of(installer: &Path, property: &str) -> String {
        let properties = table(installer, "Property").unwrap();
        let row = properties.into_iter().find(|row| row[0] == property);
        row.unwrap()[1].clone()
    }

    /// Of the summary, which is no table.
    fn package_code(installer: &Path) -> String {
        let output = Command::new("msiinfo")
            .arg("suminfo")
            .arg(installer)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let line = text
            .lines()
            .find(|line| line.starts_with("Revision number"));
        line.unwrap().rsplit(' ').next().unwrap().to_owned()
    }

    #[test]
    fn the_same_build_is_the_same_package_to_windows_and_another_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let codes = |version: &str| {
            let installer = built(folder.path(), version);
            (guid_of(&installer, "ProductCode"), package_code(&installer))
        };
        let (first, again, next) = (codes("1.0.0"), codes("1.0.0"), codes("1.0.1"));
        assert_eq!(first, again);
        assert!(
            first.0 != next.0 && first.1 != next.1 && first.0 != first.1,
            "{first:?} {next:?}"
        );
    }

    /// Installed without a person there is one process, so that Wine's tests see none of this.
    #[test]
    fn what_is_searched_before_the_elevated_half_runs_reaches_it() {
        let folder = tempfile::tempdir().unwrap();
        let installer = built(folder.path(), "1.0.0");
        let properties = table(&installer, "Property").unwrap();
        let list = properties
            .iter()
            .find(|row| row[0] == "SecureCustomProperties");
        let secure: Vec<&str> = list.unwrap()[1].split(';').collect();
        let searched = table(&installer, "AppSearch").unwrap();
        assert_eq!(searched.len(), CONDITIONS.len());
        for property in searched.iter().map(|row| &*row[0]) {
            assert!(secure.contains(&property), "{property}: {secure:?}");
        }
        for (_, property) in CONDITIONS {
            assert!(secure.contains(&property), "{property}: {secure:?}");
        }
        assert!(secure.contains(&"REMOVESTATE"), "{secure:?}");
    }

    /// A path with a blank is looked for piece by piece: as `C:\Program.exe` first.
    #[test]
    fn a_program_that_is_run_by_its_path_is_run_by_its_whole_path() {
        const BY_PATH: u32 = 34;
        let folder = tempfile::tempdir().unwrap();
        let installer = built(folder.path(), "1.0.0");
        let actions = table(&installer, "CustomAction").unwrap();
        let by_path: Vec<&Vec<String>> = actions
            .iter()
            .filter(|row| row[1].parse::<u32>().unwrap() & 0x3f == BY_PATH)
            .collect();
        assert_eq!(by_path.len(), 1, "{actions:?}");
        for action in by_path {
            assert!(
                action[3].starts_with("\"[INSTALLDIR]sickbay-collector.exe\" "),
                "{action:?}"
            );
        }
    }

    /// Where a custom action stands decides whether it does anything, and wixl puts those it does not understand at the end.
    #[test]
    fn every_action_has_the_place_that_it_needs() {
        let folder = tempfile::tempdir().unwrap();
        let installer = built(folder.path(), "1.0.0");
        let sequence = table(&installer, "InstallExecuteSequence").unwrap();
        let place = |action: &str| {
            let row = sequence.iter().find(|row| row[0] == action);
            let row = row.unwrap_or_else(|| panic!("{action} is not in {sequence:?}"));
            row[2].parse::<u32>().unwrap()
        };
        for (before, after) in [
            ("AppSearch", "RememberServerUrls"),
            ("RememberServerCaPins", "CostInitialize"),
            ("InstallInitialize", "TellUpgrading"),
            ("TellUpgrading", "RemoveExistingProducts"),
            ("RemoveExistingProducts", "StopServices"),
            ("StopServices", "Goodbye"),
            ("GoodbyeForGood", "RemoveRegistryValues"),
            ("GoodbyeForGood", "RemoveFiles"),
        ] {
            assert!(
                place(before) < place(after),
                "{before} before {after}: {sequence:?}"
            );
        }
        let condition = |action: &str| {
            let row = sequence.iter().find(|row| row[0] == action).unwrap();
            row[1].clone()
        };
        for action in ["Goodbye", "GoodbyeForGood"] {
            let condition = condition(action);
            assert!(
                condition.contains("REMOVE=\"ALL\"")
                    && condition.contains("NOT UPGRADINGPRODUCTCODE"),
                "{action}: {condition}"
            );
        }
    }

    #[test]
    fn another_program_is_another_product_of_the_same_line() {
        let of = |parts: [&[u8]; 2]| guid("product", &parts.map(<[u8]>::to_vec));
        let code = of([b"1.0.0", b"a"]);
        assert_eq!(code, of([b"1.0.0", b"a"]));
        assert_ne!(code, of([b"1.0.0", b"b"]));
        assert_ne!(code, of([b"1.0.1", b"a"]));
        assert_ne!(code, of([b"1.0.", b"0a"]));
        assert!(code.len() == 38 && code.starts_with('{'), "{code}");
    }

    #[test]
    fn the_next_version_counts_up_its_last_part() {
        assert_eq!(next_version("0.1.9").unwrap(), "0.1.10");
        assert!(next_version("1").is_err());
    }
}
