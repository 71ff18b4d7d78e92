//! Asking connected collectors to look again now. This starts no Windows Update scan.

use std::collections::HashMap;
use std::sync::Mutex;

use sickbay_diagnosis::Time;
use sickbay_diagnosis::time::{HOUR_MS, MINUTE_MS};
use sickbay_store::{Field, NewAudit, Page, Scope, Store, StoreError, action};
use uuid::Uuid;

use crate::access::Viewer;
use crate::app::App;
use crate::export::devices::{DeviceLine, DeviceList};

/// Devices that are looked up at once.
const AT_ONCE: u32 = 1_000;
/// How long it is known that a device was asked, in milliseconds.
const REMEMBERED_MS: i64 = HOUR_MS;

/// How often those that were asked long ago are forgotten, in milliseconds.
const SWEEP_EVERY_MS: i64 = MINUTE_MS;

/// Which devices are asked.
#[derive(Debug, Clone)]
pub enum Which {
    /// These.
    Devices(Vec<Uuid>),
    /// Every device of a list.
    Listed(Box<DeviceList>),
}

/// What came of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Connected devices that were asked.
    pub asked: u64,
    /// Devices that are not connected now, or are busy; they look and report when they come back.
    pub not_connected: u64,
    /// The first id of no device that the viewer may see; nobody was asked then.
    pub unknown: Option<Uuid>,
}

/// Asks them, and records who wanted that.
///
/// # Errors
/// Where the database does not answer; nobody was asked then.
pub async fn ask(app: &App, viewer: &Viewer, which: &[Which]) -> Result<Asked, StoreError> {
    // Everything is looked up before anybody is asked: a request that cannot be is none at all.
    let mut keys = Vec::new();
    let mut unknown = None;
    let mut words = Vec::new();
    for part in which {
        match part {
            Which::Devices(ids) => {
                let mut names = Vec::new();
                for id in ids {
                    match app.store.device(&viewer.scope, *id).await? {
                        Some(device) => {
                            keys.push(device.row.identity.key);
                            names.push(device.row.summary.name);
                        }
                        None => unknown = unknown.or(Some(*id)),
                    }
                }
                words.push(match names.as_slice() {
                    [one] => one.clone(),
                    names => format!("{} named devices", names.len()),
                });
            }
            Which::Listed(list) => {
                keys.extend(listed(app.store.as_ref(), &viewer.scope, list).await?);
                words.push(words_for(list));
            }
        }
    }
    keys.sort_unstable();
    keys.dedup();
    if unknown.is_some() {
        return Ok(Asked {
            asked: 0,
            not_connected: 0,
            unknown,
        });
    }
    let now = app.clock.now();
    let asked = app.fleet.inspect_now(&keys, now);
    let outcome = Asked {
        asked,
        not_connected: keys.len() as u64 - asked,
        unknown,
    };
    let mut line = line(now, &viewer.name, words.join(", "), outcome.asked);
    if let [Which::Devices(ids)] = which
        && let [only] = ids.as_slice()
    {
        line.device = Some(*only);
    }
    app.store.record(vec![line]).await?;
    Ok(outcome)
}

/// The line of the record that says who asked.
pub(crate) fn line(now: Time, by: &str, subject: String, connected: u64) -> NewAudit {
    NewAudit::new(now, by, action::INSPECTED, subject).with(match connected {
        1 => "one was connected".to_owned(),
        connected => format!("{connected} were connected"),
    })
}

/// How a list is called in the record.
pub(crate) fn words_for(list: &DeviceList) -> String {
    match (list.issue(), list.said()) {
        (None, "") => "every device in sight".to_owned(),
        (None, filter) => format!("devices that match {filter}"),
        (Some(issue), "") => format!("devices with {}", issue.id),
        (Some(issue), filter) => format!("devices with {} that match {filter}", issue.id),
    }
}

/// Keys of every device of a list.
pub(crate) async fn listed(
    store: &dyn Store,
    scope: &Scope,
    list: &DeviceList,
) -> Result<Vec<i64>, StoreError> {
    let mut keys = Vec::new();
    let mut page = Page {
        after: None,
        limit: AT_ONCE,
    };
    loop {
        let (rows, next) = list.page(store, scope, &[Field::Id], &page).await?;
        keys.extend(rows.iter().map(DeviceLine::key));
        match next {
            Some(next) => page.after = Some(next),
            None => return Ok(keys),
        }
    }
}

