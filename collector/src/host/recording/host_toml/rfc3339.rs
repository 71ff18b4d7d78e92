//! Times as RFC 3339, either as TOML's own date-time or as a text.

use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer, Serializer};
use sickbay_diagnosis::Time;

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    DateTime(toml::value::Datetime),
}

#[expect(clippy::ref_option, reason = "serde hands the field over by reference")]
pub(in crate::host) fn serialize<S: Serializer>(
    time: &Option<Time>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(time),
        None => serializer.serialize_none(),
    }
}

pub(in crate::host) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Time>, D::Error> {
    let text = match Written::deserialize(deserializer)? {
        Written::Text(text) => text,
        Written::DateTime(time) => time.to_string(),
    };
    Time::parse(&text).map(Some).map_err(D::Error::custom)
}
