//! `/settings`: what is in force, and how old the knowledge is.

use axum::response::Html;
use sickbay_web::Nav;
use sickbay_web::pages::settings::{
    ImportedLine, KnowledgeLine, KnowledgeView, Origin, RefusedLine, SettingGroup, SettingLine,
    SettingsPage,
};

use super::{PageError, Visit};
use crate::config::Config;
use crate::knowledge_pack::{About, Source, WARN_AFTER_DAYS};

pub(super) async fn show(visit: Visit) -> Result<Html<String>, PageError> {
    let rules = visit.app.rules.get();
    let now = visit.app.clock.now();
    let about = About::of(&rules.knowledge, &rules.knowledge_origin, now);
    let page = SettingsPage {
        chrome: visit.chrome(Nav::Settings, Some(Nav::Settings)),
        groups: groups(&visit.app.config),
        knowledge: knowledge(about),
    };
    Ok(Html(page.render()))
}

fn knowledge(about: About) -> KnowledgeView {
    let tables = about.tables.into_iter().map(|table| KnowledgeLine {
        name: table.name.title().to_owned(),
        dated: table.dated,
        age_days: table.age_days.unsigned_abs(),
        entries: table.entries as u64,
        imported: table.imported,
        newer_built_in: table.newer_built_in,
    });
    KnowledgeView {
        version: about.version,
        dated: about.dated,
        age_days: about.age_days.unsigned_abs(),
        warn_after_days: WARN_AFTER_DAYS.unsigned_abs(),
        imported: match about.source {
            Source::BuiltIn => None,
            Source::Imported { at, by, signer } => Some(ImportedLine {
                at,
                by,
                signer: signer.to_string(),
            }),
        },
        refused: about.refused.map(|(mark, reason)| RefusedLine {
            version: mark.version,
            at: mark.imported_at,
            reason,
        }),
        left_out: about.unknown,
        tables: tables.collect(),
    }
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
                            Origin::Default
                        } else {
                            Origin::Set
                        },
                        meaning: String::new(),
                    })
                    .collect(),
            })
        })
        .collect()
}
