//! `/audit`: the record of what was done.

use axum::extract::Query;
use axum::response::Html;
use serde::Deserialize;
use sickbay_store::{AuditRow, Verified, action};
use sickbay_web::Nav;
use sickbay_web::links::{self, ExportFormat};
use sickbay_web::pages::audit::{AuditPage, RecordFilter, RecordLine, Soundness};

use super::{PageError, ROWS, Visit};
use crate::api::audit::{Conditions, said};

#[derive(Debug, Default, Deserialize)]
pub(super) struct RecordQuery {
    #[serde(flatten)]
    conditions: Conditions,
    verify: Option<String>,
}

pub(super) async fn show(
    visit: Visit,
    Query(query): Query<RecordQuery>,
) -> Result<Html<String>, PageError> {
    let asked = query.conditions;
    let (rows, mistake) = match asked.query(ROWS + 1) {
        Ok(wanted) => (visit.told(visit.app.store.audit(&wanted).await)?, None),
        Err(problem) => (Vec::new(), Some(problem.detail)),
    };
    let verified = match query.verify {
        None => None,
        Some(_) => Some(match visit.told(visit.app.store.verify_audit().await)? {
            sound @ Verified::Sound { .. } => Soundness::Sound(said(&sound)),
            broken @ Verified::Broken(_) => Soundness::Broken(said(&broken)),
        }),
    };
    let mut conditions = asked.pairs();
    let has_more = rows.len() > ROWS as usize;
    let lines: Vec<RecordLine> = rows.into_iter().take(ROWS as usize).map(line).collect();
    let older = lines.last().filter(|_| has_more).map(|last| {
        let before = last.id.to_string();
        let mut conditions = conditions.clone();
        conditions.push(("before", &before));
        links::audit(&conditions)
    });
    conditions.retain(|(name, _)| *name != "before");
    let page = AuditPage {
        chrome: visit.chrome(Nav::Audit, Some(Nav::Audit)),
        lines,
        exports: (
            links::audit_export(ExportFormat::Csv, &conditions),
            links::audit_export(ExportFormat::Ndjson, &conditions),
        ),
        mistake,
        actions: action::ALL,
        verified,
        older,
        is_continued: asked.before.is_some(),
        filter: RecordFilter {
            actor: asked.actor,
            action: asked.action,
            text: asked.text,
            since: asked.since,
            until: asked.until,
        },
    };
    Ok(Html(page.render()))
}

fn line(row: AuditRow) -> RecordLine {
    RecordLine {
        id: row.id,
        at: row.at,
        actor: row.actor,
        action: row.action,
        subject: row.subject,
        detail: row.detail,
        device: row.device.map(|id| id.to_string()),
    }
}
