//! Readiness towards systemd (`Type=notify`); silent where nobody listens.

use sd_notify::NotifyState;

/// Tells the service manager that the program serves now; `status` is one line for `systemctl status`.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// Tells the service manager that the program ends on purpose.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// A service manager that does not listen must not stop the program, so a failure is only logged.
fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "the service manager could not be told");
    }
}
