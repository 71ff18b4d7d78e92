//! Pauses of quality and feature updates (fact sheet section 1).
//!
//! The client's own status value wins over every date: dates stay behind after a pause and tools write them far ahead. Where the
//! status is missing, a policy start within 35 days or a user's end ahead means paused, marked as not confirmed. Deferrals are no
//! pauses. Whether a pause has run out is asked with the time.

mod reading;

use serde_json::{Value, json};

use self::reading::{Dates, FEATURE, MAX_DAYS, Names, QUALITY, evidence, spans, status};
use super::device::Windows;
use super::valued::Reader;
use crate::keys;
use crate::observation::{EvidenceRef, Lookup};
use crate::time::{DAY_MS, Time};

/// Longest a pause by policy lasts, in days from its start.
pub const LONGEST_PAUSE_DAYS: i64 = 35;
/// Policy dates have no zone, so a start is taken to have come this long before it has in UTC.
const ZONE_TOLERANCE_MS: i64 = DAY_MS;

/// Who paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PausedBy {
    /// The user, in Settings.
    User,
    /// Group policy.
    Gpo,
    /// Mobile device management.
    Mdm,
}

impl PausedBy {
    /// The public word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Gpo => "gpo",
            Self::Mdm => "mdm",
        }
    }
}

/// How a pause stands at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PauseState {
    /// In force.
    Paused,
    /// It ran out.
    Expired,
    /// There is none.
    NotPaused,
    /// An end lies ahead while the client says that nothing is paused.
    Contradictory,
    /// It could not be told.
    Unknown,
}

impl PauseState {
    /// The public word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Expired => "expired",
            Self::NotPaused => "not-paused",
            Self::Contradictory => "contradictory",
            Self::Unknown => "unknown",
        }
    }
}

/// A pause as of a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PauseNow {
    /// How it stands.
    pub state: PauseState,
    /// Who made it, where known.
    pub by: Option<PausedBy>,
    /// When it began, where known.
    pub start: Option<Time>,
    /// When it ends or ended, where known.
    pub until: Option<Time>,
    /// Whether the client's status value confirms it.
    pub confirmed: bool,
    /// Why it could not be told.
    pub reason: Option<String>,
    /// When the state may change by itself.
    pub changes_at: Option<Time>,
}

/// The pauses of both kinds of updates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PauseFacts {
    /// Of monthly updates.
    pub quality: Pause,
    /// Of new releases.
    pub feature: Pause,
}

/// All that was read about pauses of one kind of updates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    status: Status,
    spans: Vec<Span>,
    /// When the client says the pause began; filled on devices that were never paused too.
    client_start: Option<Time>,
    /// The client keeps its settings, so it has looked at its policies before.
    client_has_settings: bool,
    /// Why it cannot be told unless a date or the status settles it.
    doubt: Option<String>,
    /// A pause longer than the update page allows, a sign of a tool that writes the registry.
    pub tampered: bool,
    /// Every reading about it.
    pub evidence: Vec<EvidenceRef>,
}

/// The client's own word.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Status {
    Missing,
    NotPaused,
    Paused,
    Resumed,
    /// Another value, or one that could not be read.
    Unclear(String),
}

/// A pause that someone asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    by: Option<PausedBy>,
    start: Option<Time>,
    end: Option<Time>,
}

impl Span {
    /// A user's pause holds from the moment it is made; a policy's may be dated ahead.
    fn covers(&self, now: Time) -> bool {
        let begun =
            self.by == Some(PausedBy::User) || self.begins().is_none_or(|begins| begins <= now);
        begun && self.end.is_none_or(|end| now < end)
    }

    fn begins(&self) -> Option<Time> {
        self.start
            .map(|start| start.plus_millis(-ZONE_TOLERANCE_MS))
    }
}

impl PauseFacts {
    /// Interprets the readings of the check.
    pub fn derive(lookup: Lookup<'_>, windows: Windows) -> Self {
        let reader = Reader::new(lookup);
        Self {
            quality: Pause::derive(&reader, &QUALITY, windows),
            feature: Pause::derive(&reader, &FEATURE, windows),
        }
    }

    /// The facts as JSON, as of `now`.
    pub fn json(&self, now: Time) -> Value {
        json!({ "quality": self.quality.json(now), "feature": self.feature.json(now) })
    }
}

