//! Breaks rules on purpose, in a copy of what `tidy` looks at, and expects to be told.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A copy of the workspace's manifests and of the sources in which rules are broken.
struct Copy {
    folder: tempfile::TempDir,
}

impl Copy {
    /// Every manifest with an empty library or program beside it, so that cargo accepts the workspace.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let copy = Self { folder };
        for name in [
            "Cargo.toml",
            "Cargo.lock",
            "patches/getrandom/Cargo.toml",
            "patches/getrandom/src/lib.rs",
        ] {
            copy.take(name);
        }
        let workspace = fs::read_to_string(root().join("Cargo.toml")).unwrap();
        let members = workspace
            .split("members = [")
            .nth(1)
            .unwrap()
            .split(']')
            .next()
            .unwrap();
        for member in members
            .split(',')
            .map(|member| member.trim().trim_matches('"'))
            .filter(|m| !m.is_empty())
        {
            copy.take(&format!("{member}/Cargo.toml"));
            for source in ["src/lib.rs", "src/main.rs", "build.rs"] {
                let path = format!("{member}/{source}");
                if root().join(&path).exists() {
                    copy.write(&path, "#![forbid(unsafe_code)]\n");
                }
            }
        }
        copy.write(
            "docs/ARCHITECTURE.md",
            &format!("`{}`\n", members.replace('\n', " ")),
        );
        copy.write(
            "docs/security.md",
            "## Attackers\n| It sees what is there. | the inventory below |\n## What is not defended against\n",
        );
        copy
    }

    fn take(&self, path: &str) {
        let text = fs::read_to_string(root().join(path)).unwrap();
        self.write(path, &text);
    }

    fn write(&self, path: &str, text: &str) {
        let place = self.folder.path().join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
    }

    fn edit(&self, path: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.folder.path().join(path)).unwrap();
        assert!(text.contains(old), "{path} has no {old:?}");
        self.write(path, &text.replacen(old, new, 1));
    }

    /// Whether the copy is tidy, and what was said.
    fn tidy(&self) -> (bool, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["tidy", "--root"])
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        (
            output.status.success(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

#[test]
fn the_untouched_copy_is_tidy() {
    let (tidy, said) = Copy::new().tidy();
    assert!(tidy, "{said}");
}

#[test]
fn sqlx_in_the_server_crate_fails_and_says_why() {
    let copy = Copy::new();
    copy.edit(
        "server/Cargo.toml",
        "[dependencies]\n",
        "[dependencies]\nsqlx.workspace = true\n",
    );
    let (tidy, said) = copy.tidy();
    assert!(!tidy);
    assert!(said.contains("server/Cargo.toml:"), "{said}");
    assert!(
        said.contains(
            "[layering] sickbay-server must not know sqlx, which belongs to sickbay-store"
        ),
        "{said}"
    );
}

#[test]
fn a_threat_that_no_test_shows_fails_and_says_which() {
    for (shown_by, said_so) in [
        ("`no_such_test`", "no_such_test"),
        ("everybody knows", "no test shows"),
    ] {
        let copy = Copy::new();
        copy.edit("docs/security.md", "the inventory below", shown_by);
        let (tidy, said) = copy.tidy();
        assert!(!tidy);
        assert!(said.contains("docs/security.md:2: [threats]"), "{said}");
        assert!(said.contains(said_so), "{said}");
    }
}

#[test]
fn a_clock_in_diagnosis_fails_and_says_why() {
    let copy = Copy::new();
    let code = "//! A clock.\n\npub fn now() -> std::time::SystemTime {\n    std::time::SystemTime::now()\n}\n";
    copy.write("diagnosis/src/lib.rs", code);
    let (tidy, said) = copy.tidy();
    assert!(!tidy);
    assert!(said.contains("diagnosis/src/lib.rs:4: [pure]"), "{said}");
    assert!(said.contains("brings a clock into diagnosis"), "{said}");
    assert!(
        said.contains("pass what is needed in as an argument"),
        "{said}"
    );
}
