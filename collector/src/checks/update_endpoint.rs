//! The way to the update server or service (fact sheet section 10).
//!
//! It is gone only while scans fail or are stale: where the newest scan that told something failed, where none worked for
//! [`STALE_DAYS_CLIENT`] days ([`STALE_DAYS_SERVER`] on servers), or where none ever did. Scans of the Store do not count. Where it was
//! not gone, the reading `probed` says so, with the reason beside it; neither holds a number that grows with time.
//!
//! The server's request to inspect again now, and `inspect` on the command line, do not make it gone: a check is not told why it runs,
//! and what it saw on request would be taken back by the next inspection that nobody asked for.

use sickbay_diagnosis::Time;
use sickbay_diagnosis::keys;
use sickbay_diagnosis::lines;
use sickbay_diagnosis::reading::{Data, Source};

use super::looking::Looking;
use crate::host::Host;
use crate::host::endpoint::{Endpoint, Step};
use crate::host::told::{Answer, Event, EventQuery};

const STALE_DAYS_CLIENT: i64 = 7;
const STALE_DAYS_SERVER: i64 = 3;
const SCAN_FAILED: u32 = 25;
const SCANNED: u32 = 26;
/// Events of a channel, of which the newest counts that is not the Store's.
const MOST: usize = 32;
const DAYS: u32 = 30;

pub(super) fn look(looking: &mut Looking<'_>) {
    let host = looking.host();
    let probed = match scans(host) {
        Scans::Work(why) => {
            read(looking, keys::PROBE_REASON, Data::Text(why));
            Data::Flag(false)
        }
        Scans::NotKnown(why) => why,
        Scans::DoNot(why) => match asked(host) {
            Asked::Nobody(why) => {
                read(looking, keys::PROBE_REASON, Data::Text(why.to_owned()));
                Data::Flag(false)
            }
            Asked::NotKnown(why) => why,
            Asked::Of(endpoint) => {
                read(looking, keys::PROBE_REASON, Data::Text(why));
                go(looking, &endpoint)
            }
        },
    };
    read(looking, keys::PROBED, probed);
}

/// Goes there; whether it could.
fn go(looking: &mut Looking<'_>, endpoint: &Endpoint) -> Data {
    let address = Data::Text(endpoint.to_string());
    read(looking, keys::ENDPOINT_ADDRESS, address);
    let authority = Data::Text(endpoint.authority());
    read(looking, keys::ENDPOINT_HOST, authority);
    match looking.host().update_endpoint(endpoint) {
        Answer::Found(steps) => {
            for step in &steps {
                read(looking, step.step.name(), data(step));
            }
            Data::Flag(true)
        }
        Answer::Absent(why) | Answer::Unreadable(why) => Data::Unreadable(why),
        Answer::NotRecorded => Data::NotRecorded,
    }
}

fn read(looking: &mut Looking<'_>, name: &str, data: Data) {
    looking.read(Source::System, keys::UPDATE_ENDPOINT, Some(name), data);
}

fn data(step: &Step) -> Data {
    let values = [
        ("outcome", Some(step.outcome.name().to_owned())),
        ("code", step.code.map(|code| code.to_string())),
        ("status", step.status.map(|status| status.to_string())),
        ("found", step.found.clone()),
        ("said", step.said.clone()),
        ("took_ms", step.took_ms.map(|took| took.to_string())),
    ];
    lines::data(
        values
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?))),
    )
}

