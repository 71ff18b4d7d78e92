//! Events of the update client and of servicing (fact sheet section 14).
//!
//! Of the last [`DAYS`] days at most [`TELLING`] events a channel that tell of something, and beside them [`ROUTINE`] of those that
//! come every few hours, so that those do not push the others out. The channel of an id differs from one Windows to the next: the
//! update client's are looked for in both of its channels.

use sickbay_diagnosis::keys;
use sickbay_diagnosis::lines;

use super::looking::Looking;
use crate::host::told::{Event, EventQuery};

const DAYS: u32 = 30;
const TELLING: usize = 64;
const ROUTINE: usize = 16;

/// Failures, installations, restarts, pauses.
const TELLING_IDS: &[u32] = &[16, 19, 20, 21, 22, 23, 24, 25, 27, 28, 31];
/// Searches and downloads that worked.
const ROUTINE_IDS: &[u32] = &[26, 41];
/// Results of a look for damage in the component store.
const CORRUPTION_IDS: &[u32] = &[1014, 1015];

pub(super) fn look(looking: &mut Looking<'_>) {
    for channel in [keys::SYSTEM_CHANNEL, keys::UPDATE_CHANNEL] {
        let of = |ids, most| EventQuery {
            channel,
            provider: keys::UPDATE_PROVIDER,
            ids,
            most,
            days: DAYS,
        };
        looking.events(&[of(TELLING_IDS, TELLING), of(ROUTINE_IDS, ROUTINE)]);
    }
    looking.events(&[EventQuery {
        channel: keys::SETUP_CHANNEL,
        provider: keys::SERVICING_PROVIDER,
        ids: CORRUPTION_IDS,
        most: ROUTINE,
        days: DAYS,
    }]);
}

/// An event as a reading: its id and time, then its values.
pub(super) fn data(event: &Event) -> sickbay_diagnosis::reading::Data {
    let own = [
        ("id", event.id.to_string()),
        ("at", event.at.map(|at| at.to_string()).unwrap_or_default()),
    ];
    let values = event.values.iter().map(|(n, v)| (n.as_str(), v.clone()));
    lines::data(own.into_iter().chain(values))
}
