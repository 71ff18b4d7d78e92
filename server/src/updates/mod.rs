//! Why an update is on some devices and not on others: asked of the whole fleet, of the devices of one class, of one device.
//!
//! The answers come from [`sickbay_diagnosis::explanation`]; here they are fetched and counted. A question to the whole fleet reads the
//! kept profiles alone, [`AT_ONCE`] at a time, so that its memory does not grow with the fleet.

mod encoding;
mod file;
mod learning;
mod list;
mod of_device;
mod releases;

use std::collections::BTreeMap;

use sickbay_diagnosis::Time;
use sickbay_diagnosis::explanation::{
    Class, Explanation, Known, Learned, LearnedUpdate, NotAnUpdate, Profile, Question, Reason,
    Told as TellsOf, believed, explain,
};
use sickbay_diagnosis::filter::Filter;
use sickbay_diagnosis::knowledge::{DeviceKind, Knowledge};
use sickbay_store::{Scope, Store, StoreError};

pub use self::encoding::{decode, encode};
pub use self::file::{FileError, read as read_file, write as write_file};
pub use self::learning::{learn, learned, told};
pub use self::list::{Explained, every_page, page};
pub use self::of_device::{OfDevice, Told, of_device};
pub use self::releases::{NEWEST, Release, Revision, releases};
use crate::rules::Rules;

/// Profiles that are read at once.
const AT_ONCE: u32 = 10_000;
/// What is said of a device that never told anything, or not since this version of the server runs.
const NOTHING_KEPT: &str = "the device has not reported since this version of the server runs";

/// How the devices of a fleet stand with an update.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Devices in each class; classes without one are not there.
    pub classes: BTreeMap<Class, u64>,
}

impl Tally {
    /// All devices.
    pub fn devices(&self) -> u64 {
        self.classes.values().sum()
    }

    /// Those of a class.
    pub fn of(&self, class: Class) -> u64 {
        self.classes.get(&class).copied().unwrap_or_default()
    }
}

/// What a person asks, by what is known now.
///
/// # Errors
/// Where the text names no update.
pub fn question<'a>(rules: &'a Rules, text: &str) -> Result<Question<'a>, NotAnUpdate> {
    let (kb, file) = Question::understand(text)?;
    Ok(Question::new(known(rules), kb, file))
}

/// All that is known of updates.
pub fn known(rules: &Rules) -> Known<'_> {
    Known {
        knowledge: &rules.knowledge,
        learned: &rules.fleet.updates,
    }
}

/// How the devices of a scope that match stand. Every active device is in exactly one class.
///
/// # Errors
/// Where the database does not answer.
pub async fn tally(
    store: &dyn Store,
    scope: &Scope,
    filter: &Filter,
    question: &Question<'_>,
    now: Time,
) -> Result<Tally, StoreError> {
    let mut tally = Tally::default();
    let mut after = 0;
    loop {
        let profiles = store.profiles_after(scope, filter, after, AT_ONCE).await?;
        let Some(last) = profiles.last() else {
            return Ok(tally);
        };
        after = last.key;
        for kept in &profiles {
            *tally
                .classes
                .entry(class_of(question, &kept.profile, now))
                .or_default() += 1;
        }
        if profiles.len() < AT_ONCE as usize {
            return Ok(tally);
        }
    }
}

fn class_of(question: &Question<'_>, kept: &[u8], now: Time) -> Class {
    decode(kept).map_or(Class::Unknown, |profile| {
        explain(question, &profile, now).class()
    })
}

/// The explanation of a device whose profile may be missing.
fn explained<'a>(
    question: &'a Question<'_>,
    profile: Option<&'a Profile>,
    now: Time,
) -> Explanation<'a> {
    match profile {
        Some(profile) => explain(question, profile, now),
        None => Explanation {
            decisive: Reason::Unknown {
                because: NOTHING_KEPT.into(),
            },
            rest: Vec::new(),
        },
    }
}

/// All that was told of updates, each with whether it is believed, the newest first. Who sees a part of the fleet sees what is believed, and
/// not how many devices beyond that part said so.
pub fn all_told(learned: &Learned, scope: &Scope) -> Vec<(TellsOf, LearnedUpdate, bool)> {
    let whole = *scope == Scope::All;
    let mut all: Vec<(TellsOf, LearnedUpdate, bool)> = learned
        .iter()
        .flat_map(|(told, updates)| {
            let revision = believed(updates).map(|update| update.revision);
            updates
                .iter()
                .map(move |update| (told, *update, Some(update.revision) == revision))
        })
        .filter(|(_, _, believed)| whole || *believed)
        .map(|(told, update, believed)| {
            let seen = if whole {
                update
            } else {
                LearnedUpdate {
                    devices: 0,
                    by_title: 0,
                    ..update
                }
            };
            (told, seen, believed)
        })
        .collect();
    all.sort_by_key(|(told, update, _)| {
        std::cmp::Reverse((
            update.since,
            told.package_build,
            update.revision,
            update.devices,
        ))
    });
    all
}

/// The releases of a family of builds, in words: `Windows 11 25H2, Windows 11 24H2`.
pub fn family_in_words(knowledge: &Knowledge, kind: DeviceKind, package_build: u32) -> String {
    let of_family = knowledge
        .releases()
        .iter()
        .filter(|release| release.kind == kind && release.package_build == package_build);
    let names: Vec<&str> = of_family.map(|release| &*release.name).collect();
    if names.is_empty() {
        format!("{}s of build {package_build}", kind.name())
    } else {
        names.join(", ")
    }
}