impl Pause {
    fn derive(reader: &Reader<'_>, names: &Names, windows: Windows) -> Self {
        let mut dates = Dates::default();
        let spans = spans(reader, names, windows, &mut dates);
        let too_long = |span: &Span| match (span.by, span.start, span.end) {
            (Some(PausedBy::User), Some(start), Some(end)) => {
                end.since(start) > (LONGEST_PAUSE_DAYS + 1) * DAY_MS
            }
            _ => false,
        };
        let max_days = reader.number(keys::UX_SETTINGS, MAX_DAYS);
        Self {
            status: status(reader, names),
            client_start: reader
                .text(keys::UPDATE_POLICY_SETTINGS, names.client_date)
                .and_then(|date| Time::parse_loose(&date.value)),
            client_has_settings: reader
                .key(keys::UPDATE_POLICY_SETTINGS)
                .is_some_and(|key| key.data().is_present()),
            doubt: reader
                .unreadable(&[
                    keys::UPDATE_POLICY_SETTINGS,
                    keys::POLICY,
                    keys::UX_SETTINGS,
                ])
                .map(|why| why.value)
                .or(dates.doubt),
            tampered: spans.iter().any(too_long)
                || max_days.is_some_and(|days| days.value > LONGEST_PAUSE_DAYS as u64),
            evidence: evidence(reader, names),
            spans,
        }
    }

    /// How it stands at `now`.
    pub fn at(&self, now: Time) -> PauseNow {
        let active = self.spans.iter().find(|span| span.covers(now)).copied();
        let over = self
            .spans
            .iter()
            .filter(|span| span.end.is_some_and(|end| end <= now))
            .max_by_key(|span| span.end)
            .copied();
        let (state, span, confirmed) = match &self.status {
            Status::Paused => match (active, over) {
                (Some(span), _) => (PauseState::Paused, Some(span), true),
                (None, Some(span)) => (PauseState::Expired, Some(span), true),
                (None, None) => (PauseState::Paused, self.client_span(now), true),
            },
            Status::NotPaused | Status::Resumed => match (active, over) {
                (Some(span), _) => (PauseState::Contradictory, Some(span), true),
                (None, Some(span)) => (PauseState::Expired, Some(span), true),
                (None, None) if self.status == Status::Resumed => (PauseState::Expired, None, true),
                (None, None) => (PauseState::NotPaused, None, true),
            },
            Status::Missing if self.doubt.is_none() => match (active, over) {
                (Some(span), _) => (PauseState::Paused, Some(span), false),
                (None, Some(span)) => (PauseState::Expired, Some(span), false),
                (None, None) if self.client_has_settings => (PauseState::NotPaused, None, false),
                (None, None) => (PauseState::Unknown, None, false),
            },
            Status::Missing | Status::Unclear(_) => match active {
                Some(span) => (PauseState::Paused, Some(span), false),
                None => (PauseState::Unknown, None, false),
            },
        };
        let ahead = |time: &Time| *time > now;
        let ends = matches!(state, PauseState::Paused | PauseState::Contradictory)
            .then(|| span?.end)
            .flatten();
        let begins = self
            .spans
            .iter()
            .filter_map(Span::begins)
            .filter(ahead)
            .min();
        PauseNow {
            state,
            by: span.and_then(|s| s.by),
            start: span.and_then(|s| s.start),
            until: span.and_then(|s| s.end),
            confirmed,
            reason: (state == PauseState::Unknown).then(|| self.why_unknown()),
            changes_at: [ends.filter(ahead), begins].into_iter().flatten().min(),
        }
    }

    /// Paused by the client's word alone: its start date tells a likely end as long as that lies ahead.
    fn client_span(&self, now: Time) -> Option<Span> {
        let start = self.client_start?;
        let end = start.plus_days(LONGEST_PAUSE_DAYS);
        Some(Span {
            by: None,
            start: Some(start),
            end: (end > now).then_some(end),
        })
    }

    fn why_unknown(&self) -> String {
        match (&self.status, &self.doubt) {
            (Status::Unclear(why), _) => why.clone(),
            (_, Some(doubt)) => doubt.clone(),
            _ => {
                "the update client keeps no pause status and there is no date of a pause".to_owned()
            }
        }
    }

    fn json(&self, now: Time) -> Value {
        let pause = self.at(now);
        json!({
            "state": pause.state.name(),
            "by": pause.by.map(PausedBy::name),
            "start": pause.start.map(|t| t.to_string()),
            "until": pause.until.map(|t| t.to_string()),
            "confirmed": pause.confirmed,
            "tampered": self.tampered,
            "reason": pause.reason,
        })
    }
}
