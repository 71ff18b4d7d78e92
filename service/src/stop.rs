//! When a program is asked to stop.
//!
//! The first SIGTERM or SIGINT (Ctrl-C) cancels the token, so that work ends cleanly; the second one ends the process at once,
//! for whoever does not want to wait.

use tokio_util::sync::CancellationToken;

/// Exit status after a second stop signal: 128 + SIGINT, as shells count it.
const STOPPED_TWICE: i32 = 130;

/// The operating system did not let the program listen for stop signals.
#[derive(Debug, thiserror::Error)]
#[error("listen for the signals that stop the program")]
pub struct NoSignals(#[from] std::io::Error);

/// A token that is cancelled by the first stop signal. Call it inside a tokio runtime.
pub fn stop_on_signals() -> Result<CancellationToken, NoSignals> {
    let mut signals = Signals::listen()?;
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        let signal = signals.next().await;
        tracing::info!(signal, "stopping");
        stop.cancel();
        let signal = signals.next().await;
        tracing::warn!(signal, "stopped again before the end; ending at once");
        std::process::exit(STOPPED_TWICE);
    });
    Ok(token)
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(windows)]
struct Signals {
    ctrl_c: tokio::signal::windows::CtrlC,
    ctrl_break: tokio::signal::windows::CtrlBreak,
}

#[cfg(windows)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            ctrl_c: tokio::signal::windows::ctrl_c()?,
            ctrl_break: tokio::signal::windows::ctrl_break()?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.ctrl_c.recv() => "Ctrl-C",
            _ = self.ctrl_break.recv() => "Ctrl-Break",
        }
    }
}
