//! What was typed into a form of expectations, what it means, and what of it cannot be. Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sickbay_diagnosis::expectation::{BadWish, DeviceScope, ScopedWish, Wanted};
use sickbay_web::pages::expectations_form::Mistake;

use crate::wishes::fields::{FIELDS, Field, Kind, to_map};
use crate::wishes::{WishError, read_wanted};

/// Ends the name of the field that holds a source's server.
const SERVER: &str = "_server";

/// Texts of a form by name. Names that no form has are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Typed(BTreeMap<String, String>);

/// What cannot be, by the name of the field.
pub(super) type Mistakes = BTreeMap<String, Mistake>;

impl Typed {
    /// The fields of expectations among those of a form.
    pub(super) fn of_form(fields: &[(String, String)]) -> Self {
        let known = |name: &str| {
            let name = name.strip_suffix(SERVER).unwrap_or(name);
            matches!(name, "name" | "scope") || FIELDS.iter().any(|field| field.name == name)
        };
        Self(
            fields
                .iter()
                .filter(|(name, _)| known(name))
                .cloned()
                .collect(),
        )
    }

    /// As a form for `wanted` is first filled in.
    pub(super) fn of_wanted(wanted: &Wanted) -> Self {
        let mut typed = Self::default();
        let map = to_map(wanted);
        for field in FIELDS {
            let Some(value) = map.get(field.name) else {
                continue;
            };
            match value {
                Value::Bool(true) => typed.set(field.name, "yes"),
                Value::Bool(false) => typed.set(field.name, "no"),
                Value::String(text) => typed.set(field.name, text),
                Value::Object(source) => {
                    let part = |key: &str| source.get(key).and_then(Value::as_str);
                    typed.set(field.name, part("source").unwrap_or_default());
                    let server = part("server").unwrap_or_default();
                    typed.set(&format!("{}{SERVER}", field.name), server);
                }
                other => typed.set(field.name, &other.to_string()),
            }
        }
        typed
    }

    /// The same for a scope.
    pub(super) fn of_scope(scope: &ScopedWish) -> Self {
        let mut typed = Self::of_wanted(&scope.wanted);
        typed.set("name", &scope.name);
        typed.set("scope", &scope.scope.to_string());
        typed
    }

    fn set(&mut self, name: &str, text: &str) {
        self.0.insert(name.to_owned(), text.to_owned());
    }

    /// What was typed into a field.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// What was typed as the server of a source.
    pub(super) fn server(&self, name: &str) -> &str {
        self.text(&format!("{name}{SERVER}"))
    }

    /// Every field with its text, for a form that carries them along.
    pub(super) fn fields(&self) -> impl Iterator<Item = (String, String)> + '_ {
        self.0
            .iter()
            .map(|(name, text)| (name.clone(), text.clone()))
    }

    /// The wishes that it means.
    pub(super) fn wanted(&self) -> Result<Wanted, Mistakes> {
        let mut mistakes = Mistakes::new();
        let mut map = Map::new();
        for field in FIELDS {
            match self.value(field).and_then(|value| checked(field, value)) {
                Ok(Some(value)) => {
                    map.insert(field.name.to_owned(), value);
                }
                Ok(None) => {}
                Err(why) => {
                    mistakes.insert(field.name.to_owned(), why);
                }
            }
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        read_wanted("", &Value::Object(map))
            .map_err(|why| [(String::new(), unreadable(&why))].into_iter().collect())
    }

    /// The scope that it means.
    pub(super) fn scope(&self) -> Result<ScopedWish, Mistakes> {
        let mut mistakes = Mistakes::new();
        let name = self.text("name").trim().to_owned();
        let named = ScopedWish {
            name: name.clone(),
            scope: DeviceScope::ALL,
            wanted: Wanted::default(),
        };
        if named.check().is_err() {
            mistakes.insert("name".to_owned(), Mistake::Name);
        }
        let text = self.text("scope").trim();
        let scope = if text.is_empty() {
            Err(Mistake::NoDevices)
        } else {
            DeviceScope::parse(text).map_err(|why| Mistake::Unreadable(why.to_string()))
        };
        match (scope, self.wanted()) {
            (Ok(scope), Ok(wanted)) if mistakes.is_empty() => Ok(ScopedWish {
                name,
                scope,
                wanted,
            }),
            (scope, wanted) => {
                mistakes.extend(scope.err().map(|why| ("scope".to_owned(), why)));
                mistakes.extend(wanted.err().into_iter().flatten());
                Err(mistakes)
            }
        }
    }

    /// A field's value as the API would be given it; `None` where nothing is wished.
    fn value(&self, field: &Field) -> Result<Option<Value>, Mistake> {
        let text = self.text(field.name).trim();
        match field.kind {
            Kind::Source(_) => {
                let server = self.server(field.name).trim();
                match (text, server) {
                    ("", "") => Ok(None),
                    ("", _) => Err(Mistake::ServerWithoutSource),
                    (source, "") => Ok(Some(json!({ "source": source }))),
                    (source, server) => Ok(Some(json!({ "source": source, "server": server }))),
                }
            }
            _ if text.is_empty() => Ok(None),
            Kind::Number(unit) => match text.parse::<u32>() {
                Ok(number) => Ok(Some(number.into())),
                Err(_) => Err(Mistake::NotWhole(unit)),
            },
            Kind::YesNo => match text {
                "yes" => Ok(Some(true.into())),
                "no" => Ok(Some(false.into())),
                _ => Err(Mistake::NotYesOrNo),
            },
            Kind::Text => Ok(Some(text.into())),
        }
    }
}

