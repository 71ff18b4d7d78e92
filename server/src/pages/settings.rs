//! `/settings`: what is in force, and how old the knowledge is.

use axum::response::Html;
use sickbay_web::Nav;
use sickbay_web::pages::settings::{KnowledgeLine, SettingGroup, SettingLine, SettingsPage};

use super::{PageError, Visit};
use crate::config::Config;

pub(super) async fn show(visit: Visit) -> Result<Html<String>, PageError> {
    let known = &visit.app.rules.get().knowledge;
    let page = SettingsPage {
        chrome: visit.chrome("Settings", Some(Nav::Settings)),
        groups: groups(&visit.app.config),
        knowledge: known
            .about()
            .iter()
            .map(|file| KnowledgeLine {
                name: file.name.title().to_owned(),
                dated: file.dated.clone(),
                entries: file.entries as u64,
            })
            .collect(),
    };
    Ok(Html(page.render()))
}

/// The settings in force, section by section, as the settings file spells them.
fn groups(config: &Config) -> Vec<SettingGroup> {
    let defaults = toml::Table::try_from(Config::default()).unwrap_or_default();
    let in_force = toml::Table::try_from(config.clone()).unwrap_or_default();
    in_force
        .iter()
        .filter_map(|(section, values)| {
            let values = values.as_table()?;
            let default_of = |key: &str| defaults.get(section)?.as_table()?.get(key);
            Some(SettingGroup {
                title: section.clone(),
                settings: values
                    .iter()
                    .map(|(key, value)| SettingLine {
                        key: key.clone(),
                        value: value.to_string(),
                        origin: if default_of(key) == Some(value) {
                            "default".to_owned()
                        } else {
                            "set".to_owned()
                        },
                        meaning: String::new(),
                    })
                    .collect(),
            })
        })
        .collect()
}
