//! Logging set-up: readable lines for a person, one JSON object a line for a log collector; on standard error, so that standard
//! output stays the program's answer, or in bounded files for a service that has neither.
//!
//! `SICKBAY_LOG` takes a level or per-module levels (default `info`), `SICKBAY_LOG_FORMAT` takes `text` (default) or `json`.

use std::io::{self, IsTerminal as _};
use std::path::Path;

use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::debug_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{Registry, fmt, reload};

use crate::log_file::{LogFile, LogFileLimits};

/// Level or levels by module, for example `info` or `sickbay_collector=debug,info`.
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
    /// The level or the levels could not be read.
    #[error(
        "the log level {given:?} (from {LEVEL_VARIABLE}, unless it was set elsewhere) is no level (error, warn, info, debug) and no list of MODULE=LEVEL"
    )]
    Level {
        /// What was set.
        given: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// Another subscriber was installed before.
    #[error("install the log")]
    Installed(#[from] TryInitError),
    /// The log's files could not be made.
    #[error("open the log in {folder}")]
    Files {
        /// Where they should be.
        folder: String,
        /// What the operating system says.
        source: io::Error,
    },
}

/// The level of a log that is set up, to change it.
#[derive(Debug, Clone)]
pub struct LogLevel(reload::Handle<Targets, Registry>);

impl LogLevel {
    /// Logs at `level` from now on.
    pub fn set(&self, level: &str) -> Result<(), BadLogSetting> {
        let filter = parse_level(level)?;
        // It fails only where the subscriber is gone, and then nobody logs any more.
        let _ = self.0.reload(filter);
        Ok(())
    }
}

/// Sets up logging from the environment; `default_level` counts where `SICKBAY_LOG` is not set.
pub fn init_logging(default_level: &str) -> Result<(), BadLogSetting> {
    let format = parse_format(std::env::var(FORMAT_VARIABLE).ok().as_deref())?;
    let level = std::env::var(LEVEL_VARIABLE).unwrap_or_else(|_| default_level.to_owned());
    init_logging_as(format, &level)
}

/// Sets up logging in the given form, without looking at the environment.
pub fn init_logging_as(format: LogFormat, level: &str) -> Result<(), BadLogSetting> {
    let lines = Registry::default().with(parse_level(level)?);
    let layer = fmt::layer().with_writer(io::stderr);
    // JSON escapes by itself.
    match format {
        LogFormat::Json => lines.with(layer.json().flatten_event(true)).try_init()?,
        LogFormat::Text => lines
            .with(
                layer
                    .with_ansi(io::stderr().is_terminal())
                    .with_target(false)
                    .fmt_fields(text_fields()),
            )
            .try_init()?,
    }
    Ok(())
}

/// Sets up logging to files `NAME.log`, `NAME.1.log`, ... in `folder`. The level may be changed later.
pub fn init_logging_to_files(
    folder: &Path,
    name: &str,
    limits: LogFileLimits,
    level: &str,
) -> Result<LogLevel, BadLogSetting> {
    let file = LogFile::open(folder, name, limits).map_err(|source| BadLogSetting::Files {
        folder: folder.display().to_string(),
        source,
    })?;
    let (filter, handle) = reload::Layer::new(parse_level(level)?);
    let layer = fmt::layer()
        .with_writer(file)
        .with_ansi(false)
        .with_target(false)
        .fmt_fields(text_fields());
    Registry::default().with(filter).with(layer).try_init()?;
    Ok(LogLevel(handle))
}

/// Fields of a line of text. Whatever others say is one line of it, and steers no terminal.
fn text_fields() -> impl for<'writer> FormatFields<'writer> + Send + Sync + 'static {
    debug_fn(|writer, field, value| {
        let said = visible(&format!("{value:?}"));
        match field.name() {
            "message" => write!(writer, "{said}"),
            name => write!(writer, "{name}={said}"),
        }
    })
    .delimited(" ")
}

/// The text with everything spelled out that would end the line, move the cursor or reorder what stands beside it.
fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        {
            visible.extend(c.escape_default());
        } else {
            visible.push(c);
        }
    }
    visible
}

fn parse_level(given: &str) -> Result<Targets, BadLogSetting> {
    given.parse().map_err(|source| BadLogSetting::Level {
        given: given.to_owned(),
        source,
    })
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

    /// What is logged goes here.
    #[derive(Clone, Default)]
    struct Lines(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0
                .lock()
                .expect("not poisoned")
                .extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_others_say_steers_no_terminal_that_shows_the_log() {
        let name = "\u{1b}[2J\u{9b}31m\r\u{202e}gpj.exe\nERROR forged line";
        for json in [false, true] {
            let lines = Lines::default();
            let writer = lines.clone();
            let layer = fmt::layer()
                .with_ansi(false)
                .with_writer(move || writer.clone());
            let log = || {
                tracing::warn!(host_name = name, "a field");
                tracing::warn!(reason = %name, "a field as it is shown");
                tracing::warn!(error = ?name, "a field as it is looked at");
            };
            if json {
                let lines = Registry::default().with(layer.json().flatten_event(true));
                tracing::subscriber::with_default(lines, log);
            } else {
                let layer = layer.fmt_fields(text_fields());
                tracing::subscriber::with_default(Registry::default().with(layer), log);
            }
            let written =
                String::from_utf8(lines.0.lock().expect("not poisoned").clone()).expect("text");
            // JSON is for programs, which read what was said; a terminal is steered by the escapes below.
            let steering = written.chars().find(|c| {
                let steers = if json {
                    u32::from(*c) < 0x20
                } else {
                    c.is_control() || *c == '\u{202e}'
                };
                steers && *c != '\n'
            });
            assert_eq!(steering, None, "json {json}: {written:?}");
            assert_eq!(written.lines().count(), 3, "json {json}: {written:?}");
        }
    }

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

    #[test]
    fn levels_by_module_are_understood() {
        let filter = parse_level("sickbay_collector=debug,warn").expect("understood");
        assert!(filter.would_enable("sickbay_collector::session", &tracing::Level::DEBUG));
        assert!(!filter.would_enable("hyper", &tracing::Level::INFO));
    }
}
