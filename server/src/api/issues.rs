//! `GET issues`, `GET issues/{issue}/devices` and its exports.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Serialize;
use sickbay_diagnosis::issue::Issue;
use sickbay_diagnosis::issues;
use utoipa::ToSchema;

use crate::access::Viewer;
use crate::api::devices::DeviceView;
use crate::api::exports::{ExportQuery, ExportedDevice};
use crate::api::{CauseView, DEFAULT_LIMIT, ListQuery, Listed, cursor_to_text};
use crate::app::App;
use crate::export::devices::DeviceList;
use crate::problem::Problem;

/// An issue with its counts.
#[derive(Debug, Serialize, ToSchema)]
pub struct IssueView {
    /// Public id.
    #[schema(example = "safeguard-hold")]
    pub id: &'static str,
    /// Short title.
    pub title: &'static str,
    /// The worst that it can be: `warning` or `serious`.
    pub severity: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What its causes are.
    pub groups_by: &'static str,
    /// Devices that have it.
    pub open: u64,
    /// Of these, serious ones.
    pub serious: u64,
    /// Devices of which it could not be told.
    pub unknown: u64,
    /// Devices that have it, and of which that is accepted for a time; not among the open ones.
    pub accepted: u64,
    /// Devices whose primary cause it is.
    pub primary: u64,
    /// Issues that it explains when both are open on a device.
    pub explains: &'static [&'static str],
}

/// A device with its finding.
#[derive(Debug, Serialize, ToSchema)]
pub struct FindingView {
    /// The device.
    #[serde(flatten)]
    pub device: DeviceView,
    /// `open`, `accepted` or `unknown`.
    pub state: &'static str,
    /// `warning` or `serious`; null where unknown.
    pub severity: Option<&'static str>,
    /// One sentence.
    pub summary: String,
    /// What it groups by.
    pub causes: Vec<CauseView>,
    /// Since when it is open or unknown, RFC 3339.
    pub since: String,
    /// Until when it is accepted, RFC 3339; null where it is not.
    pub accepted_until: Option<String>,
}

/// The issue of that id, or a problem that names it.
pub fn known(id: &str) -> Result<&'static Issue, Problem> {
    issues::get(id).ok_or_else(|| {
        Problem::not_found(format!(
            "There is no issue {id:?}; GET /api/v1/issues lists them."
        ))
    })
}

/// Every issue with its counts.
#[utoipa::path(get, path = "/issues", operation_id = "list_issues", tag = "issues", responses(
    (status = 200, body = Vec<IssueView>),
    (status = 401, body = Problem, content_type = "application/problem+json")
))]
pub async fn list(State(app): State<App>, viewer: Viewer) -> Result<Json<Vec<IssueView>>, Problem> {
    let counts = app.store.issue_counts(&viewer.scope).await?;
    let views = issues::ALL.iter().map(|issue| {
        let count = counts.iter().find(|c| c.issue == issue.id);
        IssueView {
            id: issue.id,
            title: issue.title,
            severity: issue.severity.name(),
            meaning: issue.meaning,
            groups_by: issue.groups_by,
            open: count.map_or(0, |c| c.open),
            serious: count.map_or(0, |c| c.serious),
            unknown: count.map_or(0, |c| c.unknown),
            accepted: count.map_or(0, |c| c.accepted),
            primary: count.map_or(0, |c| c.primary),
            explains: issue.explains,
        }
    });
    Ok(Json(views.collect()))
}

/// Devices of an issue: the open ones, unless the filter names a state.
#[utoipa::path(get, path = "/issues/{issue}/devices", operation_id = "list_devices_of_issue", tag = "issues",
    params(("issue" = String, Path, example = "safeguard-hold"), ListQuery),
    responses(
        (status = 200, body = Listed<FindingView>),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn devices(
    State(app): State<App>,
    viewer: Viewer,
    Path(issue): Path<String>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Listed<FindingView>>, Problem> {
    let issue = known(&issue)?;
    let list = DeviceList::read(Some(issue), query.filter.as_deref(), query.sort.as_deref())?;
    let page = query.page(DEFAULT_LIMIT)?;
    let (rows, next) = list
        .page(&*app.store, &viewer.scope, &list.fields(), &page)
        .await?;
    Ok(Json(Listed {
        items: rows.iter().map(FindingView::from).collect(),
        next_cursor: next.as_ref().map(cursor_to_text),
    }))
}

/// All devices of an issue that match the filter, as a file: `devices.csv`, `.xlsx`, `.json` or `.ndjson`. No cap.
#[utoipa::path(get, path = "/issues/{issue}/{file}", operation_id = "export_devices_of_issue", tag = "issues",
    params(
        ("issue" = String, Path, example = "safeguard-hold"),
        ("file" = String, Path, example = "devices.csv"),
        ExportQuery
    ),
    responses(
        (status = 200, description = "One row a device", content(
            (String = "text/csv"), (Vec<ExportedDevice> = "application/json"), (String = "application/x-ndjson"),
            (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
        )),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn export(
    State(app): State<App>,
    viewer: Viewer,
    Path((issue, file)): Path<(String, String)>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Problem> {
    let list = DeviceList::read(Some(known(&issue)?), query.filter.as_deref(), None)?;
    super::exports::answer(&app, viewer, list, &file, query.columns.as_deref()).await
}
