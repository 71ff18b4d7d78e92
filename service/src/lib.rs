//! How a Sickbay program runs: as a Windows service, a systemd unit or in the foreground; when it stops, where its log goes, how it
//! tells that it is ready.
//!
//! Shared by the collector and the server. Leaves out what the programs do.

pub mod event_log;
mod log_file;
mod logging;
mod readiness;
mod stop;
#[cfg(windows)]
pub mod windows;

pub use log_file::LogFileLimits;
pub use logging::{
    BadLogSetting, LogFormat, LogLevel, init_logging, init_logging_as, init_logging_to_files,
};
pub use readiness::{ready, stopping};
pub use stop::{NoSignals, stop_on_signals};
