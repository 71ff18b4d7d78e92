//! What the suites need besides Rust, and how it comes here.
//!
//! On Debian and its kin, with the right to, missing packages are installed with apt-get. Elsewhere the step says exactly what to
//! install, and fails: a suite that cannot run is a failure, never a silent skip.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

/// Something that must be there.
#[derive(Debug)]
struct Need {
    /// What it is called.
    what: &'static str,
    /// What fails without it.
    because: &'static str,
    /// It is there where one of these answers.
    one_of: &'static [(&'static str, &'static [&'static str])],
    /// Debian's packages.
    debian: &'static [&'static str],
    /// Where it comes from elsewhere.
    elsewhere: &'static str,
}

/// Debian's package of its usual version of Postgres.
const POSTGRES: &str = "postgresql";

const NEEDS: [Need; 18] = [
    Need {
        what: "rustfmt",
        because: "formatting is checked",
        one_of: &[("cargo", &["fmt", "--version"])],
        debian: &[],
        elsewhere: "rustup component add rustfmt",
    },
    Need {
        what: "clippy",
        because: "its warnings are errors",
        one_of: &[("cargo", &["clippy", "--version"])],
        debian: &[],
        elsewhere: "rustup component add clippy",
    },
    Need {
        what: "a C compiler",
        because: "SQLite and ring are built from C",
        one_of: &[
            ("cc", &["--version"]),
            ("gcc", &["--version"]),
            ("clang", &["--version"]),
            ("cl", &[]),
        ],
        debian: &["gcc", "libc6-dev"],
        elsewhere: "gcc, clang or the Visual Studio build tools",
    },
    Need {
        what: "make",
        because: "the server's allocator is built by it",
        one_of: &[("make", &["--version"]), ("gmake", &["--version"])],
        debian: &["make"],
        elsewhere: "GNU make",
    },
    Need {
        what: "npm",
        because: "it bundles the scripts of the pages, and brings programs that look at pages and at the API's description",
        one_of: &[("npm", &["--version"]), ("npm.cmd", &["--version"])],
        debian: &["npm"],
        elsewhere: "Node.js 20 or newer, which brings npm",
    },
    Need {
        what: "Chromium",
        because: "pages are tested in a real browser",
        one_of: &[
            ("chromium", &["--version"]),
            ("chromium-browser", &["--version"]),
            ("google-chrome", &["--version"]),
        ],
        debian: &["chromium", "fonts-dejavu-core"],
        elsewhere: "Chromium or Chrome, so that `chromium` or `google-chrome` starts it",
    },
    Need {
        what: "ChromeDriver",
        because: "it drives that browser",
        one_of: &[("chromedriver", &["--version"])],
        debian: &["chromium-driver"],
        elsewhere: "ChromeDriver of the same version as the browser, as `chromedriver`",
    },
    Need {
        what: "curl",
        because: "the lines of the page about the API are run as they stand there",
        one_of: &[("curl", &["--version"])],
        debian: &["curl"],
        elsewhere: "curl 7.82 or newer, as `curl`",
    },
    Need {
        what: "Debian's Rust with the sources of its library",
        because: "the Windows collector is built with them, standard library included",
        one_of: &[(
            "test",
            &[
                "-x",
                "/usr/bin/cargo",
                "-a",
                "-d",
                "/usr/lib/rustlib/src/rust/library/std",
            ],
        )],
        debian: &["cargo-web", "rustc-web", "rust-web-src"],
        elsewhere: "Debian's packages cargo-web, rustc-web and rust-web-src",
    },
    Need {
        what: "MinGW-w64",
        because: "it links the Windows collector",
        one_of: &[("x86_64-w64-mingw32-gcc", &["--version"])],
        debian: &["gcc-mingw-w64-x86-64"],
        elsewhere: "MinGW-w64 for 64-bit Windows, as `x86_64-w64-mingw32-gcc`",
    },
    Need {
        what: "wixl",
        because: "it builds the Windows collector's installer",
        one_of: &[("wixl", &["--version"])],
        debian: &["wixl"],
        elsewhere: "msitools 0.101 or newer, as `wixl`",
    },
    Need {
        what: "msitools",
        because: "they complete that installer and read it back",
        // `msibuild`, of the same package, answers no harmless question.
        one_of: &[("msiinfo", &["--version"])],
        debian: &["msitools"],
        elsewhere: "msitools 0.101 or newer, as `msibuild` and `msiinfo`",
    },
    Need {
        what: "OpenSSL",
        because: "a certificate for trying signatures is made with it",
        one_of: &[("openssl", &["version"])],
        debian: &["openssl"],
        elsewhere: "OpenSSL, as `openssl`",
    },
    Need {
        what: "osslsigncode",
        because: "it signs what is handed out",
        one_of: &[("osslsigncode", &["--version"])],
        debian: &["osslsigncode"],
        elsewhere: "osslsigncode",
    },
    Need {
        what: "slapd",
        because: "people sign in through a real directory in a test",
        one_of: &[
            ("test", &["-x", "/usr/sbin/slapd"]),
            ("test", &["-x", "/usr/libexec/slapd"]),
        ],
        debian: &["slapd"],
        elsewhere: "OpenLDAP's slapd with its modules back_mdb and refint",
    },
    Need {
        what: "Postgres",
        because: "the store and the server are tested on it, too",
        one_of: &[
            // Debian keeps its versions side by side, outside of the path.
            ("sh", &["-c", "ls /usr/lib/postgresql/*/bin/initdb"]),
            ("initdb", &["--version"]),
        ],
        debian: &[POSTGRES],
        elsewhere: "Postgres 15 or newer, with `initdb`, `pg_ctl`, `createdb` and `psql`",
    },
    Need {
        what: "Python",
        because: "the provider that people sign in through in a test is written in it",
        one_of: &[("python3", &["-c", "import ensurepip, venv"])],
        debian: &["python3", "python3-venv"],
        elsewhere: "Python 3.11 or newer with venv, as `python3`",
    },
    Need {
        what: "Wine",
        because: "the Windows collector is tested under it",
        one_of: &[("wine", &["--version"])],
        debian: &["wine", "wine64"],
        elsewhere: "Wine 8 or newer for 64-bit programs, as `wine`",
    },
];

