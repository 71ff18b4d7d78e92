//! Where a device stands in its life: pure. The words are those of `web`.
//!
//! Of all that can be said, it says what a person who looks at the device has to know first: that it is gone, and why; that it is
//! not what it seems; else since when it is here.

use sickbay_diagnosis::Time;
use sickbay_diagnosis::time::DAY_MS;
use sickbay_store::{AuditRow, DeviceDetail, DeviceStatus, Ended, LIVE_MS, Relative, action};
use sickbay_web::pages::device::{Heard, Stage};

/// For how long what happened to a device is the first thing to be said of it, in milliseconds.
const NEWS_MS: i64 = 30 * DAY_MS;

/// What is said of a device.
#[derive(Debug, PartialEq, Eq)]
pub struct Story {
    /// Where it stands.
    pub stage: Stage,
    /// A device that it speaks of.
    pub other: Option<Relative>,
}

/// Tells of a device; `record` is what was done to it, newest first.
pub fn tell(device: &DeviceDetail, record: &[AuditRow], connected: bool, now: Time) -> Story {
    let life = &device.life;
    let newest = |what: &str| record.iter().find(|line| line.action == what);
    let news = |what: &str| newest(what).filter(|line| now.since(line.at) < NEWS_MS);
    let on = life.status_at;
    let by = |what: &str| newest(what).map(|line| line.actor.clone());
    let alone = |stage: Stage| Story { stage, other: None };
    match device.row.identity.status {
        DeviceStatus::Listed => alone(Stage::Listed),
        DeviceStatus::Pending => alone(Stage::Waiting {
            since: device.row.enrolled_at,
            why: newest(action::ENROLLED)
                .and_then(|line| line.detail.strip_prefix("pending: "))
                .map(str::to_owned),
        }),
        DeviceStatus::Revoked => alone(Stage::Revoked {
            on,
            by: by(action::REVOKED),
        }),
        DeviceStatus::Retired => alone(match life.ended {
            Some(Ended::Uninstalled) => Stage::Uninstalled { on },
            Some(Ended::Ephemeral) => Stage::Ephemeral {
                on,
                silent_ms: life.ephemeral_ms.unwrap_or(0),
            },
            _ => Stage::Retired {
                on,
                by: by(action::RETIRED),
            },
        }),
        DeviceStatus::Replaced => Story {
            stage: match life.ended {
                Some(Ended::Merged) => Stage::Merged { on },
                _ => Stage::EnrolledAgain { on },
            },
            other: life.successor.clone(),
        },
        DeviceStatus::Active => {
            if let Some(line) = news(action::CLONED) {
                return alone(Stage::Cloned {
                    on: line.at,
                    where_to: line.detail.clone(),
                });
            }
            if let Some(line) = news(action::SET_BACK) {
                return alone(Stage::SetBack { on: line.at });
            }
            if let Some(line) = news(action::RECOVERED) {
                return alone(Stage::CameHome { on: line.at });
            }
            if let Some(line) = news(action::RENAMED) {
                return alone(Stage::Renamed {
                    on: line.at,
                    before: line.detail.clone(),
                });
            }
            let since = device.row.enrolled_at;
            if let Some(former) = life.predecessors.first() {
                return Story {
                    stage: Stage::InPlaceOfAnother { since },
                    other: Some(former.clone()),
                };
            }
            if let Some(silent_ms) = life.ephemeral_ms {
                return alone(Stage::ShortLived { silent_ms });
            }
            alone(Stage::Here {
                since,
                token: life.token.clone(),
                heard: match device.row.last_seen_at {
                    _ if connected => Heard::Connected,
                    None => Heard::Never,
                    Some(at) if now.since(at) > LIVE_MS => Heard::Ago(now.since(at)),
                    Some(_) => Heard::Lately,
                },
            })
        }
    }
}

#[cfg(test)]
#[path = "story_tests.rs"]
mod tests;
