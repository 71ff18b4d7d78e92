//! Every single wish: its key, and how it is written in a form; what people call it, `web` says. Values travel as JSON under the key, so that a
//! form, the API and the settings file are read by the same code.

use serde_json::{Map, Value};
use sickbay_diagnosis::expectation::{Expectations, UpdateClass, Wanted};
use sickbay_diagnosis::knowledge::DeviceKind;
use sickbay_web::pages::expectations::{Unit, Value as Shown, Wish};

/// How a wish is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A source, with a server where it is WSUS.
    Source(UpdateClass),
    /// A whole number of this unit.
    Number(Unit),
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
    /// How it is written.
    pub kind: Kind,
    /// Whether servers are never asked for it.
    pub clients_only: bool,
}

const fn field(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        clients_only: false,
    }
}

const DAYS: Kind = Kind::Number(Unit::Days);
const MINUTES: Kind = Kind::Number(Unit::Minutes);
const GIGABYTES: Kind = Kind::Number(Unit::Gigabytes);

/// All of them, in the order in which pages show them.
pub const FIELDS: &[Field] = &[
    field("quality_source", Kind::Source(UpdateClass::Quality)),
    field("feature_source", Kind::Source(UpdateClass::Feature)),
    field("driver_source", Kind::Source(UpdateClass::Driver)),
    field("other_source", Kind::Source(UpdateClass::Other)),
    field("longest_quality_deferral_days", DAYS),
    field("longest_feature_deferral_days", DAYS),
    field("oldest_scan_days", DAYS),
    field("behind_days", DAYS),
    field("pending_reboot_serious_days", DAYS),
    Field {
        clients_only: true,
        ..field("update_health_tools_wanted", Kind::YesNo)
    },
    Field {
        clients_only: true,
        ..field("update_health_tools_minimum", Kind::Text)
    },
    field("directory_registration_wanted", Kind::YesNo),
    field("free_space_warning_gb", GIGABYTES),
    field("free_space_serious_gb", GIGABYTES),
    field("clock_warning_minutes", MINUTES),
    field("clock_serious_minutes", MINUTES),
    field("silent_days", DAYS),
    field("end_of_service_near_days", DAYS),
    field("install_failures", Kind::Number(Unit::Failures)),
    field("wanted_updates", Kind::Text),
    field("managed_by", Kind::Text),
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

/// The wishes that are set.
pub fn wishes_of(wanted: &Wanted) -> Vec<Wish> {
    let map = to_map(wanted);
    FIELDS
        .iter()
        .filter_map(|field| {
            Some(Wish {
                name: field.name,
                value: value_of(field, map.get(field.name)?),
            })
        })
        .collect()
}

/// What counts for clients or servers where nobody wishes anything.
pub fn default_value(field: &Field, kind: DeviceKind) -> Shown {
    if field.clients_only && kind == DeviceKind::Server {
        return Shown::NotAsked;
    }
    match (to_map(&defaults(kind)).get(field.name), field.kind) {
        (Some(value), _) => value_of(field, value),
        (None, Kind::Source(_)) => Shown::Majority,
        (None, _) => Shown::Nothing,
    }
}

/// A value as pages show it.
pub fn value_of(field: &Field, value: &Value) -> Shown {
    match (field.kind, value) {
        (Kind::Number(unit), Value::Number(number)) => number.as_u64().map_or_else(
            || Shown::Text(number.to_string()),
            |number| Shown::Number(number, unit),
        ),
        (_, Value::Bool(yes)) => Shown::YesNo(*yes),
        (_, Value::String(text)) => Shown::Text(text.clone()),
        (Kind::Source(_), Value::Object(source)) => {
            let part = |name: &str| source.get(name).and_then(Value::as_str).map(str::to_owned);
            Shown::Source {
                source: part("source").unwrap_or_default(),
                server: part("server"),
            }
        }
        (_, other) => Shown::Text(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sickbay_diagnosis::expectation::{ExpectedSource, KbList, UpdateSource};
    use sickbay_web::pages::expectations::{hint, label};

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
        assert_eq!(wishes_of(&everything()).len(), FIELDS.len());
    }

    #[test]
    fn every_wish_has_words() {
        for field in FIELDS {
            assert_ne!(label(field.name), field.name);
            assert_ne!(hint(field.name), "", "{}", field.name);
        }
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
        let wishes = wishes_of(&wanted);
        let values: Vec<String> = wishes.iter().map(|wish| wish.value.to_string()).collect();
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
