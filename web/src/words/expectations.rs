//! Expectations: what wishes and their values are called, what a change makes of them, and what of a form cannot be.

use sickbay_diagnosis::expectation::{ExpectedSource, UpdateClass};

use crate::pages::expectations::{Done, Unit, Value, Whose};
use crate::pages::expectations_form::{FormOf, Mistake};
use crate::pages::expectations_preview::Change;

/// What a wish is called, and what it does; a wish of a later version has its name and nothing else.
pub(crate) fn wish(name: &'static str) -> (&'static str, &'static str) {
    const SOURCE: &str = "Where these updates should come from.";
    match name {
        "quality_source" => ("Source of quality updates", SOURCE),
        "feature_source" => ("Source of feature updates", SOURCE),
        "driver_source" => ("Source of drivers", SOURCE),
        "other_source" => ("Source of updates of other products", SOURCE),
        "longest_quality_deferral_days" => (
            "Longest deferral of quality updates",
            "A policy that defers them longer is an issue.",
        ),
        "longest_feature_deferral_days" => (
            "Longest deferral of feature updates",
            "A policy that defers them longer is an issue.",
        ),
        "oldest_scan_days" => (
            "Oldest successful scan",
            "A device that looked for updates longer ago is stale.",
        ),
        "behind_days" => (
            "Behind on quality updates",
            "How long a device may lack the newest revision that the fleet has seen of its release.",
        ),
        "pending_reboot_serious_days" => (
            "Pending restart is serious after",
            "A pending restart is a warning at once, and serious from this age on.",
        ),
        "update_health_tools_wanted" => (
            "Update Health Tools wanted",
            "Whether clients should have Microsoft Update Health Tools. Servers are never asked.",
        ),
        "update_health_tools_minimum" => (
            "Lowest version of Update Health Tools",
            "An older one is an issue.",
        ),
        "directory_registration_wanted" => (
            "Entra registration wanted",
            "Whether devices should be registered with Entra ID.",
        ),
        "free_space_warning_gb" => (
            "Free space: warning below",
            "Free space on the system drive.",
        ),
        "free_space_serious_gb" => (
            "Free space: serious below",
            "Free space on the system drive.",
        ),
        "clock_warning_minutes" => ("Clock off: warning from", "How far the clock may be off."),
        "clock_serious_minutes" => ("Clock off: serious from", "How far the clock may be off."),
        "silent_days" => ("Silent after", "How long a collector may not be heard of."),
        "end_of_service_near_days" => (
            "End of service is near",
            "How far ahead an end of service is a warning.",
        ),
        "install_failures" => (
            "Failures in a row",
            "Failures of one installation in a row that make it an issue.",
        ),
        "wanted_updates" => (
            "Updates wanted",
            "Updates that devices should have, such as KB5036893, KB5036892: one for each release.",
        ),
        "managed_by" => (
            "Managed by",
            "What else manages updates here, such as ConfigMgr. Issues that only say so are not applicable then.",
        ),
        other => (other, ""),
    }
}

/// So many of a unit.
pub(crate) const fn unit(unit: Unit, number: u64) -> &'static str {
    match (unit, number) {
        (Unit::Days, 1) => "day",
        (Unit::Days, _) => "days",
        (Unit::Minutes, 1) => "minute",
        (Unit::Minutes, _) => "minutes",
        (Unit::Gigabytes, _) => "GB",
        (Unit::Failures, 1) => "failure",
        (Unit::Failures, _) => "failures",
    }
}

/// The unit alone, beside a number that is yet to be typed.
pub(crate) const fn units(of: Unit) -> &'static str {
    unit(of, 2)
}

/// A value of a wish, or what counts in its place.
pub(crate) fn value(value: &Value) -> String {
    match value {
        Value::Source { source, server } => source_at(source, server.as_deref()),
        Value::Number(number, of) => format!("{number} {}", unit(*of, *number)),
        Value::Bare(number) => number.to_string(),
        Value::YesNo(true) => "yes".to_owned(),
        Value::YesNo(false) => "no".to_owned(),
        Value::Text(text) => text.clone(),
        Value::NotAsked => "not asked".to_owned(),
        Value::Majority => "what most devices use".to_owned(),
        Value::Nothing => "none".to_owned(),
        Value::Each { clients, servers } => format!("{clients}, servers {servers}"),
    }
}