/// What is known of the last time that a device was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The request.
    pub request: String,
    /// When it was asked.
    pub asked_at: Time,
    /// When it answered, and whether it looked.
    pub answered: Option<(Time, bool)>,
}

/// Who was asked within the last hour, at whichever server, and what became of it.
#[derive(Debug, Default)]
pub struct Inspections(Mutex<Known>);

#[derive(Debug)]
struct Known {
    asked: HashMap<i64, Inspection>,
    /// Requests of commands, and when they were made.
    for_commands: HashMap<String, Time>,
    /// When those that were asked long ago were forgotten.
    swept: Time,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            asked: HashMap::new(),
            for_commands: HashMap::new(),
            swept: Time::from_millis(0),
        }
    }
}

impl Inspections {
    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0
            .lock()
            .expect("never poisoned: nothing panics while it is held")
    }

    /// Notes that a device is asked.
    pub fn asks(&self, key: i64, request: String, now: Time) {
        let mut known = self.known();
        if now.since(known.swept) >= SWEEP_EVERY_MS {
            known.swept = now;
            let is_known = |asked: &Inspection| now.since(asked.asked_at) < REMEMBERED_MS;
            known.asked.retain(|_, asked| is_known(asked));
            known
                .for_commands
                .retain(|_, at| now.since(*at) < REMEMBERED_MS);
        }
        known.asked.insert(
            key,
            Inspection {
                request,
                asked_at: now,
                answered: None,
            },
        );
    }

    /// Notes that a command beside the servers asked for these, and waits for word of each, whatever else its device is asked meanwhile.
    pub fn are_for_a_command(&self, requests: &[(i64, String)], now: Time) {
        let mut known = self.known();
        let requests = requests.iter().map(|(_, request)| (request.clone(), now));
        known.for_commands.extend(requests);
    }

    /// Whether a command waits for this, the first time that it is asked.
    pub fn was_for_a_command(&self, request: &str) -> bool {
        self.known().for_commands.remove(request).is_some()
    }

    /// A request could not be sent.
    pub fn takes_back(&self, key: i64, request: &str) {
        let mut known = self.known();
        let is_this = |asked: &Inspection| asked.request == request;
        if known.asked.get(&key).is_some_and(is_this) {
            known.asked.remove(&key);
        }
    }

    /// Notes what a device answered; whether somebody waits for it. A second answer is none.
    pub fn answers(&self, key: i64, request: &str, looked: bool, now: Time) -> bool {
        let mut known = self.known();
        let asked = known.asked.get_mut(&key);
        let waits = |asked: &&mut Inspection| asked.request == request && asked.answered.is_none();
        let Some(asked) = asked.filter(waits) else {
            return false;
        };
        asked.answered = Some((now, looked));
        true
    }

    /// Devices that were asked within the last hour and have not answered.
    pub fn waiting(&self, now: Time) -> usize {
        let known = self.known();
        let waits = |asked: &&Inspection| {
            asked.answered.is_none() && now.since(asked.asked_at) < REMEMBERED_MS
        };
        known.asked.values().filter(waits).count()
    }

    /// The last time that a device was asked, within the last hour.
    pub fn of(&self, key: i64, now: Time) -> Option<Inspection> {
        let known = self.known();
        let asked = known.asked.get(&key);
        asked
            .filter(|asked| now.since(asked.asked_at) < REMEMBERED_MS)
            .cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_request_counts_and_is_forgotten_after_an_hour() {
        let at = Time::from_millis;
        let inspections = Inspections::default();
        inspections.asks(7, "a".to_owned(), at(0));
        inspections.asks(7, "b".to_owned(), at(5));
        assert!(!inspections.answers(7, "a", true, at(6)), "an older one");
        assert!(
            !inspections.answers(8, "b", true, at(6)),
            "of another device"
        );
        assert!(inspections.answers(7, "b", true, at(9)));
        assert!(!inspections.answers(7, "b", false, at(9)), "once more");
        let known = inspections.of(7, at(10)).expect("it was asked");
        assert_eq!(known.answered, Some((at(9), true)));
        assert_eq!(inspections.of(7, at(5 + REMEMBERED_MS)), None);
        let of_command = (7, "command-1".to_owned());
        inspections.are_for_a_command(&[of_command], at(5 + REMEMBERED_MS));
        inspections.asks(1, "c".to_owned(), at(5 + REMEMBERED_MS));
        assert!(inspections.was_for_a_command("command-1"));
        assert!(!inspections.was_for_a_command("command-1"));
        assert_eq!(inspections.known().asked.len(), 1, "the old one is gone");
    }
}
