//! `GET audit`, `GET audit/record.csv|.json|.ndjson`: the record of what was done.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use futures::Stream;
use serde::{Deserialize, Serialize};
use sickbay_diagnosis::Time;
use sickbay_store::{AuditQuery, AuditRow, NewAudit, Store, StoreError, Verified, action};
use utoipa::{IntoParams, ToSchema};

use crate::access::Viewer;
use crate::api::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::app::App;
use crate::export::{self, Cell, Column, Columns, Exported, Format, columns};
use crate::problem::Problem;

/// Lines that are fetched at once.
const LINES_AT_ONCE: u32 = 1_000;

/// Which lines are wanted; what is left out asks for nothing.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Conditions {
    /// Part of who did it.
    pub actor: String,
    /// What was done: a word such as `signed-in`.
    pub action: String,
    /// Part of what it was done to, or of what else is said.
    pub text: String,
    /// A day or moment from which on, RFC 3339.
    #[param(example = "2026-11-01")]
    pub since: String,
    /// A day up to which, which counts whole, or a moment before which.
    #[param(example = "2026-11-30")]
    pub until: String,
    /// Lines before this one, for the next page.
    pub before: Option<i64>,
}

impl Conditions {
    /// As the store takes it.
    pub(crate) fn query(&self, limit: u32) -> Result<AuditQuery, Problem> {
        let known = self.action.is_empty() || action::ALL.contains(&self.action.as_str());
        if !known {
            return Err(Problem::bad_request(format!(
                "`action` is one of {}.",
                action::ALL.join(", ")
            )));
        }
        Ok(AuditQuery {
            device: None,
            action: self.action.clone(),
            actor: self.actor.trim().to_owned(),
            text: self.text.trim().to_owned(),
            since: moment("since", &self.since, 0)?,
            until: moment("until", &self.until, 1)?,
            before: self.before,
            limit,
        })
    }

    /// For people.
    fn in_words(&self) -> String {
        let given = self
            .pairs()
            .into_iter()
            .filter(|(_, value)| !value.is_empty());
        let given: Vec<String> = given
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        given.join(", ")
    }

    /// As they stand in an address.
    pub(crate) fn pairs(&self) -> Vec<(&'static str, &str)> {
        vec![
            ("actor", &self.actor),
            ("action", &self.action),
            ("text", &self.text),
            ("since", &self.since),
            ("until", &self.until),
        ]
    }
}

/// A moment, or the beginning of a day so many days later.
fn moment(name: &str, text: &str, later: i64) -> Result<Option<Time>, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let day = Time::parse_day(text).map(|day| day.plus_days(later));
    let moment = day.or_else(|| Time::parse(text).ok());
    moment.map(Some).ok_or_else(|| {
        Problem::bad_request(format!(
            "`{name}` is a day such as 2026-11-26, or a moment such as 2026-11-26T08:00:00Z, and not {text:?}."
        ))
    })
}

/// A line of the record.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditView {
    /// Its number; grows.
    pub line: i64,
    /// When, RFC 3339.
    pub at: String,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// To what.
    pub subject: String,
    /// What else there is to say.
    pub detail: String,
    /// The device that it was done to.
    pub device: Option<String>,
}

impl From<&AuditRow> for AuditView {
    fn from(row: &AuditRow) -> Self {
        Self {
            line: row.id,
            at: row.at.to_string(),
            actor: row.actor.clone(),
            action: row.action.clone(),
            subject: row.subject.clone(),
            detail: row.detail.clone(),
            device: row.device.map(|id| id.to_string()),
        }
    }
}

impl Exported for AuditRow {
    const COLUMNS: &'static [Column<Self>] = columns![
        "line" 10 |row| Cell::number(u64::try_from(row.id).ok());
        "at" 20 |row| Cell::Time(row.at);
        "actor" 30 |row| Cell::text(&row.actor);
        "action" 24 |row| Cell::text(&row.action);
        "subject" 40 |row| Cell::text(&row.subject);
        "detail" 70 |row| Cell::text(&row.detail);
        "device" 38 |row| row.device.map_or(Cell::Empty, |id| Cell::Text(id.to_string().into()));
    ];

    fn json(&self) -> String {
        serde_json::to_string(&AuditView::from(self)).expect("strings and numbers always serialize")
    }
}

/// What verifying the record found, for people.
pub fn said(verified: &Verified) -> String {
    match verified {
        Verified::Broken(fault) => fault.to_string(),
        Verified::Sound { lines, last, since } => {
            let before = match since {
                None => String::new(),
                Some(since) => format!(
                    " Lines up to {} were removed by age, the last of them {}.",
                    since.last, since.at
                ),
            };
            format!("{lines} lines are as they were recorded, up to line {last}.{before}")
        }
    }
}

/// A page of the record.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditPage {
    /// Lines, the newest first.
    pub items: Vec<AuditView>,
    /// What `before` is for the next page; null on the last one.
    pub next_before: Option<i64>,
}

/// How many lines are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LimitQuery {
    /// Lines at most, 1 to 1000; 100 unless said.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
}

/// Lines of the record, the newest first.
#[utoipa::path(get, path = "/audit", operation_id = "list_record", tag = "people", params(Conditions, LimitQuery), responses(
    (status = 200, body = AuditPage),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json")
))]
pub async fn list(
    State(app): State<App>,
    Query(conditions): Query<Conditions>,
    Query(query): Query<LimitQuery>,
) -> Result<Json<AuditPage>, Problem> {
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::bad_request(format!(
            "`limit` is from 1 to {MAX_LIMIT}."
        )));
    }
    let mut rows = app.store.audit(&conditions.query(limit + 1)?).await?;
    let has_more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    Ok(Json(AuditPage {
        next_before: rows.last().filter(|_| has_more).map(|last| last.id),
        items: rows.iter().map(AuditView::from).collect(),
    }))
}

/// Every line that matches, the newest first, as a file: `record.csv`, `.xlsx`, `.json` or `.ndjson`.
#[utoipa::path(get, path = "/audit/{file}", operation_id = "export_record", tag = "people", params(("file" = String, Path, example = "record.csv"), Conditions), responses(
    (status = 200, description = "The lines", content_type = "text/csv"),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")
))]
pub async fn export(
    State(app): State<App>,
    viewer: Viewer,
    Path(file): Path<String>,
    Query(conditions): Query<Conditions>,
) -> Result<Response, Problem> {
    let format = Format::of_file(&file, "record")?;
    let query = conditions.query(LINES_AT_ONCE)?;
    let now = app.clock.now();
    let about = export::about(
        "the record".to_owned(),
        conditions.in_words(),
        &viewer.name,
        now,
    );
    let line = NewAudit::new(now, viewer.name, action::EXPORTED, "the record").with(file);
    app.store.record(vec![line]).await?;
    let rows = lines(app.store, query);
    let folder = app.exports.folder();
    export::answer(
        "sickbay-record",
        format,
        rows,
        Columns::default(),
        about,
        folder,
    )
    .await
}

/// Every line that matches, a page at a time.
pub fn lines(
    store: Arc<dyn Store>,
    query: AuditQuery,
) -> impl Stream<Item = Result<VecDeque<AuditRow>, StoreError>> + Send {
    futures::stream::unfold(Some((store, query)), |walk| async move {
        let (store, mut query) = walk?;
        let rows = store.audit(&query).await;
        let next = match &rows {
            Ok(rows) if rows.len() == query.limit as usize => rows.last().map(|last| last.id),
            _ => None,
        };
        let rest = next.map(|before| {
            query.before = Some(before);
            (store, query)
        });
        Some((rows.map(VecDeque::from), rest))
    })
}