/// A source with its server.
pub(crate) fn source(source: &ExpectedSource) -> String {
    source_at(source.source.name(), source.server.as_deref())
}

fn source_at(source: &str, server: Option<&str>) -> String {
    let name = match source {
        "windows-update" => "Windows Update",
        "wsus" => "WSUS",
        "blocked" => "no source (blocked)",
        other => other,
    };
    match server {
        Some(server) => format!("{name} {server}"),
        None => name.to_owned(),
    }
}

/// Devices of which most use a source.
pub(crate) fn whose(whose: &Whose) -> String {
    match whose {
        Whose::Clients => "Clients".to_owned(),
        Whose::Servers => "Servers".to_owned(),
        Whose::Scope(name) => format!("Scope {name}"),
    }
}

/// What comes from one source.
pub(crate) fn classes(classes: &[UpdateClass]) -> String {
    let one = |class: &UpdateClass| match class {
        UpdateClass::Quality => "quality updates",
        UpdateClass::Feature => "feature updates",
        UpdateClass::Driver => "drivers",
        UpdateClass::Other => "other products",
    };
    match classes.split_last() {
        Some(_) if classes.len() == UpdateClass::ALL.len() => "everything".to_owned(),
        Some((last, [])) => one(last).to_owned(),
        Some((last, rest)) => {
            let rest: Vec<&str> = rest.iter().map(one).collect();
            format!("{} and {}", rest.join(", "), one(last))
        }
        None => String::new(),
    }
}

/// What a form just did.
pub(crate) const fn done(done: Done) -> &'static str {
    match done {
        Done::Applied => {
            "Applied. Devices are judged anew now; counts and lists follow within seconds."
        }
        Done::Accepted => "Accepted. It counts apart from now on; lists follow within seconds.",
        Done::Ended => "Ended. What it covered is open again; lists follow within seconds.",
    }
}

/// What a form is for.
pub(crate) fn form_of(of: &FormOf) -> String {
    match of {
        FormOf::Fleet => "Expectations of the whole fleet".to_owned(),
        FormOf::NewScope => "A new scope".to_owned(),
        FormOf::Scope(Some(name)) => format!("Scope {name}"),
        FormOf::Scope(None) => "A scope".to_owned(),
    }
}

/// A change that was asked for.
pub(crate) fn change(change: &Change) -> String {
    match change {
        Change::Fleet => "Expectations of the whole fleet.".to_owned(),
        Change::NewScope { name } => format!("New scope {name:?}, asked after the others."),
        Change::Scope { name } => format!("Expectations of the scope {name:?}."),
        Change::Earlier { name } => format!("The scope {name:?} is asked one earlier."),
        Change::Later { name } => format!("The scope {name:?} is asked one later."),
        Change::Removed { name } => format!("The scope {name:?} is removed. Its devices stay."),
        Change::Confirmed => "What most devices use now becomes what you want.".to_owned(),
    }
}

/// What of a form cannot be.
pub(crate) fn mistake(mistake: &Mistake) -> String {
    let why = match mistake {
        Mistake::Name => "give it a name of 1 to 100 characters",
        Mistake::NoDevices => {
            "say which devices; what you want of every device belongs to the whole fleet"
        }
        Mistake::ServerWithoutSource => "choose WSUS to name a server, or leave both empty",
        Mistake::NotWhole(of) => return format!("must be a whole number of {}", units(*of)),
        Mistake::NotYesOrNo => "must be yes or no",
        Mistake::Number { value, why } => return format!("{value} makes no sense: {why}"),
        Mistake::Length => "1 to 100 characters are possible",
        Mistake::Source => "Windows Update or WSUS are possible",
        Mistake::ServerWithoutWsus => "only WSUS goes with a server",
        Mistake::Server => "the server must be an address such as https://wsus.example.org:8531",
        Mistake::Unreadable(why) => why,
    };
    why.to_owned()
}
