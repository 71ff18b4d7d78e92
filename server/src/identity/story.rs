//! Where a device stands in its life, in one sentence: pure.
//!
//! Of all that can be said, the sentence says what a person who looks at the device has to know first: that it is gone, and why; that it is
//! not what it seems; else since when it is here.

use sickbay_diagnosis::Time;
use sickbay_diagnosis::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use sickbay_store::{AuditRow, DeviceDetail, DeviceStatus, Ended, LIVE_MS, Relative, action};

/// For how long what happened to a device is the first thing to be said of it, in milliseconds.
const NEWS_MS: i64 = 30 * DAY_MS;

/// What is said of a device.
#[derive(Debug, PartialEq, Eq)]
pub struct Story {
    /// One sentence.
    pub sentence: String,
    /// A device that it speaks of.
    pub other: Option<Relative>,
}

/// Tells of a device; `record` is what was done to it, newest first.
pub fn tell(device: &DeviceDetail, record: &[AuditRow], connected: bool, now: Time) -> Story {
    let life = &device.life;
    let newest = |what: &str| record.iter().find(|line| line.action == what);
    let news = |what: &str| newest(what).filter(|line| now.since(line.at) < NEWS_MS);
    let since = life
        .status_at
        .map_or_else(String::new, |at| format!(" on {}", day(at)));
    let alone = |sentence: String| Story {
        sentence,
        other: None,
    };
    let by =
        |what: &str| newest(what).map_or_else(String::new, |line| format!(" by {}", line.actor));
    match device.row.identity.status {
        DeviceStatus::Listed => alone(
            "It stands in the imported list of machines, and no collector ever spoke for it."
                .to_owned(),
        ),
        DeviceStatus::Pending => {
            let why = newest(action::ENROLLED)
                .and_then(|line| line.detail.strip_prefix("pending: "))
                .unwrap_or("its token asks for a person's approval");
            alone(format!(
                "It asked to be let in on {} and waits: {why}.",
                day(device.row.enrolled_at)
            ))
        }
        DeviceStatus::Revoked => alone(format!(
            "Its key was revoked{since}{} and is refused for ever; the machine can only come back under another key.",
            by(action::REVOKED)
        )),
        DeviceStatus::Retired => alone(match life.ended {
            Some(Ended::Uninstalled) => {
                format!("Its collector was uninstalled{since}, and said goodbye.")
            }
            Some(Ended::Ephemeral) => format!(
                "It was made for a short life, fell silent for {} and retired by itself{since}.",
                span(life.ephemeral_ms.unwrap_or(0))
            ),
            _ => format!("It was retired{since}{}.", by(action::RETIRED)),
        }),
        DeviceStatus::Replaced => Story {
            sentence: match life.ended {
                Some(Ended::Merged) => format!(
                    "It is the same machine as another device, by the word of a person{since}; this is the past of that device."
                ),
                _ => format!(
                    "The same machine enrolled again{since} and is another device now; this is its past, and its key is of no use any more."
                ),
            },
            other: life.successor.clone(),
        },
        DeviceStatus::Active => {
            if let Some(line) = news(action::CLONED) {
                return alone(format!(
                    "Its key was found on two machines on {}: {}.",
                    day(line.at),
                    line.detail
                ));
            }
            if let Some(line) = news(action::SET_BACK) {
                return alone(format!(
                    "Its machine came back in an earlier state on {}, from a snapshot or a backup; it then reported everything anew.",
                    day(line.at)
                ));
            }
            if let Some(line) = news(action::RECOVERED) {
                return alone(format!(
                    "It came home by itself on {} after its certificate had ended.",
                    day(line.at)
                ));
            }
            if let Some(line) = news(action::RENAMED) {
                return alone(format!(
                    "It has another name since {} ({}); by its key it is the same device.",
                    day(line.at),
                    line.detail
                ));
            }
            if let Some(former) = life.predecessors.first() {
                return Story {
                    sentence: format!(
                        "It stands in the place of an earlier device of the same machine since {}; what that one was trusted with did not go \
                         over to it.",
                        day(device.row.enrolled_at)
                    ),
                    other: Some(former.clone()),
                };
            }
            if let Some(ms) = life.ephemeral_ms {
                return alone(format!(
                    "It is made for a short life: it retires by itself after {} of silence.",
                    span(ms)
                ));
            }
            let token = life
                .token
                .as_ref()
                .map_or_else(String::new, |name| format!(" with the token {name:?}"));
            let enrolled = format!("It enrolled on {}{token}", day(device.row.enrolled_at));
            alone(match device.row.last_seen_at {
                _ if connected => format!("{enrolled}, and is connected now."),
                None => format!("{enrolled}, and was never heard of since."),
                Some(at) if now.since(at) > LIVE_MS => {
                    format!(
                        "{enrolled}, and was last heard of {} ago.",
                        span(now.since(at))
                    )
                }
                Some(_) => format!("{enrolled}."),
            })
        }
    }
}

fn day(at: Time) -> String {
    let text = at.to_string();
    text.split_once('T')
        .map_or_else(|| text.clone(), |(day, _)| day.to_owned())
}

/// A length of time in its largest unit that is not zero.
fn span(ms: i64) -> String {
    let (count, unit) = match ms {
        DAY_MS.. => (ms / DAY_MS, "day"),
        HOUR_MS.. => (ms / HOUR_MS, "hour"),
        _ => (ms / MINUTE_MS, "minute"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

#[cfg(test)]
#[path = "story_tests.rs"]
mod tests;