/// Whether a program starts and answers.
pub(super) fn runs(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // A program without a harmless question is there when it starts.
    command
        .status()
        .is_ok_and(|status| status.success() || arguments.is_empty())
}

/// Looks for everything and installs what is missing. Returns whether everything is there in the end.
pub(super) fn install_missing() -> Result<bool> {
    let missing = missing();
    if missing.is_empty() {
        println!(
            "    all there: {}",
            names(&NEEDS.iter().collect::<Vec<_>>())
        );
        return Ok(true);
    }
    println!("    missing: {}", names(&missing));
    let packages = packages(&missing);
    if !packages.is_empty()
        && let Some(right) = right_to_install()
    {
        // slapd and Postgres are wanted as programs; the services that their packages would set up are nobody's wish.
        as_root(
            right,
            "sh",
            &[
                "-c",
                "echo slapd slapd/no_configuration boolean true | debconf-set-selections",
            ],
        )?;
        apt_get(right, &["update"])?;
        let install = ["install", "--yes", "--no-install-recommends"];
        if packages.contains(&POSTGRES) {
            // What says so is a file of a package that is wanted anyway.
            apt_get(right, &[&install[..], &["postgresql-common"]].concat())?;
            let none = "s/^#*create_main_cluster.*/create_main_cluster = false/";
            let says = "/etc/postgresql-common/createcluster.conf";
            as_root(right, "sed", &["--in-place", none, says])?;
        }
        apt_get(right, &[&install[..], &packages].concat())?;
    }
    let missing = self::missing();
    if missing.is_empty() {
        return Ok(true);
    }
    eprintln!("{}", what_to_install(&missing));
    Ok(false)
}

