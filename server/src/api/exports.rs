//! `POST exports`: a file that is made while nobody waits, `GET exports`, `GET exports/{id}`, its file, and `DELETE`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::Viewer;
use crate::api::{csrf, issues};
use crate::app::App;
use crate::audit;
use crate::export::devices::DeviceList;
use crate::export::jobs::{Job, State as Progress, Wanted};
use crate::export::{self, Format, as_file, body_of};
use crate::problem::Problem;

/// What is asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportRequest {
    /// Id of the issue; left out: all active devices.
    #[schema(example = "safeguard-hold")]
    pub issue: Option<String>,
    /// Condition in the filter language; open findings only, unless it speaks of states.
    #[schema(example = "kind:server")]
    pub filter: Option<String>,
    /// Names of columns, in order; left out: the usual ones.
    #[schema(example = json!(["name", "ou", "causes", "evidence"]))]
    pub columns: Option<Vec<String>>,
    /// Format of the file.
    pub format: Format,
}

/// A device of an exported file: what each of its columns says, by the column's name.
#[derive(Serialize, ToSchema)]
pub struct ExportedDevice(BTreeMap<String, serde_json::Value>);

/// An export.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExportView {
    /// Its id.
    pub id: String,
    /// Id of the issue; null: all active devices.
    pub issue: Option<&'static str>,
    /// The filter as it was asked for.
    pub filter: String,
    /// Names of its columns.
    pub columns: Vec<&'static str>,
    /// Format of the file.
    pub format: Format,
    /// `waiting`, `running`, `done` or `failed`.
    pub state: &'static str,
    /// Rows written so far.
    pub rows: u64,
    /// Rows that it will have, as counted when it was asked for.
    pub expected_rows: u64,
    /// Bytes of the file; null until it is done.
    pub bytes: Option<u64>,
    /// Why it failed; null otherwise.
    pub why: Option<String>,
    /// When it was asked for, RFC 3339.
    pub asked_at: String,
    /// Where the file is fetched; null until it is done.
    pub file: Option<String>,
}

impl From<&Job> for ExportView {
    fn from(job: &Job) -> Self {
        let state = job.state();
        let file = format!("/api/v1/exports/{}/{}", job.id, job.file_name());
        let (bytes, why, file) = match &state {
            Progress::Done { bytes, .. } => (Some(*bytes), None, Some(file)),
            Progress::Failed { why } => (None, Some(why.clone()), None),
            Progress::Waiting | Progress::Running => (None, None, None),
        };
        Self {
            id: job.id.to_string(),
            issue: job.list.issue().map(|issue| issue.id),
            filter: job.list.said().to_owned(),
            columns: job.columns.clone(),
            format: job.format,
            state: state.name(),
            rows: job.rows(),
            expected_rows: job.expected,
            bytes,
            why,
            asked_at: job.asked_at.to_string(),
            file,
        }
    }
}

/// What of a list is wanted as a file.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// Condition in the filter language.
    #[param(example = "kind:server")]
    pub filter: Option<String>,
    /// Names of columns with commas between them, in order; left out: the usual ones.
    #[param(example = "name,ou,release,build")]
    pub columns: Option<String>,
}

/// A list of devices as a file, recorded as taken away.
pub(crate) async fn answer(
    app: &App,
    viewer: Viewer,
    list: DeviceList,
    file: &str,
    columns: Option<&str>,
) -> Result<Response, Problem> {
    let format = Format::of_file(file, "devices")?;
    let columns = list.columns(columns)?;
    let now = app.clock.now();
    let line = audit::exported(now, &viewer.name, list.name(), file, Some(list.said()));
    app.store.record(vec![line]).await?;
    let (name, about) = (list.name(), list.about(&viewer.name, now));
    let rows = list.rows(
        Arc::clone(&app.store),
        viewer.scope,
        &columns,
        app.rules.get(),
        now,
    );
    export::answer(name, format, rows, columns, about, app.exports.folder()).await
}

