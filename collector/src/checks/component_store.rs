//! Whether the component store is marked as damaged (fact sheet section 6).
//!
//! Servicing takes seconds to answer, so the machine keeps an answer for a day; no change of the registry triggers this check.

use sickbay_diagnosis::keys;
use sickbay_diagnosis::reading::{Data, Source};

use super::looking::Looking;
use crate::host::told::Answer;

pub(super) fn look(looking: &mut Looking<'_>) {
    let health = match looking.host().component_store(looking.host().now()) {
        Answer::Found(state) => {
            let checked_at = Data::Text(state.checked_at.to_string());
            looking.read(
                Source::System,
                keys::DISM,
                Some(keys::CHECKED_AT),
                checked_at,
            );
            Data::Dword(state.health)
        }
        Answer::Absent(what) => {
            looking.lacks(what);
            Data::Absent
        }
        Answer::Unreadable(why) => Data::Unreadable(why),
        Answer::NotRecorded => Data::NotRecorded,
    };
    looking.read(Source::System, keys::DISM, Some(keys::IMAGE_HEALTH), health);
}
