//! Every single wish: its key, what people call it, and how it is written in a form. Values travel as JSON under the key, so that a form,
//! the API and the settings file are read by the same code.

use serde_json::{Map, Value};
use sickbay_diagnosis::expectation::{Expectations, UpdateClass, Wanted};
use sickbay_diagnosis::knowledge::DeviceKind;

/// How a wish is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A source, with a server where it is WSUS.
    Source(UpdateClass),
    /// A whole number of these units.
    Number(&'static str),
    /// Yes or no.
    YesNo,
    /// A text.
    Text,
}

/// One of the wishes.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its key, as in the settings file.
    pub name: &'static str,
    /// What people call it.
    pub label: &'static str,
    /// What it does, in one sentence.
    pub hint: &'static str,
    /// How it is written.
    pub kind: Kind,
    /// Whether servers are never asked for it.
    pub clients_only: bool,
}

const fn field(name: &'static str, label: &'static str, hint: &'static str, kind: Kind) -> Field {
    Field {
        name,
        label,
        hint,
        kind,
        clients_only: false,
    }
}

const DAYS: Kind = Kind::Number("days");
const MINUTES: Kind = Kind::Number("minutes");
const GIGABYTES: Kind = Kind::Number("GB");
const SOURCE: &str = "Where these updates should come from.";

/// All of them, in the order in which pages show them.
pub const FIELDS: &[Field] = &[
    field(
        "quality_source",
        "Source of quality updates",
        SOURCE,
        Kind::Source(UpdateClass::Quality),
    ),
    field(
        "feature_source",
        "Source of feature updates",
        SOURCE,
        Kind::Source(UpdateClass::Feature),
    ),
    field(
        "driver_source",
        "Source of drivers",
        SOURCE,
        Kind::Source(UpdateClass::Driver),
    ),
    field(
        "other_source",
        "Source of updates of other products",
        SOURCE,
        Kind::Source(UpdateClass::Other),
    ),
    field(
        "longest_quality_deferral_days",
        "Longest deferral of quality updates",
        "A policy that defers them longer is an issue.",
        DAYS,
    ),
    field(
        "longest_feature_deferral_days",
        "Longest deferral of feature updates",
        "A policy that defers them longer is an issue.",
        DAYS,
    ),
    field(
        "oldest_scan_days",
        "Oldest successful scan",
        "A device that looked for updates longer ago is stale.",
        DAYS,
    ),
    field(
        "behind_days",
        "Behind on quality updates",
        "How long a device may lack the newest revision that the fleet has seen of its release.",
        DAYS,
    ),
    field(
        "pending_reboot_serious_days",
        "Pending restart is serious after",
        "A pending restart is a warning at once, and serious from this age on.",
        DAYS,
    ),
    Field {
        clients_only: true,
        ..field(
            "update_health_tools_wanted",
            "Update Health Tools wanted",
            "Whether clients should have Microsoft Update Health Tools. Servers are never asked.",
            Kind::YesNo,
        )
    },
    Field {
        clients_only: true,
        ..field(
            "update_health_tools_minimum",
            "Lowest version of Update Health Tools",
            "An older one is an issue.",
            Kind::Text,
        )
    },
    field(
        "directory_registration_wanted",
        "Entra registration wanted",
        "Whether devices should be registered with Entra ID.",
        Kind::YesNo,
    ),
    field(
        "free_space_warning_gb",
        "Free space: warning below",
        "Free space on the system drive.",
        GIGABYTES,
    ),
    field(
        "free_space_serious_gb",
        "Free space: serious below",
        "Free space on the system drive.",
        GIGABYTES,
    ),
    field(
        "clock_warning_minutes",
        "Clock off: warning from",
        "How far the clock may be off.",
        MINUTES,
    ),
    field(
        "clock_serious_minutes",
        "Clock off: serious from",
        "How far the clock may be off.",
        MINUTES,
    ),
    field(
        "silent_days",
        "Silent after",
        "How long a collector may not be heard of.",
        DAYS,
    ),
    field(
        "end_of_service_near_days",
        "End of service is near",
        "How far ahead an end of service is a warning.",
        DAYS,
    ),
    field(
        "install_failures",
        "Failures in a row",
        "Failures of one installation in a row that make it an issue.",
        Kind::Number("failures"),
    ),
    field(
        "wanted_updates",
        "Updates wanted",
        "Updates that devices should have, such as KB5036893, KB5036892: one for each release.",
        Kind::Text,
    ),
    field(
        "managed_by",
        "Managed by",
        "What else manages updates here, such as ConfigMgr. Issues that only say so are not applicable then.",
        Kind::Text,
    ),
];