/// Begins to make a file of all devices that match. It is kept for a day, for whoever asked.
#[utoipa::path(post, path = "/exports", operation_id = "begin_export", tag = "exports", request_body = ExportRequest, responses(
    (status = 202, body = ExportView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json")
))]
pub async fn begin(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    Json(request): Json<ExportRequest>,
) -> Result<(StatusCode, Json<ExportView>), Problem> {
    viewer.may_change(csrf(&headers))?;
    let issue = request.issue.as_deref().map(issues::known).transpose()?;
    let list = DeviceList::read(issue, request.filter.as_deref(), None)?;
    let columns = request.columns.map(|names| names.join(","));
    let wanted = Wanted {
        columns: list.columns(columns.as_deref())?,
        format: request.format,
        list,
    };
    let job = app.exports.begin(&app, &viewer, wanted).await?;
    Ok((StatusCode::ACCEPTED, Json(ExportView::from(&*job))))
}

/// Your exports, the newest first.
#[utoipa::path(get, path = "/exports", operation_id = "list_exports", tag = "exports", responses(
    (status = 200, body = Vec<ExportView>),
    (status = 401, body = Problem, content_type = "application/problem+json")
))]
pub async fn list(State(app): State<App>, viewer: Viewer) -> Json<Vec<ExportView>> {
    let jobs = app.exports.of(&viewer, app.clock.now());
    Json(jobs.iter().map(|job| ExportView::from(&**job)).collect())
}

/// How far an export is.
#[utoipa::path(get, path = "/exports/{id}", operation_id = "show_export", tag = "exports", params(("id" = String, Path)), responses(
    (status = 200, body = ExportView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")
))]
pub async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<String>,
) -> Result<Json<ExportView>, Problem> {
    Ok(Json(ExportView::from(&*own(&app, &viewer, &id)?)))
}

/// The file of an export that is done.
#[utoipa::path(get, path = "/exports/{id}/{file}", operation_id = "fetch_export", tag = "exports",
    params(("id" = String, Path), ("file" = String, Path, example = "safeguard-hold.xlsx")),
    responses(
        (status = 200, description = "One row a device", content(
            (String = "text/csv"), (Vec<ExportedDevice> = "application/json"), (String = "application/x-ndjson"),
            (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
        )),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn file(
    State(app): State<App>,
    viewer: Viewer,
    Path((id, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let job = own(&app, &viewer, &id)?;
    if name != job.file_name() {
        return Err(Problem::not_found(format!(
            "The file of this export is {}.",
            job.file_name()
        )));
    }
    let file = job.file().map_err(|error| {
        tracing::error!(error = %error, "the file of an export cannot be opened");
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "The file cannot be opened",
            "Try again in a moment; the server's log says why.",
        )
    })?;
    let file = file.ok_or_else(|| {
        Problem::not_found("This export is not done; GET exports/{id} says how far it is.")
    })?;
    Ok(as_file(job.list.name(), job.format, body_of(file)))
}

/// Removes an export, or gives it up.
#[utoipa::path(delete, path = "/exports/{id}", operation_id = "remove_export", tag = "exports", params(("id" = String, Path)), responses(
    (status = 204, description = "It is gone"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")
))]
pub async fn remove(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    viewer.may_change(csrf(&headers))?;
    let job = own(&app, &viewer, &id)?;
    app.exports.remove(&viewer, job.id, app.clock.now());
    Ok(StatusCode::NO_CONTENT)
}

/// One of somebody's exports, by its id as written.
pub(crate) fn own(app: &App, viewer: &Viewer, id: &str) -> Result<Arc<Job>, Problem> {
    id.parse()
        .ok()
        .and_then(|id| app.exports.get(viewer, id, app.clock.now()))
        .ok_or_else(|| {
            Problem::not_found(format!(
                "You have no export {id:?}; exports are kept for {} hours, and not over a restart of the server.",
                crate::export::jobs::KEPT_HOURS
            ))
        })
}
