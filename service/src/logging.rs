//! Logging set-up: readable lines for a person, one JSON object a line for a log collector.
//!
//! Everything goes to standard error, so that standard output stays the program's answer. `SICKBAY_LOG` takes a level or
//! per-module directives (default `info`), `SICKBAY_LOG_FORMAT` takes `text` (default) or `json`.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

/// Level or directives, for example `info` or `sickbay_collector=debug,info`.
const LEVEL_VARIABLE: &str = "SICKBAY_LOG";
/// `text` or `json`.
const FORMAT_VARIABLE: &str = "SICKBAY_LOG_FORMAT";

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people; coloured on a terminal.
    Text,
    /// One JSON object a line.
    Json,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum BadLogSetting {
    /// The format is neither `text` nor `json`.
    #[error("{FORMAT_VARIABLE} is {0:?}; set it to `text` or `json`, or remove it")]
    Format(String),
    /// The level or the directives could not be read.
    #[error(
        "{LEVEL_VARIABLE} is {given:?}, which is no level (error, warn, info, debug, trace) and no list of directives"
    )]
    Level {
        /// What was set.
        given: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// Another subscriber was installed before.
    #[error("install the log")]
    Installed(#[from] TryInitError),
}

/// Sets up logging from the environment; `default_level` counts where `SICKBAY_LOG` is not set.
pub fn init_logging(default_level: &str) -> Result<(), BadLogSetting> {
    let format = parse_format(std::env::var(FORMAT_VARIABLE).ok().as_deref())?;
    let level = std::env::var(LEVEL_VARIABLE).unwrap_or_else(|_| default_level.to_owned());
    init_logging_as(format, &level)
}

/// Sets up logging in the given form, without looking at the environment.
pub fn init_logging_as(format: LogFormat, level: &str) -> Result<(), BadLogSetting> {
    let filter = EnvFilter::try_new(level).map_err(|source| BadLogSetting::Level {
        given: level.to_owned(),
        source,
    })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Json => lines.json().flatten_event(true).finish().try_init()?,
        LogFormat::Text => lines
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
            .finish()
            .try_init()?,
    }
    Ok(())
}

fn parse_format(given: Option<&str>) -> Result<LogFormat, BadLogSetting> {
    match given {
        None | Some("" | "text") => Ok(LogFormat::Text),
        Some("json") => Ok(LogFormat::Json),
        Some(other) => Err(BadLogSetting::Format(other.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_log_format_is_named_and_not_ignored() {
        assert_eq!(parse_format(None).ok(), Some(LogFormat::Text));
        assert_eq!(parse_format(Some("json")).ok(), Some(LogFormat::Json));
        let error = parse_format(Some("jsno")).expect_err("refused").to_string();
        assert!(
            error.contains("jsno") && error.contains(FORMAT_VARIABLE),
            "{error}"
        );
    }

    #[test]
    fn a_level_that_cannot_be_read_is_an_error_before_anything_runs() {
        let error = init_logging_as(LogFormat::Text, "in=fo=oops").expect_err("refused");
        assert!(matches!(error, BadLogSetting::Level { .. }));
    }
}