/// The value, if it can be wished.
fn checked(field: &Field, value: Option<Value>) -> Result<Option<Value>, Mistake> {
    let Some(value) = value else {
        return Ok(None);
    };
    let alone: Map<String, Value> = [(field.name.to_owned(), value.clone())]
        .into_iter()
        .collect();
    let wanted = read_wanted("", &Value::Object(alone)).map_err(|why| match why {
        WishError::Unreadable { why, .. } => Mistake::Unreadable(why),
        other => unreadable(&other),
    })?;
    match wanted.check() {
        Ok(()) => Ok(Some(value)),
        Err(why) => Err(plain(&why)),
    }
}

fn unreadable(why: &impl ToString) -> Mistake {
    Mistake::Unreadable(why.to_string())
}

/// What is wrong with a wish, where it stands beside its field and needs no name.
fn plain(why: &BadWish) -> Mistake {
    match why {
        BadWish::BadNumber { value, why, .. } => Mistake::Number {
            value: value.to_string(),
            why: (*why).to_owned(),
        },
        BadWish::BadText(_) => Mistake::Length,
        BadWish::BadSource(_) => Mistake::Source,
        BadWish::ServerWithoutWsus(_) => Mistake::ServerWithoutWsus,
        BadWish::BadServer(_) => Mistake::Server,
        BadWish::Filter(_) | BadWish::Circular(_) => unreadable(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wishes::fields::defaults;
    use sickbay_diagnosis::expectation::{ExpectedSource, UpdateSource};
    use sickbay_diagnosis::knowledge::DeviceKind;

    fn typed(fields: &[(&str, &str)]) -> Typed {
        let owned: Vec<(String, String)> = fields
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect();
        Typed::of_form(&owned)
    }

    #[test]
    fn a_form_that_is_sent_back_as_it_was_shown_means_the_same() {
        let wanted = Wanted {
            quality_source: Some(ExpectedSource {
                source: UpdateSource::Wsus,
                server: Some("https://wsus.example.org:8531".to_owned()),
            }),
            managed_by: Some("ConfigMgr".to_owned()),
            ..defaults(DeviceKind::Server)
        };
        let fields: Vec<(String, String)> = Typed::of_wanted(&wanted).fields().collect();
        assert_eq!(Typed::of_form(&fields).wanted(), Ok(wanted));
        assert_eq!(Typed::default().wanted(), Ok(Wanted::default()));
    }

    #[test]
    fn each_mistake_is_told_beside_its_field() {
        let mistakes = typed(&[
            ("name", ""),
            ("scope", "standing:serious"),
            ("oldest_scan_days", "0"),
            ("silent_days", "two"),
            ("quality_source", ""),
            ("quality_source_server", "https://a"),
            ("feature_source", "windows-update"),
            ("feature_source_server", "https://a"),
            ("driver_source", "wsus"),
            ("driver_source_server", "wsus"),
            ("other_source", "unknown"),
            ("behind_days", "14"),
        ])
        .scope()
        .expect_err("mistakes");
        let names: Vec<&str> = mistakes.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "driver_source",
                "feature_source",
                "name",
                "oldest_scan_days",
                "other_source",
                "quality_source",
                "scope",
                "silent_days"
            ]
        );
        assert!(
            mistakes["scope"].to_string().contains("standing"),
            "{mistakes:?}"
        );
        let days = mistakes["silent_days"].to_string();
        assert!(days.contains("whole number of days"), "{days}");
    }

    #[test]
    fn a_scope_must_say_which_devices() {
        let mistakes = typed(&[("name", "Kiosks"), ("scope", " ")]).scope();
        let mistakes = mistakes.expect_err("no devices");
        assert_eq!(mistakes.keys().collect::<Vec<_>>(), ["scope"]);
    }
}
