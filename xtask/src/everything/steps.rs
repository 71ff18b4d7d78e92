//! The steps and their order.

use std::io::BufReader;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use super::tally::Tally;
use super::{npm, pypi, tools};
use crate::{dist, tidy};

/// One step.
#[derive(Debug)]
pub(super) struct Step {
    /// What it is called in headers and in the summary.
    pub(super) title: &'static str,
    /// The command that repeats just this step.
    pub(super) again: String,
    work: Work,
}

/// What a step does.
#[derive(Debug)]
enum Work {
    /// Looks for the tools that later steps need, and installs what is missing.
    Tools { long: bool },
    /// The rules of the sources.
    Tidy,
    /// Builds the Windows collector that tests start under Wine.
    WindowsProgram,
    /// Looks whether the Windows collector compiles for the target that developers have.
    UsualWindowsTarget,
    /// Runs cargo with these arguments.
    Cargo(Vec<&'static str>),
    /// Runs cargo with these arguments, in this environment besides its own, and counts the tests in its output.
    Tests {
        arguments: Vec<&'static str>,
        environment: Vec<(&'static str, &'static str)>,
    },
}

/// All steps, in order.
pub(super) fn all(long: bool) -> Vec<Step> {
    let cargo = |title, arguments: &[&'static str]| Step {
        title,
        again: format!("cargo {}", arguments.join(" ")),
        work: Work::Cargo(arguments.to_vec()),
    };
    let tests_in = |title, more: &[(&'static str, &'static str)], arguments: &[&'static str]| {
        let mut environment = more.to_vec();
        if long {
            environment.push(("SICKBAY_LONG", "1"));
        }
        let set = environment
            .iter()
            .map(|(name, value)| format!("{name}={value} "));
        Step {
            title,
            again: format!("{}cargo {}", set.collect::<String>(), arguments.join(" ")),
            work: Work::Tests {
                arguments: arguments.to_vec(),
                environment,
            },
        }
    };
    let tests = |title, arguments: &[&'static str]| tests_in(title, &[], arguments);
    let own = |title, again: &str, work| Step {
        title,
        again: again.to_owned(),
        work,
    };
    // Never compiled for the purpose: where nextest is not installed, cargo's own runner does.
    let has_nextest = tools::runs("cargo", &["nextest", "--version"]);
    let suites = if has_nextest {
        tests(
            "tests",
            &[
                "nextest",
                "run",
                "--workspace",
                "--locked",
                "--no-fail-fast",
            ],
        )
    } else {
        tests(
            "tests",
            &[
                "test",
                "--workspace",
                "--locked",
                "--no-fail-fast",
                "--lib",
                "--bins",
                "--tests",
            ],
        )
    };
    // Everything that a server does, once more on the other database. Chosen out of the whole workspace: a package by itself has other
    // features, and would be built once more for them.
    let on_postgres = tests_in(
        "server on Postgres",
        &[("SICKBAY_TEST_DATABASE", "postgres")],
        if has_nextest {
            &[
                "nextest",
                "run",
                "--workspace",
                "--locked",
                "--no-fail-fast",
                "--filterset=binary_id(sickbay-server::it)",
            ]
        } else {
            &[
                "test",
                "--quiet",
                "--package",
                "sickbay-server",
                "--test",
                "it",
                "--locked",
                "--no-fail-fast",
            ]
        },
    );
    let mut steps = vec![
        own(
            "tools",
            if long {
                "cargo xtask test --long"
            } else {
                "cargo xtask test"
            },
            Work::Tools { long },
        ),
        cargo("formatting", &["fmt", "--all", "--check"]),
        own("tidy", "cargo xtask tidy", Work::Tidy),
        cargo(
            "clippy",
            &[
                "clippy",
                "--workspace",
                "--all-targets",
                "--locked",
                "--",
                "-D",
                "warnings",
            ],
        ),
        // Tests of the crate `tests` start the real programs, which cargo does not build for the tests of another crate. This
        // program itself is left out because Windows cannot replace one that runs.
        cargo(
            "programs",
            &[
                "build",
                "--workspace",
                "--bins",
                "--exclude",
                "xtask",
                "--locked",
            ],
        ),
        own(
            "windows program",
            "cargo xtask dist --quick",
            Work::WindowsProgram,
        ),
        tests(
            "documentation examples",
            &["test", "--workspace", "--locked", "--doc"],
        ),
        suites,
        on_postgres,
    ];
    if long {
        // Programs of others that look at a server for minutes.
        steps.push(tests(
            "scans",
            &[
                "test",
                "--package",
                "sickbay-tests",
                "--test",
                "long",
                "--locked",
                "--",
                "--test-threads=1",
            ],
        ));
        // It builds another standard library, which takes minutes.
        steps.push(own(
            "usual windows target",
            "cargo xtask test --long",
            Work::UsualWindowsTarget,
        ));
    }
    steps
}

impl Step {
    /// Does it. Returns whether it passed; an error says that it could not even be tried.
    pub(super) fn run(&self, root: &Path, tally: &mut Tally) -> Result<bool> {
        match &self.work {
            Work::Tools { long } => Ok(tools::install_missing()?
                && pypi::install_missing(root, *long)?
                && npm::install_missing(root, *long)?),
            Work::Tidy => tidy::run(root),
            Work::WindowsProgram => dist::run(root, true, None),
            Work::UsualWindowsTarget => dist::compiles_for_the_usual_target(root),
            Work::Cargo(arguments) => {
                let mut command = cargo(root, arguments);
                let status = command.status().context("start cargo")?;
                Ok(status.success())
            }
            Work::Tests {
                arguments,
                environment,
            } => {
                let mut command = cargo(root, arguments);
                command.envs(environment.iter().copied());
                run_counted(command, tally)
            }
        }
    }
}

fn cargo(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    println!("    cargo {}", arguments.join(" "));
    command
        .args(arguments)
        .current_dir(root)
        .stdin(Stdio::null());
    // What cargo told this program about itself is not meant for others.
    for (name, _) in std::env::vars_os() {
        let told = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        });
        if told {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command, passes its output on line by line, and counts the tests that it tells of. nextest tells on standard error, cargo's
/// own runner on standard output.
fn run_counted(mut command: Command, tally: &mut Tally) -> Result<bool> {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("start cargo")?;
    let stdout = child.stdout.take().context("read the output of cargo")?;
    let stderr = child.stderr.take().context("read the errors of cargo")?;
    let (told, said) = std::thread::scope(|scope| {
        let told = scope.spawn(|| pass_on(BufReader::new(stdout), std::io::stdout()));
        let said = pass_on(BufReader::new(stderr), std::io::stderr());
        (told.join().unwrap_or_default(), said)
    });
    let status = child.wait().context("wait for cargo")?;
    tally.add(told);
    tally.add(said);
    Ok(status.success())
}

/// Copies line by line. What cannot be read or written is left out: the exit status decides, not the text.
fn pass_on(mut from: impl std::io::BufRead, mut to: impl std::io::Write) -> Tally {
    let mut tally = Tally::default();
    let mut line = Vec::new();
    while from
        .read_until(b'\n', &mut line)
        .is_ok_and(|bytes| bytes > 0)
    {
        let _ = to.write_all(&line).and_then(|()| to.flush());
        tally.read(&String::from_utf8_lossy(&line));
        line.clear();
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quick_comes_first_and_every_step_says_how_to_repeat_it() {
        let steps = all(false);
        let titles: Vec<&str> = steps.iter().map(|step| step.title).collect();
        assert_eq!(
            titles,
            [
                "tools",
                "formatting",
                "tidy",
                "clippy",
                "programs",
                "windows program",
                "documentation examples",
                "tests",
                "server on Postgres"
            ]
        );
        let is_command = |step: &Step| {
            let set = |word: &&str| word.contains('=');
            let words = step.again.split(' ').skip_while(set);
            words.take(1).eq(["cargo"])
        };
        assert!(steps.iter().all(is_command));
        assert!(steps.iter().all(|step| !step.again.contains("--release")));
    }

    #[test]
    fn long_tests_are_asked_for_by_the_environment() {
        let repeat = |long| {
            let steps = all(long);
            let tests = steps.into_iter().find(|step| step.title == "tests");
            tests.map(|step| step.again).unwrap_or_default()
        };
        assert!(repeat(true).starts_with("SICKBAY_LONG=1 cargo "));
        assert!(repeat(false).starts_with("cargo "));
    }

    #[test]
    fn output_is_passed_on_unchanged_and_counted() {
        let text = b"a\n\xff\n     Summary [   1.0s] 3 tests run: 2 passed, 1 failed, 4 skipped\nno newline";
        let mut copy = Vec::new();
        let tally = pass_on(&text[..], &mut copy);
        assert_eq!(copy, text);
        assert_eq!(tally.to_string(), "2 passed, 1 failed");
    }
}
