//! Readiness towards systemd (`Type=notify`); silent where nobody listens, as on Windows, where there is no systemd.

#[cfg(unix)]
use sd_notify::NotifyState;

/// Tells the service manager that the program serves now; `status` is one line for `systemctl status`.
pub fn ready(status: &str) {
    #[cfg(unix)]
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
    #[cfg(not(unix))]
    let _ = status;
}

/// Tells the service manager that the program ends on purpose.
pub fn stopping() {
    #[cfg(unix)]
    tell(&[NotifyState::Stopping]);
}

/// A service manager that does not listen must not stop the program, so a failure is only logged.
#[cfg(unix)]
fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "the service manager could not be told");
    }
}