/// Whom policy says to ask.
enum Asked {
    /// This server.
    Of(Endpoint),
    /// Policy leaves the device no source: how.
    Nobody(&'static str),
    /// It cannot be told: what stands in its place.
    NotKnown(Data),
}

fn asked(host: &dyn Host) -> Asked {
    let mut asked = Asked::NotKnown(Data::NotRecorded);
    // The way itself takes too long to keep group policy waiting.
    host.while_policy_rests(&mut || asked = by_policy(host));
    asked
}

fn by_policy(host: &dyn Host) -> Asked {
    let is_one = |key, name| host.registry_value(key, name).number() == Some(1);
    let server = |key, name| {
        let found = host.registry_value(key, name);
        found.string().map(|text| text.trim().to_owned())
    };
    let switch = host.registry_value(keys::POLICY_AU, "UseWUServer");
    if matches!(switch, Data::Unreadable(_) | Data::NotRecorded) {
        return Asked::NotKnown(switch);
    }
    if is_one(keys::POLICY, "DisableWindowsUpdateAccess") {
        return Asked::Nobody("policy allows no update source (DisableWindowsUpdateAccess=1)");
    }
    let switched_on = switch.number() == Some(1);
    let by_group_policy = switched_on.then(|| server(keys::POLICY, "WUServer"));
    let named = by_group_policy
        .flatten()
        .filter(|server| !server.is_empty())
        .or_else(|| server(keys::MDM_UPDATE, "UpdateServiceUrl"))
        .filter(|server| !server.is_empty());
    let not_known = |why: &str| Asked::NotKnown(Data::Unreadable(why.to_owned()));
    match named {
        Some(server) => Endpoint::of_wsus(&server).map_or_else(
            || not_known("the WSUS address in the policy is no URL that could be asked"),
            Asked::Of,
        ),
        None if switched_on => not_known("policy says to use a WSUS server, and names none"),
        None => Endpoint::of_windows_update()
            .map_or_else(|| not_known("Windows Update has no address"), Asked::Of),
    }
}

/// Whether scans work, with the reason.
enum Scans {
    Work(String),
    DoNot(String),
    /// It cannot be told: what stands in its place.
    NotKnown(Data),
}

fn scans(host: &dyn Host) -> Scans {
    let remembered = host.last_success().search;
    let events = [keys::UPDATE_CHANNEL, keys::SYSTEM_CHANNEL].map(|channel| {
        host.events(EventQuery {
            channel,
            provider: keys::UPDATE_PROVIDER,
            ids: &[SCAN_FAILED, SCANNED],
            most: MOST,
            days: DAYS,
        })
    });
    let newest = |id: u32| {
        let of = events.iter().filter_map(|answer| match answer {
            Answer::Found(events) => Some(&events.newest),
            _ => None,
        });
        of.flatten()
            .filter(|event| event.id == id && !is_of_the_store(event))
            .filter_map(|event| event.at)
            .max()
    };
    let worked = newest(SCANNED).max(remembered.string().and_then(Time::parse_loose));
    if newest(SCAN_FAILED) > worked {
        return Scans::DoNot("the newest scan failed".to_owned());
    }
    let days = stale_days(host);
    match worked {
        Some(at) if host.now().plus_days(-days) > at => {
            Scans::DoNot(format!("no scan has worked for {days} days"))
        }
        Some(_) => Scans::Work(format!("a scan has worked within the last {days} days")),
        None if remembered == Data::Absent => Scans::DoNot("no scan has ever worked".to_owned()),
        None => Scans::NotKnown(why_not_known(remembered, &events)),
    }
}

fn is_of_the_store(event: &Event) -> bool {
    let service = event
        .values
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("serviceGuid"));
    service.is_some_and(|(_, id)| {
        id.trim_matches(['{', '}'])
            .eq_ignore_ascii_case(keys::STORE_SERVICE)
    })
}

fn stale_days(host: &dyn Host) -> i64 {
    let product = host.registry_value(keys::PRODUCT_OPTIONS, "ProductType");
    match product.string() {
        Some("ServerNT" | "LanmanNT") => STALE_DAYS_SERVER,
        _ => STALE_DAYS_CLIENT,
    }
}

/// What a machine refuses or lacks is a failure; what a recording does not hold is none.
fn why_not_known<T>(remembered: Data, events: &[Answer<T>]) -> Data {
    let unreadable = |why: &str| {
        Data::Unreadable(format!(
            "it cannot be told whether scans work, because {why}"
        ))
    };
    if let Data::Unreadable(why) = &remembered {
        return unreadable(why);
    }
    let refused = events.iter().find_map(|answer| match answer {
        Answer::Unreadable(why) | Answer::Absent(why) => Some(why),
        _ => None,
    });
    match refused {
        Some(why) => unreadable(why),
        None if remembered == Data::NotRecorded => Data::NotRecorded,
        None => unreadable("the update agent gives no time of its last search"),
    }
}

#[cfg(test)]
mod tests;
