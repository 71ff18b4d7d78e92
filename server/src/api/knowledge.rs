//! `GET knowledge`: what is known of Windows, how old it is, and where it comes from.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Viewer;
use crate::app::App;
use crate::knowledge_pack::{About, Source, WARN_AFTER_DAYS};
use crate::problem::Problem;

/// The knowledge in force.
#[derive(Debug, Serialize, ToSchema)]
pub struct KnowledgeView {
    /// The version by which whoever made it calls it; `built in` where it came with the program.
    #[schema(example = "2026.12")]
    pub version: String,
    /// The day up to which it was collected.
    #[schema(example = "2026-12-01")]
    pub dated: String,
    /// Whole days since.
    pub age_days: i64,
    /// Above this age a newer one should be looked for.
    pub warn_after_days: i64,
    /// `built-in` or `imported`.
    pub origin: &'static str,
    /// When it was imported; null where it came with the program.
    pub imported_at: Option<String>,
    /// The account that imported it, as its environment said; null where it came with the program.
    pub imported_by: Option<String>,
    /// The key that signed it; null where it came with the program.
    pub signed_by: Option<String>,
    /// Whether of an imported table something newer came with the program; the table says which day's.
    pub built_in_is_newer: bool,
    /// Files of the pack that this version of the program does not know and leaves out.
    pub left_out: Vec<String>,
    /// What was imported and is not used; null where nothing is refused.
    pub refused: Option<RefusedPackView>,
    /// Its tables.
    pub tables: Vec<KnowledgeTableView>,
}

/// A pack that was imported and is not used. What it says of itself is not verified.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusedPackView {
    /// Its version.
    pub version: String,
    /// When it was imported.
    pub imported_at: String,
    /// Why it is not used.
    pub reason: String,
}

/// A table of the knowledge in force.
#[derive(Debug, Serialize, ToSchema)]
pub struct KnowledgeTableView {
    /// The name of its file.
    #[schema(example = "windows-releases.tsv")]
    pub file: &'static str,
    /// What it holds.
    pub title: &'static str,
    /// The day up to which it was collected.
    pub dated: String,
    /// Whole days since.
    pub age_days: i64,
    /// Number of entries.
    pub entries: u64,
    /// `built-in` or `imported`.
    pub origin: &'static str,
    /// The day of the table that came with the program, where that is newer than this one.
    pub newer_built_in: Option<String>,
}

/// What is known of Windows: releases, safeguard holds, error codes, updates, and how old each is.
#[utoipa::path(get, path = "/knowledge", operation_id = "show_knowledge", tag = "knowledge",
    responses(
        (status = 200, body = KnowledgeView),
        (status = 401, body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn knowledge(State(app): State<App>, _viewer: Viewer) -> Json<KnowledgeView> {
    let rules = app.rules.get();
    let about = About::of(&rules.knowledge, &rules.knowledge_origin, app.clock.now());
    Json(about.into())
}

impl From<About> for KnowledgeView {
    fn from(about: About) -> Self {
        let built_in_is_newer = about.overtaken().next().is_some();
        let (imported_at, imported_by, signed_by) = match about.source {
            Source::BuiltIn => (None, None, None),
            Source::Imported { at, by, signer } => {
                (Some(at.to_string()), Some(by), Some(signer.to_string()))
            }
        };
        let tables = about.tables.into_iter().map(|table| KnowledgeTableView {
            file: table.name.file(),
            title: table.name.title(),
            age_days: table.age_days,
            entries: table.entries as u64,
            origin: origin(table.imported),
            dated: table.dated,
            newer_built_in: table.newer_built_in,
        });
        Self {
            version: about.version,
            dated: about.dated,
            age_days: about.age_days,
            warn_after_days: WARN_AFTER_DAYS,
            origin: origin(imported_at.is_some()),
            imported_at,
            imported_by,
            signed_by,
            built_in_is_newer,
            left_out: about.unknown,
            refused: about.refused.map(|(mark, reason)| RefusedPackView {
                version: mark.version,
                imported_at: mark.imported_at.to_string(),
                reason,
            }),
            tables: tables.collect(),
        }
    }
}

const fn origin(imported: bool) -> &'static str {
    if imported { "imported" } else { "built-in" }
}
