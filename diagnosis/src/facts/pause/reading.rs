//! How status, dates and switches of a pause are read.

use super::{LONGEST_PAUSE_DAYS, PausedBy, Span, Status};
use crate::facts::device::Windows;
use crate::facts::valued::{Fact, Reader};
use crate::keys;
use crate::observation::EvidenceRef;
use crate::reading::Data;
use crate::time::Time;

/// The names of one half's values.
pub(super) struct Names {
    pub(super) status: &'static str,
    pub(super) client_date: &'static str,
    pub(super) policy_start: &'static str,
    pub(super) policy_flag: &'static str,
    pub(super) user_start: &'static str,
    pub(super) user_end: &'static str,
}

pub(super) const QUALITY: Names = Names {
    status: "PausedQualityStatus",
    client_date: "PausedQualityDate",
    policy_start: "PauseQualityUpdatesStartTime",
    policy_flag: "PauseQualityUpdates",
    user_start: "PauseQualityUpdatesStartTime",
    user_end: "PauseQualityUpdatesEndTime",
};

pub(super) const FEATURE: Names = Names {
    status: "PausedFeatureStatus",
    client_date: "PausedFeatureDate",
    policy_start: "PauseFeatureUpdatesStartTime",
    policy_flag: "PauseFeatureUpdates",
    user_start: "PauseFeatureUpdatesStartTime",
    user_end: "PauseFeatureUpdatesEndTime",
};

const USER_START: &str = "PauseUpdatesStartTime";
const USER_END: &str = "PauseUpdatesExpiryTime";
pub(super) const MAX_DAYS: &str = "FlightSettingsMaxPauseDays";
/// The one pause value of Windows 10 1511.
const PAUSE_1511: &str = "Pause";
const BUILD_1511: u32 = 10586;
const BUILD_1607: u32 = 14393;

pub(super) fn status(reader: &Reader<'_>, names: &Names) -> Status {
    let Some(found) = reader.value(keys::UPDATE_POLICY_SETTINGS, names.status) else {
        return Status::Missing;
    };
    match found.data() {
        Data::Absent | Data::NotRecorded => Status::Missing,
        Data::Unreadable(why) => {
            Status::Unclear(format!("{} could not be read: {why}", names.status))
        }
        data => match data.number() {
            Some(0) => Status::NotPaused,
            Some(1) => Status::Paused,
            Some(2) => Status::Resumed,
            _ => Status::Unclear(format!("{} has the value {:?}", names.status, data.text())),
        },
    }
}

/// Reads dates and remembers the first text that is none.
#[derive(Default)]
pub(super) struct Dates {
    pub(super) doubt: Option<String>,
}

impl Dates {
    fn read(&mut self, name: &str, fact: Option<Fact<String>>) -> Option<Time> {
        let text = fact?.value;
        let time = Time::parse_loose(&text);
        if time.is_none() && self.doubt.is_none() {
            self.doubt = Some(format!("{name} holds {text:?}, which is no date"));
        }
        time
    }
}

/// Who asked for a pause, policy first.
pub(super) fn spans(
    reader: &Reader<'_>,
    names: &Names,
    windows: Windows,
    dates: &mut Dates,
) -> Vec<Span> {
    let mut spans = Vec::new();
    for (by, path) in [
        (PausedBy::Mdm, keys::MDM_UPDATE),
        (PausedBy::Gpo, keys::POLICY),
    ] {
        let flag = reader.number(path, names.policy_flag).map(|f| f.value);
        // Device management takes a pause back by setting its switch to zero; the date may stay.
        if by == PausedBy::Mdm && flag == Some(0) {
            continue;
        }
        if let Some(start) = dates.read(names.policy_start, reader.text(path, names.policy_start)) {
            spans.push(Span {
                by: Some(by),
                start: Some(start),
                end: Some(start.plus_days(LONGEST_PAUSE_DAYS)),
            });
        } else if flag == Some(1) && by == PausedBy::Mdm {
            spans.push(Span {
                by: Some(by),
                start: None,
                end: None,
            });
        } else if by == PausedBy::Gpo {
            spans.extend(old_policy(reader, flag, windows, dates));
        }
    }
    spans.extend(user_span(reader, names, dates));
    spans
}

/// The switches of 1511 and 1607, which later releases do not read.
fn old_policy(
    reader: &Reader<'_>,
    flag: Option<u64>,
    windows: Windows,
    dates: &mut Dates,
) -> Option<Span> {
    let pause_1511 = reader.number(keys::POLICY, PAUSE_1511).map(|f| f.value);
    let asked = match windows.build {
        Some(BUILD_1511) => pause_1511 == Some(1),
        Some(BUILD_1607) => flag == Some(1),
        Some(_) => false,
        None if flag == Some(1) || pause_1511 == Some(1) => {
            dates.doubt.get_or_insert_with(|| {
                "a pause policy of Windows 10 1511 or 1607 is set, and the release is not known"
                    .to_owned()
            });
            false
        }
        None => false,
    };
    asked.then_some(Span {
        by: Some(PausedBy::Gpo),
        start: None,
        end: None,
    })
}

fn user_span(reader: &Reader<'_>, names: &Names, dates: &mut Dates) -> Option<Span> {
    let mut date = |name: &str| dates.read(name, reader.text(keys::UX_SETTINGS, name));
    let end = date(names.user_end).or_else(|| date(USER_END))?;
    Some(Span {
        by: Some(PausedBy::User),
        start: date(names.user_start).or_else(|| date(USER_START)),
        end: Some(end),
    })
}

/// What was found, and the status whether it was found or not.
pub(super) fn evidence(reader: &Reader<'_>, names: &Names) -> Vec<EvidenceRef> {
    let winner = format!("{}_WinningProvider", names.policy_start);
    let user = [
        names.user_start,
        names.user_end,
        USER_START,
        USER_END,
        MAX_DAYS,
    ];
    let policy = [names.policy_start, names.policy_flag, PAUSE_1511];
    let mut refs = reader.refs(keys::UPDATE_POLICY_SETTINGS, &[names.status]);
    refs.extend(reader.told(keys::UPDATE_POLICY_SETTINGS, &[names.client_date]));
    refs.extend(reader.told(keys::POLICY, &policy));
    refs.extend(reader.told(keys::MDM_UPDATE, &policy));
    refs.extend(reader.told(keys::MDM_UPDATE, &[winner.as_str()]));
    refs.extend(reader.told(keys::UX_SETTINGS, &user));
    refs
}