fn missing() -> Vec<&'static Need> {
    let is_there = |need: &&Need| {
        need.one_of
            .iter()
            .any(|(program, arguments)| runs(program, arguments))
    };
    NEEDS.iter().filter(|need| !is_there(need)).collect()
}

fn names(needs: &[&Need]) -> String {
    needs
        .iter()
        .map(|need| need.what)
        .collect::<Vec<_>>()
        .join(", ")
}

fn packages(needs: &[&'static Need]) -> Vec<&'static str> {
    needs.iter().flat_map(|need| need.debian).copied().collect()
}

fn what_to_install(missing: &[&'static Need]) -> String {
    let needs = missing.iter().map(|need| {
        let Need {
            what,
            because,
            elsewhere,
            ..
        } = need;
        format!("- {what} ({because}): install {elsewhere}\n")
    });
    let needs: String = needs.collect();
    let packages = packages(missing);
    let debian = if packages.is_empty() {
        String::new()
    } else {
        let packages = packages.join(" ");
        format!("On Debian: sudo apt-get install --yes --no-install-recommends {packages}\n")
    };
    format!(
        "The suites cannot run, because something is not there and could not be installed:\n{needs}{debian}Then again: cargo xtask test"
    )
}

/// How packages can be installed here.
#[derive(Debug, Clone, Copy)]
enum Right {
    Root,
    Sudo,
}

fn right_to_install() -> Option<Right> {
    if !Path::new("/etc/debian_version").exists() || !runs("apt-get", &["--version"]) {
        return None;
    }
    let id = Command::new("id")
        .arg("-u")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    if id.stdout.trim_ascii() == b"0" {
        return Some(Right::Root);
    }
    // `-n`: never asks for a password.
    runs("sudo", &["-n", "true"]).then_some(Right::Sudo)
}

/// Runs apt-get. Its failure is only told: what is missing afterwards is looked for again, and decides.
fn apt_get(right: Right, arguments: &[&str]) -> Result<()> {
    println!("    apt-get {}", arguments.join(" "));
    let quietly = ["-qq", "-o", "Dpkg::Use-Pty=0"];
    as_root(right, "apt-get", &[&quietly[..], arguments].concat())
}

/// Runs a program of Debian's administration without questions. Its failure is only told.
fn as_root(right: Right, program: &str, arguments: &[&str]) -> Result<()> {
    let mut command = match right {
        Right::Root => Command::new("env"),
        Right::Sudo => {
            let mut command = Command::new("sudo");
            command.args(["-n", "env"]);
            command
        }
    };
    let status = command
        .args(["DEBIAN_FRONTEND=noninteractive", program])
        .args(arguments)
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("start {program}"))?;
    if !status.success() {
        eprintln!("{program} {} failed: {status}", arguments.join(" "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_cannot_install_is_told_exactly_what_to() {
        let missing: Vec<&Need> = NEEDS
            .iter()
            .filter(|need| need.what.starts_with("Chrom"))
            .collect();
        let text = what_to_install(&missing);
        assert!(
            text.contains(
                "- Chromium (pages are tested in a real browser): install Chromium or Chrome"
            ),
            "{text}"
        );
        let command = "sudo apt-get install --yes --no-install-recommends chromium fonts-dejavu-core chromium-driver\n";
        assert!(text.contains(command), "{text}");
    }

    /// Whatever is there already says nothing of what another package brings.
    #[test]
    fn every_package_of_the_installer_is_asked_for_by_a_program_of_its_own() {
        for (program, package) in [
            ("wixl", "wixl"),
            ("msiinfo", "msitools"),
            ("osslsigncode", "osslsigncode"),
            ("openssl", "openssl"),
        ] {
            let asked = NEEDS.iter().find(|need| need.one_of[0].0 == program);
            assert_eq!(asked.map(|need| need.debian), Some(&[package][..]));
        }
    }

    #[test]
    fn a_program_that_is_not_there_does_not_run() {
        assert!(runs("cargo", &["--version"]));
        assert!(!runs("cargo", &["no-such-command"]));
        assert!(!runs("sickbay-no-such-program", &[]));
    }
}
