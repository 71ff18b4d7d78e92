//! How a Sickbay program runs: when it stops, where its log goes, how it tells that it is ready.
//!
//! Shared by the collector and the server. Leaves out what the programs do.

mod logging;
mod readiness;
mod stop;

pub use logging::{BadLogSetting, LogFormat, init_logging, init_logging_as};
pub use readiness::{ready, stopping};
pub use stop::{NoSignals, stop_on_signals};
