//! What the update agent remembers: installations, its services, its last success (fact sheet section 14). It is never asked to search.

use sickbay_diagnosis::keys;
use sickbay_diagnosis::lines;
use sickbay_diagnosis::reading::Data;

use super::looking::Looking;
use crate::host::told::{Answer, HistoryEntry, UpdateService};

pub(super) fn look(looking: &mut Looking<'_>) {
    let last = looking.host().last_success();
    looking.agent(keys::UPDATE_RESULTS, Some(keys::LAST_SEARCH), last.search);
    looking.agent(
        keys::UPDATE_RESULTS,
        Some(keys::LAST_INSTALLATION),
        last.installation,
    );
    match looking.host().update_history() {
        Answer::Found(history) => {
            looking.agent(keys::UPDATE_HISTORY, None, Data::Key(None));
            let total = Data::Dword(history.total);
            looking.agent(keys::UPDATE_HISTORY, Some(keys::HISTORY_TOTAL), total);
            list(
                looking,
                keys::UPDATE_HISTORY,
                history.newest.iter().map(entry),
            );
            incomplete(looking, keys::UPDATE_HISTORY, history.incomplete);
        }
        other => looking.agent(keys::UPDATE_HISTORY, None, why_not(other)),
    }
    match looking.host().update_services() {
        Answer::Found(services) => {
            looking.agent(keys::UPDATE_SERVICES, None, Data::Key(None));
            list(
                looking,
                keys::UPDATE_SERVICES,
                services.known.iter().map(service),
            );
            incomplete(looking, keys::UPDATE_SERVICES, services.incomplete);
        }
        other => looking.agent(keys::UPDATE_SERVICES, None, why_not(other)),
    }
}

/// Each of a list as a reading, named by its place in it.
fn list(looking: &mut Looking<'_>, path: &str, items: impl Iterator<Item = Data>) {
    for (place, data) in (1..).zip(items) {
        let place: u32 = place;
        looking.agent(path, Some(&place.to_string()), data);
    }
}

fn incomplete(looking: &mut Looking<'_>, path: &str, why: Option<String>) {
    if let Some(why) = why {
        looking.agent(path, Some(keys::INCOMPLETE), Data::Unreadable(why));
    }
}

fn why_not<T>(answer: Answer<T>) -> Data {
    match answer {
        Answer::Found(_) => Data::Key(None),
        Answer::Absent(why) | Answer::Unreadable(why) => Data::Unreadable(why),
        Answer::NotRecorded => Data::NotRecorded,
    }
}

fn entry(entry: &HistoryEntry) -> Data {
    told([
        ("at", entry.at.map(|at| at.to_string())),
        ("operation", entry.operation.map(|n| n.to_string())),
        ("result", entry.result.map(|n| n.to_string())),
        ("code", entry.code.map(hexadecimal)),
        ("unmapped_code", entry.unmapped_code.map(hexadecimal)),
        ("title", entry.title.clone()),
        ("update", entry.update.clone()),
        ("service", entry.service.clone()),
    ])
}

fn service(service: &UpdateService) -> Data {
    told([
        ("name", service.name.clone()),
        ("id", service.id.clone()),
        ("managed", service.managed.map(|is| is.to_string())),
        ("registered", service.registered.map(|is| is.to_string())),
        ("default", service.default.map(|is| is.to_string())),
    ])
}

fn told<const N: usize>(values: [(&str, Option<String>); N]) -> Data {
    let told = values.into_iter();
    lines::data(told.filter_map(|(name, value)| Some((name, value?))))
}

fn hexadecimal(code: i32) -> String {
    format!("0x{:08X}", code.cast_unsigned())
}
