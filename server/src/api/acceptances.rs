//! `GET acceptances`, `POST acceptances`, `DELETE acceptances/{id}`.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use sickbay_diagnosis::Time;
use sickbay_store::AcceptanceRow;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::acceptance::{self, AcceptError, Asked};
use crate::access::Viewer;
use crate::api::csrf;
use crate::app::App;
use crate::problem::Problem;

/// An acceptance to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAcceptance {
    /// Id of the issue.
    #[schema(example = "pending-reboot")]
    pub issue: String,
    /// Condition in the filter language, without issues, causes, states and standings; `id:UUID` for one device, empty for all.
    #[schema(example = "ou:*Kiosks*")]
    pub scope: String,
    /// Why, in 1 to 500 characters.
    pub reason: String,
    /// Until when, at most two years ahead: a day, which counts whole (UTC), or a moment; RFC 3339.
    #[schema(example = "2026-12-31")]
    pub until: String,
}

/// An acceptance.
#[derive(Debug, Serialize, ToSchema)]
pub struct AcceptanceView {
    /// Its id.
    pub id: String,
    /// Id of the issue.
    pub issue: String,
    /// Which devices.
    pub scope: String,
    /// Why.
    pub reason: String,
    /// Who said so.
    pub made_by: String,
    /// When, RFC 3339.
    pub made_at: String,
    /// Until when, RFC 3339.
    pub until: String,
    /// When somebody ended it before that, RFC 3339.
    pub ended_at: Option<String>,
    /// Whether it holds now.
    pub holds: bool,
}

impl AcceptanceView {
    fn of(row: AcceptanceRow, now: Time) -> Self {
        Self {
            holds: acceptance::holds(&row, now),
            id: row.id.to_string(),
            issue: row.issue,
            scope: row.scope,
            reason: row.reason,
            made_by: row.made_by,
            made_at: row.made_at.to_string(),
            until: row.until.to_string(),
            ended_at: row.ended_at.map(|t| t.to_string()),
        }
    }
}

impl From<AcceptError> for Problem {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::Bad { .. } => Self::new(
                StatusCode::BAD_REQUEST,
                "This cannot be accepted",
                error.to_string(),
            ),
            AcceptError::TooMany => Self::new(
                StatusCode::CONFLICT,
                "Too many acceptances",
                error.to_string(),
            ),
            AcceptError::Store(error) => error.into(),
        }
    }
}

/// What is or was accepted, newest first.
#[utoipa::path(get, path = "/acceptances", operation_id = "list_acceptances", tag = "expectations", responses(
    (status = 200, body = Vec<AcceptanceView>),
    (status = 401, body = Problem, content_type = "application/problem+json")
))]
pub async fn list(
    State(app): State<App>,
    _viewer: Viewer,
) -> Result<Json<Vec<AcceptanceView>>, Problem> {
    let now = app.clock.now();
    let rows = app.store.acceptances().await?;
    Ok(Json(
        rows.into_iter()
            .map(|row| AcceptanceView::of(row, now))
            .collect(),
    ))
}

/// Accepts an issue for the devices of a scope, in force at once.
#[utoipa::path(post, path = "/acceptances", operation_id = "accept_issue", tag = "expectations", request_body = NewAcceptance, responses(
    (status = 201, body = AcceptanceView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json")
))]
pub async fn create(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    Json(new): Json<NewAcceptance>,
) -> Result<(StatusCode, Json<AcceptanceView>), Problem> {
    viewer.may_change(csrf(&headers))?;
    let asked = Asked {
        issue: new.issue,
        scope: new.scope,
        reason: new.reason,
        until: new.until,
    };
    let row = acceptance::accept(&app, &asked, &viewer.name).await?;
    let view = AcceptanceView::of(row, app.clock.now());
    Ok((StatusCode::CREATED, Json(view)))
}

/// Ends an acceptance now. What it covered is open again at once.
#[utoipa::path(delete, path = "/acceptances/{id}", operation_id = "end_acceptance", tag = "expectations", params(("id" = String, Path)), responses(
    (status = 204, description = "Ended"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")
))]
pub async fn end(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    viewer.may_change(csrf(&headers))?;
    let missing = || Problem::not_found(format!("No acceptance {id:?} holds."));
    let uuid: Uuid = id.parse().map_err(|_| missing())?;
    if acceptance::end_now(&app, uuid, &viewer.name).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(missing())
    }
}