/// The wishes under their keys; those that are not set are not there.
pub fn to_map(wanted: &Wanted) -> Map<String, Value> {
    match serde_json::to_value(wanted) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// The catalogue's defaults for clients or servers, as one would wish them.
pub fn defaults(kind: DeviceKind) -> Wanted {
    Wanted::from(&Expectations::of(Some(kind)))
}

/// Wishes in words: what people call each that is set, and its value.
pub fn in_words(wanted: &Wanted) -> Vec<(String, String)> {
    let map = to_map(wanted);
    FIELDS
        .iter()
        .filter_map(|field| {
            let value = map.get(field.name)?;
            Some((field.label.to_owned(), value_in_words(field, value)))
        })
        .collect()
}

/// What counts for clients or servers where nobody wishes anything, in words.
pub fn default_in_words(field: &Field, kind: DeviceKind) -> String {
    if field.clients_only && kind == DeviceKind::Server {
        return "not asked".to_owned();
    }
    match (to_map(&defaults(kind)).get(field.name), field.kind) {
        (Some(value), _) => value_in_words(field, value),
        (None, Kind::Source(_)) => "what most devices use".to_owned(),
        (None, _) => "none".to_owned(),
    }
}

/// A value in words, with its unit.
pub fn value_in_words(field: &Field, value: &Value) -> String {
    match (field.kind, value) {
        (Kind::Number(unit), Value::Number(number)) => {
            let one = number.as_u64() == Some(1);
            let unit = if one {
                unit.strip_suffix('s').unwrap_or(unit)
            } else {
                unit
            };
            format!("{number} {unit}")
        }
        (_, Value::Bool(true)) => "yes".to_owned(),
        (_, Value::Bool(false)) => "no".to_owned(),
        (_, Value::String(text)) => text.clone(),
        (Kind::Source(_), Value::Object(source)) => {
            let name = source.get("source").and_then(Value::as_str);
            let name = name.map_or("", source_in_words);
            match source.get("server").and_then(Value::as_str) {
                Some(server) => format!("{name} {server}"),
                None => name.to_owned(),
            }
        }
        (_, other) => other.to_string(),
    }
}

/// A source's public word as people say it.
pub fn source_in_words(name: &str) -> &str {
    match name {
        "windows-update" => "Windows Update",
        "wsus" => "WSUS",
        "blocked" => "no source (blocked)",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sickbay_diagnosis::expectation::{ExpectedSource, KbList, UpdateSource};

    /// Every wish set.
    fn everything() -> Wanted {
        let source = || {
            Some(ExpectedSource {
                source: UpdateSource::WindowsUpdate,
                server: None,
            })
        };
        Wanted {
            quality_source: source(),
            feature_source: source(),
            driver_source: source(),
            other_source: source(),
            longest_quality_deferral_days: Some(7),
            longest_feature_deferral_days: Some(90),
            update_health_tools_minimum: Some("3.74.0.0".to_owned()),
            managed_by: Some("ConfigMgr".to_owned()),
            wanted_updates: KbList::parse("KB5036893").ok(),
            ..defaults(DeviceKind::Client)
        }
    }

    #[test]
    fn every_wish_has_a_field_and_every_field_a_wish() {
        let keys: Vec<String> = to_map(&everything()).keys().cloned().collect();
        let mut fields: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
        fields.sort_unstable();
        let mut keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, fields);
        assert_eq!(in_words(&everything()).len(), FIELDS.len());
    }

    #[test]
    fn values_are_told_with_their_unit() {
        let wanted = Wanted {
            quality_source: Some(ExpectedSource {
                source: UpdateSource::Wsus,
                server: Some("https://wsus.example.org:8531".to_owned()),
            }),
            oldest_scan_days: Some(1),
            free_space_warning_gb: Some(1),
            update_health_tools_wanted: Some(false),
            silent_days: Some(3),
            ..Wanted::default()
        };
        let words = in_words(&wanted);
        let values: Vec<&str> = words.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(
            values,
            [
                "WSUS https://wsus.example.org:8531",
                "1 day",
                "no",
                "1 GB",
                "3 days"
            ]
        );
    }
}
