//! What an administrator should find in Windows' Application log: start, stop, errors, contact with the server. Elsewhere, and where
//! the log cannot be written, the same goes to the program's own log alone.
//!
//! The source's message file is one of Windows' own, which shows the text as it is for ids up to 1,000; see `packaging/msi`.

use std::sync::mpsc::Sender;

/// What happened. The number is the event's id, which administrators filter by; it never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The service started.
    Started = 1,
    /// The service stopped because it was asked to.
    Stopped = 2,
    /// It waits for something that only a person can give, such as a setting.
    Waiting = 3,
    /// It cannot do its work.
    Failed = 4,
    /// No session with the server for a while.
    ContactLost = 5,
    /// A session again.
    ContactBack = 6,
}

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Severity {
    Information,
    Warning,
    Error,
}

impl Event {
    const fn severity(self) -> Severity {
        match self {
            Self::Started | Self::Stopped | Self::ContactBack => Severity::Information,
            Self::Waiting | Self::ContactLost => Severity::Warning,
            Self::Failed => Severity::Error,
        }
    }
}

/// Writes to the log of one source.
#[derive(Debug)]
pub struct EventLog {
    #[cfg(windows)]
    source: Option<crate::windows::event_source::Source>,
    listener: Option<Sender<(Event, String)>>,
}

impl EventLog {
    /// Opens the log for the source of that name.
    pub fn open(source: &str) -> Self {
        #[cfg(not(windows))]
        let _ = source;
        Self {
            #[cfg(windows)]
            source: crate::windows::event_source::Source::open(source),
            listener: None,
        }
    }

    /// One that tells a test what an administrator would find, and nobody else.
    pub fn heard_by(listener: Sender<(Event, String)>) -> Self {
        Self {
            #[cfg(windows)]
            source: None,
            listener: Some(listener),
        }
    }

    /// Tells of an event, in one or more sentences.
    pub fn tell(&self, event: Event, text: &str) {
        let id = event as u16;
        match event.severity() {
            Severity::Information => tracing::info!(event = id, "{text}"),
            Severity::Warning => tracing::warn!(event = id, "{text}"),
            Severity::Error => tracing::error!(event = id, "{text}"),
        }
        if let Some(listener) = &self.listener {
            // A test that does not listen any more has seen what it wanted.
            let _ = listener.send((event, text.to_owned()));
        }
        #[cfg(windows)]
        if let Some(source) = &self.source {
            use crate::windows::event_source::Kind;
            let kind = match event.severity() {
                Severity::Information => Kind::Information,
                Severity::Warning => Kind::Warning,
                Severity::Error => Kind::Error,
            };
            source.report(kind, id, text);
        }
    }
}
