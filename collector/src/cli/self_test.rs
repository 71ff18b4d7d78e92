//! `sickbay-collector self-test`: why does this machine not report? Each step is ok, or says what is wrong and what to do.
//!
//! Reads only, beside a running service. Exit status: 0 everything is ok, 1 something is not.

mod local;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::run::{block_on, this_machine};
use super::settings::default_state_dir;
use super::{FAILED, say};
use crate::policy::Policy;
use crate::session::{Standing, Step, Trouble, probe};
use crate::state::{self, Credentials};

/// What is tested, and how it is told.
#[derive(Debug, Clone, Args)]
pub(super) struct SelfTestArgs {
    /// The collector's own folder.
    #[arg(long, value_name = "DIR", env = "SICKBAY_COLLECTOR_STATE_DIR")]
    state_dir: Option<PathBuf>,
    /// For a person or for a program.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
}

/// A line of the answer.
#[derive(Debug, Serialize)]
struct Line {
    /// The server that it is about; empty for what is about this machine.
    #[serde(skip_serializing_if = "String::is_empty")]
    server: String,
    step: &'static str,
    ok: bool,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

impl Line {
    fn of(server: &str, step: Step) -> Self {
        let (ok, found, fix) = match step.outcome {
            Ok(found) => (true, found, None),
            Err(Trouble { what, fix }) => (false, what, Some(fix)),
        };
        Self {
            server: server.to_owned(),
            step: step.name,
            ok,
            found,
            fix,
        }
    }
}

pub(super) fn run(args: &SelfTestArgs) -> ExitCode {
    let lines = match test(args) {
        Ok(lines) => lines,
        Err(error) => {
            say(&format!("sickbay-collector: {error:#}"));
            return ExitCode::from(FAILED);
        }
    };
    match args.format {
        Format::Table => say(table(&lines).trim_end()),
        Format::Json => say(&serde_json::to_string_pretty(&lines).unwrap_or_default()),
    }
    if lines.iter().all(|line| line.ok) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    }
}

fn test(args: &SelfTestArgs) -> anyhow::Result<Vec<Line>> {
    let dir = args.state_dir.clone().unwrap_or_else(default_state_dir);
    let host = this_machine();
    let policy = Policy::of(&*host);
    let credentials = state::peek_credentials(&dir);
    let known = credentials.as_ref().ok().and_then(Option::as_ref);
    let identity = known.and_then(|known| known.identity.as_ref());
    let mut lines: Vec<Line> = local::steps(&*host, &dir, &policy, &credentials)
        .into_iter()
        .map(|step| Line::of("", step))
        .collect();
    let standing = match (known, identity) {
        (Some(Credentials { key, .. }), Some(identity)) => Standing::Enrolled(identity, key),
        _ => Standing::NotEnrolled(&policy.ca_pins),
    };
    block_on(async {
        for url in &policy.server_urls {
            let steps = probe(url, policy.proxy.as_ref(), &*host, &standing).await;
            let server = url.to_string();
            lines.extend(steps.into_iter().map(|step| Line::of(&server, step)));
        }
        Ok(lines)
    })
}

fn table(lines: &[Line]) -> String {
    let mut text = String::new();
    let mut about = "";
    for line in lines {
        if line.server != about {
            about = &line.server;
            let _ = writeln!(text, "\n{about}");
        }
        let mark = if line.ok { "ok  " } else { "FAIL" };
        let _ = writeln!(text, "{mark}  {:<12} {}", line.step, line.found);
        if let Some(fix) = &line.fix {
            let _ = writeln!(text, "      {:<12} -> {fix}", "");
        }
    }
    let wrong = lines.iter().filter(|line| !line.ok).count();
    let _ = match wrong {
        0 => writeln!(text, "\nEverything is ok."),
        1 => writeln!(text, "\nOne step is not ok."),
        many => writeln!(
            text,
            "\n{many} steps are not ok; the first one may explain the others."
        ),
    };
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_stands_with_what_to_do_about_it() {
        let trouble = Trouble::new("it is not there", "Put it there.");
        let lines = [
            Line::of(
                "",
                Step {
                    name: "settings",
                    outcome: Ok("two".to_owned()),
                },
            ),
            Line::of(
                "https://a:1",
                Step {
                    name: "tcp",
                    outcome: Err(trouble),
                },
            ),
        ];
        let text = table(&lines);
        assert!(text.contains("ok    settings     two\n"), "{text}");
        assert!(
            text.contains("\nhttps://a:1\nFAIL  tcp          it is not there\n"),
            "{text}"
        );
        assert!(
            text.contains("-> Put it there.\n") && text.contains("One step is not ok."),
            "{text}"
        );
    }
}
